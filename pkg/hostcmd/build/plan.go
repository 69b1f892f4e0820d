package build

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// planned is what -plan -json prints.
type planned struct {
	summary
	Memory  int64         `json:"memory"` // of the guest's, in bytes
	Bases   []plannedBase `json:"bases,omitempty"`
	Entries []plannedFile `json:"entries"`
}

type plannedBase struct {
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

type plannedFile struct {
	Path   string `json:"path"`
	Mode   string `json:"mode"` // as ls -l
	UID    uint32 `json:"uid"`
	GID    uint32 `json:"gid"`
	Bytes  int64  `json:"bytes"`
	Link   string `json:"link,omitempty"` // what a symbolic link leads to, or whose content it shares
	Reason string `json:"reason"`
}

func (a *asked) printPlan(s verb.Streams, spec *initramfs.Spec, p *initramfs.Plan) error {
	out := planned{summary: a.summary(spec, p.Report), Memory: p.Memory}
	out.Output, out.Bytes = a.out, p.Size
	for _, b := range p.Bases {
		out.Bases = append(out.Bases, plannedBase{b.Host, b.Size})
	}
	for _, e := range p.Entries {
		link := e.Target
		if e.LinkOf != "" {
			link = "/" + e.LinkOf
		}
		out.Entries = append(out.Entries, plannedFile{
			Path: "/" + e.Path, Mode: lsMode(e.Mode), UID: e.UID, GID: e.GID, Bytes: e.Size, Link: link, Reason: e.Reason,
		})
	}
	if a.asJSON {
		return printJSON(s.Stdout, out)
	}
	warn(s.Stderr, out.Warnings)
	w := bufio.NewWriter(s.Stdout)
	out.print(w)
	return w.Flush()
}

func (p planned) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, e := range p.Entries {
		name := e.Path
		if e.Link != "" {
			name += " -> " + e.Link
		}
		fmt.Fprintf(w, "%s\t%d:%d\t%d\t%s\t%s\n", e.Mode, e.UID, e.GID, e.Bytes, name, e.Reason)
	}
	_ = w.Flush() // of a buffered writer, which keeps the error
	fmt.Fprintln(out)
	for _, b := range p.Bases {
		fmt.Fprintf(out, "base:        %s, %d bytes\n", b.File, b.Bytes)
	}
	if len(p.Modules) > 0 {
		fmt.Fprintf(out, "modules:     %s (in load order)\n", strings.Join(p.Modules, " "))
	}
	if len(p.Builtin) > 0 {
		fmt.Fprintf(out, "built in:    %s\n", strings.Join(p.Builtin, " "))
	}
	if p.Signatures != "" {
		fmt.Fprintf(out, "signatures:  %s\n", p.Signatures)
	}
	fmt.Fprintf(out, "compression: %s\n", p.Compression)
	fmt.Fprintf(out, "image:       %d bytes in %d files, before compression\n", p.Bytes, len(p.Entries))
	fmt.Fprintf(out, "memory:      %d bytes of the guest's, until the boot switches to its root\n", p.Memory)
}

// lsMode is mode as ls(1) prints it.
func lsMode(mode fs.FileMode) string {
	kind := map[fs.FileMode]byte{
		0: '-', fs.ModeDir: 'd', fs.ModeSymlink: 'l', fs.ModeNamedPipe: 'p', fs.ModeSocket: 's',
		fs.ModeDevice: 'b', fs.ModeDevice | fs.ModeCharDevice: 'c',
	}[mode.Type()]
	text := []byte(mode.Perm().String())
	text[0] = kind
	for _, special := range []struct {
		bit       fs.FileMode
		at        int
		with, not byte
	}{{fs.ModeSetuid, 3, 's', 'S'}, {fs.ModeSetgid, 6, 's', 'S'}, {fs.ModeSticky, 9, 't', 'T'}} {
		switch {
		case mode&special.bit == 0:
		case text[special.at] == 'x':
			text[special.at] = special.with
		default:
			text[special.at] = special.not
		}
	}
	return string(text)
}
