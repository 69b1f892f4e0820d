package vmtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kguest/kguest/pkg/hostcmd"
)

// buildInitramfs writes one as the flags say to out. modules is the folder of the
// kernel's modules.
func buildInitramfs(ctx context.Context, out, modules string, flags []string) error {
	args := append([]string{"build", "-o", out, "-modules-dir", modules, "-vmm", "qemu"}, flags...)
	var words bytes.Buffer
	if status := hostcmd.Main(ctx, args, hostcmd.Streams{Stdout: io.Discard, Stderr: &words}); status != 0 {
		return fmt.Errorf("build initramfs: %s", bytes.TrimSpace(words.Bytes()))
	}
	return nil
}

// builder returns a function that builds the initramfs of a list of flags, once.
func builder(dir, modules string) func(flags ...string) (string, error) {
	var mu sync.Mutex
	built := map[string]string{}
	return func(flags ...string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		key := strings.Join(flags, " ")
		if path := built[key]; path != "" {
			return path, nil
		}
		path := filepath.Join(dir, fmt.Sprintf("initramfs%d.cpio", len(built)))
		if err := buildInitramfs(context.Background(), path, modules, flags); err != nil {
			return "", err
		}
		built[key] = path
		return path, nil
	}
}

// buildFlags are what sets the initramfs of s apart from the default's.
func (l *Lab) buildFlags(s *Scenario) []string {
	var flags []string
	if s.Example != "" {
		flags = append(flags, "-config", filepath.Join(l.repo, "examples", s.Example, "kguest.yaml"))
	}
	if s.Profile != "" {
		flags = append(flags, "-profile", s.Profile)
	}
	if len(s.Commands) == 0 {
		return flags
	}
	commands := slices.Sorted(slices.Values(append([]string{"gosh"}, s.Commands...)))
	for _, name := range slices.Compact(commands) {
		flags = append(flags, "-cmd", name)
	}
	return flags
}

// initramfsFor returns the initramfs of s; what it has of its own is a second
// archive in dir, which the kernel unpacks after the first.
func (l *Lab) initramfsFor(ctx context.Context, s *Scenario, dir string) (string, error) {
	base := l.initramfs
	own, err := l.ownFiles(s)
	if err != nil {
		return "", err
	}
	if flags := l.buildFlags(s); len(flags) > 0 {
		if base, err = l.build(flags...); err != nil {
			return "", err
		}
	}
	if len(own) == 0 {
		return base, nil
	}
	return addFiles(ctx, base, own, dir)
}

// ownFiles returns the files of s's own in the initramfs, by their path.
func (l *Lab) ownFiles(s *Scenario) (map[string][]byte, error) {
	own := map[string][]byte{}
	if s.Ballast > 0 {
		own["ballast"] = bytes.Repeat([]byte("kguest. "), s.Ballast<<17)
	}
	if s.Init != "" {
		own["script"] = []byte("export PATH=/bin\n" + prelude + s.Init)
	}
	if s.First != "" {
		script, err := os.ReadFile(filepath.Join(l.repo, s.First))
		if err != nil {
			return nil, err
		}
		own[filepath.Base(s.First)] = script
	}
	for path, content := range s.Initramfs {
		own[path] = []byte(content)
	}
	if len(s.Busybox) == 0 {
		return own, nil
	}
	program, err := os.ReadFile("/bin/busybox")
	for _, path := range s.Busybox {
		own[path] = program
	}
	return own, err
}

// addFiles writes base and an archive of files, by their path, into dir.
// Scripts and programs are executable.
func addFiles(ctx context.Context, base string, files map[string][]byte, dir string) (string, error) {
	first, err := os.ReadFile(base)
	if err != nil {
		return "", err
	}
	tree := filepath.Join(dir, "own")
	for name, content := range files {
		path := filepath.Join(tree, name)
		mode := os.FileMode(0o644)
		if bytes.HasPrefix(content, []byte("#!")) || bytes.HasPrefix(content, []byte("\x7fELF")) {
			mode = 0o755
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, content, mode)); err != nil {
			return "", err
		}
	}
	list, err := paths(tree)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "cpio", "--create", "--format=newc", "--quiet", "--owner=0:0")
	cmd.Dir = tree
	cmd.Stdin = strings.NewReader(list)
	second, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cpio: %w", err)
	}
	path := filepath.Join(dir, "initramfs.cpio")
	return path, os.WriteFile(path, append(first, second...), 0o644)
}

// paths lists what is below dir, a folder before what it holds.
func paths(dir string) (string, error) {
	var list strings.Builder
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, _ fs.DirEntry, err error) error {
		if path != "." {
			list.WriteString(path + "\n")
		}
		return err
	})
	return list.String(), err
}
