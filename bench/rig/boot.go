package rig

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/vm"
)

// Options of a boot; the zero value is the plain one.
type Options struct {
	Append []string // further kernel parameters
	Config string   // config disk; the rig's own where empty
	Image  string   // image disk; the rig's own where empty
	IDM    []byte   // what the host says on a virtio serial port; nil for no port
	// Sleeps lets a guest with nothing to do halt. Its clock then jumps to its
	// next timer: a minute of idling takes no time here, but waiting for a disk
	// takes seconds there, so that only the processor's time means something.
	Sleeps bool
	Code   bool // tell what code was executed
	Output bool // the workload's goes to a port beside that of IDM, which there has to be
}

// timeout is of one QEMU: a boot takes some ten seconds on a busy machine.
const timeout = 5 * time.Minute

// Boot boots the archive until the workload has ended the machine.
func (r *Rig) Boot(ctx context.Context, archive string, o Options) (*Boot, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	dir, err := os.MkdirTemp(r.dir, "boot-*")
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	port, err := openPort(dir, o.IDM)
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	plugin := r.in("count.so") + ",out=" + filepath.Join(dir, "counts")
	if o.Code {
		plugin += ",code=" + filepath.Join(dir, "code")
	}
	console, err := qemu(ctx, append(r.arguments(archive, dir, o), "-plugin", plugin))
	said, errPort := port.end()
	if err := errors.Join(err, errPort); err != nil {
		return nil, err
	}
	if o.Output {
		output, err := os.ReadFile(filepath.Join(dir, "output"))
		if err != nil {
			return nil, fmt.Errorf("boot: %w", err)
		}
		console += string(output)
	}
	count, err := os.ReadFile(filepath.Join(dir, "counts"))
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	b, err := parse(console, string(count))
	if err != nil {
		return nil, fmt.Errorf("boot %s: %w; the console was:\n%s", archive, err, console)
	}
	b.IDM = said
	if o.Code {
		b.Code, err = readCode(filepath.Join(dir, "code"))
	}
	return b, err
}

// qemu runs QEMU and returns what it wrote.
func qemu(ctx context.Context, args []string) (string, error) {
	runtime.LockOSThread() // QEMU dies with the thread that started it
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, vm.DefaultQEMU, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var console, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &console, &words
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("run qemu: %w: %s", err, bytes.TrimSpace(words.Bytes()))
	}
	return console.String(), nil
}

// arguments are QEMU's: one processor, the disks, a network card without a
// network, and no more.
func (r *Rig) arguments(archive, dir string, o Options) []string {
	args := []string{
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
		"-machine", "microvm,pit=on,pic=on,rtc=on", "-accel", "tcg", "-cpu", "qemu64", "-m", "512", "-smp", "1",
		"-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2024-01-01,clock=vm",
		"-kernel", r.Kernel, "-initrd", archive, "-append", kernelLine(o), "-global", "virtio-mmio.force-legacy=false",
	}
	return append(args, r.devices(dir, o)...)
}

// devices are the machine's, in slots of virtio-mmio, of which the kernel
// probes the highest first. A port is named after the number of its device.
func (r *Rig) devices(dir string, o Options) []string {
	var args []string
	slot := 7
	add := func(backend, value, device string) {
		args = append(args, backend, value, "-device", fmt.Sprintf("%s,bus=virtio-mmio-bus.%d", device, slot))
		slot--
	}
	if o.IDM != nil {
		add("-chardev", "pipe,id=idm,path="+filepath.Join(dir, "idm"), "virtio-serial-device")
		args = append(args, "-device", "virtserialport,nr=1,chardev=idm,name=idm")
	}
	if o.Output {
		args = append(args, "-chardev", "file,id=output,path="+filepath.Join(dir, "output"), "-device", "virtserialport,nr=2,chardev=output,name=output")
	}
	add("-drive", "if=none,id=image,format=raw,readonly=on,file="+cmp.Or(o.Image, r.in("image")), "virtio-blk-device,drive=image")
	add("-drive", "if=none,id=config,format=raw,readonly=on,file="+cmp.Or(o.Config, r.in("config")), "virtio-blk-device,drive=config")
	add("-netdev", "hubport,id=net,hubid=0", "virtio-net-device,netdev=net,mac=52:54:00:12:34:56")
	return args
}

// kernelLine is the kernel's command line.
func kernelLine(o Options) string {
	words := []string{
		"console=ttyS0", "panic=-1", "reboot=t", "quiet", "nokaslr", "random.trust_cpu=on", "cryptomgr.notests",
		"no_timer_check", "tsc_early_khz=1000000", // an instruction is a nanosecond
		"printk.devkmsg=on", // else the kernel drops some of the marks
	}
	if !o.Sleeps {
		words = append(words, "idle=poll") // a halted guest would jump to its next timer
	}
	if o.IDM != nil {
		words = append(words, "kinit.idm=/dev/vport0p1")
	}
	if o.Output {
		words = append(words, "kinit.output=/dev/vport0p2")
	}
	return strings.Join(append(words, o.Append...), " ")
}
