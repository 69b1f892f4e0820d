package inspect

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/initramfs/inspect"
	"github.com/kguest/kguest/initramfs/manifest"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

type why struct{ json bool }

func whyVerb() verb.Verb {
	return verb.Verb{
		Name: "why", Line: "tells why files are in an image", Usage: []string{"[-json] IMAGE PATH..."},
		About: `Why prints, for each path, what the image's manifest says of it: who asked for it, where its content came from,
and the files that need it, up to one that was asked for. Of any image, with a manifest or without, it tells what the others
have to do with the file: links that lead to it, modules that need it, archives that replace it.
` + reads,
		Examples: []string{"why initramfs.cpio /lib/modules/6.1.0/kernel/net/core/failover.ko"},
		Define: func(f *verb.Flags) verb.Run {
			w := new(why)
			f.Bool(&w.json, "json", "Print a JSON list.")
			return w.run
		},
	}
}

func (w *why) run(ctx context.Context, s verb.Streams, args verb.Args) error {
	im, paths, err := open(ctx, args)
	if err != nil {
		return err
	}
	defer im.Close()
	if len(paths) == 0 {
		return verb.Usagef("no path; give a file of the image")
	}
	list := []*inspect.Why{}
	for _, p := range paths {
		about, err := im.Why(p)
		if err != nil {
			return err
		}
		list = append(list, about)
	}
	if w.json {
		return writeJSON(s.Stdout, list)
	}
	b := bufio.NewWriter(s.Stdout)
	for _, about := range list {
		printWhy(b, about)
	}
	return b.Flush()
}

func printWhy(w io.Writer, about *inspect.Why) {
	f := about.File
	size := ""
	if f.Type == manifest.Regular {
		size = ", " + bytes(f.Size)
	}
	fmt.Fprintf(w, "/%s: %s, mode %04o, owner %d:%d%s\n", inspect.Quote(f.Path), f.Type, f.Mode, f.UID, f.GID, size)
	if !about.Manifest {
		fmt.Fprintf(w, "  %-10s no manifest in the image lists it (/%s)\n", "reason", manifest.Path)
	}
	rows := []struct{ name, text string }{{"reason", about.Reason}, {"source", about.Source}}
	for _, also := range about.Also {
		rows = append(rows, struct{ name, text string }{"also", also})
	}
	for _, r := range rows {
		if r.text != "" {
			fmt.Fprintf(w, "  %-10s %s\n", r.name, inspect.Quote(r.text))
		}
	}
	for _, n := range about.NeededBy {
		fmt.Fprintf(w, "  %-10s %s/%s", "needed by", strings.Repeat("  ", n.Depth-1), inspect.Quote(n.Path))
		if n.Reason != "" {
			fmt.Fprintf(w, " (%s)", inspect.Quote(n.Reason))
		}
		fmt.Fprintln(w)
	}
	for _, fact := range about.Facts {
		fmt.Fprintf(w, "  %s\n", fact)
	}
}
