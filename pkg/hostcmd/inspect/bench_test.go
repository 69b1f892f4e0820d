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
// a process of its own, beside lsinitramfs on the same image. A packed image cannot be
// listed without unpacking all of it.
func BenchmarkList(b *testing.B) {
	kernel, foreign := script(b, "kernel"), script(b, "foreign-images")
	dir := b.TempDir()
	raw := filepath.Join(dir, "none.img")
	shell(b, kernel, "find -H boot lib | LC_ALL=C sort | cpio -o -H newc --quiet >"+raw)
	program := filepath.Join(dir, "mkinitramfs")
	shell(b, "../../..", "go build -o "+program+" .")
	for _, tt := range []struct{ name, pack string }{
		{"none", ""},
		{"zstd", "zstd -q"},
		{"gzip", "gzip -n"},
		{"lz4", "lz4 -lq - -"},
		{"xz", "xz -1 --check=crc32"},
	} {
		b.Run(tt.name, func(b *testing.B) {
			image := filepath.Join(dir, tt.name+".img")
			if tt.pack != "" {
				shell(b, dir, tt.pack+" <"+raw+" >"+image)
			}
			compareLists(b, program, image, filepath.Join(foreign, "bin"))
		})
	}
}

func compareLists(b *testing.B, program, image, bin string) {
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
	b.ReportMetric(other.Seconds()*1000, "lsinitramfs-ms")
	b.ReportMetric(float64(other)/float64(own), "times-faster")
	b.ReportMetric(float64(theirCPU)/float64(ownCPU/time.Duration(b.N)), "times-less-cpu")
}
