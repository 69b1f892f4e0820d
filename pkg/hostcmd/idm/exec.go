package idm

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm/client"
)

// codeNotRun is the exit status of exec where the command did not run, or its
// end is not known.
const codeNotRun = 125

func execute(c *call, f *verb.Flags) action {
	var command client.Command
	f.CommandFollows()
	f.Bool(&command.TTY, "t", "on a terminal in the guest, with this one in raw mode")
	f.List(&command.Env, "e", "NAME[=VALUE]", "sets a variable; without =VALUE to its value here")
	f.String(&command.Dir, "w", "DIR", "working directory")
	return func(ctx context.Context, args verb.Args) error {
		if err := c.checkExec(&command, args.Command); err != nil {
			return err
		}
		command.Args = args.Command
		command.Stdout, command.Stderr = c.Stdout, c.Stderr
		code, err := c.exec(ctx, command)
		if ended, ok := errors.AsType[verb.SignalError](context.Cause(ctx)); ok && errors.Is(err, context.Canceled) {
			code, err = ended.Status(), ended
		}
		if code == 0 && err == nil {
			return nil
		}
		return &verb.ExitError{Status: code, Err: err}
	}
}

func (c *call) checkExec(command *client.Command, args []string) error {
	if len(args) == 0 {
		return verb.Usagef("no command; give -- COMMAND [ARGUMENT...]")
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
		return "", verb.Usagef("-e %q: want NAME=VALUE, or the name of a variable that is set here", entry)
	}
	return entry + "=" + value, nil
}

// codePipe is the exit status where nobody reads the output any more: a
// shell's for a program that SIGPIPE ended, which is not worth a line either.
const codePipe = 128 + int(syscall.SIGPIPE)

// catchPipe has a write to a pipe that nobody reads be an error, and not the end
// of this program (os/signal, "SIGPIPE"): the guest is to be told first. What it
// returns ends that.
func catchPipe() (stop func()) {
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGPIPE)
	return func() { signal.Stop(caught) }
}

// exec runs the command and returns its exit code, or codeNotRun.
func (c *call) exec(ctx context.Context, command client.Command) (int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	guest, err := c.open(ctx)
	if err != nil {
		return codeNotRun, err
	}
	defer guest.Close()
	defer catchPipe()()
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
	case errors.Is(err, syscall.EPIPE):
		return codePipe, nil
	default:
		return codeNotRun, err
	}
}

// feed passes standard input on to the command. It ends with the input or the
// connection; a Read that waits then is left to wait.
func (c *call) feed(process *client.Process) {
	if _, err := io.Copy(process, c.Stdin); err != nil {
		return // the connection has ended, which Wait reports
	}
	_ = process.CloseWrite() // likewise
}
