package agent

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// codeNotStarted is the exit code of a command that the guest could not so much
// as look for.
const codeNotStarted = 125

// runExec serves an exec stream: the first update starts the command, the
// others are its input.
func runExec(s *stream) {
	start, err := execStart(s)
	if err != nil {
		s.fail(err)
		return
	}
	c, err := s.agent.Guest.Command(start)
	if err != nil {
		s.fail(err)
		return
	}
	command, err := s.agent.startSession(c, terminalOf(start), execOutput{s})
	if err != nil {
		s.fail(err)
		return
	}
	s.agent.spawn(func() { feed(s, command) })
	s.agent.spawn(func() { command.killAfter(s.ended, s.ctx.Done()) })
	result := &idmpb.ExecStreamResponseUpdate{Exited: true, ExitCode: int32(command.wait().Code)} //nolint:gosec // at most 128+64
	if err := s.why(); errors.Is(err, errBacklog) {
		result.Error = err.Error()
	}
	_ = s.reply(execUpdate(result)) // nobody is there to read it
	s.close()
}

// startError is a command that was found and could not be started.
type startError struct{ err error }

func (e *startError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *startError) Unwrap() error { return e.err }

// ExitCode is 127 where the kernel missed a file, a script's interpreter
// included, and 126 otherwise, as shells have it.
func (e *startError) ExitCode() int {
	if errors.Is(e.err, fs.ErrNotExist) || errors.Is(e.err, syscall.ENOTDIR) {
		return 127
	}
	return 126
}

// fail reports a command that was not started, with its code and the reason.
func (s *stream) fail(err error) {
	code := codeNotStarted
	if coder, ok := errors.AsType[ExitCoder](err); ok {
		code = coder.ExitCode()
	}
	_ = s.reply(execUpdate(&idmpb.ExecStreamResponseUpdate{ // nobody is there to read it
		Exited: true, Error: err.Error(), ExitCode: int32(code),
	}))
	s.close()
}

func execStart(s *stream) (*idmpb.ExecStreamRequestStart, error) {
	body, err := s.next()
	if err != nil {
		return nil, err
	}
	if start, ok := execUpdateOf(body).(*idmpb.ExecStreamRequestStart); ok && len(start.Command) > 0 {
		return start, nil
	}
	return nil, errors.New("the stream's first message names no command")
}

func execUpdateOf(body idm.Body) idmpb.ExecStreamRequestUpdateOneof {
	if r, ok := body.(*idmpb.Request); ok {
		if u, ok := r.Request.(*idmpb.ExecStreamRequestUpdate); ok {
			return u.Update
		}
	}
	return nil
}

// terminalOf is the size of the terminal that start asks for, nil where it asks
// for none.
func terminalOf(start *idmpb.ExecStreamRequestStart) *console.Size {
	if !start.Tty {
		return nil
	}
	size := windowSize(start.TerminalSize)
	return &size
}

func windowSize(s *idmpb.ExecStreamRequestTerminalSize) console.Size {
	if s == nil {
		return console.Size{}
	}
	return console.Size{Rows: clamp(s.Rows), Columns: clamp(s.Columns)}
}

func clamp(n uint32) uint16 { return uint16(min(n, 1<<16-1)) }

// feed hands the host's updates to the command until the stream is over.
func feed(s *stream, command *session) {
	for {
		body, err := s.next()
		if err != nil {
			return
		}
		switch u := execUpdateOf(body).(type) {
		case *idmpb.ExecStreamRequestStdin:
			if len(u.Data) > 0 && !command.ended {
				_ = command.write(u.Data) // a command that cannot be written to shows it by how it ends
			}
			if u.Closed {
				command.endInput(s.agent.spawn)
			}
		case *idmpb.ExecStreamRequestTerminalSize:
			_ = command.resize(windowSize(u)) // of no weight
		}
	}
}

// execOutput sends a command's output to the host.
type execOutput struct{ s *stream }

func (o execOutput) stdout(p []byte) error {
	return o.s.reply(execUpdate(&idmpb.ExecStreamResponseUpdate{Stdout: p}))
}

func (o execOutput) stderr(p []byte) error {
	return o.s.reply(execUpdate(&idmpb.ExecStreamResponseUpdate{Stderr: p}))
}

func execUpdate(u *idmpb.ExecStreamResponseUpdate) *idmpb.Response {
	return &idmpb.Response{Response: u}
}
