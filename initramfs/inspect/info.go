package inspect

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/inspect/archive"
	"github.com/kguest/kguest/initramfs/manifest"
)

// pageSize is the guest's, in bytes: of amd64, riscv64, and arm64 as it is
// mostly built.
const pageSize = 4096

// largestFiles is how many of the largest files Info has.
const largestFiles = 10

// Info is what an image is, in numbers.
type Info struct {
	Image    string    `json:"image"`
	Size     int64     `json:"size"`    // of the file, in bytes
	RawSize  int64     `json:"rawSize"` // of all archives, unpacked
	Builder  string    `json:"builder,omitempty"`
	Evidence string    `json:"evidence,omitempty"` // what tells the builder
	Arch     string    `json:"arch,omitempty"`     // GOARCH of what /init leads to
	Init     []string  `json:"init,omitempty"`     // /init and what it leads to, links and interpreters
	Kernels  []string  `json:"kernels,omitempty"`  // releases that there are modules for
	Segments []Segment `json:"segments"`
	Counts   Counts    `json:"counts"`
	Content  int64     `json:"content"` // bytes of all regular files, each once
	// Memory is what the files hold in the guest: their contents in whole
	// pages. Peak is that and the image itself, which the kernel frees when it
	// is unpacked.
	Memory   int64     `json:"memory"`
	Peak     int64     `json:"peak"`
	Commands []string  `json:"commands,omitempty"`
	Largest  []Sized   `json:"largest,omitempty"`
	Dropped  []Dropped `json:"dropped,omitempty"`
}

// Segment is archive.Segment for people and JSON.
type Segment struct {
	Section     string `json:"section,omitempty"`
	Offset      int64  `json:"offset"`
	Size        int64  `json:"size"`
	RawSize     int64  `json:"rawSize"`
	Compression string `json:"compression"`
	Format      string `json:"format"`
	Archives    int    `json:"archives"`
	Entries     int    `json:"entries"`
	Note        string `json:"note,omitempty"` // what the kernel makes of it, where that is a surprise
}

// Counts are numbers of paths by type.
type Counts struct {
	Files     int `json:"files"` // names of regular files
	HardLinks int `json:"hardLinks"`
	Dirs      int `json:"dirs"`
	Symlinks  int `json:"symlinks"`
	Devices   int `json:"devices"`
	Others    int `json:"others"` // FIFOs and sockets
	Modules   int `json:"modules"`
	Firmware  int `json:"firmware"`
}

// Sized is a path and the bytes of its content.
type Sized struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// Dropped is an entry that the kernel passes over.
type Dropped struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Info tells what the image is. It reads no bodies but those of the manifest
// and of what /init leads to.
func (im *Image) Info() (*Info, error) {
	i := &Info{Image: im.Name, Size: im.Size, Segments: im.segmentInfo()}
	for _, s := range i.Segments {
		i.RawSize += s.RawSize
	}
	files := im.Files()
	i.count(files)
	i.Peak = i.Memory + i.Size
	i.Kernels = kernels(files)
	i.Commands = im.commands(files)
	for _, d := range im.Dropped {
		i.Dropped = append(i.Dropped, Dropped{im.Entries[d.Entry].Name, d.Reason})
	}
	var err error
	if i.Init, i.Arch, err = im.initProgram(); err != nil {
		return nil, err
	}
	i.Builder, i.Evidence = im.builder()
	return i, nil
}

func (im *Image) segmentInfo() []Segment {
	var list []Segment
	for _, s := range im.Segments {
		info := Segment{
			Section: s.Section, Offset: s.Offset, Size: s.Size, RawSize: s.RawSize, Compression: string(s.Compression),
			Format: string(s.Format), Archives: s.Archives, Entries: s.Entries,
		}
		switch {
		case s.Compression == archive.LZ4:
			info.Note = "the kernel cannot unpack this frame of lz4; make it with lz4 -l"
		case s.Archives == 0:
			info.Note = "the archive has no trailer"
		}
		list = append(list, info)
	}
	return list
}

// count fills in the counts and sums.
func (i *Info) count(files []File) {
	seen := make(map[*node]bool)
	for _, f := range files {
		i.Counts.add(f)
		if f.Type != manifest.Regular {
			continue
		}
		if seen[f.node] {
			i.Counts.HardLinks++
			continue
		}
		seen[f.node] = true
		i.Content += f.Size
		i.Memory += (f.Size + pageSize - 1) / pageSize * pageSize
		if f.Size > 0 {
			i.Largest = append(i.Largest, Sized{f.Path, f.Size})
		}
	}
	slices.SortStableFunc(i.Largest, func(a, b Sized) int { return cmp.Compare(b.Size, a.Size) })
	i.Largest = slices.Clip(i.Largest[:min(len(i.Largest), largestFiles)])
}

func (c *Counts) add(f File) {
	switch f.Type {
	case manifest.Regular:
		c.Files++
		switch {
		case isModule(f.Path):
			c.Modules++
		case strings.Contains("/"+f.Path, "/lib/firmware/"):
			c.Firmware++
		}
	case manifest.Directory:
		c.Dirs++
	case manifest.Symlink:
		c.Symlinks++
	case manifest.Char, manifest.Block:
		c.Devices++
	default:
		c.Others++
	}
}

// isModule reports whether a path is that of a kernel module, packed or not.
func isModule(name string) bool {
	base := path.Base(name)
	for _, suffix := range []string{".gz", ".xz", ".zst", ""} {
		if strings.HasSuffix(strings.TrimSuffix(base, suffix), ".ko") {
			return true
		}
	}
	return false
}

// modulesDir returns the folder lib/modules/RELEASE, or below usr, that name
// is in, and the release.
func modulesDir(name string) (dir, release string, ok bool) {
	for _, root := range []string{"lib/modules/", "usr/lib/modules/"} {
		if rest, found := strings.CutPrefix(name, root); found {
			release, below, _ := strings.Cut(rest, "/")
			return root + release, release, below != ""
		}
	}
	return "", "", false
}

func kernels(files []File) []string {
	var list []string
	for _, f := range files {
		if _, release, ok := modulesDir(f.Path); ok && !slices.Contains(list, release) {
			list = append(list, release)
		}
	}
	slices.Sort(list)
	return list
}

// commandDirs are where shells look.
var commandDirs = []string{"bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin", "bbin", "ubin"}

// multicalls are the programs that links of other names lead to.
var multicalls = []string{"bbin/bb", "bbin/kguest"}

// commands returns the names of what a shell could run.
func (im *Image) commands(files []File) []string {
	var list []string
	for _, f := range files {
		if !slices.Contains(commandDirs, path.Dir(f.Path)) || slices.Contains(multicalls, f.Path) {
			continue
		}
		if n := im.tree.lookup(f.Path); n != nil && n.typ() == archive.TypeReg && n.mode&0o111 != 0 {
			list = append(list, path.Base(f.Path))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
