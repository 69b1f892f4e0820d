package build_test

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// repo is the root of the module.
func repo(b *testing.B) string {
	b.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		b.Fatal(err)
	}
	return root
}

// shell runs a command in dir and returns what it printed, and the process.
func shell(b *testing.B, dir, command string) (string, *os.ProcessState) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "bash", "-c", command)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v: %s", command, err, stderr.String())
	}
	return strings.TrimSpace(string(out)), cmd.ProcessState
}

// limits are the most that the best of the runs may take, in seconds; 0 is no
// limit. The best one is the one that other programs disturbed least.
type limits struct{ wall, cpu float64 }

// measure repeats a command that writes image. It counts wall and processor
// time, children included; the first run, which may fill caches, is not
// counted.
func measure(b *testing.B, dir, image, command string, most limits, before func(i int)) {
	b.Helper()
	before(-1)
	shell(b, dir, command)
	cpu, best := 0.0, limits{math.Inf(1), math.Inf(1)}
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		before(i)
		b.StartTimer()
		start := time.Now()
		_, p := shell(b, dir, command)
		took := (p.UserTime() + p.SystemTime()).Seconds()
		cpu += took
		best = limits{min(best.wall, time.Since(start).Seconds()), min(best.cpu, took)}
	}
	if most.wall > 0 && best.wall > most.wall || most.cpu > 0 && best.cpu > most.cpu {
		b.Errorf("best run: %.3f s, %.3f s of processor time; want at most %v", best.wall, best.cpu, most)
	}
	b.ReportMetric(best.wall, "best-s")
	b.ReportMetric(cpu/float64(b.N), "cpu-s/op")
	info, err := os.Stat(image)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/1e6, "MB")
}

// BenchmarkBuilders makes the image of a minimal QEMU guest, not packed, with
// this and with other builders: dracut with the same drivers, and mkuimage with
// two of u-root's commands and no drivers. Booster is not among them: the Go
// module proxy refused its module.
func BenchmarkBuilders(b *testing.B) {
	root, dir := repo(b), b.TempDir()
	nothing := func(int) {}
	kernel, _ := shell(b, root, ".ci/kernel")
	modules, err := filepath.Glob(filepath.Join(kernel, "lib/modules/*"))
	if err != nil || len(modules) != 1 {
		b.Fatalf("modules of %s: %q, %v", kernel, modules, err)
	}
	out := filepath.Join(dir, "image")
	program := filepath.Join(dir, "mkinitramfs")
	shell(b, root, "go build -o "+program+" .")
	ours := fmt.Sprintf("%s build -o %s -modules-dir '%s' -vmm qemu", program, out, modules[0])

	b.Run("mkinitramfs", func(b *testing.B) { measure(b, root, out, ours, limits{0.2, 0.1}, nothing) })
	b.Run("mkinitramfs-edited", func(b *testing.B) {
		copied := filepath.Join(dir, "kguest")
		shell(b, root, "mkdir "+copied+" && tar -c --exclude=.git --exclude=./build . | tar -x -C "+copied)
		file := filepath.Join(copied, "cmds/knet/main.go")
		source, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		measure(b, copied, out, ours, limits{wall: 4}, func(i int) {
			edited := fmt.Appendf(slices.Clip(source), "\nvar edited = %d\n", i)
			if err := os.WriteFile(file, edited, 0o644); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("mkuimage", func(b *testing.B) {
		mkuimage, module := filepath.Join(dir, "mkuimage"), filepath.Join(root, ".ci/mkuimage")
		shell(b, module, "go build -o "+mkuimage+" github.com/u-root/mkuimage/cmd/mkuimage")
		measure(b, module, out, mkuimage+" -o "+out+" -initcmd init github.com/u-root/u-root/cmds/core/{init,echo}", limits{}, nothing)
	})
	b.Run("dracut", func(b *testing.B) {
		usr, _ := shell(b, root, ".ci/dracut")
		dracut := fmt.Sprintf(`mount -t overlay overlay -o lowerdir=%s/usr:/usr /usr && exec dracut --conf /dev/null --confdir %s \
			--no-hostonly --no-compress --force --kver %s --kmoddir '%s' --modules base \
			--drivers 'virtio_blk virtio_net virtio_pci virtio_console squashfs overlay erofs' %s`,
			usr, dir, filepath.Base(modules[0]), modules[0], out)
		script := filepath.Join(dir, "dracut.sh")
		if err := os.WriteFile(script, []byte(dracut+"\n"), 0o644); err != nil {
			b.Fatal(err)
		}
		measure(b, dir, out, "unshare -rm bash "+script+" 2>&1", limits{}, nothing)
	})
	b.Run("mkinitramfs-1GB", func(b *testing.B) {
		shell(b, dir, "truncate -s 1G big")
		shell(b, root, ours) // what compiles counts as its child
		most := int64(0)
		for b.Loop() {
			_, p := shell(b, root, ours+" -file "+filepath.Join(dir, "big")+":/big")
			usage, ok := p.SysUsage().(*syscall.Rusage)
			if !ok {
				b.Fatal("no usage of a process")
			}
			most = max(most, usage.Maxrss)
		}
		if most > 200_000 {
			b.Errorf("%d kB of memory, want less than 200 MB", most)
		}
		b.ReportMetric(float64(most)/1000, "MB-memory")
	})
}
