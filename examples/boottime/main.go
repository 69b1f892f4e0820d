// Boottime counts what a boot costs, in instructions of the guest.
//
// Synopsis:
//
//	go run ./examples/boottime -kernel DIR
//
// It boots the guest of a busybox root on a microvm under QEMU's software
// emulation, with guest time made a count of instructions (-icount), and prints
// a line for the kernel's way to /init, for each stage of kinit, and for the
// whole way from there to the workload. Figures are in million instructions;
// they do not depend on how busy this machine is. What kinit prints itself, a
// line a stage, is part of them.
//
// Exit status: 0, 1 when something failed, 2 for a wrong command line.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/pack"
	"github.com/kguest/kguest/pkg/vm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // this is main
	err := run(ctx, os.Args[1:], os.Stdout)                                                //nolint:forbidigo // this is main
	stop()
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "boottime:", err) //nolint:forbidigo // this is main
		os.Exit(2)                                //nolint:forbidigo // this is main
	case err != nil:
		fmt.Fprintln(os.Stderr, "boottime:", err) //nolint:forbidigo // this is main
		os.Exit(1)                                //nolint:forbidigo // this is main
	}
}

// usageError is a mistake in the command line.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

// workload puts a mark into the kernel's log, and shows the log's times.
const (
	workload    = `echo workload >/dev/kmsg; dmesg | grep -E "Run /init|workload"`
	imageConfig = `{
  "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
  "config": {"Entrypoint": ["/bin/sh", "-c"], "Cmd": [` + "%q" + `]}
}
`
	launchConfig = `{
  "hostname": "boottime", "env": {},
  "network": {
    "link": "eth0", "ipv4": {"address": "10.0.2.15/24", "gateway": "10.0.2.2"}, "resolver": {"nameservers": ["10.0.2.3"]}
  }
}
`
)

func run(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("boottime", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	dir := flags.String("kernel", "", "unpacked linux-image package")
	if err := flags.Parse(args); err != nil {
		return &usageError{err.Error()}
	}
	if *dir == "" || flags.NArg() > 0 {
		return &usageError{"usage: boottime -kernel DIR"}
	}
	kernel, err := vm.FindKernel(*dir)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "boottime-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // nothing is lost with a temporary directory
	config, err := prepare(ctx, kernel, work)
	if err != nil {
		return err
	}
	var console bytes.Buffer
	if err := vm.Run(ctx, config, vm.Output{Console: &console}); err != nil {
		return err
	}
	times, err := parse(console.String())
	if err != nil {
		return fmt.Errorf("%w; the console was:\n%s", err, console.Bytes())
	}
	return show(stdout, times)
}

// prepare makes the initramfs and the disks in work.
func prepare(ctx context.Context, kernel vm.Kernel, work string) (vm.Config, error) {
	in := func(name string) string { return filepath.Join(work, name) }
	c := vm.Config{
		Machine: vm.MachineMicroVM, Accel: vm.AccelTCG, Icount: true, Timeout: 10 * time.Minute, Net: vm.NetUser,
		Kernel: kernel.Image, Initramfs: in("initramfs.cpio"),
		Append: []string{"quiet", "nokaslr", "printk.devkmsg=on", "kinit.log=info"},
		Disks:  []vm.Disk{{Path: in("image")}, {Path: in("config")}},
	}
	var words bytes.Buffer
	status := hostcmd.Main(ctx, []string{"build", "-o", c.Initramfs, "-modules-dir", kernel.Modules, "-vmm", "qemu"},
		hostcmd.Streams{Stdout: io.Discard, Stderr: &words})
	if status != 0 {
		return c, fmt.Errorf("build initramfs: %s", bytes.TrimSpace(words.Bytes()))
	}
	if err := pack.BusyboxRoot(ctx, "/bin/busybox", in("root")); err != nil {
		return c, err
	}
	if err := pack.Image(ctx, in("root"), in("image"), pack.Options{}); err != nil {
		return c, err
	}
	return c, pack.Config(ctx, in("config"), fmt.Appendf(nil, imageConfig, workload), []byte(launchConfig))
}

// times of a boot: guest time is instructions, a nanosecond each.
type times struct {
	init, workload time.Duration // since the start
	stages         []stage
}

type stage struct {
	name string
	took time.Duration
}

var (
	logLine   = regexp.MustCompile(`(?m)^\[ *(\d+\.\d+)\] (Run /init|workload)`)
	stageLine = regexp.MustCompile(`(?m)^kinit: (\w+): done took=(\S+?)\r?$`)
)

// parse reads the kernel's and kinit's lines off the console.
func parse(console string) (times, error) {
	var t times
	for _, m := range logLine.FindAllStringSubmatch(console, -1) {
		seconds, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return t, fmt.Errorf("read kernel log: %w", err)
		}
		at := time.Duration(seconds * float64(time.Second))
		if m[2] == "workload" {
			t.workload = at
		} else {
			t.init = at
		}
	}
	for _, m := range stageLine.FindAllStringSubmatch(console, -1) {
		took, err := time.ParseDuration(m[2])
		if err != nil {
			return t, fmt.Errorf("read stage %s: %w", m[1], err)
		}
		t.stages = append(t.stages, stage{m[1], took})
	}
	if t.init == 0 || t.workload == 0 || len(t.stages) == 0 {
		return t, errors.New("the guest did not report its times")
	}
	return t, nil
}

func show(w io.Writer, t times) error {
	var b bytes.Buffer
	line := func(name string, d time.Duration) {
		fmt.Fprintf(&b, "%-22s %10.3f\n", name, float64(d)/float64(time.Millisecond))
	}
	fmt.Fprintln(&b, "million instructions")
	line("start to /init", t.init)
	for _, s := range t.stages {
		line("  "+s.name, s.took)
	}
	line("/init to workload", t.workload-t.init)
	_, err := w.Write(b.Bytes())
	return err
}
