package block

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// recheck bounds what a lost uevent costs: the socket's buffer can overflow.
const recheck = 250 * time.Millisecond

// Wait returns the path of the device r names, waiting for it up to timeout.
// It waits for the kernel's uevents, which follow the making of the device
// node. The error names what devices there are.
func (t Tree) Wait(r Ref, timeout time.Duration) (string, error) {
	path, err := t.Find(r)
	if !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	events, err := listen()
	if err != nil {
		return "", fmt.Errorf("wait for %s: uevents: %w", r, err)
	}
	defer events.close()
	for deadline := time.Now().Add(timeout); ; {
		if t.Changed != nil {
			t.Changed()
		}
		path, err = t.Find(r)
		if !errors.Is(err, fs.ErrNotExist) {
			return path, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return "", fmt.Errorf("%s: no such device after %v (block devices: %s)", r, timeout, t.list())
		}
		if err := events.wait(min(left, recheck)); err != nil {
			return "", fmt.Errorf("wait for %s: uevents: %w", r, err)
		}
	}
}

func (t Tree) list() string {
	names := t.Names()
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " ")
}
