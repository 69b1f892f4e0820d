package guestcmd

import "golang.org/x/sys/unix"

// execve returns only with an error.
func execve(path string, args, env []string) error { return unix.Exec(path, args, env) }
