package inspect

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/manifest"
)

// maxNamed bounds the paths that a sentence about a file names.
const maxNamed = 10

// Why is why a file is in an image.
type Why struct {
	File     File     `json:"file"`
	Manifest bool     `json:"manifest"` // whether the image has one that lists the file
	Reason   string   `json:"reason,omitempty"`
	Source   string   `json:"source,omitempty"`
	Also     []string `json:"also,omitempty"`
	// NeededBy are the files that the manifest says it is there for, and those
	// that these are there for, each once.
	NeededBy []Need `json:"neededBy,omitempty"`
	// Facts are sentences about its place among the others, whoever made the
	// image.
	Facts []string `json:"facts,omitempty"`
}

// Need is a file that another is there for.
type Need struct {
	Path   string `json:"path"`
	For    string `json:"for"` // the file that it needs
	Reason string `json:"reason,omitempty"`
	Depth  int    `json:"depth"` // 1 for what needs the file itself
}

// Why tells why the file at a path, links not followed, is in the image.
func (im *Image) Why(name string) (*Why, error) {
	f, err := im.Lstat(name)
	if err != nil {
		return nil, err
	}
	m, err := im.Manifest()
	if err != nil {
		return nil, err
	}
	w := &Why{File: f}
	files := im.Files()
	if i := slices.IndexFunc(files, func(g File) bool { return g.node == f.node && samePath(g, f) }); i >= 0 {
		w.File = files[i]
	}
	if m != nil {
		w.fromManifest(m)
	}
	for _, facts := range [][]string{
		im.historyFacts(w.File), folderFacts(w.File, files), im.linkFacts(w.File, files), initFacts(w.File),
	} {
		w.Facts = append(w.Facts, facts...)
	}
	needs, err := im.needFacts(w.File, files)
	w.Facts = append(w.Facts, needs...)
	return w, err
}

// samePath prefers, among the names of one file, the one that was asked for.
func samePath(have, asked File) bool {
	return have.Links == 1 || have.Type == manifest.Directory || path.Base(have.Path) == path.Base(asked.Path)
}

func (w *Why) fromManifest(m *manifest.Manifest) {
	byPath := make(map[string]*manifest.File, len(m.Files))
	for i := range m.Files {
		byPath[m.Files[i].Path] = &m.Files[i]
	}
	own := byPath[w.File.Path]
	if own == nil {
		return
	}
	w.Manifest, w.Reason, w.Source, w.Also = true, own.Reason, own.Source, own.Also
	seen := map[string]bool{w.File.Path: true}
	var add func(f *manifest.File, depth int)
	add = func(f *manifest.File, depth int) {
		for _, by := range f.NeededBy {
			by = strings.TrimPrefix(by, "/")
			if seen[by] {
				continue
			}
			seen[by] = true
			need := Need{Path: by, For: f.Path, Depth: depth}
			upper := byPath[by]
			if upper != nil {
				need.Reason = upper.Reason
			}
			w.NeededBy = append(w.NeededBy, need)
			if upper != nil && depth < maxDepth {
				add(upper, depth+1)
			}
		}
	}
	add(own, 1)
}

// maxDepth bounds the chain of needs that is shown.
const maxDepth = 100

// historyFacts tell of entries that a later one took the place of.
func (im *Image) historyFacts(f File) []string {
	if f.Type == manifest.Directory {
		return nil
	}
	dropped := make(map[int]bool)
	for _, d := range im.Dropped {
		dropped[d.Entry] = true
	}
	var of []int // archives
	for i := range im.Entries {
		e := &im.Entries[i]
		if !dropped[i] && strings.Join(split(e.Name), "/") == f.Path {
			of = append(of, e.Archive)
		}
	}
	var facts []string
	for _, archive := range of[:max(0, len(of)-1)] {
		facts = append(facts, fmt.Sprintf("archive %d has it too; the entry in archive %d counts", archive, of[len(of)-1]))
	}
	return facts[:min(len(facts), maxNamed)]
}

func folderFacts(f File, files []File) []string {
	if f.Type != manifest.Directory {
		return nil
	}
	prefix := f.Path + "/"
	if f.Path == "." {
		prefix = ""
	}
	var below []string
	for _, g := range files {
		if strings.HasPrefix(g.Path, prefix) && g.Path != "." {
			below = append(below, g.Path)
		}
	}
	if len(below) == 0 {
		return []string{"it is an empty folder"}
	}
	return []string{"it is a folder of " + names(below)}
}

// linkFacts tell which names and links lead to the file.
func (im *Image) linkFacts(f File, files []File) []string {
	var hard, soft []string
	for _, g := range files {
		switch {
		case g.Path == f.Path:
		case g.node == f.node && g.Type != manifest.Directory:
			hard = append(hard, g.Path)
		case g.Type == manifest.Symlink && im.leadsTo(g, f.node):
			soft = append(soft, g.Path)
		}
	}
	var facts []string
	if f.Type == manifest.Symlink {
		facts = append(facts, im.targetFact(f))
	}
	if len(hard) > 0 {
		facts = append(facts, "the same file has the names "+names(hard))
	}
	if len(soft) > 0 {
		facts = append(facts, "symbolic links lead to it: "+names(soft))
	}
	return facts
}

// leadsTo reports whether the last step of a link is n.
func (im *Image) leadsTo(link File, n *node) bool {
	target := link.Target
	if !strings.HasPrefix(target, "/") {
		target = path.Dir(link.Path) + "/" + target
	}
	p, reason := im.tree.place(target)
	return reason == "" && p.node() == n
}

func (im *Image) targetFact(f File) string {
	if n := im.tree.lookup(f.Path); n == nil {
		return fmt.Sprintf("it is a symbolic link to %s, which is not in the image", Quote(f.Target))
	}
	return "it is a symbolic link to " + Quote(f.Target)
}

func initFacts(f File) []string {
	if f.Path == "init" {
		return []string{"the kernel starts it as the first process"}
	}
	return nil
}

// names lists a few paths, and how many more there are.
func names(paths []string) string {
	var quoted []string
	for _, p := range paths[:min(len(paths), maxNamed)] {
		quoted = append(quoted, "/"+Quote(p))
	}
	text := strings.Join(quoted, ", ")
	if more := len(paths) - maxNamed; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
