package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// kvmDeadline is how long KVM has for a boot of the bare kernel, which takes
// about a second where KVM works at all.
const kvmDeadline = 6 * time.Second

// ChooseAccel returns AccelKVM where the kernel of c boots under it in time,
// and AccelTCG elsewhere: /dev/kvm may open and its guests hang.
func ChooseAccel(ctx context.Context, c Config) string {
	if c.Icount || ProbeKVM(ctx, c) != nil {
		return AccelTCG
	}
	return AccelKVM
}

// RememberAccel is ChooseAccel, whose answer it keeps in the folder dir until this
// machine is started again, or the kernel is another.
func RememberAccel(ctx context.Context, c Config, dir string) string {
	c = c.withDefaults()
	key, err := accelKey(c)
	if err != nil {
		return ChooseAccel(ctx, c)
	}
	path := filepath.Join(dir, "accel-"+c.Machine)
	if kept, err := os.ReadFile(path); err == nil {
		if accel, ok := strings.CutPrefix(string(kept), key+" "); ok && (accel == AccelKVM || accel == AccelTCG) {
			return accel
		}
	}
	accel := ChooseAccel(ctx, c)
	if ctx.Err() == nil {
		_ = os.WriteFile(path, []byte(key+" "+accel), 0o644) // without it the next boot asks again
	}
	return accel
}

// accelKey tells one start of this machine, one state of /dev/kvm and one kernel
// from others.
func accelKey(c Config) (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	info, err := os.Stat(c.Kernel)
	if err != nil {
		return "", err
	}
	kvm := "none"
	if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err == nil {
		kvm = "open"
		_ = f.Close()
	}
	return fmt.Sprintf("%s %s %s %d %d %s", strings.TrimSpace(string(boot)), kvm, c.Kernel, info.Size(), info.ModTime().UnixNano(), c.QEMU), nil
}

// ProbeKVM boots the kernel of c alone under KVM, until it panics for want of
// a root. It returns nil, or why KVM is of no use here.
func ProbeKVM(ctx context.Context, c Config) error {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("probe kvm: %w", err)
	}
	_ = f.Close()

	var console bytes.Buffer
	err = Run(ctx, Config{
		QEMU: c.QEMU, Machine: c.Machine, Accel: AccelKVM, Kernel: c.Kernel,
		MemoryMiB: 256, IDM: IDMNone, Append: []string{"quiet"}, Timeout: kvmDeadline,
	}, Output{Console: &console})
	if err == nil && !bytes.Contains(console.Bytes(), []byte(panicText)) {
		err = errors.New("the kernel ended too early")
	}
	if err != nil {
		return fmt.Errorf("probe kvm: %w", err)
	}
	return nil
}

// tscKHz returns the speed of the time stamp counter that a guest of c sees,
// 0 where it is not known: under TCG it is the host's.
func tscKHz(c Config) int {
	if c.Icount {
		return 1_000_000 // one instruction is one nanosecond
	}
	cpuinfo, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return 0
	}
	return parseTSCkHz(cpuinfo)
}

// parseTSCkHz reads the first "cpu MHz" of a /proc/cpuinfo, 0 where none is.
func parseTSCkHz(cpuinfo []byte) int {
	for line := range bytes.Lines(cpuinfo) {
		name, value, ok := strings.Cut(string(line), ":")
		if !ok || strings.TrimSpace(name) != "cpu MHz" {
			continue
		}
		mhz, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || !(mhz >= 1 && mhz < 100_000) {
			return 0
		}
		return int(mhz * 1000)
	}
	return 0
}
