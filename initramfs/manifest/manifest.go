// Package manifest is the list that an image carries of its own files: what
// each is, where it came from and why it is there. It is JSON, one file to a
// line.
package manifest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
)

const (
	// Path is the manifest's own, in the image. It does not list itself.
	Path = "etc/kguest/manifest.json"
	// Format is the version of the format that Write writes.
	Format = 1
	// MaxSize bounds what Read takes, in bytes; 100,000 files need about 30 MB.
	MaxSize = 64 << 20
)

// Manifest is what an image says of itself.
type Manifest struct {
	Format  int    `json:"format"`
	Builder string `json:"builder"`          // program and version: "kguest v1.0.0"
	Arch    string `json:"arch"`             // GOARCH of the guest
	Kernel  string `json:"kernel,omitempty"` // release whose modules are in the image, uname -r
	Files   []File `json:"files"`            // in the order of their paths
}

// Type is what a file is.
type Type string

// The types of a file.
const (
	Regular   Type = "file"
	Directory Type = "dir"
	Symlink   Type = "symlink"
	Char      Type = "char"
	Block     Type = "block"
	FIFO      Type = "fifo"
	Socket    Type = "socket"
)

// Perm is the setuid, setgid, sticky and permission bits of stat(2); in JSON a
// string of octal digits.
type Perm uint32

// MarshalText implements encoding.TextMarshaler.
func (p Perm) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%04o", uint32(p)), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Perm) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 8, 32)
	if err != nil || n > 0o7777 {
		return fmt.Errorf("mode %.40q: want octal digits, at most 7777", text)
	}
	*p = Perm(n)
	return nil
}

// File is one path of the image. The names of a hard-linked file have a File
// each, with the same content.
type File struct {
	Path     string   `json:"path"` // slash-separated, from the root, without a leading slash
	Type     Type     `json:"type"`
	Mode     Perm     `json:"mode"`
	UID      uint32   `json:"uid,omitempty"`
	GID      uint32   `json:"gid,omitempty"`
	Size     int64    `json:"size,omitempty"`     // of a regular file, in bytes
	SHA256   string   `json:"sha256,omitempty"`   // of a regular file's content, in hexadecimal
	Target   string   `json:"target,omitempty"`   // of a symbolic link
	Major    uint32   `json:"major,omitempty"`    // of a device node
	Minor    uint32   `json:"minor,omitempty"`    // of a device node
	Source   string   `json:"source,omitempty"`   // where the content came from: a path of the host, an import path
	Reason   string   `json:"reason"`             // who asked for it first: "-file a:/b", "-vmm qemu"
	Also     []string `json:"also,omitempty"`     // who else asked for it
	NeededBy []string `json:"neededBy,omitempty"` // paths of the image's files that it is there for
}

// Lookup returns the file at path, nil for none.
func (m *Manifest) Lookup(path string) *File {
	for i := range m.Files {
		if m.Files[i].Path == path {
			return &m.Files[i]
		}
	}
	return nil
}

// Write writes m; equal manifests give equal bytes.
func Write(w io.Writer, m *Manifest) error {
	head := *m
	head.Files = []File{}
	b, err := encode(head)
	if err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	var out bytes.Buffer
	out.Write(bytes.TrimSuffix(b, []byte("]}")))
	for i, f := range m.Files {
		line, err := encode(f)
		if err != nil {
			return fmt.Errorf("write manifest: %s: %w", f.Path, err)
		}
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteByte('\n')
		out.Write(line)
	}
	out.WriteString("\n]}\n")
	if _, err := out.WriteTo(w); err != nil {
		return fmt.Errorf("write manifest: %w", err)
	}
	return nil
}

// encode leaves <, > and & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Read reads a manifest and checks it: its format, and that each file has a
// clean path of its own, a known type and a digest of the right length. Fields
// that it does not know are passed over.
func Read(r io.Reader) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("read manifest: more than %d bytes", MaxSize)
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	return m, nil
}

func (m *Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("format %d; this program knows %d", m.Format, Format)
	}
	seen := make(map[string]bool, len(m.Files))
	for i, f := range m.Files {
		if !fs.ValidPath(f.Path) || f.Path == "." {
			return fmt.Errorf("files[%d]: path %.100q is not a clean path from the root", i, f.Path)
		}
		if seen[f.Path] {
			return fmt.Errorf("files[%d]: path %.100q is there twice", i, f.Path)
		}
		seen[f.Path] = true
		if err := f.check(); err != nil {
			return fmt.Errorf("files[%d] (%.100q): %w", i, f.Path, err)
		}
	}
	return nil
}

func (f *File) check() error {
	switch f.Type {
	case Regular, Directory, Symlink, Char, Block, FIFO, Socket:
	default:
		return fmt.Errorf("unknown type %.40q", f.Type)
	}
	if f.Size < 0 {
		return fmt.Errorf("size %d", f.Size)
	}
	if f.SHA256 == "" {
		return nil
	}
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != 32 {
		return errors.New("sha256 is not 64 hexadecimal digits")
	}
	return nil
}
