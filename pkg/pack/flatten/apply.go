package flatten

import (
	"errors"
	"fmt"
	"strings"
)

// maxLinks is how many symbolic links may be on one path, as in Linux.
const maxLinks = 40

// level applies one layer to the tree of those below.
type level struct {
	root  *Node
	layer int
	// replaced has the paths that the layer lists as a directory or hides:
	// what the lower layers have there is no way to go.
	replaced map[string]bool
}

func newLevel(root *Node, layer int, entries []entry) *level {
	l := &level{root: root, layer: layer, replaced: map[string]bool{}}
	for _, e := range entries {
		if e.action == hide || e.action == add && e.inode.Kind == Directory {
			l.replaced[strings.Join(e.path, "/")] = true
		}
	}
	return l
}

// apply adds what the layer has, and then takes away what it hides, of the
// layers below only.
func (l *level) apply(entries []entry) error {
	for _, e := range entries {
		if err := l.addEntry(e); err != nil {
			return fmt.Errorf("entry %s: %w", quote(strings.Join(e.path, "/")), err)
		}
	}
	for _, e := range entries {
		l.hideEntry(e)
	}
	return nil
}

func (l *level) addEntry(e entry) error {
	switch e.action {
	case add:
		return l.add(e.path, e.inode)
	case link:
		return l.link(e.path, e.target)
	default:
		return nil
	}
}

// hideEntry does what a whiteout asks for; what is not there is hidden already.
func (l *level) hideEntry(e entry) {
	switch e.action {
	case hide:
		last := len(e.path) - 1
		if dir := l.find(e.path[:last]); dir != nil {
			l.hide(dir, e.path[last])
		}
	case opaque:
		if dir := l.find(e.path); dir != nil {
			for name := range dir.children {
				l.hide(dir, name)
			}
		}
	default:
	}
}

// add makes a file, in the place of what is there. A directory keeps what is
// in it.
func (l *level) add(path []string, ino *Inode) error {
	if len(path) == 0 {
		l.root.Inode, l.root.layer = ino, l.layer
		return nil
	}
	dir, err := l.parent(path)
	if err != nil {
		return err
	}
	name := path[len(path)-1]
	if old := dir.children[name]; old != nil && old.isDir() && ino.Kind == Directory {
		old.Inode, old.layer = ino, l.layer
		return nil
	}
	return l.put(dir, name, ino)
}

func (l *level) link(path, target []string) error {
	there := quote(strings.Join(target, "/"))
	dir := l.find(target[:len(target)-1])
	if dir == nil || dir.children[target[len(target)-1]] == nil {
		return fmt.Errorf("hard link to %s, which is not there", there)
	}
	node := dir.children[target[len(target)-1]]
	if node.isDir() {
		return fmt.Errorf("hard link to %s, which is a directory", there)
	}
	parent, err := l.parent(path)
	if err != nil {
		return err
	}
	return l.put(parent, path[len(path)-1], node.Inode)
}

func (l *level) put(dir *Node, name string, ino *Inode) error {
	if n := dir.pathLen + 1 + len(name); n > maxPath+1 {
		return fmt.Errorf("path has %d bytes, more than %d, when its links are followed", n-1, maxPath)
	}
	dir.put(&Node{Name: name, Inode: ino, layer: l.layer})
	return nil
}

// hide removes an entry of dir, but for what this layer has in it.
func (l *level) hide(dir *Node, name string) {
	node := dir.children[name]
	if node == nil {
		return
	}
	for child := range node.children {
		l.hide(node, child)
	}
	switch {
	case node.layer == l.layer:
	case len(node.children) > 0:
		node.Inode, node.layer = impliedDir(), l.layer
	default:
		delete(dir.children, name)
	}
}

// parent returns the directory that path is in, and makes it where it is
// missing.
func (l *level) parent(path []string) (*Node, error) {
	w := walker{level: l, stack: []*Node{l.root}, make: true}
	return w.walk(path[:len(path)-1])
}

// find returns the directory at path, or nil.
func (l *level) find(path []string) *Node {
	w := walker{level: l, stack: []*Node{l.root}}
	dir, err := w.walk(path)
	if err != nil {
		return nil
	}
	return dir
}

// walker resolves paths as chroot(2) would have them: a link leads nowhere out
// of the tree.
type walker struct {
	*level
	stack []*Node // directories from the root
	names []string
	links int
	make  bool
}

var errNotThere = errors.New("is not there")

// walk goes from where it is along path and returns the last directory.
func (w *walker) walk(path []string) (*Node, error) {
	for _, name := range path {
		if err := w.step(name); err != nil {
			return nil, err
		}
	}
	return w.stack[len(w.stack)-1], nil
}

func (w *walker) step(name string) error {
	switch name {
	case "", ".":
		return nil
	case "..":
		if len(w.names) > 0 {
			w.stack, w.names = w.stack[:len(w.names)], w.names[:len(w.names)-1]
		}
		return nil
	}
	dir := w.stack[len(w.stack)-1]
	node := dir.children[name]
	path := strings.Join(append(w.names, name), "/")
	switch {
	case node != nil && node.isDir():
	case node != nil && node.Inode.Kind == Symlink && (node.layer == w.layer || !w.replaced[path]):
		return w.follow(node.Inode.Target, path)
	case !w.make:
		return errNotThere
	case node != nil && node.layer == w.layer:
		return fmt.Errorf("is below %s, which is not a directory", quote(path))
	default:
		if err := w.put(dir, name, impliedDir()); err != nil {
			return err
		}
		node = dir.children[name]
	}
	w.stack, w.names = append(w.stack, node), append(w.names, name)
	return nil
}

func (w *walker) follow(target, path string) error {
	if w.links++; w.links > maxLinks {
		return fmt.Errorf("goes through %s, a symbolic link that leads back to itself", quote(path))
	}
	if strings.HasPrefix(target, "/") {
		w.stack, w.names = w.stack[:1], nil
	}
	_, err := w.walk(strings.Split(target, "/"))
	return err
}
