// Package source reads images from where images are, by the names that
// skopeo(1) has for them.
//
//	oci:DIR[:TAG]             an OCI image layout
//	oci-archive:FILE[:TAG]    one in a tar archive
//	docker-archive:FILE[:REF] what docker save writes
//	docker://REF              a registry
//	dir:DIR                   the root of a file system, as a folder
//	tar:FILE                  the same as a tar archive, compressed or not
//
// A TAG is the org.opencontainers.image.ref.name of an image, or its digest.
// It can be left out where there is one image. Unlike skopeo's, dir is a root
// file system. Every blob is checked against its size and digest, every layer
// against its diff ID as well.
package source

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/kguest/kguest/pkg/nearest"
	"github.com/kguest/kguest/pkg/pack/flatten"
)

// Schemes of names.
const (
	OCI           = "oci"
	OCIArchive    = "oci-archive"
	DockerArchive = "docker-archive"
	Docker        = "docker"
	Dir           = "dir"
	Tar           = "tar"
)

// Schemes returns all schemes.
func Schemes() []string { return []string{OCI, OCIArchive, DockerArchive, Docker, Dir, Tar} }

// Name is a source, taken apart.
type Name struct {
	Scheme string
	// Path is a file or folder of this machine; of a registry it is all.
	Path string
	// Tag selects one of several images; may be empty.
	Tag string
}

// String is the name as Parse takes it.
func (n Name) String() string {
	switch {
	case n.Scheme == Docker:
		return Docker + "://" + n.Path
	case n.Tag != "":
		return n.Scheme + ":" + n.Path + ":" + n.Tag
	}
	return n.Scheme + ":" + n.Path
}

// Parse takes a name apart. It does not look at what is named, but to guess
// what was meant by one that is wrong.
func Parse(s string) (Name, error) {
	scheme, rest, ok := strings.Cut(s, ":")
	n := Name{Scheme: scheme, Path: rest}
	switch {
	case !ok:
		return Name{}, fmt.Errorf("source %q has no scheme%s", s, guess(s))
	case scheme == Docker:
		n.Path, ok = strings.CutPrefix(rest, "//")
		if !ok || n.Path == "" {
			return Name{}, fmt.Errorf("source %q: want docker://NAME[:TAG|@DIGEST]", s)
		}
		return n, nil
	case scheme == OCI, scheme == OCIArchive, scheme == DockerArchive:
		n.Path, n.Tag, ok = strings.Cut(rest, ":")
		if ok && n.Tag == "" {
			return Name{}, fmt.Errorf("source %q: empty tag after the last colon", s)
		}
	case scheme == Dir, scheme == Tar:
	default:
		return Name{}, fmt.Errorf("source %q: unknown scheme %q%s", s, scheme, guess(s))
	}
	if n.Path == "" {
		return Name{}, fmt.Errorf("source %q: no path after the scheme", s)
	}
	return n, nil
}

// guess says what a name without a known scheme could have meant.
func guess(s string) string {
	scheme, rest, _ := strings.Cut(s, ":")
	if near := nearest.Name(scheme, Schemes()); near != "" && near != scheme {
		return fmt.Sprintf("; did you mean %q?", near+":"+rest)
	}
	path, _, _ := strings.Cut(s, ":")
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir() && isLayout(path):
		return fmt.Sprintf("; did you mean %q?", OCI+":"+s)
	case err == nil && info.IsDir():
		return fmt.Sprintf("; did you mean %q?", Dir+":"+s)
	case err == nil:
		return fmt.Sprintf("; did you mean %q or %q?", Tar+":"+s, OCIArchive+":"+s)
	case s != "" && !strings.Contains(s, "://") && !strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "."):
		return fmt.Sprintf("; did you mean %q? Schemes are %s", Docker+"://"+s, strings.Join(Schemes(), ", "))
	}
	return "; want one of " + strings.Join(Schemes(), ", ")
}

// Options of Open.
type Options struct {
	// Platform is os/arch[/variant]; empty: linux and this machine's.
	Platform string
	// Temp is the folder that blobs of a registry and archives that were
	// compressed are kept in until Close; empty: os.TempDir.
	Temp string
	// MaxRatio bounds what comes out of an archive that was compressed: see
	// flatten.Limits.
	MaxRatio int
	// Progress is told each step.
	Progress func(step string)
}

// Image is an open image.
type Image struct {
	// Config is the OCI image configuration, as it was found.
	Config []byte
	// ID is the digest of Config, which holds the digests of the layers.
	// Empty where the source has no configuration.
	ID string
	// Manifest is the digest of the manifest; empty where there is none.
	Manifest string
	Platform string // os/arch[/variant]
	Layers   []flatten.Layer
	Warnings []string

	closers []func() error
}

// Open opens the image that n names. Close it.
func Open(ctx context.Context, n Name, o Options) (*Image, error) {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	want, err := parsePlatform(o.Platform)
	if err != nil {
		return nil, err
	}
	img := new(Image)
	if err := img.open(ctx, n, want, o); err != nil {
		if err := img.Close(); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%s: %w", n, err)
	}
	return img, nil
}

func (img *Image) open(ctx context.Context, n Name, want platform, o Options) error {
	switch n.Scheme {
	case Dir:
		return img.openDir(n.Path, want)
	case Tar:
		return img.openTar(n.Path, want)
	case DockerArchive:
		return img.openDockerArchive(ctx, n, want, o)
	}
	s, root, err := img.openStore(ctx, n, want, o)
	if err != nil {
		return err
	}
	return img.openManifest(ctx, s, root, want)
}

// Close removes what Open has put in its temporary folder.
func (img *Image) Close() error {
	var first error
	for _, c := range img.closers {
		if err := c(); err != nil && first == nil {
			first = err
		}
	}
	img.closers = nil
	return first
}
