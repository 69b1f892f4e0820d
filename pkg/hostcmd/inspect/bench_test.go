package inspect_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script runs a script of .ci and returns the folder that it prints.
func script(b *testing.B, name string) string {
	b.Helper()
	path, err := filepath.Abs("../../../.ci/" + name)
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(shell(b, ".", path))
}

func shell(b *testing.B, dir, command string) string {
	b.Helper()
	out, _ := timed(b, dir, command)
	return out
}

// timed returns also the processor time of the command and its children.
func timed(b *testing.B, dir, command string) (stdout string, cpu time.Duration) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "bash", "-c", "set -o pipefail; "+command)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v", command, err)
	}
	return string(out), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// BenchmarkList lists an image of 100 MB, a Debian kernel and its modules, as
// a process of its own, beside lsinitramfs on the same image. One that is not
// packed is listed by its headers alone, 50 times faster at least. A packed one
// cannot be listed without unpacking all of it, which is then what takes the
// time in both: what is left to gain is that lsinitramfs unpacks it twice.
func BenchmarkList(b *testing.B) {
	kernel, foreign := script(b, "kernel"), script(b, "foreign-images")
	dir := b.TempDir()
	raw := filepath.Join(dir, "none.img")
	shell(b, kernel, "find -H boot lib | LC_ALL=C sort | cpio -o -H newc --quiet >"+raw)
	program := filepath.Join(dir, "mkinitramfs")
	shell(b, "../../..", "go build -o "+program+" .")
	for _, tt := range []struct {
		name, pack string
		factor     float64 // that ls is faster by, at least
	}{
		{"none", "", 50},
		{"zstd", "zstd -q", 1},
		{"gzip", "gzip -n", 1},
		{"lz4", "lz4 -lq - -", 1},
		{"xz", "xz -1 --check=crc32", 1},
	} {
		b.Run(tt.name, func(b *testing.B) {
			image := filepath.Join(dir, tt.name+".img")
			if tt.pack != "" {
				shell(b, dir, tt.pack+" <"+raw+" >"+image)
			}
			compareLists(b, program, image, filepath.Join(foreign, "bin"), tt.factor)
		})
	}
}

func compareLists(b *testing.B, program, image, bin string, factor float64) {
	b.Helper()
	before := time.Now()
	// Behind a plain archive it looks for another, and fails when there is none.
	theirs, theirCPU := timed(b, ".", "PATH="+bin+":$PATH; (lsinitramfs "+image+" 2>/dev/null || true) | LC_ALL=C sort")
	other := time.Since(before)
	var ours string
	var ownCPU time.Duration
	for b.Loop() {
		var cpu time.Duration
		ours, cpu = timed(b, ".", program+" ls "+image)
		ownCPU += cpu
	}
	if ours != theirs {
		b.Errorf("ls gives %d bytes, lsinitramfs %d, sorted", len(ours), len(theirs))
	}
	own := b.Elapsed() / time.Duration(b.N)
	faster := float64(other) / float64(own)
	if faster < factor {
		b.Errorf("ls is %.1f times faster than lsinitramfs, want %v", faster, factor)
	}
	b.ReportMetric(other.Seconds()*1000, "lsinitramfs-ms")
	b.ReportMetric(faster, "times-faster")
	b.ReportMetric(float64(theirCPU)/float64(ownCPU/time.Duration(b.N)), "times-less-cpu")
}
