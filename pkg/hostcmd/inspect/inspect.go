// Package inspect holds the verbs of mkinitramfs that read images.
package inspect

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/inspect"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// Verbs returns the verbs.
func Verbs() []verb.Verb {
	return []verb.Verb{lsVerb(), catVerb(), unpackVerb(), infoVerb(), diffVerb(), whyVerb()}
}

// reads says what an image is, for the pages.
const reads = `
IMAGE is an initramfs of any maker: archives one behind another, each plain or
packed with gzip, xz, zstd, lz4, bzip2 or lzma, or a unified kernel image that holds one.`

// open opens the image that is the first operand.
func open(ctx context.Context, args verb.Args) (*inspect.Image, []string, error) {
	if len(args.Operands) == 0 {
		return nil, nil, verb.Usagef("no image; give an initramfs file")
	}
	im, err := inspect.Open(ctx, args.Operands[0])
	if err != nil {
		return nil, nil, err
	}
	return im, append(args.Operands[1:], args.Command...), nil
}

// globs checks the patterns in list.
func globs(list []string) (inspect.Globs, error) {
	g := inspect.Globs(list)
	if err := g.Check(); err != nil {
		return nil, verb.Usagef("%v", err)
	}
	return g, nil
}

// unmatched is an error where patterns matched nothing.
func unmatched(im *inspect.Image, g inspect.Globs, files []inspect.File) error {
	if left := g.Unmatched(files); len(left) > 0 {
		return fmt.Errorf("%s: no file matches %s", initramfs.Clip(im.Name), initramfs.Clip(strings.Join(left, " ")))
	}
	return nil
}

// warnDropped tells how many entries the kernel passes over.
func warnDropped(s verb.Streams, im *inspect.Image) {
	if n := len(im.Dropped); n > 0 {
		d := im.Dropped[0]
		fmt.Fprintf(s.Stderr, "%s: %s: the kernel drops %d of %d entries, the first of them %s: %s (info lists them)\n", verb.Program,
			initramfs.Clip(im.Name), n, len(im.Entries), inspect.Quote(im.Entries[d.Entry].Name), inspect.Quote(d.Reason))
	}
}

// writeJSON writes v with indents.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
