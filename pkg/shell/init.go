package shell

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// asInit is the first process's part: it starts the shell as its child, reaps what
// has lost its parent, and returns the shell's status. The kernel stops no process
// whose parent is the first one, so in a shell that is that ctrl-Z would do nothing.
func asInit(args []string, s Streams) (status int, err error) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM) // of which a Go program ends

	cmd := exec.Command(Name, args...) //nolint:gosec,noctx // the shell itself; nothing ends it before its time
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.Stdin, s.Stdout, s.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: isTerminal(s.Stdin)}
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	return reapUntil(cmd.Process.Pid), nil
}
