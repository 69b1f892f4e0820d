package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/kguest/kguest/pkg/mount"
)

// Transfer says what becomes of the initramfs's mounts when the root is
// switched.
type Transfer struct {
	Root string   // the assembled root
	Move []string // mount points that go along, to the same path below Root
	Drop []string // mount points that end
	Keep string   // of Move: the one in which the image's own directories are made again, "/run"
}

// Steps returns what Switch does.
func (t Transfer) Steps() []mount.Step {
	var steps []mount.Step
	if t.Keep != "" {
		steps = append(steps, skeleton{root: t.Root, dir: t.Keep})
	}
	for _, dir := range t.Move {
		steps = append(steps, moveInto{root: t.Root, dir: dir})
	}
	for _, dir := range t.Drop {
		steps = append(steps, drop{dir: dir})
	}
	return append(steps, empty{dir: "/"}, enter{root: t.Root})
}

// Switch makes Root the root of the process and of the mount namespace, and
// deletes the files of the initramfs, which frees their memory. pivot_root(2)
// is no way out of an initramfs (EINVAL): the new root is moved over it. The
// warnings are of files that could not be deleted.
func (t Transfer) Switch() (warnings []error, err error) {
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("switch root: %w", err)
	}
	return perform(t.Steps())
}

// perform applies steps in order and stops at the first error, but for memory
// that is not freed: by then the mounts have moved, and there is no way back.
func perform(steps []mount.Step) (warnings []error, err error) {
	for _, s := range steps {
		err := s.Apply()
		if _, ok := s.(empty); ok && err != nil {
			warnings = append(warnings, err)
			continue
		}
		if err != nil {
			return warnings, err
		}
	}
	return warnings, nil
}

func (t Transfer) check() error {
	if err := onInitramfs("/"); err != nil {
		return err
	}
	mounted, err := mount.IsPoint(t.Root)
	switch {
	case err != nil:
		return err
	case !mounted:
		return fmt.Errorf("%s: nothing is mounted there", t.Root)
	}
	return t.checkTargets()
}

// checkTargets makes the directories that are moved to, and refuses an image in which
// one is the root itself or the place of another, before anything has changed:
// its links lead anywhere.
func (t Transfer) checkTargets() error {
	taken := map[string]string{t.Root: "/"}
	for _, dir := range t.Move {
		if mounted, err := mount.IsPoint(dir); err != nil || !mounted {
			if err := ignoreMissing(err); err != nil {
				return err
			}
			continue
		}
		target, err := inside(t.Root, dir)
		if err != nil {
			return err
		}
		if other, ok := taken[target]; ok {
			return fmt.Errorf("in the image %s and %s are one directory: a link leads from one to the other", dir, other)
		}
		taken[target] = dir
		if err := (mount.Dir{Path: target}).Apply(); err != nil {
			return fmt.Errorf("the image's %s: %w", dir, err)
		}
	}
	return nil
}

