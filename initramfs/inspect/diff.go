package inspect

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"

	"github.com/kguest/kguest/initramfs/manifest"
)

// Change is what is different of one path in two images.
type Change struct {
	Path   string      `json:"path"`
	Kind   ChangeKind  `json:"kind"`
	Before *File       `json:"before,omitempty"` // nil where it is added
	After  *File       `json:"after,omitempty"`  // nil where it is removed
	Fields []FieldDiff `json:"fields,omitempty"` // of what is changed
}

// ChangeKind is the kind of a Change.
type ChangeKind string

// The kinds of a Change.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// FieldDiff is one thing that is different of a file.
type FieldDiff struct {
	Field  string `json:"field"` // type, mode, owner, size, sha256, target, device, links
	Before string `json:"before"`
	After  string `json:"after"`
}

// Diff returns what is different between two images, in the order of paths.
// Times are not compared, nor which archive a file comes from.
func Diff(before, after *Image) ([]Change, error) {
	a, b := byPath(before.Files()), byPath(after.Files())
	var changes []Change
	var same []pair // regular files of one size
	for name, old := range a {
		now, ok := b[name]
		if !ok {
			changes = append(changes, Change{Path: name, Kind: Removed, Before: &old})
			continue
		}
		if fields := compare(old, now); len(fields) > 0 {
			changes = append(changes, Change{Path: name, Kind: Changed, Before: &old, After: &now, Fields: fields})
		}
		if old.Type == manifest.Regular && now.Type == manifest.Regular {
			same = append(same, pair{old, now})
		}
	}
	for name, now := range b {
		if _, ok := a[name]; !ok {
			changes = append(changes, Change{Path: name, Kind: Added, After: &now})
		}
	}
	changes, err := compareContents(before, after, same, changes)
	slices.SortFunc(changes, func(x, y Change) int { return cmp.Compare(x.Path, y.Path) })
	return changes, err
}

func byPath(files []File) map[string]File {
	m := make(map[string]File, len(files))
	for _, f := range files {
		m[f.Path] = f
	}
	return m
}

// compare compares all but contents.
func compare(a, b File) []FieldDiff {
	size := func(f File) string {
		if f.Type != manifest.Regular {
			return ""
		}
		return fmt.Sprint(f.Size)
	}
	fields := []FieldDiff{
		{"type", string(a.Type), string(b.Type)},
		{"mode", fmt.Sprintf("%04o", a.Mode), fmt.Sprintf("%04o", b.Mode)},
		{"owner", fmt.Sprintf("%d:%d", a.UID, a.GID), fmt.Sprintf("%d:%d", b.UID, b.GID)},
		{"size", size(a), size(b)},
		{"target", a.Target, b.Target},
		{"device", fmt.Sprintf("%d:%d", a.Major, a.Minor), fmt.Sprintf("%d:%d", b.Major, b.Minor)},
		{"links", links(a), links(b)},
	}
	return slices.DeleteFunc(fields, func(f FieldDiff) bool { return f.Before == f.After })
}

// links is the count of names of what is no folder.
func links(f File) string {
	if f.Type == manifest.Directory {
		return ""
	}
	return fmt.Sprint(f.Links)
}

type pair struct{ before, after File }

// compareContents adds the regular files whose contents differ to changes.
func compareContents(before, after *Image, pairs []pair, changes []Change) ([]Change, error) {
	var a, b []File
	for _, p := range pairs {
		a, b = append(a, p.before), append(b, p.after)
	}
	was, err := before.SHA256(a)
	if err != nil {
		return nil, err
	}
	is, err := after.SHA256(b)
	if err != nil {
		return nil, err
	}
	known := make(map[string]int)
	for i, c := range changes {
		known[c.Path] = i
	}
	for i, p := range pairs {
		if was[i] == is[i] {
			continue
		}
		at, ok := known[p.before.Path]
		if !ok {
			at = len(changes)
			changes = append(changes, Change{Path: p.before.Path, Kind: Changed, Before: &p.before, After: &p.after})
		}
		changes[at].Fields = append(changes[at].Fields, FieldDiff{"sha256", was[i], is[i]})
	}
	return changes, nil
}

// emptySHA256 is the digest of an empty file.
const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// SHA256 returns the digests of the contents of regular files, in hexadecimal.
func (im *Image) SHA256(files []File) ([]string, error) {
	sums := make(map[*node]string)
	buf := make([]byte, 64<<10)
	err := im.Contents(files, func(f File, content io.Reader) error {
		h := sha256.New()
		if _, err := io.CopyBuffer(h, content, buf); err != nil {
			return err
		}
		sums[f.node] = hex.EncodeToString(h.Sum(nil))
		return nil
	})
	if err != nil {
		return nil, err
	}
	list := make([]string, len(files))
	for i, f := range files {
		list[i] = cmp.Or(sums[f.node], emptySHA256)
	}
	return list, nil
}

// Manifest returns the image's manifest, nil where it has none.
func (im *Image) Manifest() (*manifest.Manifest, error) {
	if im.tree.lookup(manifest.Path) == nil {
		return nil, nil //nolint:nilnil // most images have none
	}
	data, err := im.ReadFile(manifest.Path, manifest.MaxSize)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Read(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %s: %w", im.Name, manifest.Path, err)
	}
	return m, nil
}
