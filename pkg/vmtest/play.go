package vmtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/kguest/kguest/pkg/vm"
)

// Result is what came out of one boot.
type Result struct {
	Console []byte // without carriage returns
	IDM     []byte
}

// errUntil is why a machine was ended that prints what it was to print.
var errUntil = errors.New("that was all")

// Boot runs the machine c once, typing what typed says. With until, it is ended
// when that text is on the console, and not to come there is an error.
func (l *Lab) Boot(ctx context.Context, c vm.Config, typed []Typed, until string) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if until != "" {
		typed = append(slices.Clip(typed), Typed{After: until})
	}
	var idm bytes.Buffer
	console := &typist{todo: typed, keys: make(chan Typed, len(typed))}
	m, err := vm.Start(ctx, c, vm.Output{Console: console, IDM: &idm})
	if err != nil {
		return Result{}, err
	}
	typing := make(chan error, 1)
	go func() {
		var errs []error
		for t := range console.keys {
			if !pause(ctx, t.Pause) {
				continue
			}
			switch {
			case t.QMP:
				errs = append(errs, qmp(ctx, c.QMP, t.Keys))
			case t.Keys == "":
				cancel(errUntil)
			default:
				_, _ = io.WriteString(m.Console, t.Keys) // a guest that has gone is seen in its output
			}
		}
		typing <- errors.Join(errs...)
	}()
	err = m.Wait()
	close(console.keys)
	err = errors.Join(endedAt(until, err), <-typing)
	return Result{Console: bytes.ReplaceAll(console.seen.Bytes(), []byte("\r"), nil), IDM: idm.Bytes()}, err
}

// pause returns after d, or false when ctx is done.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// endedAt explains err, of the end of a machine that was to be ended at until.
func endedAt(until string, err error) error {
	switch {
	case errors.Is(err, errUntil):
		return nil
	case err == nil && until != "":
		return fmt.Errorf("the machine ended before it printed %q", until)
	default:
		return err
	}
}

// qmp gives a command to the QEMU whose socket is at path, and waits for its
// answer (QEMU's docs/interop/qmp-spec).
func qmp(ctx context.Context, path, command string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return fmt.Errorf("qmp: %w", err)
	}
	defer conn.Close()
	answers := json.NewDecoder(bufio.NewReader(conn))
	for _, line := range []string{`{"execute": "qmp_capabilities"}`, command} {
		if _, err := io.WriteString(conn, line+"\n"); err != nil {
			return fmt.Errorf("qmp: %w", err)
		}
		if err := awaitAnswer(answers); err != nil {
			return fmt.Errorf("qmp: %s: %w", line, err)
		}
	}
	return nil
}

// awaitAnswer passes over greeting and events.
func awaitAnswer(answers *json.Decoder) error {
	for {
		var a struct {
			Return json.RawMessage
			Error  *struct{ Desc string }
		}
		if err := answers.Decode(&a); err != nil {
			return err
		}
		if a.Error != nil {
			return errors.New(a.Error.Desc)
		}
		if a.Return != nil {
			return nil
		}
	}
}

// typist keeps what the console prints, and hands out the keys to be typed
// when their text has come.
type typist struct {
	seen bytes.Buffer
	from int // where the search for the next text starts
	todo []Typed
	keys chan Typed // has room for all of todo
}

func (p *typist) Write(b []byte) (int, error) {
	p.seen.Write(b)
	for len(p.todo) > 0 {
		rest := p.seen.Bytes()[p.from:]
		i := bytes.Index(rest, []byte(p.todo[0].After))
		if i < 0 {
			break
		}
		p.from += i + len(p.todo[0].After)
		p.keys <- p.todo[0]
		p.todo = p.todo[1:]
	}
	return len(b), nil
}
