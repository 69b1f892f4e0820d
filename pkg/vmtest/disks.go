package vmtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/pack"
	"github.com/kguest/kguest/pkg/vm"
)

func (l *Lab) makeDisk(ctx context.Context, s *Scenario, d Disk, path string) error {
	switch d.Kind {
	case "image":
		root := path + ".root"
		if err := makeRoot(ctx, s, root); err != nil {
			return err
		}
		o := d.Pack
		o.Attrs = s.Attrs
		return pack.Image(ctx, root, path, o)
	case "config":
		image, launch, err := l.configs(s)
		if err != nil {
			return err
		}
		files := map[string][]byte{"image/config.json": image, "launch.json": launch}
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return slices.Contains(s.Omits, name) })
		return pack.Files(ctx, path, files)
	case "data":
		root := path + ".root"
		if err := os.Mkdir(root, 0o755); err != nil {
			return err
		}
		return pack.Image(ctx, root, path, d.Pack)
	case "kernel":
		return l.makeKernelDisk(ctx, path)
	default:
		return os.WriteFile(path, make([]byte, 1<<20), 0o644)
	}
}

// makeKernelDisk writes a disk with another kernel to boot: this one again.
func (l *Lab) makeKernelDisk(ctx context.Context, path string) error {
	kernel, err := os.ReadFile(l.kernel)
	if err != nil {
		return err
	}
	initramfs, err := os.ReadFile(l.initramfs)
	if err != nil {
		return err
	}
	return pack.Files(ctx, path, map[string][]byte{"vmlinuz": kernel, "initramfs.cpio": initramfs})
}

// makeRoot fills the directory root with the busybox base and what s changes.
func makeRoot(ctx context.Context, s *Scenario, root string) error {
	if err := pack.BusyboxRoot(ctx, "/bin/busybox", root); err != nil {
		return err
	}
	for _, name := range s.Removes {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	for name, content := range s.Files {
		path := filepath.Join(root, name)
		mode := os.FileMode(0o644)
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), mode)); err != nil {
			return err
		}
	}
	for _, link := range s.Links {
		path := filepath.Join(root, link[0])
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(link[1], path)); err != nil {
			return err
		}
	}
	for _, name := range s.Fifos {
		if err := unix.Mkfifo(filepath.Join(root, name), 0o644); err != nil {
			return err
		}
	}
	for name, mib := range s.Zeros {
		path := filepath.Join(root, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, int64(mib)<<20)); err != nil {
			return err
		}
	}
	return nil
}

// checksums returns one of each writable disk, by its number.
func checksums(disks []vm.Disk) (map[int]string, error) {
	sums := map[int]string{}
	for i, d := range disks {
		if !d.Writable {
			continue
		}
		f, err := os.Open(d.Path)
		if err != nil {
			return nil, err
		}
		sum := sha256.New()
		_, err = io.Copy(sum, f)
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		sums[i] = string(sum.Sum(nil))
	}
	return sums, nil
}

// diskReports adds to reports what became of the writable disks of s, which are
// disks and had the checksums before, and the files of them that s wants.
func diskReports(ctx context.Context, s *Scenario, disks []vm.Disk, before map[int]string, reports map[string]string) error {
	after, err := checksums(disks)
	if err != nil {
		return err
	}
	for i := range after {
		name := fmt.Sprintf("disk%d", i)
		reports[name] = "changed\n"
		if before[i] == after[i] {
			reports[name] = "unchanged\n"
		}
		if s.Disks[i].Pack.Format != pack.Ext4 {
			continue
		}
		reports[name] += ext4Health(ctx, disks[i].Path)
		for _, w := range s.Wants {
			if file, ok := strings.CutPrefix(w.Report, name+":"); ok {
				reports[w.Report] = tool(ctx, "debugfs", "-R", "cat "+file, disks[i].Path)
			}
		}
	}
	return nil
}

// ext4Health is "clean" for a file system that was unmounted, then what e2fsck
// finds wrong.
func ext4Health(ctx context.Context, path string) string {
	state := "no state\n"
	for line := range strings.Lines(tool(ctx, "dumpe2fs", "-h", path)) {
		if value, ok := strings.CutPrefix(line, "Filesystem state:"); ok {
			state = strings.TrimSpace(value) + "\n"
		}
	}
	cmd := exec.CommandContext(ctx, "/usr/sbin/e2fsck", "-fn", path)
	if found, err := cmd.CombinedOutput(); err != nil {
		return state + string(found) + err.Error() + "\n"
	}
	return state
}

// tool returns what a tool of e2fsprogs prints; its errors are in it.
func tool(ctx context.Context, name string, args ...string) string {
	cmd := exec.CommandContext(ctx, filepath.Join("/usr/sbin", name), args...)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		return out.String() + words.String() + err.Error() + "\n"
	}
	return out.String()
}
