package metrics

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

const benchProcesses = 1000

// BenchmarkCollectFiles reads 1,000 processes from files of a disk.
func BenchmarkCollectFiles(b *testing.B) {
	proc := b.TempDir()
	for _, name := range []string{"uptime", "meminfo"} {
		copyFile(b, filepath.Join("testdata/linux-6.12/proc", name), filepath.Join(proc, name))
	}
	for pid := range benchProcesses {
		dir := filepath.Join(proc, strconv.Itoa(pid+1))
		if err := os.Mkdir(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for _, name := range []string{"stat", "status", "cmdline"} {
			copyFile(b, filepath.Join("testdata/linux-6.12/proc/142", name), filepath.Join(dir, name))
		}
		addLinks(b, dir, "/usr/bin/sleep", "/")
	}
	collectLoop(b, Config{Proc: proc})
}

func copyFile(b *testing.B, from, to string) {
	b.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCollectProcesses reads /proc with 1,000 sleeping processes more
// than there are already. What counts is cpu-ms. On two shared cores of Linux 6.18
// it was 45 to 52, with ten others running, where a C program that makes the same
// system calls took 36 to 43: stat 9 µs a process, status 12, cmdline 9, exe and
// cwd 8, the directory 3. Names below /proc instead of names below the process's
// directory were no faster; telling Go's scheduler of each call cost 16 µs more.
func BenchmarkCollectProcesses(b *testing.B) {
	for range benchProcesses {
		cmd := exec.Command("sleep", "600")
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // killed
		})
	}
	collectLoop(b, Config{Proc: "/proc", Sys: "/sys", Mounts: []string{"/"}})
}

// collectLoop reports, beside the time that passed, the CPU time taken, which
// is what a collection costs on a busy machine.
func collectLoop(b *testing.B, c Config) {
	b.ReportAllocs()
	var listed float64
	before := cpuSeconds(b)
	n := 0
	for b.Loop() {
		root, errs := c.Collect()
		if len(errs) > 0 {
			b.Fatal(errs)
		}
		listed = find(root, "system", "processes", "listed").Value.Number
		n++
	}
	b.ReportMetric((cpuSeconds(b)-before)*1e3/float64(n), "cpu-ms/op")
	b.ReportMetric(listed, "processes")
	if listed < benchProcesses {
		b.Errorf("%v processes listed, want %d and more", listed, benchProcesses)
	}
}

func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Nano()) / 1e9 }
	return seconds(u.Utime) + seconds(u.Stime)
}
