package initramfs

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
	"github.com/kguest/kguest/pkg/nearest"
)

// addFiles adds what s.Files asks for, in the order of their paths: what is in
// the image does not depend on the order in which it was asked for.
func (s *Spec) addFiles(t *Tree) error {
	c := collector{t: t, first: make(map[sharing]string)}
	files := slices.Clone(s.Files)
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Guest, b.Guest) })
	for _, f := range files {
		if err := c.add(f); err != nil {
			return err
		}
	}
	return t.checkLinks()
}

// collector adds files to a tree.
type collector struct {
	t     *Tree
	first map[sharing]string // the path of the first name of a file with several
}

// sharing is what hard links have in common.
type sharing struct {
	inode    inode
	mode     fs.FileMode
	uid, gid uint32
}

func (c *collector) add(f File) error {
	if f.Kind != FromHost {
		return c.t.Add(f.entry())
	}
	info, err := os.Stat(f.Host)
	if err != nil {
		return fmt.Errorf("%s: %w", Clip(f.From), readError(err))
	}
	if !info.IsDir() {
		return c.addHost(f, f.Host, f.Guest, info, f.perm)
	}
	return c.addFolder(f, f.Host, f.Guest, info, f.perm)
}

// entry returns what f adds where it takes nothing from the host.
func (f File) entry() Entry {
	e := Entry{
		Path: strings.TrimPrefix(f.Guest, "/"), Target: f.Target, Major: f.Major, Minor: f.Minor,
		Reason: Clip(f.From), brings: !f.AsIs,
	}
	switch f.Kind {
	case Text:
		e.Mode, e.Content = f.perm(0o644), Bytes(f.Data)
	case Folder:
		e.Mode = fs.ModeDir | f.perm(0o755)
	case Symlink:
		e.Mode = fs.ModeSymlink | 0o777
	case HardLink:
		e.Target, e.LinkTo = "", strings.TrimPrefix(f.Target, "/")
	case CharDevice:
		e.Mode = fs.ModeDevice | fs.ModeCharDevice | f.perm(0o600)
	case BlockDevice:
		e.Mode = fs.ModeDevice | f.perm(0o600)
	case Pipe:
		e.Mode = fs.ModeNamedPipe | f.perm(0o600)
	case FromHost:
	}
	if f.Owner != nil {
		e.UID, e.GID = f.Owner.UID, f.Owner.GID
	}
	return e
}

