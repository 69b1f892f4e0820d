// Package pack is the verb that makes disks of an image.
package pack

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/launchflag"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/pack"
)

// Verb returns the verb.
func Verb() verb.Verb {
	return verb.Verb{
		Name:  "pack",
		Line:  "makes the disks that a guest boots from, of an OCI image",
		Usage: []string{"[flags] SOURCE [-- COMMAND...]"},
		About: about,
		Notes: notes,
		Examples: []string{
			"pack -o disks docker://docker.io/library/nginx",
			"pack -o disks -hostname web -net link=eth0,ip4=10.0.2.15/24,gw4=10.0.2.2,dns=10.0.2.3 oci:layout:web",
			"pack -o disks -format erofs dir:rootfs -- /bin/sh -c 'echo hello'",
		},
		Define: define,
	}
}

const about = `Makes two disks of an image: DIR/image.squashfs, its file system, and DIR/config.squashfs, with image/config.json, the image's
own configuration, and launch.json, what the flags say of this one guest. Any hypervisor can boot them.

A SOURCE is oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], docker://REF (a registry), dir:DIR (the root of a
file system) or tar:FILE (the same as an archive). What follows -- runs in place of the image's Cmd.`

const notes = `Layers, owners, modes, times, devices, hard links and attributes are as a container runtime would have them, without root. Every
blob that is read is checked against its digest. The same image gives the same bytes. An image that was packed before comes out
of the cache, by the digests of its layers, which are not read again; as a copy or, on file systems that have those, a clone.

A registry is asked as the user of docker login or podman login.

squashfs needs mksquashfs (Debian: squashfs-tools), which takes a minute or two for a folder of 100,000 files; erofs needs no
tool, and is not compressed.`

// options are the verb's flags.
type options struct {
	request pack.Request
	noCache bool
	json    bool
	launch  *launchflag.Flags
}

func define(f *verb.Flags) verb.Run {
	o := &options{request: pack.Request{Dir: ".", Format: pack.Squashfs, MaxRatio: pack.DefaultMaxRatio}}
	f.String(&o.request.Dir, "o", "DIR", "The folder that gets the disks. Default: this one.")
	f.Choice(&o.request.Format, "format", []string{pack.Squashfs, pack.Erofs}, "The file system of the disks. Default: squashfs.")
	f.Choice(&o.request.Compression, "compress", []string{"lz4", "gzip", "zstd", "xz", "none"},
		"How a squashfs is compressed. Default: lz4, which is the fastest to read.")
	f.String(&o.request.Platform, "platform", "OS/ARCH[/VARIANT]", "Which image of several. Default: linux/"+runtime.GOARCH+".")
	o.launch = launchflag.Define(f)
	f.String(&o.request.Cache, "cache", "DIR", "Where disks are kept by digest, at most 16 GiB. Default: kguest/packed in the user's cache.")
	f.Bool(&o.noCache, "no-cache", "Keep nothing, and take nothing from what was kept.")
	f.Int(&o.request.MaxRatio, "max-ratio", "N", "How many times larger than its archive a layer may be beyond 1 GiB. Default: 1000.", 1)
	f.Bool(&o.json, "json", "Print the result as JSON.")
	return o.run
}

func (o *options) run(ctx context.Context, s verb.Streams, args verb.Args) error {
	r := o.request
	switch {
	case len(args.Operands) == 0:
		return verb.Usagef("no SOURCE, such as docker://REF or oci:DIR")
	case len(args.Operands) > 1:
		return verb.Usagef("unexpected argument %q; a command stands after --", args.Operands[1])
	case r.Format == pack.Erofs && r.Compression != "" && r.Compression != "none":
		return verb.Usagef("-compress %q: an erofs is not compressed", r.Compression)
	}
	r.Source = args.Operands[0]
	launch, warnings, err := o.launch.Config(args.Command)
	if err != nil {
		return err
	}
	for _, w := range warnings {
		warn(s, w.Error())
	}
	r.Launch = launch
	switch {
	case o.noCache:
		r.Cache = ""
	case r.Cache == "":
		r.Cache = defaultCache(func(line string) { warn(s, line) })
	}
	r.Progress = verb.Progress(s.Stderr)
	result, err := pack.Pack(ctx, r)
	r.Progress("")
	if err != nil {
		return err
	}
	for _, w := range result.Warnings {
		warn(s, w)
	}
	if o.json {
		return printJSON(s, r, result)
	}
	return printText(s, result)
}

func warn(s verb.Streams, line string) {
	fmt.Fprintf(s.Stderr, "%s: warning: %s\n", verb.Program, strings.ReplaceAll(line, "\n", `\n`))
}

// defaultCache is kguest's folder of disks, empty where none can be made.
func defaultCache(warn func(string)) string {
	dir, err := verb.CacheFolder(warn)
	if err != nil {
		warn(fmt.Sprintf("nothing is kept: %v", err))
		return ""
	}
	return filepath.Join(dir, "packed")
}

func printText(s verb.Streams, r *pack.Result) error {
	of := r.ID
	if of == "" {
		of = "a file tree"
	}
	from := ""
	if r.Cached {
		from = ", from the cache"
	}
	_, err := fmt.Fprintf(s.Stdout, "%s: %d bytes, %s, %s%s\n%s: %d bytes\n", r.Image, r.ImageSize, r.Platform, of, from, r.Config, r.ConfigSize)
	return err
}

// resultJSON is what -json prints.
type resultJSON struct {
	Image    diskJSON   `json:"image"`
	Config   diskJSON   `json:"config"`
	Format   string     `json:"format"`
	Manifest string     `json:"manifest,omitempty"`
	ID       string     `json:"id,omitempty"`
	Platform string     `json:"platform"`
	Cached   bool       `json:"cached"`
	OCI      configJSON `json:"imageConfig"`
	Warnings []string   `json:"warnings"`
}

type diskJSON struct {
	Path  string `json:"path"`
	Bytes int64  `json:"bytes"`
}

// configJSON is the image's own configuration, in short.
type configJSON struct {
	Entrypoint []string `json:"entrypoint"`
	Cmd        []string `json:"cmd"`
	User       string   `json:"user"`
	WorkingDir string   `json:"workingDir"`
	StopSignal string   `json:"stopSignal"`
}

func printJSON(s verb.Streams, r pack.Request, result *pack.Result) error {
	oci := result.OCI.Config
	e := json.NewEncoder(s.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(resultJSON{
		Image:    diskJSON{result.Image, result.ImageSize},
		Config:   diskJSON{result.Config, result.ConfigSize},
		Format:   r.Format,
		Manifest: result.Manifest, ID: result.ID, Platform: result.Platform, Cached: result.Cached,
		OCI:      configJSON{list(oci.Entrypoint), list(oci.Cmd), oci.User, oci.WorkingDir, oci.StopSignal},
		Warnings: list(result.Warnings),
	})
}

// list is never null in JSON.
func list(l []string) []string { return append([]string{}, l...) }
