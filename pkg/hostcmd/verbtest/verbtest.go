// Package verbtest runs mkinitramfs in a test as a person would.
package verbtest

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kguest/kguest/pkg/hostcmd"
)

// Result is what mkinitramfs gave.
type Result struct {
	Status         int
	Stdout, Stderr string
}

// Run runs mkinitramfs with args and empty standard input.
func Run(t *testing.T, args ...string) Result {
	t.Helper()
	return RunContext(t.Context(), strings.NewReader(""), args...)
}

// RunContext runs mkinitramfs with args, until ctx is done.
func RunContext(ctx context.Context, stdin io.Reader, args ...string) Result {
	var stdout, stderr bytes.Buffer
	status := hostcmd.Main(ctx, args, hostcmd.Streams{Stdin: stdin, Stdout: &stdout, Stderr: &stderr})
	return Result{status, stdout.String(), stderr.String()}
}

// Write makes a file and its folder, and returns its name.
func Write(t *testing.T, name, data string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o640); err != nil {
		t.Fatal(err)
	}
	return name
}

// Snapshot lists the files below dir, with sizes, and the small ones' bodies.
func Snapshot(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	files := os.DirFS(dir)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		line := filepath.Join(dir, name) + " " + info.Mode().String()
		if info.Mode().IsRegular() && info.Size() < 1000 {
			body, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			line += " " + string(body)
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
