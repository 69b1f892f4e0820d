package ociproc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// search finds a command for the user, from the directory and in the tree.
type search struct {
	tree    *tree
	process *Process // Dir, UID, GID and Groups are set
}

// command returns where name is.
func (s search) command(name, path string) (string, error) {
	var at string
	var err *Error
	switch {
	case name == "":
		return "", failure(CodeNotFound, `"": not found: the command is empty`)
	case strings.Contains(name, "/"):
		at = s.absolute(name)
		err = s.file(name, at)
	default:
		at, err = s.along(path, name)
	}
	if err == nil {
		err = s.interpreters(name, at)
	}
	if err != nil {
		return "", err
	}
	return at, nil
}

// absolute puts the working directory before a relative path. Nothing else is
// made shorter: "x/.." is not "." where x is a link.
func (s search) absolute(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	for strings.HasPrefix(path, "./") {
		path = strings.TrimLeft(path[1:], "/")
	}
	return strings.TrimRight(s.process.Dir, "/") + "/" + path
}

// along goes through PATH (environ(7)): what cannot be executed is passed over,
// and told of if there is nothing better.
func (s search) along(path, name string) (string, *Error) {
	var found *Error
	for element := range strings.SplitSeq(path, ":") {
		at := strings.TrimRight(s.absolute(element), "/") + "/" + name
		err := s.file(name, at)
		if err == nil {
			return at, nil
		}
		if found == nil && err.Code != CodeNotFound {
			found = err
		}
	}
	if found != nil {
		return "", found
	}
	return "", failure(CodeNotFound, "%q: not found in PATH (%s)", clip(name), plain(path))
}

// file says why the file at a path cannot be executed. Name is what it was
// asked for as.
func (s search) file(name, at string) *Error {
	f, err := s.tree.stat(at)
	switch {
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ENOTDIR):
		return s.notFound(name, at)
	case err != nil:
		return failure(CodeNotExecutable, "%s: %w", described(name, at), err)
	case f.isDir():
		return failure(CodeNotExecutable, "%s: a directory, not a program", described(name, at))
	case !f.isRegular():
		return failure(CodeNotExecutable, "%s: not a regular file", described(name, at))
	case !s.mayExecute(f):
		return failure(CodeNotExecutable, "%s: not executable by uid %d, gid %d (mode %04o, owner %d:%d)",
			described(name, at), s.process.UID, s.process.GID, f.mode&0o7777, f.uid, f.gid)
	}
	return nil
}

func (s search) notFound(name, at string) *Error {
	if to := s.tree.link(at); to != "" {
		return failure(CodeNotFound, "%s: not found: a link to %s, which is not there", described(name, at), plain(to))
	}
	return failure(CodeNotFound, "%s: not found", described(name, at))
}

// described is the name in quotes, and where it is if that is something else.
func described(name, at string) string {
	if name == at {
		return fmt.Sprintf("%q", clip(name))
	}
	return fmt.Sprintf("%q (%s)", clip(name), plain(at))
}

// mayExecute is the kernel's generic_permission for MAY_EXEC: the first class
// that fits decides, and root needs any of the bits. Access lists (acl(5)) are
// not seen.
func (s search) mayExecute(f file) bool {
	const owner, group, other = 0o100, 0o010, 0o001
	switch {
	case s.process.UID == 0:
		return f.mode&(owner|group|other) != 0
	case s.process.UID == f.uid:
		return f.mode&owner != 0
	case s.process.GID == f.gid || slices.Contains(s.process.Groups, f.gid):
		return f.mode&group != 0
	}
	return f.mode&other != 0
}
