package multicall

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kguest/kguest/initramfs/linker"
)

// maxLinkers is how many linkers stay; one takes 6 MB.
const maxLinkers = 4

// orderedLinker returns, as go build takes it for -toolexec, the linker that puts
// functions in order (package linker). It is compiled in the folder work, unless it
// was kept.
func (s Source) orderedLinker(ctx context.Context, work string) (toolexec string, err error) {
	dir, err := filepath.Abs(filepath.Join(work, "linker"))
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	overlay, err := linker.Overlay(dir, s.GoRoot, s.env.GOVERSION)
	if err != nil {
		return "", err
	}
	kept := s.linkerFile(overlay)
	if toolexec, err = s.tryLinker(ctx, kept); err == nil {
		now := time.Now()
		_ = os.Chtimes(kept, now, now) // only what prune goes by
		return toolexec, nil
	}
	file := filepath.Join(dir, "ordered-link")
	if err := s.buildLinker(ctx, overlay, file); err != nil {
		return "", fmt.Errorf("compile the linker: %w", err)
	}
	keepLinker(file, kept)
	toolexec, err = s.tryLinker(ctx, file)
	if err == nil {
		return toolexec, nil
	}
	if toolexec, errKept := s.tryLinker(ctx, kept); errKept == nil {
		return toolexec, nil
	}
	return "", fmt.Errorf("run the linker: %w; set TMPDIR to another folder", err)
}

// linkerFile is where the linker of an overlay, which has paths and contents, and of
// the toolchain is kept; empty for nowhere.
func (s Source) linkerFile(overlay linker.Replaced) string {
	info, err := os.Stat(filepath.Join(s.GoRoot, "pkg/tool", runtime.GOOS+"_"+runtime.GOARCH, "link"))
	if s.cache == "" || err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q\n%q\n%q\n%d %d\n", overlay.Digest, s.GoRoot, s.env.GOVERSION, info.Size(), info.ModTime().UnixNano()))
	return filepath.Join(s.cache, "linkers", hex.EncodeToString(sum[:]))
}

// buildLinker compiles the linker for this machine. No module is wanted for it, and
// files of a toolchain in the module cache may be replaced where that is said to be
// elsewhere.
func (s Source) buildLinker(ctx context.Context, overlay linker.Replaced, file string) error {
	env := slices.Concat(pinned(s.env.GOVERSION), []string{
		"GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH, "CGO_ENABLED=0", "GOEXPERIMENT=", "GOFLAGS=", "GOROOT=" + s.GoRoot,
		"GO111MODULE=off", "GOPATH=" + file + "-gopath", "GOMODCACHE=" + file + "-modules", "GOTMPDIR=" + filepath.Dir(file),
	})
	_, err := runGo(ctx, s.goTool(), filepath.Dir(file), env,
		"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-overlay", overlay.File, "-o", file, "cmd/link")
	return err
}

// tryLinker runs the linker in file, of which it returns what go build takes. There
// may be none, or the folder may be one that no program can be run in.
func (s Source) tryLinker(ctx context.Context, file string) (toolexec string, err error) {
	said, err := runGo(ctx, file, "/", nil, "link", "-V=full")
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(said), s.env.GOVERSION) {
		return "", fmt.Errorf("it is %q, want one of %s", said, s.env.GOVERSION)
	}
	return linker.ToolExec(file)
}

// keepLinker keeps the file. That it cannot costs time at the next build only.
func keepLinker(file, kept string) {
	if kept == "" {
		return
	}
	data, err := os.ReadFile(file)
	if err == nil && writeKept(kept, data, 0o700) == nil {
		prune(filepath.Dir(kept), maxLinkers)
	}
}
