package ociproc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/moby/sys/user"
)

// maxUserFile is the most bytes that an image's passwd or group may have.
const maxUserFile = 16 << 20

// setUser resolves an OCI User in the image's passwd(5) and group(5). A group
// that is named takes the place of the additional ones. Files that cannot be
// read are empty ones, and matter only to who asks for a name.
func (p *Process) setUser(t *tree, spec string) error {
	const (
		uidColumn, gidColumn = 2, 3                 // of passwd
		idColumn             = 2                    // of group
		longUser, longGroup  = 60 << 10, 1000 << 10 // bytes in a line; moby/sys/user scans little more
	)
	passwd, passwdErr := t.readFile("/etc/passwd", maxUserFile)
	group, groupErr := t.readFile("/etc/group", maxUserFile)
	passwd = wellFormed(passwd, longUser, uidColumn, gidColumn)
	group = wellFormed(group, longGroup, idColumn)

	found, err := user.GetExecUser(spec, &user.ExecUser{Home: "/"}, bytes.NewReader(passwd), bytes.NewReader(group))
	if err != nil {
		return noUser(spec, err, passwdErr, groupErr)
	}
	if p.UID, err = id(found.Uid); err != nil {
		return err
	}
	if p.GID, err = id(found.Gid); err != nil {
		return err
	}
	p.Home = choose(found.Home, "/")
	p.Groups, err = groups(found.Gid, found.Sgids)
	return err
}

// groups is first and then others in order, each once.
func groups(first int, others []int) ([]uint32, error) {
	const most = 65536 // NGROUPS_MAX
	slices.Sort(others)
	all := append([]int{first}, slices.Compact(others)...)
	if len(all) > most {
		return nil, fmt.Errorf("user is in more than %d groups", most)
	}
	gids := make([]uint32, 0, len(all))
	for i, n := range all {
		if i > 0 && n == first {
			continue
		}
		gid, err := id(n)
		if err != nil {
			return nil, err
		}
		gids = append(gids, gid)
	}
	return gids, nil
}

func id(n int) (uint32, error) {
	if n < 0 || n > math.MaxInt32 {
		return 0, user.ErrRange
	}
	return uint32(n), nil
}

// noUser says which of the two files has no such entry, and why if it could
// not be read.
func noUser(spec string, err, passwdErr, groupErr error) error {
	var file string
	var unread error
	switch {
	case errors.Is(err, user.ErrNoPasswdEntries):
		file, unread = "passwd", passwdErr
	case errors.Is(err, user.ErrNoGroupEntries):
		file, unread = "group", groupErr
	default:
		return fmt.Errorf("user %q: %w", clip(spec), err)
	}
	if unread != nil {
		return fmt.Errorf("user %q: not in the image's /etc/%s: %w", clip(spec), file, unread)
	}
	return fmt.Errorf("user %q: not in the image's /etc/%s", clip(spec), file)
}

// wellFormed keeps the lines of a passwd or group that have ids where ids belong. moby/sys/user reads "app:x:oops:1" as uid 0:
// a slip of the image's author must not make a root of its user.
func wellFormed(data []byte, longest int, columns ...int) []byte {
	kept := make([]byte, 0, len(data))
	for line := range bytes.Lines(data) {
		line = bytes.TrimSpace(line)
		if len(line) > longest || bytes.HasPrefix(line, []byte("#")) {
			continue
		}
		fields := bytes.SplitN(line, []byte(":"), 5)
		if !slices.ContainsFunc(columns, func(i int) bool { return i >= len(fields) || !isID(fields[i]) }) {
			kept = append(append(kept, line...), '\n')
		}
	}
	return kept
}

func isID(text []byte) bool {
	_, err := strconv.ParseUint(string(text), 10, 31)
	return err == nil
}
