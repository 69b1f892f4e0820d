package hostcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/kguest/kguest/pkg/idm/client"
)

// codeNotRun is the exit status of exec where the command did not run, or its
// end is not known.
const codeNotRun = 125

// exitError ends the program with a status of its own.
type exitError struct {
	status int
	err    error // nil is not worth a line
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func idmExec(c *idmCall) func(ctx context.Context, args []string) error {
	command := client.Command{Stdout: c.Stdout, Stderr: c.Stderr}
	c.flags.BoolVar(&command.TTY, "t", false, "")
	c.flags.StringVar(&command.Dir, "w", "", "")
	c.flags.Func("e", "", func(entry string) error {
		command.Env = append(command.Env, entry)
		return nil
	})
	return func(ctx context.Context, args []string) error {
		if err := c.checkExec(&command, args); err != nil {
			return err
		}
		command.Args = args
		code, err := c.exec(ctx, command)
		if code == 0 && err == nil {
			return nil
		}
		return &exitError{code, err}
	}
}

func (c *idmCall) checkExec(command *client.Command, args []string) error {
	if len(args) == 0 {
		return usagef("exec: no command; give -- COMMAND [ARGUMENT...]")
	}
	for i, entry := range command.Env {
		full, err := environment(entry)
		if err != nil {
			return err
		}
		command.Env[i] = full
	}
	return c.needsVersion2()
}

// environment returns NAME=VALUE, for NAME alone with the value that it has here.
func environment(entry string) (string, error) {
	for i := range len(entry) {
		if entry[i] == '=' && i > 0 {
			return entry, nil
		}
	}
	value, ok := os.LookupEnv(entry)
	if !ok {
		return "", usagef("exec -e %q: want NAME=VALUE, or the name of a variable that is set here", entry)
	}
	return entry + "=" + value, nil
}

// exec runs the command and returns its exit code, or codeNotRun.
func (c *idmCall) exec(ctx context.Context, command client.Command) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	guest, err := c.open(ctx)
	if err != nil {
		return codeNotRun, err
	}
	defer guest.Close()
	terminal, err := c.takeTerminal(&command)
	if err != nil {
		return codeNotRun, err
	}
	defer terminal.restore()
	process, err := guest.Exec(ctx, command)
	if err != nil {
		return codeNotRun, err
	}
	go c.feed(process)
	var following sync.WaitGroup
	defer following.Wait()
	defer cancel()
	following.Go(func() { terminal.follow(ctx, process) })
	return exitCode(process.Wait())
}

// exitCode is the status for what Wait returned: the command's code, the
// guest's for one that was not started, or codeNotRun.
func exitCode(code int, err error) (int, error) {
	var refused *client.Error
	switch {
	case err == nil:
		return code, nil
	case errors.As(err, &refused) && code != 0:
		return code, refused
	default:
		return codeNotRun, err
	}
}

// feed passes standard input on to the command. It ends with the input or the
// connection; a Read that waits then is left to wait.
func (c *idmCall) feed(process *client.Process) {
	if _, err := io.Copy(process, c.Stdin); err != nil {
		return // the connection has ended, which Wait reports
	}
	_ = process.CloseWrite() // likewise
}
