package vmtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kguest/kguest/pkg/hostcmd"
)

// buildInitramfs writes one with the commands of the default, and those that
// are given, to out. modules is the folder of the kernel's modules.
func buildInitramfs(ctx context.Context, out, modules string, commands []string) error {
	args := []string{"build", "-o", out, "-modules-dir", modules, "-vmm", "qemu"}
	for _, name := range commands {
		args = append(args, "-cmd", name)
	}
	var words bytes.Buffer
	if status := hostcmd.Main(ctx, args, hostcmd.Streams{Stdout: io.Discard, Stderr: &words}); status != 0 {
		return fmt.Errorf("build initramfs: %s", bytes.TrimSpace(words.Bytes()))
	}
	return nil
}

// rescues returns a function that builds the initramfs of a list of commands,
// once.
func (l *Lab) rescues(dir, modules string) func(commands string) (string, error) {
	var mu sync.Mutex
	built := map[string]string{}
	return func(commands string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if path := built[commands]; path != "" {
			return path, nil
		}
		path := filepath.Join(dir, fmt.Sprintf("rescue%d.cpio", len(built)))
		if err := buildInitramfs(context.Background(), path, modules, strings.Fields(commands)); err != nil {
			return "", err
		}
		built[commands] = path
		return path, nil
	}
}

// initramfsFor returns the initramfs of s; what it has of its own is a second
// archive in dir, which the kernel unpacks after the first.
func (l *Lab) initramfsFor(ctx context.Context, s *Scenario, dir string) (string, error) {
	base, own := l.initramfs, map[string][]byte{}
	if s.Ballast > 0 {
		own["ballast"] = bytes.Repeat([]byte("kguest. "), s.Ballast<<17)
	}
	if s.Init != "" {
		commands := slices.Sorted(slices.Values(append([]string{"gosh"}, s.Commands...)))
		var err error
		if base, err = l.rescue(strings.Join(slices.Compact(commands), " ")); err != nil {
			return "", err
		}
		own["script"] = []byte("export PATH=/bin\n" + prelude + s.Init)
	}
	if len(own) == 0 {
		return base, nil
	}
	return addFiles(ctx, base, own, dir)
}

// addFiles writes base and an archive of files, by their name, into dir.
func addFiles(ctx context.Context, base string, files map[string][]byte, dir string) (string, error) {
	first, err := os.ReadFile(base)
	if err != nil {
		return "", err
	}
	var list strings.Builder
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return "", err
		}
		list.WriteString(name + "\n")
	}
	cmd := exec.CommandContext(ctx, "cpio", "--create", "--format=newc", "--quiet")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(list.String())
	second, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cpio: %w", err)
	}
	path := filepath.Join(dir, "initramfs.cpio")
	return path, os.WriteFile(path, append(first, second...), 0o644) //nolint:gosec // G703: a file in the test's own folder
}
