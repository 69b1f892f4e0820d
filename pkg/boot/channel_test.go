package boot

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/idm"
)

func TestChannelExit(t *testing.T) {
	host, path := openPTY(t)
	c := newChannel(path, idm.Version1)
	c.open(time.Minute, plain)
	must(t, c.wait())
	must(t, c.sendExit(context.Background(), Exit{Code: 10, Stage: "run"})) // 10 is a newline, which a terminal would change
	const want = "\x06\x00\x00\x00\x0a\x04\x0a\x02\x08\x0a"
	got := make([]byte, 256)
	n, err := host.Read(got)
	if err != nil || string(got[:n]) != want {
		t.Errorf("the host read % x, %v, want % x", got[:n], err, want)
	}
}

// TestChannelOpensLate has the device come after the first tries.
func TestChannelOpensLate(t *testing.T) {
	_, path := openPTY(t)
	late := filepath.Join(t.TempDir(), "port")
	c := newChannel(late, idm.Version1)
	go c.open(time.Minute, plain)
	select {
	case <-c.opened:
		t.Fatalf("opened without a device: %v", c.err)
	case <-time.After(5 * firstTry): // a few tries
	}
	must(t, os.Symlink(path, late))
	must(t, c.wait())
	must(t, c.sendExit(context.Background(), Exit{}))
}

func TestChannelAbsent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hvc1")
	c := newChannel(path, idm.Version1)
	c.open(0, plain)
	if err, want := c.wait(), "open IDM channel: open "+path+": no such file or directory after 0s"; err == nil || err.Error() != want {
		t.Errorf("wait = %v, want %s", err, want)
	}
	if err := c.sendExit(context.Background(), Exit{}); !errors.Is(err, errAbsent) {
		t.Errorf("sendExit = %v, want %v", err, errAbsent)
	}
}

// TestChannelGivesUp: the end of the boot does not wait for the whole timeout.
func TestChannelGivesUp(t *testing.T) {
	c := newChannel(filepath.Join(t.TempDir(), "none"), idm.Version1)
	go c.open(100*time.Hour, plain)
	if err := c.sendExit(context.Background(), Exit{}); !errors.Is(err, errAbsent) {
		t.Errorf("sendExit = %v, want %v", err, errAbsent)
	}
	<-c.opened
}

// TestChannelComesAfterTheEnd has the boot fail before the port is there, of a
// console that has its driver.
func TestChannelComesAfterTheEnd(t *testing.T) {
	host, path := openPTY(t)
	late := filepath.Join(t.TempDir(), "port")
	c := newChannel(late, idm.Version1)
	c.coming = func() bool {
		time.AfterFunc(20*firstTry, func() { _ = os.Symlink(path, late) })
		return true
	}
	go c.open(time.Minute, plain)
	must(t, c.sendExit(context.Background(), Exit{Code: 10, Stage: "images"}))
	const want = "\x06\x00\x00\x00\x0a\x04\x0a\x02\x08\x0a"
	got := make([]byte, 256)
	n, err := host.Read(got)
	if err != nil || string(got[:n]) != want {
		t.Errorf("the host read % x, %v, want % x", got[:n], err, want)
	}
}

// TestChannelNeverComes: a console without that port holds up no end but an
// early one, and that by settleTimeout.
func TestChannelNeverComes(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	for _, age := range []time.Duration{0, settleTimeout / 2, settleTimeout, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			c := newChannel(none, idm.Version1)
			c.coming = func() bool { return true }
			go c.open(100*time.Hour, plain)
			time.Sleep(age)
			began := time.Now()
			err := c.sendExit(t.Context(), Exit{})
			took, most := time.Since(began), max(0, settleTimeout-age)+lastTry
			if !errors.Is(err, errAbsent) || took > most {
				t.Errorf("at %v: sendExit = %v after %v, want %v after at most %v", age, err, took, errAbsent, most)
			}
		})
	}
}

func TestConsoleDriven(t *testing.T) {
	sys := t.TempDir()
	driver := filepath.Join(sys, "bus/virtio/drivers/virtio_console")
	for _, step := range []struct {
		name string
		want bool
	}{{"", false}, {"bind", false}, {"virtio3", true}} {
		must(t, os.MkdirAll(filepath.Join(driver, step.name), 0o755))
		if got := consoleDriven(sys); got != step.want {
			t.Errorf("with %q: consoleDriven = %t, want %t", step.name, got, step.want)
		}
	}
}

// TestChannelStuckInOpen has a channel of which the open never returns.
func TestChannelStuckInOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newChannel("/dev/stuck", idm.Version1)
		began := time.Now()
		err := c.sendExit(t.Context(), Exit{})
		if took, want := time.Since(began), settleTimeout+sendTimeout; !errors.Is(err, errAbsent) || took != want {
			t.Errorf("sendExit = %v after %v, want %v after %v", err, took, errAbsent, want)
		}
	})
}

// TestChannelHostDoesNotRead fills what the device takes before the exit event.
func TestChannelHostDoesNotRead(t *testing.T) {
	_, path := openPTY(t)
	c := newChannel(path, idm.Version1)
	c.open(time.Minute, plain)
	must(t, c.wait())
	fill(t, path)
	err := c.sendExit(context.Background(), Exit{Code: 1})
	if err == nil || !strings.HasPrefix(err.Error(), "send exit event on "+path+": ") {
		t.Errorf("sendExit = %v, want an error", err)
	}
}

// fill writes until the device takes nothing more: a terminal's buffers are
// emptied into each other by a work queue, so that it is asked again.
func fill(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_WRONLY|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd) //nolint:errcheck // what was written is of no use
	for full := 0; full < 20; {
		_, err := unix.Write(fd, make([]byte, 4096))
		switch {
		case err == nil:
			full = 0
		case errors.Is(err, syscall.EAGAIN):
			full++
			<-time.After(5 * time.Millisecond)
		default:
			t.Fatal(err)
		}
	}
}

// openPTY makes a pseudoterminal: the host's end, and the path of the guest's.
func openPTY(t *testing.T) (host *os.File, path string) {
	t.Helper()
	host, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { _ = host.Close() })
	raw, err := host.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) {
		must(t, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		must(t, err)
		path = "/dev/pts/" + strconv.Itoa(n)
	}))
	return host, path
}

// plain is the go statement.
func plain(f func()) { go f() }
