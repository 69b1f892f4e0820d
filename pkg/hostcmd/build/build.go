// Package build is the verb that makes an initramfs.
package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/mod/semver"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

func run(ctx context.Context, s verb.Streams, f *verb.Flags, a *asked, args verb.Args) error {
	f, a, err := configured(f, a)
	if err != nil {
		return err
	}
	if err := a.check(args); err != nil {
		return err
	}
	if a.printConfig {
		return printConfig(s.Stdout, f)
	}
	spec, err := a.spec()
	if err != nil {
		return err
	}
	if err := anchorTempDir(); err != nil {
		return err
	}
	steps := newSteps(s.Stderr, a.verbose)
	b := &initramfs.Builder{CacheDir: a.cacheDir(), Version: version(), Progress: steps.begin}
	if a.plan {
		plan, err := b.Plan(ctx, spec)
		steps.end()
		if err != nil {
			return err
		}
		return a.printPlan(s, spec, plan)
	}
	result, err := a.write(ctx, b, spec)
	steps.end()
	if err != nil {
		return err
	}
	return a.printResult(s, result)
}

// anchorTempDir makes a relative TMPDIR absolute: go commands are run in other
// folders, and would look for it there.
func anchorTempDir() error {
	dir := os.Getenv("TMPDIR")
	if dir == "" || filepath.IsAbs(dir) {
		return nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	return os.Setenv("TMPDIR", abs)
}

// configured returns the flags with what -config says before them.
func configured(f *verb.Flags, a *asked) (*verb.Flags, *asked, error) {
	if a.config == "" {
		return f, a, nil
	}
	all, merged := verb.NewFlags(), new(asked)
	merged.define(all)
	if err := readConfig(all, a.config); err != nil {
		return nil, nil, err
	}
	for _, def := range f.All() {
		for _, v := range f.Given(def.Name) {
			if err := all.Give(def.Name, v); err != nil {
				return nil, nil, wrong(v, err)
			}
		}
	}
	return all, merged, nil
}

// cacheDir is where compiled programs are kept: nowhere for a user without a
// folder of that kind.
func (a *asked) cacheDir() string {
	if a.cache != "" || a.noCache {
		return a.cache
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "kguest")
}

// version is this program's where it was built of a release, for the manifest.
// Any other would make the image depend on how this program was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || !semver.IsValid(info.Main.Version) || semver.Prerelease(info.Main.Version)+semver.Build(info.Main.Version) != "" {
		return ""
	}
	return info.Main.Version
}

// result is an image that was written.
type result struct {
	initramfs.Report
	size int64 // in bytes
	spec *initramfs.Spec
}

// write makes the image, twice where it is to be verified.
func (a *asked) write(ctx context.Context, b *initramfs.Builder, spec *initramfs.Spec) (result, error) {
	target, err := verb.OutputTarget(a.out)
	if err != nil {
		return result{}, err
	}
	b.Output = target
	b.Room = room(a.out, filepath.Dir(target))
	compression := initramfs.Compression(a.compress)
	r := result{spec: spec}
	r.size, err = verb.WriteFile(a.out, func(w io.Writer) (err error) {
		if a.verify {
			r.Report, err = verified(ctx, b, spec, compression, w)
		} else {
			r.Report, err = b.Build(ctx, spec, compression, w)
		}
		return err
	})
	return r, err
}
