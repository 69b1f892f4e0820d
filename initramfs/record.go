package initramfs

import (
	"bytes"
	"cmp"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/manifest"
)

// record is the manifest of an image.
type record struct {
	builder string // name and version
	arch    string
	kernel  string // release; empty without modules
	notes   *strings.Replacer
}

// record returns what the manifest of s's image says besides its files.
func (s *Spec) record(version string) *record {
	r := &record{builder: strings.TrimSpace("kguest " + version), arch: s.Arch, notes: s.notes()}
	if abs, err := filepath.Abs(s.ModulesDir); err == nil && s.ModulesDir != "" {
		r.kernel = filepath.Base(abs)
	}
	return r
}

// notes replaces what was asked, in a reason, by what Notes has for it. Of two
// where one begins with the other the longer counts.
func (s *Spec) notes() *strings.Replacer {
	asked := slices.SortedFunc(maps.Keys(s.Notes), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
	})
	var pairs []string
	for _, from := range asked {
		pairs = append(pairs, Clip(from), Clip(s.Notes[from]))
	}
	return strings.NewReplacer(pairs...)
}

// node returns the manifest of l as a file.
func (r *record) node(l *layout) (*node, error) {
	m := &manifest.Manifest{Format: manifest.Format, Builder: r.builder, Arch: r.arch, Kernel: r.kernel}
	for _, n := range l.nodes {
		for _, name := range n.names {
			f := file(n, l.entries[name], name)
			f.Reason = r.notes.Replace(f.Reason)
			m.Files = append(m.Files, f)
		}
	}
	slices.SortFunc(m.Files, func(a, b manifest.File) int { return strings.Compare(a.Path, b.Path) })
	var b bytes.Buffer
	if err := manifest.Write(&b, m); err != nil {
		return nil, err
	}
	e := Entry{Path: manifest.Path, Mode: 0o644, Content: Bytes(b.Bytes()), Reason: "the list of the image's files"}
	return &node{Entry: e, names: []string{e.Path}, size: int64(b.Len())}, nil
}

// unknownSum stands for the digest of a file before it is written, so that the
// manifest has its size.
var unknownSum = strings.Repeat("0", 64)

// file returns what the manifest says of n under that name, which is there as
// why says.
func file(n *node, why Entry, name string) manifest.File {
	f := manifest.File{
		Path: name, Type: manifestType(n.Mode), Mode: manifest.Perm(bits(n.Mode)), UID: n.UID, GID: n.GID,
		Target: n.Target, Major: n.Major, Minor: n.Minor,
		Source: why.Source, Reason: why.Reason, NeededBy: why.NeededBy,
	}
	if n.Mode.IsRegular() {
		f.Size, f.SHA256 = n.size, n.sha256
		if f.SHA256 == "" {
			f.SHA256 = unknownSum
		}
	}
	return f
}

func manifestType(mode fs.FileMode) manifest.Type {
	switch {
	case mode.IsDir():
		return manifest.Directory
	case mode&fs.ModeSymlink != 0:
		return manifest.Symlink
	case mode&fs.ModeCharDevice != 0:
		return manifest.Char
	case mode&fs.ModeDevice != 0:
		return manifest.Block
	case mode&fs.ModeNamedPipe != 0:
		return manifest.FIFO
	}
	return manifest.Regular
}