// inside resolves dir below root as a chroot would: an image's link leads to
// no place outside.
func inside(root, dir string) (string, error) {
	path, err := securejoin.SecureJoin(root, dir)
	if err != nil {
		return "", fmt.Errorf("resolve %s below %s: %w", dir, root, err)
	}
	return path, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// moveInto moves the mount at dir to the same path below root. A directory
// that is not a mount point stays.
type moveInto struct{ root, dir string }

func (m moveInto) String() string {
	return mount.Spec{Source: m.dir, Target: m.root + m.dir, Flags: mount.Move}.String()
}

func (m moveInto) Apply() error {
	if mounted, err := mount.IsPoint(m.dir); err != nil || !mounted {
		return ignoreMissing(err)
	}
	target, err := inside(m.root, m.dir)
	if err != nil {
		return err
	}
	if err := (mount.Dir{Path: target}).Apply(); err != nil {
		return err
	}
	return mount.Spec{Source: m.dir, Target: target, Flags: mount.Move}.Apply()
}

// BindInto binds dir and what is mounted in it to the same path below root, and
// returns where that is; nothing where it was there already.
func BindInto(root, dir string) (target string, err error) {
	target, err = inside(root, dir)
	if err != nil {
		return "", err
	}
	if err := (mount.Dir{Path: target}).Apply(); err != nil {
		return "", err
	}
	spec := mount.Spec{Source: dir, Target: target, Flags: mount.Bind | mount.Recursive}
	if spec.Mounted() {
		return "", nil
	}
	return target, spec.Apply()
}

// skeleton makes the directories the image has in dir on the file system that
// will cover them: an image's /run/postgresql is there for a reason.
type skeleton struct{ root, dir string }

func (s skeleton) String() string {
	return "(cd " + mount.Quote(s.root+s.dir) + "; find . -type d | cpio -pdm " + mount.Quote(s.dir) + ")"
}

func (s skeleton) Apply() error {
	if mounted, err := mount.IsPoint(s.dir); err != nil || !mounted {
		return ignoreMissing(err)
	}
	from, err := inside(s.root, s.dir)
	if err != nil {
		return err
	}
	return ignoreMissing(makeDirs(from, s.dir))
}

// makeDirs makes in to the directories that are in from. filepath.WalkDir would
// link more.
func makeDirs(from, to string) error {
	dir, err := os.Open(from)
	if err != nil {
		return err
	}
	entries, err := dir.ReadDir(-1)
	if err := errors.Join(err, dir.Close()); err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		from, to := filepath.Join(from, e.Name()), filepath.Join(to, e.Name())
		if err := (mount.Dir{Path: to}).Apply(); err != nil {
			return err
		}
		if err := (sameOwner{from: from, to: to}).Apply(); err != nil {
			return err
		}
		if err := makeDirs(from, to); err != nil {
			return err
		}
	}
	return nil
}

type drop struct{ dir string }

func (d drop) String() string { return "umount -l " + mount.Quote(d.dir) }

func (d drop) Apply() error {
	if mounted, err := mount.IsPoint(d.dir); err != nil || !mounted {
		return ignoreMissing(err)
	}
	return mount.Unmount(d.dir, true)
}

// empty deletes every file on the file system of dir, and no other's.
type empty struct{ dir string }

func (e empty) String() string { return "find " + e.dir + " -xdev -delete" }

func (e empty) Apply() error {
	dir, err := os.Open(e.dir)
	if err != nil {
		return err
	}
	dev, err := deviceOf(dir)
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	var left kept
	left.deleteTree(dir, dev)
	return left.err()
}

// kept counts the files that could not be deleted.
type kept struct {
	count int
	first error
}

func (k *kept) add(err error) {
	if err == nil {
		return
	}
	if k.first == nil {
		k.first = err
	}
	k.count++
}

func (k *kept) err() error {
	switch k.count {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("free initramfs: %w", k.first)
	}
	return fmt.Errorf("free initramfs: %w, and %d more", k.first, k.count-1)
}

// deleteTree deletes what is in dir and on dev, and closes dir. A directory that
// is kept, for a mount in it, is no error. Names are resolved from dir on: the
// paths of modules are long.
func (k *kept) deleteTree(dir *os.File, dev uint64) {
	defer dir.Close() //nolint:errcheck // it was only read
	entries, err := dir.ReadDir(-1)
	if err != nil {
		k.add(err)
	}
	for _, e := range entries {
		if e.IsDir() {
			k.deleteDir(dir, e.Name(), dev)
			continue
		}
		err := remove(dir, e.Name(), false) // busy: something is mounted on the file
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EBUSY) {
			k.add(err)
		}
	}
}

func (k *kept) deleteDir(parent *os.File, name string, dev uint64) {
	dir, err := openIn(parent, name)
	if err != nil {
		k.add(err)
		return
	}
	if d, err := deviceOf(dir); err != nil || d != dev {
		k.add(err)
		_ = dir.Close() // it was not even read
		return
	}
	k.deleteTree(dir, dev)
	_ = remove(parent, name, true) // not empty: a mount point is in it
}

// enter moves root over "/" and makes it the process's root.
type enter struct{ root string }

func (e enter) String() string {
	return "cd " + mount.Quote(e.root) + "; mount --move . /; exec chroot ."
}

func (e enter) Apply() error {
	if err := os.Chdir(e.root); err != nil {
		return fmt.Errorf("switch root: %w", err)
	}
	if err := (mount.Spec{Source: ".", Target: "/", Flags: mount.Move}).Apply(); err != nil {
		return fmt.Errorf("switch root: %w", err)
	}
	if err := chroot("."); err != nil {
		return fmt.Errorf("switch root: chroot: %w", err)
	}
	return os.Chdir("/")
}
