package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// Command is what to run in the guest.
type Command struct {
	Args []string // the program and its arguments
	Env  []string // NAME=VALUE, over what the image has
	Dir  string   // empty for the image's
	// TTY runs it on a terminal of the size; its output is all Stdout's.
	TTY  bool
	Size Size
	// Stdout and Stderr get the output; nil drops it.
	Stdout, Stderr io.Writer
}

// Size is that of a terminal, in characters.
type Size struct{ Rows, Columns uint32 }

// Process is a command that runs in the guest. What is written to it is its
// standard input. Wait must be called.
type Process struct {
	client *Client
	call   *call
	ctx    context.Context
	out    [2]io.Writer
}

// stdinSize is the most bytes of input in one message.
const stdinSize = 32 << 10

// Exec starts a command. It ends when ctx is done: then the guest kills it.
func (c *Client) Exec(ctx context.Context, command Command) (*Process, error) {
	start := &idmpb.ExecStreamRequestStart{
		Command: command.Args, WorkingDirectory: command.Dir, Tty: command.TTY,
	}
	for _, text := range slices.Concat(command.Args, command.Env, []string{command.Dir}) {
		if !utf8.ValidString(text) { // the contract's fields are protobuf strings
			return nil, fmt.Errorf("start command in guest: %q: not UTF-8, which is all that IDM has for arguments, variables and paths", text)
		}
	}
	for _, entry := range command.Env {
		name, value, ok := strings.Cut(entry, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("start command in guest: environment %q: not NAME=VALUE", entry)
		}
		start.Environment = append(start.Environment, &idmpb.ExecEnvVar{Key: name, Value: value})
	}
	if command.TTY {
		start.TerminalSize = command.Size.message()
	}
	p := &Process{
		client: c,
		call:   c.open(idm.InternalChannel, false),
		ctx:    ctx,
		out:    [2]io.Writer{orDiscard(command.Stdout), orDiscard(command.Stderr)},
	}
	if err := p.send(idm.FormStreamRequest, start); err != nil {
		c.close(p.call)
		return nil, fmt.Errorf("start %q in guest: %w", command.Args, err)
	}
	return p, nil
}

func orDiscard(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

func (s Size) message() *idmpb.ExecStreamRequestTerminalSize {
	return &idmpb.ExecStreamRequestTerminalSize{Rows: s.Rows, Columns: s.Columns}
}

func (p *Process) send(form idm.Form, update idmpb.ExecStreamRequestUpdateOneof) error {
	body := &idmpb.Request{Request: &idmpb.ExecStreamRequestUpdate{Update: update}}
	return p.client.send(p.ctx, p.call, form, body)
}

// Write sends b to the command's standard input.
func (p *Process) Write(b []byte) (int, error) {
	sent := 0
	for sent < len(b) {
		part := b[sent:min(sent+stdinSize, len(b))]
		if err := p.send(idm.FormStreamRequestUpdate, &idmpb.ExecStreamRequestStdin{Data: part}); err != nil {
			return sent, fmt.Errorf("write to command in guest: %w", err)
		}
		sent += len(part)
	}
	return sent, nil
}

// CloseWrite ends the command's standard input.
func (p *Process) CloseWrite() error {
	if err := p.send(idm.FormStreamRequestUpdate, &idmpb.ExecStreamRequestStdin{Closed: true}); err != nil {
		return fmt.Errorf("end input of command in guest: %w", err)
	}
	return nil
}

// Resize sets the size of the command's terminal.
func (p *Process) Resize(size Size) error {
	if err := p.send(idm.FormStreamRequestUpdate, size.message()); err != nil {
		return fmt.Errorf("resize terminal in guest: %w", err)
	}
	return nil
}

// Wait passes the output on until the command has ended, and returns its code,
// or 128+n where signal n killed it. A command that could not be started has
// its code, 126 or 127, and an *Error.
func (p *Process) Wait() (int, error) {
	defer p.client.close(p.call)
	code, err := p.wait()
	if errors.Is(err, errStreamClosed) {
		return code, fmt.Errorf("wait for command in guest: %w", err)
	}
	// The guest kills what still runs, and forgets the stream.
	p.client.closeStream(p.ctx, p.call)
	if err != nil {
		return code, fmt.Errorf("wait for command in guest: %w", err)
	}
	return code, nil
}

// errStreamClosed says that the guest has ended a stream too soon.
const errStreamClosed = streamError("the guest closed the stream before its end")

type streamError string

func (e streamError) Error() string { return string(e) }

func (p *Process) wait() (int, error) {
	for {
		update, err := p.next()
		if err != nil {
			return 0, err
		}
		for i, b := range [...][]byte{update.Stdout, update.Stderr} {
			if len(b) == 0 {
				continue
			}
			if _, err := p.out[i].Write(b); err != nil {
				return 0, fmt.Errorf("pass output on: %w", err)
			}
		}
		switch {
		case update.Exited && update.Error != "":
			return int(update.ExitCode), &Error{Message: update.Error}
		case update.Exited:
			return int(update.ExitCode), nil
		}
	}
}

func (p *Process) next() (*idmpb.ExecStreamResponseUpdate, error) {
	m, err := p.client.next(p.ctx, p.call)
	switch {
	case err != nil:
		return nil, err
	case m.Form == idm.FormStreamResponseClosed:
		return nil, errStreamClosed
	}
	if response, ok := m.Body.(*idmpb.Response); ok {
		if update, ok := response.Response.(*idmpb.ExecStreamResponseUpdate); ok {
			return update, nil
		}
	}
	return nil, errAnswer(m.Body)
}
