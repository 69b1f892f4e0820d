package pack_test

import (
	"archive/tar"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// rootTar makes a folder with root.tar, which has one file.
func rootTar(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "root.tar"))
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := w.WriteHeader(&tar.Header{Name: "hello", Mode: 0o755, Size: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPack(t *testing.T) {
	t.Chdir(rootTar(t))
	got := verbtest.Run(t, "pack", "-platform", "linux/amd64", "tar:root.tar", "-hostname", "one", "--", "/hello", "-x")
	want := "image.squashfs: 4096 bytes, linux/amd64, a file tree\nconfig.squashfs: 4096 bytes\n"
	if got.Status != 0 || got.Stdout != want || got.Stderr != "" {
		t.Errorf("pack = %+v, want %q", got, want)
	}
	got = verbtest.Run(t, "pack", "-json", "-o", "disks", "-format", "erofs", "-platform", "linux/arm64/v8", "tar:root.tar")
	var result map[string]any
	if err := json.Unmarshal([]byte(got.Stdout), &result); err != nil || got.Status != 0 || got.Stderr != "" {
		t.Fatalf("pack -json = %+v, %v", got, err)
	}
	wantJSON := map[string]any{
		"image": map[string]any{"path": "disks/image.erofs", "bytes": 8192.0}, "config": map[string]any{"path": "disks/config.erofs", "bytes": 8192.0},
		"format": "erofs", "platform": "linux/arm64/v8", "cached": false, "warnings": []any{},
		"imageConfig": map[string]any{"entrypoint": []any{}, "cmd": []any{}, "user": "", "workingDir": "", "stopSignal": ""},
	}
	if diff := cmp.Diff(wantJSON, result); diff != "" {
		t.Errorf("pack -json (-want +got):\n%s", diff)
	}
}

// Mistakes are one line, and nothing is written.
func TestBadInput(t *testing.T) {
	dir := rootTar(t)
	verbtest.Write(t, filepath.Join(dir, "launch.json"), `{"hostname":"a b"}`)
	verbtest.Write(t, filepath.Join(dir, "odd.json"), `{"hostnmae":"a"}`)
	t.Chdir(dir)
	tests := []struct {
		args   string
		status int
		want   string
	}{
		{"", 2, "no SOURCE, such as docker://REF or oci:DIR (`mkinitramfs help pack` shows how)"},
		{"tar:root.tar ls", 2, `unexpected argument "ls"; a command stands after --`},
		{"-format ext4 tar:root.tar", 2, `-format "ext4": want squashfs, erofs`},
		{"-compress lz5 tar:root.tar", 2, `-compress "lz5": want lz4, gzip, zstd, xz, none; did you mean "lz4"?`},
		{"-format erofs -compress lz4 tar:root.tar", 2, `-compress "lz4": an erofs is not compressed`},
		{"-hostname a/b tar:root.tar", 2, `-hostname "a/b": has a space, a control character, a comment sign or a slash`},
		{"-net link=eth0,ip4=10.0.0.300/8 tar:root.tar", 2, `ip4=10.0.0.300/8: want an address with its prefix length`},
		{"-stop-signal WHAT tar:root.tar", 2, `-stop-signal "WHAT": not a signal`},
		{"-max-ratio 0 tar:root.tar", 2, `-max-ratio "0": want a number of at least 1`},
		{"-platforn linux/arm64 tar:root.tar", 2, "unknown flag -platforn; did you mean -platform?"},
		{"-launch launch.json tar:root.tar", 1, `-launch: launch.json: hostname: "a b": has a space`},
		{"-launch none.json tar:root.tar", 1, "-launch: open none.json: no such file or directory"},
		{"-platform linux tar:root.tar", 1, `platform "linux": want os/arch or os/arch/variant, such as linux/amd64`},
		{"-platform windows/amd64 tar:root.tar", 1, "tar:root.tar: a file tree is for linux only"},
		{"root.tar", 1, `source "root.tar" has no scheme; did you mean "tar:root.tar" or "oci-archive:root.tar"?`},
		{"oci-archive:root.tar", 1, "oci-archive:root.tar: is no OCI image layout: it has no index.json"},
		{"-o none/none tar:root.tar", 1, "pack into none/none: there is no folder none; make it first"},
		{"-o root.tar tar:root.tar", 1, "pack into root.tar: is no folder"},
	}
	for _, tt := range tests {
		before := verbtest.Snapshot(t, dir)
		got := verbtest.Run(t, append([]string{"pack"}, strings.Fields(tt.args)...)...)
		if got.Status != tt.status || got.Stdout != "" || !strings.HasPrefix(got.Stderr, "mkinitramfs: ") ||
			strings.Count(got.Stderr, "\n") != 1 || !strings.Contains(got.Stderr, tt.want) {
			t.Errorf("pack %s = %+v, want status %d and one line with %s", tt.args, got, tt.status, tt.want)
		}
		if diff := cmp.Diff(before, verbtest.Snapshot(t, dir)); diff != "" {
			t.Errorf("pack %s: changed the folder (-before +after):\n%s", tt.args, diff)
		}
	}
	got := verbtest.Run(t, "pack", "-launch", "odd.json", "tar:root.tar")
	if got.Status != 0 || got.Stderr != "mkinitramfs: warning: odd.json: hostnmae: unknown field, ignored\n" {
		t.Errorf("pack with an unknown field = %+v, want a warning", got)
	}
}
