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

// BenchmarkCollectProcesses reads /proc with 1,000 sleeping processes more than
// there are already: as the first collection does, and as those after it do,
// which know 3 of 13 system calls a process. What counts is cpu-ms, and of it what
// 13,000 system calls cost that do nothing: 1 to 3 ms natively, but 14 on the
// paravirtual machine (Linux 6.18) where, at best of 30, the first took 52 to 58
// and the next 44 to 46, with two cores shared by sixteen others (on average 10
// more), and a C program that makes no more than the first's system calls 42 to
// 43, on average 47. Names below /proc instead of names
// below the process's directory save 2 and may be of two processes.
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
	c := Config{Proc: "/proc", Sys: "/sys", Mounts: []string{"/"}}
	b.Run("first", func(b *testing.B) { collectLoop(b, c) })
	c.Known = new(Known)
	b.Run("next", func(b *testing.B) { collectLoop(b, c) })
	b.Run("nothing", func(b *testing.B) {
		before := cpuSeconds(b)
		n := 0
		for b.Loop() {
			for range 13 * benchProcesses {
				_, _, _ = syscall.RawSyscall(syscall.SYS_GETPPID, 0, 0, 0)
			}
			n++
		}
		b.ReportMetric((cpuSeconds(b)-before)*1e3/float64(n), "cpu-ms/op")
	})
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
