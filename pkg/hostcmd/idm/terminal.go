package idm

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm/client"
)

// terminal is the local terminal of a command on a terminal of the guest. A
// nil one stands for none.
type terminal struct {
	file *os.File
	back func() error // to the mode it had
}

// The size of a terminal in the guest where there is none here.
const (
	defaultRows    = 24
	defaultColumns = 80
)

// takeTerminal makes the local terminal raw where the command wants one, and
// gives the command its size. Without a local terminal it is nil.
func (c *call) takeTerminal(command *client.Command) (*terminal, error) {
	if !command.TTY {
		return nil, nil
	}
	command.Size = client.Size{Rows: defaultRows, Columns: defaultColumns}
	file, ok := c.Stdin.(*os.File)
	if !ok || !console.IsTerminal(file) {
		return nil, nil
	}
	back, err := saveTerminal(file)
	if err != nil {
		return nil, err
	}
	t := &terminal{file: file, back: back}
	if size, ok := t.size(); ok {
		command.Size = size
	}
	if err := console.SetRaw(file); err != nil {
		return nil, errors.Join(err, back())
	}
	return t, nil
}

// restore gives the terminal back its mode.
func (t *terminal) restore() {
	if t != nil {
		_ = t.back() // a terminal that is gone has none
	}
}

// size returns the terminal's size; false where it has none, as a serial line.
func (t *terminal) size() (client.Size, bool) {
	rows, columns, err := terminalSize(t.file)
	return client.Size{Rows: uint32(rows), Columns: uint32(columns)}, err == nil && rows > 0 && columns > 0
}

// follow passes the terminal's size on whenever it changes, until ctx is done.
func (t *terminal) follow(ctx context.Context, process *client.Process) {
	if t == nil {
		return
	}
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	for { // once at first: it may have changed since it was taken
		if size, ok := t.size(); ok {
			_ = process.Resize(size) // the connection has ended, which Wait reports
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
