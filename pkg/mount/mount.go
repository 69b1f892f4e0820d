// Package mount makes directories, links and mounts as steps that can be
// printed before they are applied, and that succeed when their result is
// already there.
package mount

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Step is one change to the file tree. String is the shell command that does
// the same.
type Step interface {
	fmt.Stringer
	Apply() error
}

// Apply applies steps in order and stops at the first error.
func Apply(steps []Step) error {
	for _, s := range steps {
		if err := s.Apply(); err != nil {
			return err
		}
	}
	return nil
}

// Error is a step that did not succeed.
type Error struct {
	Op     string // such as "mount proc"
	Target string
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("%s on %s: %v", e.Op, e.Target, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Spec is one mount(2).
type Spec struct {
	Source string
	Target string
	FSType string // empty for a bind or a move
	Flags  Flags
	Data   string // the file system's own options, comma-separated
	Once   bool   // Apply does nothing where Mounted
}

// Done reports that Apply would do nothing.
func (s Spec) Done() bool { return s.Once && s.Mounted() }

// Apply mounts. A read-only bind takes a second call, since the kernel ignores
// the flag on the first (mount(2), "Creating a bind mount").
func (s Spec) Apply() error {
	if s.Done() {
		return nil
	}
	if err := s.mount(s.Flags); err != nil {
		return s.explain(err)
	}
	if s.Flags&Bind != 0 && s.Flags&ReadOnly != 0 {
		if err := s.mount(s.Flags | remount); err != nil {
			return errors.Join(s.explain(err), Unmount(s.Target, false))
		}
	}
	return nil
}

func (s Spec) explain(err error) error {
	what := s.FSType
	if what == "" {
		what = s.Source
	}
	switch {
	case errors.Is(err, syscall.ENODEV) && s.FSType != "":
		err = fmt.Errorf("%w (the kernel has no file system %s: is its module in the image?)", err, s.FSType)
	case errors.Is(err, syscall.EROFS) && s.FSType == "ext4":
		err = fmt.Errorf("%w (its journal is to be replayed: run e2fsck on the disk, on the host)", err)
	case errors.Is(err, syscall.EINVAL) && s.FSType != "", errors.Is(err, syscall.EIO):
		err = fmt.Errorf("%w (damaged, or in need of what this kernel lacks: its log says which)", err)
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("%w (from %s)", err, s.Source)
	}
	return &Error{Op: "mount " + what, Target: s.Target, Err: err}
}

// String is s as mount(8) would be called.
func (s Spec) String() string {
	b := []string{"mount"}
	switch {
	case s.Flags&Bind != 0 && s.Flags&Recursive != 0:
		b = append(b, "--rbind")
	case s.Flags&Bind != 0:
		b = append(b, "--bind")
	case s.Flags&Move != 0:
		b = append(b, "--move")
	default:
		b = append(b, "-t", s.FSType)
	}
	opts := s.Flags.options()
	if s.Data != "" {
		opts = append(opts, s.Data)
	}
	if len(opts) > 0 {
		b = append(b, "-o", Quote(strings.Join(opts, ",")))
	}
	return strings.Join(append(b, Quote(s.Source), Quote(s.Target)), " ")
}

// Dir is a directory that must exist. A Mode of 0 leaves an existing one's
// alone and makes a new one 0755; any other is set even against the umask.
type Dir struct {
	Path string
	Mode fs.FileMode // permission bits and fs.ModeSticky
}

// Done reports that Apply would change nothing.
func (d Dir) Done() bool {
	fi, err := os.Stat(d.Path)
	const bits = fs.ModePerm | fs.ModeSticky
	return err == nil && fi.IsDir() && (d.Mode == 0 || fi.Mode()&bits == d.Mode&bits)
}

// Apply makes the directory; an existing one gets the mode.
func (d Dir) Apply() error {
	mode := d.Mode
	err := os.Mkdir(d.Path, 0o755)
	switch {
	case err == nil && mode == 0:
		mode = 0o755
	case errors.Is(err, fs.ErrExist):
		fi, serr := os.Stat(d.Path)
		if errors.Is(serr, fs.ErrNotExist) {
			return fmt.Errorf("make directory %s: a link to nothing is in its place", d.Path)
		}
		if serr != nil {
			return fmt.Errorf("make directory: %w", serr)
		}
		if !fi.IsDir() {
			return fmt.Errorf("make directory %s: a %s is in its place", d.Path, kind(fi.Mode()))
		}
	case err != nil:
		return fmt.Errorf("make directory: %w", err)
	}
	if mode == 0 {
		return nil
	}
	return os.Chmod(d.Path, mode)
}

func (d Dir) String() string {
	switch {
	case d.Mode == 0:
		return "mkdir -p " + Quote(d.Path)
	case d.Mode&fs.ModeSticky != 0:
		return fmt.Sprintf("mkdir -p -m 1%03o %s", d.Mode.Perm(), Quote(d.Path))
	default:
		return fmt.Sprintf("mkdir -p -m %04o %s", d.Mode.Perm(), Quote(d.Path))
	}
}

// Link is a symbolic link; whatever stands in its place already is kept.
type Link struct {
	Target string
	Path   string
}

// Done reports that Apply would change nothing.
func (l Link) Done() bool {
	_, err := os.Lstat(l.Path)
	return err == nil
}

// Apply makes the link.
func (l Link) Apply() error {
	if err := os.Symlink(l.Target, l.Path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make link: %w", err)
	}
	return nil
}

func (l Link) String() string { return "ln -s " + Quote(l.Target) + " " + Quote(l.Path) }

func kind(m fs.FileMode) string {
	if m.IsRegular() {
		return "file"
	}
	return "special file"
}
