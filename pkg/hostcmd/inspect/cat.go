package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kguest/kguest/initramfs/inspect"
	"github.com/kguest/kguest/initramfs/manifest"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

func catVerb() verb.Verb {
	return verb.Verb{
		Name: "cat", Line: "prints files of an image", Usage: []string{"IMAGE PATH..."},
		About:    "Cat prints the content of files in the order in which they are named. Links are followed, inside the image.\n" + reads,
		Examples: []string{"cat initramfs.cpio /etc/kguest/manifest.json"},
		Define:   func(*verb.Flags) verb.Run { return cat },
	}
}

func cat(ctx context.Context, s verb.Streams, args verb.Args) error {
	im, paths, err := open(ctx, args)
	if err != nil {
		return err
	}
	defer im.Close()
	if len(paths) == 0 {
		return verb.Usagef("no path; give a file of the image")
	}
	var files []inspect.File
	var errs []error
	for _, p := range paths {
		f, err := im.Stat(p)
		switch {
		case err != nil:
			errs = append(errs, err)
		case f.Type != manifest.Regular:
			errs = append(errs, fmt.Errorf("%s: %q is no regular file but a %s", im.Name, p, f.Type))
		default:
			files = append(files, f)
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, f := range files {
		err := im.Contents([]inspect.File{f}, func(_ inspect.File, content io.Reader) error {
			_, err := io.Copy(s.Stdout, content)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
