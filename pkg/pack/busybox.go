package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The users of BusyboxRoot.
const (
	busyboxUsers  = "root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000:guest:/home/guest:/bin/sh\n"
	busyboxGroups = "root:x:0:\nguest:x:1000:\n"
)

// BusyboxRoot fills the directory root with a small system for demonstrations
// and tests: the given busybox, which must be linked statically (Debian's
// busybox-static), a link for each of its applets, and the users root (0) and
// guest (1000).
func BusyboxRoot(ctx context.Context, busybox, root string) error {
	applets, err := exec.CommandContext(ctx, busybox, "--list-full").Output()
	if err != nil {
		return fmt.Errorf("list applets of %s: %w", busybox, err)
	}
	for _, dir := range []string{"bin", "dev", "etc", "home/guest", "proc", "root", "run", "sbin", "sys", "tmp", "usr/bin", "usr/sbin", "var"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return fmt.Errorf("make busybox root: %w", err)
		}
	}
	if err := copyFile(busybox, filepath.Join(root, "bin/busybox")); err != nil {
		return fmt.Errorf("make busybox root: %w", err)
	}
	for name := range strings.FieldsSeq(string(applets)) {
		err := os.Symlink("/bin/busybox", filepath.Join(root, name))
		if err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make busybox root: %w", err)
		}
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(root, "etc/passwd"), []byte(busyboxUsers), 0o644),
		os.WriteFile(filepath.Join(root, "etc/group"), []byte(busyboxGroups), 0o644))
	if err != nil {
		return fmt.Errorf("make busybox root: %w", err)
	}
	return nil
}

// copyFile copies an executable.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
