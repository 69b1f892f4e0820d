package boot

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm"
)

// channel is the byte stream to the host. A virtio console's ports come some
// time after its driver was loaded and hvc announces none, so that it is opened
// beside the boot, by trying.
type channel struct {
	path   string
	opened chan struct{} // closed when file or err is set
	giveUp chan struct{} // closed when the boot no longer waits
	file   *os.File
	err    error
}

// Tries to open the channel follow each other at growing distances.
const (
	firstTry = 2 * time.Millisecond
	lastTry  = 250 * time.Millisecond
)

// sendTimeout bounds how long a host that does not read can hold up the end.
const sendTimeout = 2 * time.Second

func newChannel(path string) *channel {
	return &channel{path: path, opened: make(chan struct{}), giveUp: make(chan struct{})}
}

// open tries to open the channel for as long as timeout, and once more when the
// boot gives up.
func (c *channel) open(timeout time.Duration) {
	defer close(c.opened)
	began := time.Now()
	last := false
	for pause := firstTry; ; pause = min(2*pause, lastTry) {
		c.file, c.err = openRaw(c.path)
		if c.err == nil || last {
			return
		}
		if time.Since(began) >= timeout {
			c.err = fmt.Errorf("%w after %v", c.err, timeout)
			return
		}
		select {
		case <-time.After(pause):
		case <-c.giveUp:
			last = true
		}
	}
}

func openRaw(path string) (*os.File, error) {
	f, err := console.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open IDM channel: %w", errors.Unwrap(err))
	}
	if err := console.SetRaw(f); err != nil {
		return nil, errors.Join(fmt.Errorf("open IDM channel: %w", err), f.Close())
	}
	return f, nil
}

// wait waits for the channel to be open.
func (c *channel) wait() error {
	<-c.opened
	return c.err
}

// sendExit tells the host the code and waits until the device has it, or until
// sendTimeout. A machine without a channel tells nobody.
func (c *channel) sendExit(code int) error {
	close(c.giveUp)
	if err := c.wait(); err != nil {
		return err
	}
	err := within(sendTimeout, func() error {
		_, err := c.file.Write(idm.ExitFrame(int32(code))) //nolint:gosec // an exit code is a byte, or 125 to 127
		return errors.Join(err, console.Drain(c.file))
	})
	if err != nil {
		return fmt.Errorf("send exit event on %s: %w", c.path, err)
	}
	return nil
}
