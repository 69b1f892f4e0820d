package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/dirnames"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// channel is the connection to the host. A virtio console's ports come some
// time after its driver was loaded and hvc announces none, so that it is opened
// beside the boot, by trying.
type channel struct {
	path    string
	version idm.Version
	coming  func() bool   // the machine has a console whose ports may yet come
	opened  chan struct{} // closed when the rest or err is set
	giveUp  chan struct{} // closed when the boot no longer waits
	file    *os.File
	conn    *idm.Conn
	err     error
}

// Tries to open the channel follow each other at growing distances.
const (
	firstTry = 2 * time.Millisecond
	lastTry  = 250 * time.Millisecond
)

// settleTimeout is how long after the first try the end of a boot waits for the
// ports of a console that has its driver: host and driver greet each other beside
// the boot, which may have failed by then.
const settleTimeout = 2 * time.Second

// sendTimeout bounds how long a host that does not read can hold up the end.
const sendTimeout = 2 * time.Second

// maxFrame bounds what a frame of the host can hold of a small guest's memory,
// in bytes: a command's input and a file come in pieces of less.
const maxFrame = 1 << 20

func newChannel(path string, version idm.Version) *channel {
	return &channel{
		path: path, version: version, coming: func() bool { return consoleDriven(sysPath) },
		opened: make(chan struct{}), giveUp: make(chan struct{}),
	}
}

// open tries to open the channel for as long as timeout. When the boot gives up
// it tries once more, or until settleTimeout where it may yet come. The
// connection's goroutines are started by spawn.
func (c *channel) open(timeout time.Duration, spawn func(f func())) {
	defer close(c.opened)
	began := time.Now()
	giveUp := c.giveUp
	for pause := firstTry; ; pause = min(2*pause, lastTry) {
		c.file, c.err = openRaw(c.path)
		if c.err == nil {
			c.conn = idm.New(c.file, idm.Config{
				Version: c.version, MaxFrame: maxFrame, Persistent: true, Go: spawn,
			})
			return
		}
		if time.Since(began) >= timeout {
			c.err = fmt.Errorf("%w after %v", c.err, timeout)
			return
		}
		select {
		case <-time.After(pause):
		case <-giveUp:
			giveUp, pause = nil, firstTry
			timeout = min(timeout, settleTimeout)
			if !c.coming() {
				timeout = 0
			}
		}
	}
}

// consoleDriven reports a virtio console that has its driver.
func consoleDriven(sys string) bool {
	names, _ := dirnames.Read(filepath.Join(sys, "bus/virtio/drivers/virtio_console")) // none: no driver
	return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "virtio") })
}

func openRaw(path string) (*os.File, error) {
	f, err := console.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open IDM channel: %w", errors.Unwrap(err))
	}
	if fi, err := f.Stat(); err != nil || fi.Mode()&fs.ModeCharDevice == 0 {
		err = errors.Join(err, f.Close())
		return nil, errors.Join(fmt.Errorf("open IDM channel: %s: not a terminal or a serial port", path), err)
	}
	if err := console.SetRaw(f); err != nil {
		return nil, errors.Join(fmt.Errorf("open IDM channel: %w", err), f.Close())
	}
	return f, nil
}

// usable reports a channel that is open or may still come to be.
func (c *channel) usable() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.opened:
		return c.err == nil
	default:
		return true
	}
}

// wait waits for the channel to be open.
func (c *channel) wait() error {
	<-c.opened
	return c.err
}

// errAbsent is the error of a channel that could not be opened.
var errAbsent = errors.New("no IDM channel")

// sendExit tells the host how it ended and waits until the device has it, or
// until sendTimeout. A machine without a channel tells nobody: errAbsent.
func (c *channel) sendExit(ctx context.Context, e Exit) error {
	close(c.giveUp)
	select {
	case <-c.opened:
	case <-time.After(settleTimeout + sendTimeout): // open(2) itself hangs
		return errAbsent
	}
	if c.err != nil {
		return errAbsent
	}
	ctx, cancel := context.WithCancel(ctx) // one with a deadline would link how to print times
	defer cancel()
	defer time.AfterFunc(sendTimeout, cancel).Stop()
	_ = c.conn.Send(idm.ExtensionEvent(&idmpb.ExitDetailEvent{ // for who has asked for it
		Code: int32(e.Code), Signal: uint32(e.Signal), Stage: e.Stage, Reason: e.Reason, //nolint:gosec // an exit code and a signal
	}))
	err := c.conn.Send(idm.ExitEvent(int32(e.Code))) //nolint:gosec // likewise
	err = errors.Join(err, c.conn.Flush(ctx), within(sendTimeout, func() error { return console.Drain(c.file) }))
	if err != nil {
		return fmt.Errorf("send exit event on %s: %w", c.path, err)
	}
	return nil
}
