package inspect

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/initramfs/inspect"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

type info struct{ json bool }

func infoVerb() verb.Verb {
	return verb.Verb{
		Name: "info", Line: "tells what an image is", Usage: []string{"[-json] IMAGE"},
		About: `Info prints the parts of the file, with sizes and compressions, and of the files in them: numbers by type, the
architecture, the kernels that there are modules for, commands, the largest files, which program made the image, the
entries that the kernel drops, and the memory that the files hold in the guest.
` + reads,
		Notes: `The memory is that of the contents, in whole pages; while the kernel unpacks, the image is held too. Which
program made the image is read from its manifest, or guessed by a path that is shown.`,
		Examples: []string{"info /boot/initrd.img"},
		Define: func(f *verb.Flags) verb.Run {
			i := new(info)
			f.Bool(&i.json, "json", "Print JSON; sizes are in bytes.")
			return i.run
		},
	}
}

func (i *info) run(ctx context.Context, s verb.Streams, args verb.Args) error {
	if err := args.Exactly("image; give an initramfs file"); err != nil {
		return err
	}
	im, _, err := open(ctx, args)
	if err != nil {
		return err
	}
	defer im.Close()
	about, err := im.Info()
	if err != nil {
		return err
	}
	if i.json {
		return writeJSON(s.Stdout, about)
	}
	b := bufio.NewWriter(s.Stdout)
	printInfo(b, about)
	return b.Flush()
}

func printInfo(w io.Writer, i *inspect.Info) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-13s%s\n", name, fmt.Sprintf(format, args...))
	}
	row("image", "%s, %s, %s unpacked", inspect.Quote(i.Image), bytes(i.Size), bytes(i.RawSize))
	if i.Builder != "" {
		row("made by", "%s (%s)", inspect.Quote(i.Builder), inspect.Quote(i.Evidence))
	}
	if len(i.Init) > 0 {
		row("init", "%s", quoteAll(i.Init, " -> "))
	} else {
		row("init", "none")
	}
	if i.Arch != "" {
		row("architecture", "%s", i.Arch)
	}
	if len(i.Kernels) > 0 {
		row("kernel", "%s, %d modules, %d firmware files", quoteAll(i.Kernels, ", "), i.Counts.Modules, i.Counts.Firmware)
	}
	c := i.Counts
	row("files", "%d, of which %d further hard links; %d folders, %d links, %d devices, %d others; %s of content",
		c.Files, c.HardLinks, c.Dirs, c.Symlinks, c.Devices, c.Others, bytes(i.Content))
	row("memory", "%s in the guest, %s while it is unpacked", bytes(i.Memory), bytes(i.Peak))
	if len(i.Commands) > 0 {
		row("commands", "%d: %s", len(i.Commands), quoteAll(i.Commands, " "))
	}
	printSegments(w, i.Segments)
	printLargest(w, i.Largest)
	for _, d := range i.Dropped {
		row("dropped", "%s: %s", inspect.Quote(d.Name), inspect.Quote(d.Reason))
	}
}

func printSegments(w io.Writer, segments []inspect.Segment) {
	for n, s := range segments {
		ratio := ""
		if s.Compression != "none" && s.RawSize > 0 {
			ratio = fmt.Sprintf(" from %s (%.0f%%)", bytes(s.RawSize), 100*float64(s.Size)/float64(s.RawSize))
		}
		in := ""
		if s.Section != "" {
			in = " in section " + s.Section
		}
		fmt.Fprintf(w, "%-13sat %d%s: %s, compression %s, %s%s, %d archives, %d entries\n", fmt.Sprintf("segment %d", n),
			s.Offset, in, s.Format, s.Compression, bytes(s.Size), ratio, s.Archives, s.Entries)
		if s.Note != "" {
			fmt.Fprintf(w, "%-13s%s\n", "", s.Note)
		}
	}
}

func printLargest(w io.Writer, files []inspect.Sized) {
	name := "largest"
	for _, f := range files {
		fmt.Fprintf(w, "%-13s%10s  /%s\n", name, bytes(f.Size), inspect.Quote(f.Path))
		name = ""
	}
}

func quoteAll(list []string, between string) string {
	var quoted []string
	for _, s := range list {
		quoted = append(quoted, inspect.Quote(s))
	}
	return strings.Join(quoted, between)
}

// bytes writes a size for people.
func bytes(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d B", n)
	case n < 10_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 10_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
