// Hello boots a guest from nothing, as make run does.
//
// Synopsis:
//
//	go run ./examples/hello -kernel DIR [-machine q35|microvm] [-accel auto|kvm|tcg]
//
// It builds an initramfs with the modules of the kernel in DIR, an unpacked
// Debian linux-image package, packs two disks (a busybox root with a script to
// run, and its configuration), boots them in QEMU, and shows what the guest
// prints.
//
// Exit status: 0 when the script's own code, 42, came back over IDM and on the
// console, 1 when it did not or something failed, 2 for a wrong command line.
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
	"syscall"

	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/pack"
	"github.com/kguest/kguest/pkg/vm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // this is main
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)                                     //nolint:forbidigo // this is main
	stop()
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "hello:", err) //nolint:forbidigo // this is main
		os.Exit(2)                             //nolint:forbidigo // this is main
	case err != nil:
		fmt.Fprintln(os.Stderr, "hello:", err) //nolint:forbidigo // this is main
		os.Exit(1)                             //nolint:forbidigo // this is main
	}
}

// usageError is a mistake in the command line.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

// The workload, with an exit code that nothing else here has.
const (
	wantCode = 42
	script   = `#!/bin/sh
echo "Hello from $(hostname), $(uname -sr)"
echo "I am pid $$, user $(id -un), in $(pwd), cgroup $(cut -d: -f3 /proc/self/cgroup)"
echo "My root:    $(grep ' / ' /proc/mounts | tail -n 1)"
echo "My address: $(ip -4 -o addr show dev eth0 | sed 's/.*inet \([^ ]*\).*/\1/')"
exit 42
`
	imageConfig = `{
  "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
  "config": {"User": "guest", "WorkingDir": "/home/guest", "Entrypoint": ["/bin/hello"]}
}
`
	launchConfig = `{
  "hostname": "hello",
  "network": {
    "link": "eth0",
    "ipv4": {"address": "10.0.2.15/24", "gateway": "10.0.2.2"},
    "ipv6": {"address": "fec0::15/64", "gateway": "fec0::2"},
    "resolver": {"nameservers": ["10.0.2.3"]}
  },
  "env": {}
}
`
)

func run(ctx context.Context, args []string, stdout, stderr *os.File) error {
	flags := flag.NewFlagSet("hello", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	kernel := flags.String("kernel", "", "unpacked linux-image package")
	machine := flags.String("machine", vm.MachineQ35, "machine type")
	accel := flags.String("accel", vm.AccelAuto, "accelerator")
	if err := flags.Parse(args); err != nil {
		return &usageError{err.Error()}
	}
	if *kernel == "" || flags.NArg() > 0 {
		return &usageError{"usage: hello -kernel DIR [-machine q35|microvm] [-accel auto|kvm|tcg]"}
	}
	dir, err := os.MkdirTemp("", "hello-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing is lost with a temporary directory
	step := stepper(stderr)

	config := vm.Config{Machine: *machine, Accel: *accel, Net: vm.NetUser, Append: []string{"quiet"}}
	if err := prepare(ctx, step, *kernel, dir, &config); err != nil {
		return err
	}
	if config.Accel == vm.AccelAuto {
		step("trying KVM")
		config.Accel = vm.ChooseAccel(ctx, config)
	}
	step("booting (" + config.Machine + ", " + config.Accel + ")")
	step("")
	return boot(ctx, config, stdout)
}

// prepare makes the initramfs and the disks in dir, and fills in config.
func prepare(ctx context.Context, step func(string), kernel, dir string, config *vm.Config) error {
	found, err := vm.FindKernel(kernel)
	if err != nil {
		return err
	}
	step("building the initramfs")
	config.Kernel = found.Image
	config.Initramfs = filepath.Join(dir, "initramfs.cpio")
	var words bytes.Buffer
	status := hostcmd.Main(ctx, []string{"build", "-o", config.Initramfs, "-modules-dir", found.Modules, "-vmm", "qemu"},
		hostcmd.Streams{Stdout: io.Discard, Stderr: &words})
	if status != 0 {
		return fmt.Errorf("build initramfs: %s", bytes.TrimSpace(words.Bytes()))
	}
	step("packing the disks")
	image, conf := filepath.Join(dir, "image.squashfs"), filepath.Join(dir, "config.squashfs")
	config.Disks = []vm.Disk{{Path: image}, {Path: conf}}
	root := filepath.Join(dir, "root")
	if err := pack.BusyboxRoot(ctx, "/bin/busybox", root); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "bin/hello"), []byte(script), 0o755); err != nil {
		return err
	}
	owner := pack.Options{Attrs: []pack.Attr{{Path: "home/guest", Mode: 0o755, UID: 1000, GID: 1000}}}
	if err := pack.Image(ctx, root, image, owner); err != nil {
		return err
	}
	return pack.Config(ctx, conf, []byte(imageConfig), []byte(launchConfig))
}

// boot runs the machine and tells whether the workload's code came back.
func boot(ctx context.Context, config vm.Config, stdout io.Writer) error {
	var console, idm bytes.Buffer
	err := vm.Run(ctx, config, vm.Output{Console: io.MultiWriter(stdout, &console), IDM: &idm})
	if err != nil {
		return err
	}
	exit, err := vm.ParseExit(console.Bytes())
	if err != nil {
		return err
	}
	codes, err := vm.ExitCodes(idm.Bytes())
	if err != nil {
		return fmt.Errorf("read exit event: %w", err)
	}
	if len(codes) != 1 {
		return fmt.Errorf("read exit event: %d events came over IDM, want 1 (console: code %d, stage %s, %s)",
			len(codes), exit.Code, exit.Stage, exit.Reason)
	}
	fmt.Fprintf(stdout, "guest exited with code %d (IDM), %d (console: stage %s, %s)\n", codes[0], exit.Code, exit.Stage, exit.Reason)
	if codes[0] != wantCode || exit.Code != wantCode {
		return fmt.Errorf("the workload ends with %d, and that code did not come back", wantCode)
	}
	return nil
}

// stepper returns a function that shows the current step on a terminal.
func stepper(w *os.File) func(string) {
	info, err := w.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(string) {}
	}
	return func(name string) {
		if name == "" {
			fmt.Fprintln(w)
			return
		}
		fmt.Fprintf(w, "\r\x1b[K%s ...", name)
	}
}
