// Bench counts what a boot costs, in instructions of the guest.
//
// Synopsis:
//
//	bench -kernel DIR|FILE [-modules DIR|none] [-built-in FILE] [-compression NAME] [-json FILE] [-write FILE] [-growth] [-order FILE]
//
// It boots mkinitramfs's minimal image, the least init in C, and a script of
// busybox from the same disks under QEMU's software emulation, with guest time
// made a count of instructions (-icount), and prints what each cost from the
// kernel's hand-over to the workload's first instruction, stage by stage and
// module by module; sizes and memory; process 1's time in a minute of idling;
// and what its program consists of. The figures do not depend on how busy this
// machine is; two runs differ by up to one percent.
//
// Options:
//
//	-kernel DIR    an unpacked Debian linux-image package, or a bzImage
//	-modules DIR   the modules of a bzImage; none, the default there, for a
//	               kernel that has its drivers built in
//	-built-in FILE a bzImage that has its drivers built in, on which C and
//	               kguest are booted too
//	-compression NAME
//	               of the disks of bzImages, squashfs: what the kernel can read
//	               (lz4)
//	-json FILE     write the figures to FILE
//	-write FILE    write the page of documentation to FILE
//	-growth        count too how the cost grows; takes some minutes
//	-order FILE    count nothing, and write to FILE which functions process 1
//	               calls, in their order (initramfs/linker); wants -built-in
//
// Exit status: 0, 1 when something failed, 2 for a wrong command line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kguest/kguest/bench/rig"
	"github.com/kguest/kguest/initramfs/linker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM) //nolint:forbidigo // this is main
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)                                     //nolint:forbidigo // this is main
	stop()
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "bench:", err) //nolint:forbidigo // this is main
		os.Exit(2)                             //nolint:forbidigo // this is main
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err) //nolint:forbidigo // this is main
		os.Exit(1)                             //nolint:forbidigo // this is main
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args)
	if errors.Is(err, flag.ErrHelp) {
		_, err := fmt.Fprintln(stdout, usageLine)
		return err
	}
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // nothing is lost with a temporary directory
	r, err := newRig(ctx, o, filepath.Join(work, "kernel"))
	if err != nil {
		return err
	}
	m := measurer{rig: r, progress: stderr}
	builtIn := rig.Rig{Kernel: o.builtIn, Compression: o.compression}
	if o.order != "" {
		names, err := m.order(ctx, builtIn, filepath.Join(work, "built-in"), linker.Order())
		if err != nil {
			return err
		}
		return replace(o.order, []byte(strings.Join(names, "\n")+"\n"))
	}
	result, err := m.all(ctx, o.growth)
	if err != nil {
		return err
	}
	if o.builtIn != "" {
		if result.WithBuiltIn, err = measureBuiltIn(ctx, builtIn, filepath.Join(work, "built-in"), stderr); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(stdout, tables(result)); err != nil {
		return err
	}
	return o.write(result)
}

// newRig is the rig of the kernel asked for, with its files in dir.
func newRig(ctx context.Context, o options, dir string) (*rig.Rig, error) {
	if isDir(o.kernel) {
		return rig.Debian(ctx, o.kernel, dir)
	}
	return rig.Rig{Kernel: o.kernel, Modules: o.modules, Compression: o.compression}.In(ctx, dir)
}

// write writes the files that were asked for.
func (o options) write(result *Result) error {
	data, err := json.MarshalIndent(result, "", "\t")
	if err != nil {
		return err
	}
	return errors.Join(replace(o.json, append(data, '\n')), replace(o.page, []byte(page(result))))
}

// replace writes the file beside, and puts it in its place; "" is none. What is no
// regular file, such as /dev/stdout, is written as it is.
func replace(file string, content []byte) error {
	if file == "" {
		return nil
	}
	if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(file, content, 0o644)
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".bench-*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
