package ociproc

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxUserFile is the most bytes that an image's passwd or group may have.
const maxUserFile = 16 << 20

// Columns of passwd(5) and group(5).
const (
	nameColumn    = 0
	uidColumn     = 2 // of passwd
	gidColumn     = 3
	homeColumn    = 5
	idColumn      = 2 // of group
	membersColumn = 3
)

// Longest lines that are read, in bytes.
const (
	longUser  = 60 << 10
	longGroup = 1000 << 10
)

// setUser resolves an OCI User, user[:group], in the image's passwd(5) and
// group(5). Digits are an id. A group that is named takes the place of the
// additional ones. Files that cannot be read are empty ones, and matter only to
// who asks for a name.
func (p *Process) setUser(t *tree, spec string) error {
	wantUser, wantGroup, _ := strings.Cut(spec, ":")
	passwd, passwdErr := t.readFile("/etc/passwd", maxUserFile)
	name, err := p.findUser(passwd, wantUser)
	if err != nil {
		return noUser(spec, "passwd", err, passwdErr)
	}
	if wantGroup == "" && name == "" {
		p.Groups = []uint32{p.GID}
		return nil
	}
	group, groupErr := t.readFile("/etc/group", maxUserFile)
	if wantGroup == "" {
		p.Groups, err = groups(p.GID, groupsOf(group, name))
		return err
	}
	if err := p.findGroup(group, wantGroup); err != nil {
		return noUser(spec, "group", err, groupErr)
	}
	p.Groups = []uint32{p.GID}
	return nil
}

// findUser sets the ids and the home of the user want, root where that is empty,
// and returns its name. The first line counts; an id needs none.
func (p *Process) findUser(passwd []byte, want string) (name string, err error) {
	key := choose(want, "0")
	uid, digits := number(key)
	p.Home = "/"
	for line := range wellFormed(passwd, longUser, uidColumn, gidColumn) {
		if digits && !sameID(line[uidColumn], uid) || !digits && string(line[nameColumn]) != key {
			continue
		}
		p.UID, p.GID = id(line[uidColumn]), id(line[gidColumn])
		if len(line) > homeColumn {
			p.Home = choose(string(line[homeColumn]), "/")
		}
		return string(line[nameColumn]), nil
	}
	if !digits {
		return "", errNotThere
	}
	p.UID, err = validID(uid)
	return "", err
}

// findGroup sets the group id to want's. An id needs no line.
func (p *Process) findGroup(group []byte, want string) (err error) {
	gid, digits := number(want)
	for line := range wellFormed(group, longGroup, idColumn) {
		if !digits && string(line[nameColumn]) == want {
			p.GID = id(line[idColumn])
			return nil
		}
	}
	if !digits {
		return errNotThere
	}
	p.GID, err = validID(gid)
	return err
}

// groupsOf returns the ids of the groups that have name as a member.
func groupsOf(group []byte, name string) []uint32 {
	var ids []uint32
	for line := range wellFormed(group, longGroup, idColumn) {
		if len(line) <= membersColumn {
			continue
		}
		for member := range bytes.SplitSeq(line[membersColumn], []byte(",")) {
			if string(member) == name {
				ids = append(ids, id(line[idColumn]))
				break
			}
		}
	}
	return ids
}

// groups is first and then others in order, each once.
func groups(first uint32, others []uint32) ([]uint32, error) {
	const most = 65536 // NGROUPS_MAX
	slices.Sort(others)
	others = slices.DeleteFunc(slices.Compact(others), func(gid uint32) bool { return gid == first })
	if 1+len(others) > most {
		return nil, fmt.Errorf("user is in more than %d groups", most)
	}
	return append([]uint32{first}, others...), nil
}

// wellFormed returns the fields of the lines of a passwd or group that have ids
// where ids belong. A line "app:x:oops:1" is passed over, since a slip of the
// image's author must not make a root of its user.
func wellFormed(data []byte, longest int, columns ...int) iter.Seq[[][]byte] {
	return func(yield func([][]byte) bool) {
		for line := range bytes.Lines(data) {
			line = bytes.TrimSpace(line)
			if len(line) > longest || bytes.HasPrefix(line, []byte("#")) {
				continue
			}
			fields := bytes.Split(line, []byte(":"))
			bad := slices.ContainsFunc(columns, func(i int) bool { return i >= len(fields) || !isID(fields[i]) })
			if !bad && !yield(fields) {
				return
			}
		}
	}
}

// number returns the value of what is written in digits.
func number(text string) (n int, ok bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil
}

func isID(text []byte) bool {
	_, err := strconv.ParseUint(string(text), 10, 31)
	return err == nil
}

// id is the value of what isID has passed.
func id(text []byte) uint32 {
	n, _ := strconv.ParseUint(string(text), 10, 31)
	return uint32(n)
}

func sameID(text []byte, n int) bool { return n >= 0 && n <= math.MaxInt32 && id(text) == uint32(n) }

func validID(n int) (uint32, error) {
	if n < 0 || n > math.MaxInt32 {
		return 0, fmt.Errorf("id %d is not within 0 and %d", n, math.MaxInt32)
	}
	return uint32(n), nil
}

// errNotThere is why a name was not found.
const errNotThere = notThere("not in the image's")

type notThere string

func (e notThere) Error() string { return string(e) }

// noUser says which file has no such entry, and why if it could not be read.
func noUser(spec, file string, err, unread error) error {
	switch {
	case err != errNotThere: //nolint:errorlint // made here
		return fmt.Errorf("user %q: %w", clip(spec), err)
	case unread != nil:
		return fmt.Errorf("user %q: %w /etc/%s: %w", clip(spec), err, file, unread)
	default:
		return fmt.Errorf("user %q: %w /etc/%s", clip(spec), err, file)
	}
}
