package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	securejoin "github.com/cyphar/filepath-securejoin"

	"github.com/kguest/kguest/pkg/dirnames"
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

// Steps returns what Switch and Initramfs.Delete do, as a shell can.
func (t Transfer) Steps() []fmt.Stringer {
	var moves []move
	for _, dir := range t.Move {
		moves = append(moves, move{from: dir, to: t.Root + dir})
	}
	var steps []fmt.Stringer
	for _, s := range t.steps(moves) {
		steps = append(steps, s)
	}
	for _, dir := range t.Drop {
		steps = append(steps, command("umount -l "+mount.Quote(dir)))
	}
	return append(steps, command("find / -xdev -delete"), enter{root: t.Root})
}

func (t Transfer) steps(moves []move) []mount.Step {
	var steps []mount.Step
	for _, m := range moves {
		if m.from == t.Keep && !m.bare {
			steps = append(steps, skeleton{from: m.to, to: m.from})
		}
	}
	for _, m := range moves {
		steps = append(steps, m)
	}
	return steps
}

// Switch makes Root the root of the process and of the mount namespace, and
// returns what is left under it. pivot_root(2) is no way out of an initramfs
// (EINVAL): the new root is moved over it.
func (t Transfer) Switch() (*Initramfs, error) {
	used, err := onInitramfs("/")
	if err != nil {
		return nil, fmt.Errorf("switch root: %w", err)
	}
	moves, err := t.check()
	if err != nil {
		return nil, fmt.Errorf("switch root: %w", err)
	}
	if err := mount.Apply(t.steps(moves)); err != nil {
		return nil, err
	}
	old, err := openInitramfs(t.Drop)
	if err != nil {
		return nil, fmt.Errorf("switch root: %w", err)
	}
	old.used = used
	if err := (enter{root: t.Root}).Apply(); err != nil {
		return nil, errors.Join(err, old.close())
	}
	return old, nil
}

func (t Transfer) check() ([]move, error) {
	mounted, err := mount.IsPoint(t.Root)
	switch {
	case err != nil:
		return nil, err
	case !mounted:
		return nil, fmt.Errorf("%s: nothing is mounted there", t.Root)
	}
	return t.moves()
}

// moves makes the directories that are moved to, and refuses an image in which
// one is the root itself or the place of another, before anything has changed:
// its links lead anywhere. A directory that is not a mount point stays.
func (t Transfer) moves() ([]move, error) {
	taken := map[string]string{t.Root: "/"}
	var moves []move
	for _, dir := range t.Move {
		if mounted, err := mount.IsPoint(dir); err != nil || !mounted {
			if err := ignoreMissing(err); err != nil {
				return nil, err
			}
			continue
		}
		m, err := t.move(dir)
		if err != nil {
			return nil, err
		}
		if other, ok := taken[m.to]; ok {
			return nil, fmt.Errorf("in the image %s and %s are one directory: a link leads from one to the other", dir, other)
		}
		taken[m.to] = dir
		moves = append(moves, m)
	}
	return moves, nil
}

func (t Transfer) move(dir string) (m move, err error) {
	m = move{from: dir, to: t.Root + dir}
	plain, bare := directory(m.to)
	if plain && strings.LastIndex(dir, "/") == 0 { // no link is on the way
		m.bare = bare
		return m, nil
	}
	m.to, m.bare, err = makeInside(t.Root, dir)
	m.linked = m.to != t.Root+dir
	return m, err
}

// makeInside resolves dir below root as a chroot would, and makes it where it is
// missing.
func makeInside(root, dir string) (target string, made bool, err error) {
	if target, err = inside(root, dir); err != nil {
		return "", false, err
	}
	_, err = os.Lstat(target)
	made = errors.Is(err, fs.ErrNotExist)
	if err := (mount.Dir{Path: target}).Apply(); err != nil {
		return "", false, fmt.Errorf("the image's %s: %w", dir, err)
	}
	return target, made, nil
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

// move moves a mount to a directory of the new root.
type move struct {
	from, to string
	linked   bool // a link of the image's leads to it
	bare     bool // to has no directories in it
}

func (m move) spec() mount.Spec { return mount.Spec{Source: m.from, Target: m.to, Flags: mount.Move} }

func (m move) String() string { return m.spec().String() }

// Apply makes the directory again where a link led to it: that may have been below
// another, which a mount covers since.
func (m move) Apply() error {
	if m.linked {
		if err := (mount.Dir{Path: m.to}).Apply(); err != nil {
			return err
		}
	}
	return m.spec().Apply()
}

// BindInto binds dir and what is mounted in it to the same path below root, and
// returns where that is; nothing where it was there already.
func BindInto(root, dir string) (target string, err error) {
	target, _, err = makeInside(root, dir)
	if err != nil {
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
type skeleton struct{ from, to string }

func (s skeleton) String() string {
	return "(cd " + mount.Quote(s.from) + "; find . -type d | cpio -pdm " + mount.Quote(s.to) + ")"
}

func (s skeleton) Apply() error { return ignoreMissing(makeDirs(s.from, s.to)) }

// makeDirs makes in to the directories that are in from. filepath.WalkDir would
// link more.
func makeDirs(from, to string) error {
	dir, err := dirnames.Open(from)
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

// Initramfs is what a switch has left under the new root, where no path leads.
type Initramfs struct {
	used    uint64
	dir     *os.File
	dropped []*os.File // mount points
}

// Used is how much memory its files take, in bytes; 0 where the kernel does not
// tell (ramfs).
func (i *Initramfs) Used() uint64 { return i.used }

// openInitramfs opens the root, and what is mounted at the paths in drop.
func openInitramfs(drop []string) (i *Initramfs, err error) {
	i = new(Initramfs)
	if i.dir, err = dirnames.Open("/"); err != nil {
		return nil, err
	}
	for _, path := range drop {
		mounted, err := mount.IsPoint(path)
		if err == nil && mounted {
			err = i.openDropped(path)
		}
		if err := ignoreMissing(err); err != nil {
			return nil, errors.Join(err, i.close())
		}
	}
	return i, nil
}

func (i *Initramfs) openDropped(path string) error {
	dir, err := openPlace(path)
	if err == nil {
		i.dropped = append(i.dropped, dir)
	}
	return err
}

func (i *Initramfs) close() error {
	errs := []error{i.dir.Close()}
	for _, dir := range i.dropped {
		errs = append(errs, dir.Close())
	}
	return errors.Join(errs...)
}

// Delete ends the mounts that the switch was to drop, and deletes every file of
// the initramfs, which frees its memory, and no other's. The error is of what
// could not be done.
func (i *Initramfs) Delete() error {
	var errs []error
	for _, dir := range i.dropped {
		errs = append(errs, unmountOpen(dir))
	}
	dev, err := deviceOf(i.dir)
	if err != nil {
		return errors.Join(append(errs, err, i.dir.Close())...)
	}
	var left kept
	left.deleteTree(i.dir, dev)
	return errors.Join(append(errs, left.err())...)
}

// command is a part of Initramfs.Delete as a shell does it, before it leaves for the
// new root.
type command string

func (c command) String() string { return string(c) }

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
