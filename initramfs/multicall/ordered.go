package multicall

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/kguest/kguest/initramfs/hostfile"
	"github.com/kguest/kguest/initramfs/linker"
)

// maxLinkers is how many linkers stay; one takes 9 MB.
const maxLinkers = 2

// linker returns the linker that has kguest's own program in order, compiled in the
// folder work unless it was kept; empty for a Go whose linker is not known.
func (m Maker) linker(ctx context.Context, src Source, work string) (string, error) {
	sources, err := linker.Read(src.GoRoot, src.env.GOVERSION)
	if errors.Is(err, linker.ErrUnknown) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	folder := filepath.Join(m.Cache, "linkers")
	if file := keptLinker(folder, sources.ID()); m.Cache != "" && file != "" {
		return file, nil
	}
	file, err := src.buildLinker(ctx, sources, work)
	if err != nil {
		return "", fmt.Errorf("compile the linker: %w", err)
	}
	if m.Cache != "" {
		keepLinker(folder, sources.ID(), file)
	}
	return file, nil
}

// buildLinker compiles the linker for this machine, in a folder in work.
func (s Source) buildLinker(ctx context.Context, sources *linker.Sources, work string) (string, error) {
	dir := filepath.Join(work, "linker")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	overlay, err := sources.Write(dir)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "link")
	env := slices.Concat(pinned(s.env.GOVERSION), []string{
		"GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH, "CGO_ENABLED=0", "GOEXPERIMENT=", "GOFLAGS=", "GOWORK=off", "GOROOT=" + s.GoRoot,
	})
	_, err = runGo(ctx, s.goTool(), sources.Dir, env, "build", "-trimpath", "-buildvcs=false", "-overlay", overlay, "-o", file, ".")
	return file, err
}

// keptLinker returns the file of a linker that is kept and whole, or nothing. Its name
// ends in its digest.
func keptLinker(folder, id string) string {
	files, err := filepath.Glob(filepath.Join(folder, id+"-*"))
	if err != nil {
		return ""
	}
	for _, file := range files {
		if sum, err := hostfile.SHA256(file); err == nil && filepath.Base(file) == id+"-"+hex.EncodeToString(sum[:]) {
			return file
		}
	}
	return ""
}

// keepLinker keeps the file. That it cannot costs time at the next build only.
func keepLinker(folder, id, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		return
	}
	kept := filepath.Join(folder, id+"-"+hexSum(data))
	if writeKept(kept, data, 0o700) == nil {
		prune(folder, maxLinkers)
	}
}
