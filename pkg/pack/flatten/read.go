package flatten

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// reader reads the headers of layers, within limits for all of them.
type reader struct {
	limits    Limits
	layer     int
	entries   int
	nameBytes int64
	warned    map[string]bool
	warnings  []string
}

// read returns the entries of layer. All of the layer is read, and so verified.
func (r *reader) read(ctx context.Context, layer Layer) ([]entry, error) {
	f, err := r.limits.open(ctx, layer)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	archive := tar.NewReader(f)
	var entries []entry
	var content int64
	for number := 0; ; number++ {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			// The digest is of what follows the end of the archive, too.
			_, err = io.Copy(io.Discard, f)
			return entries, err
		}
		if err != nil {
			return nil, tarError(f, err)
		}
		// A sparse file may claim more than the archive has.
		if content += h.Size; content > r.limits.most(layer) || content < 0 {
			return nil, tooLarge(r.limits.Ratio)
		}
		e, err := parseEntry(h)
		if err == nil {
			err = r.charge(h)
		}
		if err != nil {
			return nil, fmt.Errorf("entry %s: %w", quote(h.Name), err)
		}
		if e.inode != nil {
			e.inode.layer, e.inode.entry = r.layer, number
			e.inode.Xattrs = r.supported(e.inode.Xattrs)
		}
		entries = append(entries, e)
	}
}

// charge counts what h takes of the limits.
func (r *reader) charge(h *tar.Header) error {
	r.entries++
	r.nameBytes += int64(len(h.Name) + len(h.Linkname))
	for key, value := range h.PAXRecords {
		r.nameBytes += int64(len(key) + len(value))
	}
	switch {
	case r.entries > r.limits.Entries:
		return fmt.Errorf("the image has more than %d files", r.limits.Entries)
	case r.nameBytes > r.limits.NameBytes:
		return fmt.Errorf("names and attributes of the image have more than %d bytes", r.limits.NameBytes)
	}
	return nil
}

// supported drops the attributes that no disk format here has: Linux keeps
// others only for file systems that serve them.
func (r *reader) supported(list []Xattr) []Xattr {
	return slices.DeleteFunc(list, func(x Xattr) bool {
		for _, prefix := range []string{"user.", "trusted.", "security."} {
			if len(x.Name) > len(prefix) && strings.HasPrefix(x.Name, prefix) {
				return false
			}
		}
		if !r.warned[x.Name] && len(r.warned) < 8 {
			r.warned[x.Name] = true
			r.warnings = append(r.warnings, fmt.Sprintf("attribute %s is left out: a disk keeps user., trusted. and security. only", quote(x.Name)))
		}
		return true
	})
}

// tarError says what archive/tar leaves out of err: above all that the layer r
// is not what it should be.
func tarError(r io.Reader, err error) error {
	if _, wrong := io.Copy(io.Discard, r); wrong != nil {
		return wrong
	}
	if errors.Is(err, tar.ErrHeader) {
		return errors.New("is not a tar archive, or a damaged one")
	}
	return err
}
