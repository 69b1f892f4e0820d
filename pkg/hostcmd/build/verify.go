package build

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/inspect"
)

// verified builds twice and writes the first image to w where the second is
// the same. The second is built from scratch, in another folder and on another
// number of processors.
func verified(ctx context.Context, b *initramfs.Builder, spec *initramfs.Spec, c initramfs.Compression, w io.Writer) (_ initramfs.Report, err error) {
	dir, err := os.MkdirTemp(b.TempDir, "mkinitramfs-verify-")
	if err != nil {
		return initramfs.Report{}, fmt.Errorf("make work folder: %w; set TMPDIR to a folder that has space and can be written", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	report, err := buildFile(ctx, *b, spec, c, first)
	if err != nil {
		return report, err
	}
	again := *b
	again.CacheDir, again.TempDir = "", dir
	again.Progress = func(step string) { b.Progress("again: " + step) }
	processors := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(processors%2 + 1)
	_, err = buildFile(ctx, again, spec, c, second)
	runtime.GOMAXPROCS(processors)
	if err != nil {
		return report, err
	}
	if err := compare(ctx, first, second); err != nil {
		return report, err
	}
	return report, copyFile(w, first)
}

func buildFile(ctx context.Context, b initramfs.Builder, spec *initramfs.Spec, c initramfs.Compression, name string) (initramfs.Report, error) {
	f, err := os.Create(name)
	if err != nil {
		return initramfs.Report{}, err
	}
	w := bufio.NewWriter(f)
	report, err := b.Build(ctx, spec, c, w)
	return report, errors.Join(err, w.Flush(), f.Close())
}

func copyFile(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(w, f)
	return err
}

// compare returns an error that names the first path that differs.
func compare(ctx context.Context, first, second string) error {
	at, err := firstDifference(first, second)
	if err != nil || at < 0 {
		return err
	}
	a, err := inspect.Open(ctx, first)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := inspect.Open(ctx, second)
	if err != nil {
		return err
	}
	defer b.Close()
	changes, err := inspect.Diff(a, b)
	switch {
	case err != nil:
		return err
	case len(changes) == 0:
		return fmt.Errorf("verify: two builds of the same files differ from byte %d on", at)
	}
	more := ""
	if len(changes) > 1 {
		more = fmt.Sprintf(", and %d more", len(changes)-1)
	}
	return fmt.Errorf("verify: two builds differ: %s%s", describe(changes[0]), more)
}

func describe(c inspect.Change) string {
	if c.Kind != inspect.Changed {
		return fmt.Sprintf("/%s is only in one", inspect.Quote(c.Path))
	}
	var fields []string
	for _, f := range c.Fields {
		fields = append(fields, fmt.Sprintf("%s %s and %s", f.Field, f.Before, f.After))
	}
	return fmt.Sprintf("/%s has %s", inspect.Quote(c.Path), strings.Join(fields, ", "))
}

// firstDifference returns where two files differ first, -1 for nowhere.
func firstDifference(first, second string) (int64, error) {
	a, err := os.Open(first)
	if err != nil {
		return 0, err
	}
	defer a.Close()
	b, err := os.Open(second)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	ra, rb := bufio.NewReader(a), bufio.NewReader(b)
	for at := int64(0); ; at++ {
		x, errA := ra.ReadByte()
		y, errB := rb.ReadByte()
		switch {
		case errors.Is(errA, io.EOF) && errors.Is(errB, io.EOF):
			return -1, nil
		case errA != nil && !errors.Is(errA, io.EOF):
			return 0, errA
		case errB != nil && !errors.Is(errB, io.EOF):
			return 0, errB
		case x != y || errA != nil || errB != nil:
			return at, nil
		}
	}
}
