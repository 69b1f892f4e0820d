package boot

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
	"github.com/kguest/kguest/pkg/vm"
)

// maxSocket is the longest path of a Unix socket (sockaddr_un, unix(7)).
const maxSocket = 107

// keep puts what was made where it stays for a machine that somebody else
// starts, and returns c with those paths, all of them absolute. The folder is
// named after its content: what a running machine has open never changes.
func (m *maker) keep(c vm.Config) (vm.Config, error) {
	digest, err := digestOf(m.work.Path)
	if err != nil {
		return c, fmt.Errorf("keep the disks: %w", err)
	}
	dir := filepath.Join(m.cache, "boot", folderName(m.target)+"-"+digest[:16])
	if err := m.moveWork(dir); err != nil {
		return c, fmt.Errorf("keep the disks: %w", err)
	}
	kept := func(path *string) {
		if name, ok := strings.CutPrefix(*path, m.work.Path+"/"); ok {
			*path = filepath.Join(dir, name)
		}
		abs, absErr := filepath.Abs(*path)
		if absErr != nil {
			err = fmt.Errorf("find working directory: %w", absErr)
		}
		*path = abs
	}
	kept(&c.Kernel)
	kept(&c.Initramfs)
	for i := range c.Disks {
		kept(&c.Disks[i].Path)
	}
	m.socket = filepath.Join(dir, socketFile)
	kept(&m.socket)
	if len(m.socket) > maxSocket {
		m.socket = filepath.Join(os.TempDir(), "kguest-"+digest[:16]+".sock")
	}
	return c, err
}

// moveWork makes the work folder dir, unless that is there: it has the same
// content then.
func (m *maker) moveWork(dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Chmod(m.work.Path, 0o755); err != nil {
		return err
	}
	err := os.Rename(m.work.Path, dir)
	if errors.Is(err, os.ErrExist) {
		err = nil
	}
	return errors.Join(err, m.work.Remove())
}

// digestOf is a digest of the files in dir, of their names and contents.
func digestOf(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, e := range entries {
		sum, err := hostfile.SHA256(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %x\n", e.Name(), sum)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