// addFolder adds the folder host as guest, with all that is in it.
func (c *collector) addFolder(f File, host, guest string, info fs.FileInfo, perm func(fs.FileMode) fs.FileMode) error {
	if guest != "/" {
		if err := c.addHost(f, host, guest, info, perm); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(host)
	if err != nil {
		return fmt.Errorf("%s: %w", Clip(f.From), readError(err))
	}
	keep := func(mode fs.FileMode) fs.FileMode { return mode }
	for _, e := range entries {
		inHost, inGuest := filepath.Join(host, e.Name()), path.Join(guest, e.Name())
		info, err := e.Info()
		if err != nil {
			return fmt.Errorf("%s: %w", Clip(f.From), readError(err))
		}
		if err := checkGuestPath(inGuest); err != nil && !emptyPlace(inGuest, info) {
			return fmt.Errorf("%s: %s: %w", Clip(f.From), Clip(inHost), err)
		}
		add := c.addHost
		if info.IsDir() {
			add = c.addFolder
		}
		if err := add(f, inHost, inGuest, info, keep); err != nil {
			return err
		}
	}
	return nil
}

// emptyPlace reports whether guest is a folder that the boot mounts on: a root
// file system has them.
func emptyPlace(guest string, info fs.FileInfo) bool {
	return info.IsDir() && slices.Contains([]string{"/dev", "/proc", "/run", "/sys"}, guest)
}

// addHost adds what is at host as guest, without what is in it.
func (c *collector) addHost(f File, host, guest string, info fs.FileInfo, perm func(fs.FileMode) fs.FileMode) error {
	if err := checkHost(host, info); err != nil {
		return fmt.Errorf("%s: %w", Clip(f.From), err)
	}
	own := hostInfoOf(info)
	e := Entry{
		Path: strings.TrimPrefix(guest, "/"), Mode: info.Mode()&fs.ModeType | perm(f.hostBits(info.Mode())),
		Source: f.source(host), Reason: Clip(f.From), brings: !f.AsIs, runs: f.Runs,
	}
	switch {
	case f.KeepOwner:
		e.UID, e.GID = own.uid, own.gid
	case f.Owner != nil:
		e.UID, e.GID = f.Owner.UID, f.Owner.GID
	}
	switch {
	case info.IsDir():
		if f.Mode == nil || host != f.Host {
			e.claim = yields
		}
	case info.Mode()&fs.ModeSymlink != 0:
		e.Mode = fs.ModeSymlink | 0o777
		target, err := os.Readlink(host)
		if err != nil {
			return fmt.Errorf("%s: %w", Clip(f.From), readError(err))
		}
		e.Target = target
	case info.Mode()&fs.ModeDevice != 0:
		e.Major, e.Minor = own.major, own.minor
	case info.Mode().IsRegular():
		e.Content = HostFile(host)
		c.link(&e, own)
	}
	return c.t.Add(e)
}

// source names what is at host, in the folder that was asked for, by its name
// from that on: where the folder is says nothing of the image.
func (f File) source(host string) string {
	base := filepath.Base(filepath.Clean(f.Host))
	rel, err := filepath.Rel(f.Host, host)
	if err != nil {
		return base
	}
	return filepath.Join(base, rel)
}

// hostBits returns what of a host's permission bits is kept. Setuid and setgid
// would give the power of the new owner, root.
func (f File) hostBits(mode fs.FileMode) fs.FileMode {
	kept := mode & (fs.ModePerm | fs.ModeSticky)
	if f.KeepOwner {
		kept |= mode & (fs.ModeSetuid | fs.ModeSetgid)
	}
	return kept
}

// link makes e a further name of the file that was added with the same inode.
func (c *collector) link(e *Entry, own hostInfo) {
	if own.links < 2 {
		return
	}
	s := sharing{own.inode, e.Mode, e.UID, e.GID}
	if first, ok := c.first[s]; ok {
		e.LinkTo, e.Content = first, nil
		return
	}
	c.first[s] = e.Path
}

// checkLinks refuses hard links to what is not a regular file of the image, and
// gives each the mode and owner of that file. A link to a link becomes one to
// the file itself.
func (t *Tree) checkLinks() error {
	for _, e := range t.Entries() {
		if e.LinkTo == "" {
			continue
		}
		to, err := t.linked(e)
		if err != nil {
			return err
		}
		e.LinkTo, e.Mode, e.UID, e.GID = to.Path, to.Mode, to.UID, to.GID
		t.entries[e.Path] = e
	}
	return nil
}

// linked returns the file that e is a further name of.
func (t *Tree) linked(e Entry) (Entry, error) {
	to := e
	for range maxLinks {
		next, ok := t.entries[to.LinkTo]
		switch {
		case !ok:
			return Entry{}, fmt.Errorf("%s: hard link to /%s, which is not in the image%s", e.Reason, Clip(to.LinkTo), nearest.Hint(to.LinkTo, t.paths()))
		case !next.Mode.IsRegular():
			return Entry{}, fmt.Errorf("%s: hard link to /%s, which is a %s (%s); give a file", e.Reason, Clip(to.LinkTo), hostfile.Kind(next.Mode), next.Reason)
		case next.LinkTo == "":
			return next, nil
		}
		to = next
	}
	return Entry{}, fmt.Errorf("%s: /%s is a hard link that leads back to itself; give the path of a file", e.Reason, Clip(e.Path))
}

// paths returns the paths of all entries, sorted.
func (t *Tree) paths() []string {
	list := make([]string, 0, len(t.entries))
	for _, e := range t.Entries() {
		list = append(list, e.Path)
	}
	return list
}
