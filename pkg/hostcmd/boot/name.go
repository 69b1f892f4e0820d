package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/vm"
)

const maxName = 63

// The files of a named guest, in its folder.
const (
	lockFile   = "lock" // held by the process that runs the guest
	socketFile = "idm.sock"
	guestFile  = "guest.json"
)

// guestInfo is what ps shows.
type guestInfo struct {
	PID     int       `json:"pid"`
	Source  string    `json:"source"`
	Publish []string  `json:"publish,omitempty"`
	Started time.Time `json:"started"`
}

func (o *options) setName(name string) error {
	err := checkName(name)
	o.name = name
	return err
}

func checkName(name string) error {
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, oddInName) || strings.ContainsAny(name[:1], ".-") {
		return fmt.Errorf("want 1 to %d letters, digits and ._- that begin with a letter or a digit", maxName)
	}
	return nil
}

// oddInName reports whether r has no place in a name.
func oddInName(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !letter && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
}

// runFolder is where this user's named guests are: nobody else may write there.
func runFolder() (string, error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "kguest"), nil
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("kguest-%d", os.Getuid()))
	if err := verb.CheckPrivate(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("find the named guests: %w; remove it, or set XDG_RUNTIME_DIR", err)
	}
	return dir, nil
}

// nameDir is the folder of a named guest. A nil one stands for no name.
type nameDir struct {
	path     string
	lock     *os.File
	listener net.Listener
}

// claimName makes the folder of the guest's name, where it has one.
func (o *options) claimName() (*nameDir, error) {
	if o.name == "" {
		return nil, nil
	}
	parent, err := runFolder()
	if err != nil {
		return nil, err
	}
	d := &nameDir{path: filepath.Join(parent, o.name)}
	if err := d.claim(o); err != nil {
		d.release()
		return nil, fmt.Errorf("-name %s: %w", o.name, err)
	}
	return d, nil
}

func (d *nameDir) claim(o *options) error {
	socket := filepath.Join(d.path, socketFile)
	if len(socket) > maxSocket {
		return fmt.Errorf("%s has %d bytes, a socket's path at most %d; give a shorter name, or set XDG_RUNTIME_DIR to a shorter folder", socket, len(socket), maxSocket)
	}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(d.path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	locked, err := tryLock(lock)
	if err != nil || !locked {
		_ = lock.Close()
		if err == nil {
			err = fmt.Errorf("a guest of that name runs already; `%s stop %s` ends it", verb.Program, o.name)
		}
		return err
	}
	d.lock = lock
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a process that was killed
		return err
	}
	if d.listener, err = net.Listen("unix", socket); err != nil {
		return err
	}
	return d.describe(o)
}

func (d *nameDir) describe(o *options) error {
	info := guestInfo{PID: os.Getpid(), Source: o.target, Started: time.Now()}
	for _, f := range o.publish {
		info.Publish = append(info.Publish, published(f))
	}
	data, err := json.Marshal(info)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(d.path, guestFile), data, 0o600)
}

// published is f as -publish has it.
func published(f vm.Forward) string {
	text := fmt.Sprintf("%d:%d", f.HostPort, f.GuestPort)
	if f.HostIP != "" {
		text = f.HostIP + ":" + text
	}
	if f.Protocol == "udp" {
		text += "/udp"
	}
	return text
}

// serve has s's relay serve who connects to the guest's socket, until ctx is done.
func (d *nameDir) serve(ctx context.Context, s *session) {
	if d == nil {
		return
	}
	s.work.Go(func() {
		<-ctx.Done()
		_ = d.listener.Close()
	})
	s.work.Go(func() {
		for {
			conn, err := d.listener.Accept()
			if err != nil {
				return
			}
			s.work.Go(func() { s.relay.Serve(ctx, conn) })
		}
	})
}

// release removes the folder. The lock goes last: who waits for the name finds
// nothing.
func (d *nameDir) release() {
	if d == nil || d.lock == nil {
		return
	}
	if d.listener != nil {
		_ = d.listener.Close()
	}
	_ = os.RemoveAll(d.path) // what stays is reclaimed by the next of the name
	_ = d.lock.Close()
}
