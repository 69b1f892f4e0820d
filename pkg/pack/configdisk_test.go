package pack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigDisk(t *testing.T) {
	for _, want := range []ConfigDisk{
		{Format: Erofs},
		{Format: Squashfs, Compression: "lz4"},
		{Format: Squashfs, Compression: "gzip"},
		{Format: Squashfs, Compression: "zstd"},
		{Format: Squashfs, Compression: "xz"},
	} {
		want.Image, want.Launch = []byte(`{"os":"linux"}`), []byte(strings.Repeat(" ", 10_000)+`{}`)
		out := filepath.Join(t.TempDir(), "config")
		if err := want.Write(t.Context(), out); err != nil {
			t.Errorf("write %s %s: %v", want.Format, want.Compression, err)
			continue
		}
		got, err := ReadConfig(t.Context(), out, want.Format)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s %s: %v (-want +got):\n%s", want.Format, want.Compression, err, diff)
		}
	}
}

// What is no such disk is told in a line, and bounded.
func TestReadConfigErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	disk := func(format string, files map[string][]byte) string {
		tree, err := filesTree(t.Context(), files)
		if err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "disk")
		if err := writeTree(t.Context(), tree, out, format, ""); err != nil {
			t.Fatal(err)
		}
		return out
	}
	big := map[string][]byte{imageConfigFile: make([]byte, maxConfigFile+1), launchFile: nil}
	other := map[string][]byte{"other": nil}
	folder := map[string][]byte{imageConfigFile + "/x": nil}
	tests := []struct{ name, format, path, want string }{
		{"nothing", Squashfs, filepath.Join(dir, "none"), "no such file"},
		{"nothing", Erofs, filepath.Join(dir, "none"), "no such file"},
		{"zeros", Squashfs, file("zeros", make([]byte, 4096)), "not a squashfs"},
		{"zeros", Erofs, file("zeros", make([]byte, 4096)), "not an erofs"},
		{"cut short", Squashfs, file("short", []byte("hsqs")), "not a squashfs"},
		{"cut short", Erofs, file("short", []byte("x")), "not an erofs"},
		{"other files", Squashfs, disk(Squashfs, other), imageConfigFile},
		{"other files", Erofs, disk(Erofs, other), "read image/config.json: file does not exist"},
		{"a folder", Erofs, disk(Erofs, folder), "read image/config.json: is no regular file"},
		{"too large", Squashfs, disk(Squashfs, big), "read image/config.json: it has more than 8388608 bytes"},
		{"too large", Erofs, disk(Erofs, big), "read image/config.json: it has more than 8388608 bytes"},
	}
	for _, tt := range tests {
		_, err := ReadConfig(t.Context(), tt.path, tt.format)
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s as %s: %v, want one line with %s", tt.name, tt.format, err, tt.want)
		}
	}
}
