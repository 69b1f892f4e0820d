package inspect

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/kguest/kguest/initramfs/inspect"
	"github.com/kguest/kguest/initramfs/manifest"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

type ls struct{ long, json, all bool }

func lsVerb() verb.Verb {
	return verb.Verb{
		Name: "ls", Line: "lists the files of an image", Usage: []string{"[-l] [-all] [-json] IMAGE [GLOB...]"},
		About: `Ls lists the files that the guest would see: where an archive replaces a file of an earlier one, the later.
` + reads + `

A GLOB with a slash is matched with paths from the root, one without with base names; ? * and [...] are special,
* does not match a slash, and what is in a folder that matches is listed too.`,
		Notes: `Characters that do not print, and backslashes, are escaped in names. A pattern that matches nothing is an error.`,
		Examples: []string{
			"ls initramfs.cpio",
			"ls -l /boot/initrd.img '*.ko*' /etc",
		},
		Define: func(f *verb.Flags) verb.Run {
			l := new(ls)
			f.Bool(&l.long, "l", "Show mode, links, owner, size, time and link target; for a device its numbers.")
			f.Bool(&l.all, "all", "List the entries of all archives in the order of the file, those too that are replaced or that the kernel drops.")
			f.Bool(&l.json, "json", "Print a JSON list.")
			return l.run
		},
	}
}

func (l *ls) run(ctx context.Context, s verb.Streams, args verb.Args) error {
	im, patterns, err := open(ctx, args)
	if err != nil {
		return err
	}
	defer im.Close()
	g, err := globs(patterns)
	if err != nil {
		return err
	}
	files := im.Files()
	if l.all {
		files = im.EntryFiles()
	} else {
		warnDropped(s, im)
	}
	if err := unmatched(im, g, files); err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f inspect.File) bool { return !g.Match(f.Path) })
	if l.json {
		return writeJSON(s.Stdout, files)
	}
	return l.print(s.Stdout, files)
}

func (l *ls) print(w io.Writer, files []inspect.File) error {
	b := bufio.NewWriter(w)
	for _, f := range files {
		if l.long {
			fmt.Fprintln(b, longLine(f))
		} else {
			fmt.Fprintln(b, inspect.Quote(f.Path))
		}
	}
	return b.Flush()
}

// longLine is a line as of ls -ln.
func longLine(f inspect.File) string {
	size := strconv.FormatInt(f.Size, 10)
	if f.Type == manifest.Char || f.Type == manifest.Block {
		size = fmt.Sprintf("%d, %d", f.Major, f.Minor)
	}
	t := time.Unix(f.ModTime, 0).UTC().Format("2006-01-02 15:04")
	line := fmt.Sprintf("%s %3d %5d %5d %10s %s %s", modeString(f), f.Links, f.UID, f.GID, size, t, inspect.Quote(f.Path))
	if f.Target != "" {
		line += " -> " + inspect.Quote(f.Target)
	}
	return line
}

// modeString is type and permissions as ls(1) writes them.
func modeString(f inspect.File) string {
	types := map[manifest.Type]byte{
		manifest.Regular: '-', manifest.Directory: 'd', manifest.Symlink: 'l', manifest.Char: 'c',
		manifest.Block: 'b', manifest.FIFO: 'p', manifest.Socket: 's',
	}
	out := []byte("?rwxrwxrwx")
	if c, ok := types[f.Type]; ok {
		out[0] = c
	}
	for i := range 9 {
		if f.Mode>>(8-i)&1 == 0 {
			out[1+i] = '-'
		}
	}
	special := []struct {
		bit     manifest.Perm
		at      int
		on, off byte
	}{{0o4000, 3, 's', 'S'}, {0o2000, 6, 's', 'S'}, {0o1000, 9, 't', 'T'}}
	for _, x := range special {
		switch {
		case f.Mode&x.bit == 0:
		case out[x.at] == 'x':
			out[x.at] = x.on
		default:
			out[x.at] = x.off
		}
	}
	return string(out)
}
