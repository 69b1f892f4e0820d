package inspect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/inspect"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

type unpack struct {
	dir   string
	force bool
	json  bool
}

func unpackVerb() verb.Verb {
	return verb.Verb{
		Name: "unpack", Line: "writes the files of an image into a folder", Usage: []string{"[-d DIR] [-force] [-json] IMAGE [GLOB...]"},
		About: `Unpack makes the files that the guest would see in a folder, with modes and times, and as root with owners and
device nodes. Nothing is made outside of the folder, whatever the image says. For any other user device nodes are left out;
a warning names each, and the status is 1.
` + reads + " GLOB is as for ls.",
		Notes: "After an error the folder is as it was before, but with -force, where what was unpacked so far stays.",
		Examples: []string{
			"unpack -d tree initramfs.cpio",
			"unpack -d conf /boot/initrd.img /etc",
		},
		Define: func(f *verb.Flags) verb.Run {
			u := new(unpack)
			f.String(&u.dir, "d", "DIR", "Folder to unpack into; it is made where it is missing, and must be empty. The default is the image's base name and .d, here.")
			f.Bool(&u.force, "force", "Unpack into a folder that is not empty. A file in the way is replaced; a folder with files in it, where the image has something else, is an error.")
			f.Bool(&u.json, "json", "Print what was done as JSON.")
			return u.run
		},
	}
}

func (u *unpack) run(ctx context.Context, s verb.Streams, args verb.Args) error {
	im, patterns, err := open(ctx, args)
	if err != nil {
		return err
	}
	defer im.Close()
	g, err := globs(patterns)
	if err != nil {
		return err
	}
	if err := unmatched(im, g, im.Files()); err != nil {
		return err
	}
	if u.dir == "" {
		u.dir = filepath.Base(im.Name) + ".d"
	}
	warnDropped(s, im)
	done, err := im.Unpack(u.dir, inspect.UnpackOptions{Globs: g, Force: u.force, Root: os.Geteuid() == 0})
	if err != nil {
		return err
	}
	return u.report(s, done)
}

func (u *unpack) report(s verb.Streams, done inspect.Unpacked) error {
	for _, warning := range done.Warnings {
		fmt.Fprintf(s.Stderr, "%s: left out: %s\n", verb.Program, warning)
	}
	var err error
	if u.json {
		err = writeJSON(s.Stdout, struct {
			Dir     string   `json:"dir"`
			Files   int      `json:"files"`
			LeftOut []string `json:"leftOut"`
		}{u.dir, done.Files, append([]string{}, done.Warnings...)})
	} else {
		_, err = fmt.Fprintf(s.Stdout, "%s: %d files\n", initramfs.Clip(u.dir), done.Files)
	}
	if err == nil && len(done.Warnings) > 0 {
		return &verb.ExitError{Status: 1}
	}
	return err
}
