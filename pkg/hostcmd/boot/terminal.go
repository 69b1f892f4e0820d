package boot

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm/client"
)

// terminal is the local terminal of a command that has one in the guest. A nil
// one stands for none.
type terminal struct {
	file *os.File
	back func() // to the mode it had
}

// takeTerminal makes stdin raw, where it is a terminal.
func takeTerminal(stdin io.Reader) (*terminal, error) {
	file, ok := stdin.(*os.File)
	if !ok || !console.IsTerminal(file) {
		return nil, nil
	}
	back := console.Keep(file)
	if err := console.SetRaw(file); err != nil {
		back()
		return nil, err
	}
	return &terminal{file: file, back: back}, nil
}

// restore gives the terminal back its mode.
func (t *terminal) restore() {
	if t != nil {
		t.back()
	}
}

// sizeOf returns the size of stdin; false where it has none.
func sizeOf(stdin io.Reader) (console.Size, bool) {
	file, ok := stdin.(*os.File)
	if !ok {
		return console.Size{}, false
	}
	size, err := windowSize(file)
	return size, err == nil && size.Rows > 0 && size.Columns > 0
}

// endOfInput is typed where the input ends: ctrl-D.
const endOfInput = 4

// feed types on the guest's terminal what comes on stdin. Stops that are asked
// for there go to stop. It ends with stdin or the guest; a Read that waits then is
// left to wait.
func feed(stdin io.Reader, guest io.Writer, escaped bool, stop func()) {
	var e escapes
	keys := make([]byte, 4096)
	for {
		n, err := stdin.Read(keys)
		typed, stops := keys[:n], 0
		if escaped {
			typed, stops = e.filter(typed)
		}
		for range stops {
			stop()
		}
		if _, werr := guest.Write(typed); werr != nil {
			return // it has ended
		}
		if err != nil {
			_, _ = guest.Write([]byte{endOfInput}) // likewise
			return
		}
	}
}

// follow passes the size of stdin on whenever it changes, until ctx is done.
func follow(ctx context.Context, stdin io.Reader, guest *client.Client) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	for {
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
		if size, ok := sizeOf(stdin); ok {
			_ = guest.Resize(ctx, client.Size{Rows: uint32(size.Rows), Columns: uint32(size.Columns)}) // the guest ends
		}
	}
}
