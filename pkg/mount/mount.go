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

// List is steps with room of a size that most lists have: each further size costs
// Go's allocator two pages.
func List(steps ...Step) []Step {
	const usual = 16
	return append(make([]Step, 0, usual), steps...)
}

// Apply applies steps in order and stops at the first error.
func Apply(steps []Step) error {
	var a applier
	for _, s := range steps {
		if err := a.apply(s); err != nil {
			return err
		}
	}
	return nil
}

// ApplyAll applies steps in order and returns the error of each that failed.
func ApplyAll(steps []Step) []error {
	var a applier
	var errs []error
	for _, s := range steps {
		if err := a.apply(s); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// applier does not ask what is mounted on a directory that it has just made or
// looked at.
type applier struct{ free string }

func (a *applier) apply(s Step) (err error) {
	switch s := s.(type) {
	case Dir:
		point, err := s.make()
		if a.free = ""; err == nil && !point {
			a.free = s.Path
		}
		return err
	case Spec:
		s.Once = s.Once && s.Target != a.free
		a.free = ""
		return s.Apply()
	default:
		return s.Apply()
	}
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
	at, err := look(d.Path)
	return err == nil && at.mode.IsDir() && d.has(at.mode)
}

// Apply makes the directory; an existing one gets the mode.
func (d Dir) Apply() error {
	_, err := d.make()
	return err
}

// make reports whether something is mounted on the directory.
func (d Dir) make() (point bool, err error) {
	mode, mask := d.Mode, umask()
	if mode == 0 {
		mode = 0o755
	}
	made, err := mkdir(d.Path, mode)
	if err != nil {
		return false, fmt.Errorf("make directory: %w", err)
	}
	right := mode&mask == 0
	if !made {
		at, err := d.existing()
		if err != nil {
			return false, err
		}
		point, right = at.point, d.has(at.mode)
	}
	if right {
		return point, nil
	}
	return point, os.Chmod(d.Path, mode)
}

// existing looks at the directory that is at d.Path.
func (d Dir) existing() (at place, err error) {
	at, err = look(d.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return place{}, fmt.Errorf("make directory %s: a link to nothing is in its place", d.Path)
	case err != nil:
		return place{}, fmt.Errorf("make directory: %w", err)
	case !at.mode.IsDir():
		return place{}, fmt.Errorf("make directory %s: a %s is in its place", d.Path, kind(at.mode))
	}
	return at, nil
}

// has reports whether the mode of a directory is d's.
func (d Dir) has(mode fs.FileMode) bool {
	const bits = fs.ModePerm | fs.ModeSticky
	return d.Mode == 0 || mode&bits == d.Mode&bits
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
