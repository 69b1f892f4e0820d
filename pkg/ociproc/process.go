// Package ociproc says what an image runs: it decodes the OCI image
// configuration and resolves command, environment, directory and user in the
// image's root, as a container runtime would. Every path of the image is
// resolved as chroot(2) would have it, whatever its links say.
package ociproc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// Exit statuses of a command that could not be run, as shells and container
// runtimes have them.
const (
	CodeConfig        = 125 // what is asked for makes no sense: no such user
	CodeNotExecutable = 126 // there, but it cannot be executed
	CodeNotFound      = 127
)

// Error says why there is nothing to run.
type Error struct {
	// Code is one of CodeConfig, CodeNotExecutable and CodeNotFound.
	Code int
	Err  error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func failure(code int, format string, args ...any) *Error {
	return &Error{code, fmt.Errorf(format, args...)}
}

// Overrides is what takes the place of the image's own configuration. A nil
// slice and an empty string leave the image's; an empty slice does not.
type Overrides struct {
	Entrypoint, Run []string
	Env             map[string]string
	User            string
	WorkingDir      string
}

// Process is a command, ready for execve(2) in the image's root.
type Process struct {
	// Path is absolute below the root. It is the way the file was found by and
	// may lead through links: a script gets it as its $0.
	Path string
	// Args begins with the command's name as it was given.
	Args []string
	// Env has each name once.
	Env []string
	// Dir is absolute below the root. It may be missing: see MakeDir.
	Dir string
	// Groups begins with GID, so that a file that denies its group something
	// denies it here too (CVE-2022-36109).
	UID, GID uint32
	Groups   []uint32
	// Home is the user's directory by the image's passwd(5), else "/".
	Home string
}

// Resolve says what img and over run in the directory root. Errors are *Error.
//
// The command is Entrypoint followed by Cmd (Run in its place), or /bin/sh where
// that is empty. A name with a slash counts from the working directory; any
// other is searched along PATH of the resulting environment, of which an empty
// element is the working directory. A relative working directory counts from "/".
// The file found is regular and has an execute bit for the user; a script's
// interpreter and a program's loader are there. Left to execve(2) are
// directories that the user may not search, noexec mounts and files of other
// machines: see ExecError.
//
// Resolve makes nothing. Where "../x" is to work from a working directory that
// is missing, MakeDir of WorkingDir comes first.
func Resolve(root string, img ImageConfig, over Overrides) (*Process, error) {
	tree, err := openTree(root)
	if err != nil {
		return nil, failure(CodeConfig, "open root: %w", err)
	}
	defer tree.Close()

	p := &Process{Args: arguments(img, over), Dir: WorkingDir(img, over)}
	if err := p.setUser(tree, choose(over.User, img.User)); err != nil {
		return nil, &Error{CodeConfig, err}
	}
	env := environment(img.Env, over.Env, p.Home)
	p.Env = env.list
	if err := checkStrings(p); err != nil {
		return nil, &Error{CodeConfig, err}
	}
	found := search{tree: tree, process: p}
	if p.Path, err = found.command(p.Args[0], env.value("PATH")); err != nil {
		return nil, err
	}
	return p, nil
}

// WorkingDir returns the directory that a command of img and over starts in:
// absolute, and as it is written otherwise.
func WorkingDir(img ImageConfig, over Overrides) string {
	dir := choose(over.WorkingDir, img.WorkingDir)
	if !strings.HasPrefix(dir, "/") {
		dir = "/" + dir
	}
	return dir
}

func choose(override, own string) string {
	if override != "" {
		return override
	}
	return own
}

func arguments(img ImageConfig, over Overrides) []string {
	entrypoint, cmd := img.Entrypoint, img.Cmd
	if over.Entrypoint != nil {
		entrypoint = over.Entrypoint
	}
	if over.Run != nil {
		cmd = over.Run
	}
	args := make([]string, 0, len(entrypoint)+len(cmd)+1)
	args = append(append(args, entrypoint...), cmd...)
	if len(args) == 0 {
		args = append(args, "/bin/sh")
	}
	return args
}

// checkStrings refuses what execve(2) cannot be given.
func checkStrings(p *Process) error {
	for _, list := range [][]string{p.Args, p.Env, {p.Dir}} {
		for _, s := range list {
			if strings.Contains(s, "\x00") {
				return fmt.Errorf("%q: has a NUL", clip(s))
			}
		}
	}
	return nil
}

// ExecError gives the failure of starting p, such as os.StartProcess returns,
// the code that a shell would give it. Nil stays nil.
func ExecError(p *Process, err error) error {
	if err == nil {
		return nil
	}
	code := CodeNotExecutable
	if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) {
		code = CodeNotFound
	}
	var cause syscall.Errno
	if errors.As(err, &cause) {
		err = cause
	}
	return failure(code, "execute %q as uid %d in %s: %w%s", clip(p.Path), p.UID, plain(p.Dir), err, hint(cause))
}

func hint(cause syscall.Errno) string {
	switch cause {
	case syscall.ENOEXEC:
		return " (a program of another machine, or a script without #!)"
	case syscall.EACCES:
		return " (a directory on the way is closed to the user, or the file system is mounted noexec)"
	case syscall.E2BIG:
		return " (arguments and environment together are too long)"
	default:
		return ""
	}
}

// clip keeps a hostile name from filling the console.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}

// plain is s as it is, unless it has what a message of one line cannot.
func plain(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(clip(s))
	}
	return clip(s)
}
