package inspect

import (
	"fmt"
	"strings"
)

// maxLinks is how many symbolic links the kernel follows on the way to a file
// (path_resolution(7)).
const maxLinks = 40

// NAME_MAX, and PATH_MAX with its NUL, of Linux.
const (
	maxElement = 255
	maxPath    = 4095
)

// place is where a name is or would be: in a folder, or the root itself, which
// has an empty base.
type place struct {
	dir  *node
	base string
}

func (p place) node() *node {
	if p.base == "" {
		return p.dir
	}
	return p.dir.children[p.base]
}

// set puts n at p and counts the name.
func (t *tree) set(p place, n *node) {
	p.dir.children[p.base] = n
	if n.isDir() {
		n.length = p.length()
	}
	t.text += int64(p.length())
}

// length is the length of p's path from the root, in bytes.
func (p place) length() int { return p.dir.length + 1 + len(p.base) }

// clear does what clean_path of the kernel does: it removes what is at p,
// unless that is of the type to be made, and not a folder that holds
// something.
func (p place) clear(typ uint32) string {
	n := p.node()
	switch {
	case n == nil || n.typ() == typ:
		return ""
	case p.base == "":
		return "it leads to a folder above"
	case len(n.children) > 0:
		return "a folder with files is in its place"
	}
	n.links--
	delete(p.dir.children, p.base)
	return ""
}

// place finds where name leads, without following a link that is its last
// element. It says what is in the way.
func (t *tree) place(name string) (place, string) {
	w := walk{tree: t, trail: []*node{t.root}}
	p, reason := w.place(name)
	switch {
	case reason != "":
		return p, reason
	case len(p.base) > maxElement:
		return p, fmt.Sprintf("an element of %d bytes, more than %d", len(p.base), maxElement)
	case p.length() > maxPath:
		return p, fmt.Sprintf("a path of %d bytes, more than %d", p.length(), maxPath)
	}
	return p, ""
}

// walk is a walk through the tree; trail are the folders from the root to
// where it is.
type walk struct {
	tree  *tree
	trail []*node
	links int
}

func (w *walk) here() *node { return w.trail[len(w.trail)-1] }

func (w *walk) place(name string) (place, string) {
	elems := split(name)
	if strings.HasPrefix(name, "/") {
		w.trail = w.trail[:1]
	}
	for i, elem := range elems {
		last := i == len(elems)-1
		switch {
		case elem == "..":
			w.trail = w.trail[:max(1, len(w.trail)-1)]
		case last:
			return place{w.here(), elem}, ""
		default:
			if reason := w.enter(elem); reason != "" {
				return place{}, reason
			}
		}
	}
	return place{w.here(), ""}, ""
}

// split returns the elements of a path but for empty ones and dots.
func split(name string) []string {
	var elems []string
	for elem := range strings.SplitSeq(name, "/") {
		if elem != "" && elem != "." {
			elems = append(elems, elem)
		}
	}
	return elems
}

// enter goes into the folder elem of where w is, along a link too.
func (w *walk) enter(elem string) string {
	n := w.here().children[elem]
	switch {
	case n == nil:
		return fmt.Sprintf("there is no folder %q", elem)
	case n.isDir():
		w.trail = append(w.trail, n)
		return ""
	case !n.isLink():
		return fmt.Sprintf("%q is no folder", elem)
	}
	if w.links++; w.links > maxLinks {
		return fmt.Sprintf("more than %d symbolic links", maxLinks)
	}
	p, reason := w.place(n.target)
	if reason != "" {
		return reason
	}
	if p.base == "" {
		return ""
	}
	return w.enter(p.base)
}

// lookup returns the node at name, links followed, nil where there is none.
func (t *tree) lookup(name string) *node {
	w := walk{tree: t, trail: []*node{t.root}}
	for {
		p, reason := w.place(name)
		if reason != "" {
			return nil
		}
		n := p.node()
		if n == nil || !n.isLink() {
			return n
		}
		if w.links++; w.links > maxLinks || n.target == "" {
			return nil
		}
		name = n.target
	}
}
