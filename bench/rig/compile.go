package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
)

// freestanding are the flags of a program without a C library.
func freestanding() []string {
	return []string{
		"-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie",
		"-fno-asynchronous-unwind-tables", "-Wl,-z,noseparate-code", "-Wl,--build-id=none", "-s",
	}
}

// compile makes the programs of the guest, and QEMU's plugin.
func (r *Rig) compile(ctx context.Context) error {
	return errors.Join(
		r.gcc(ctx, "init", "init.c", freestanding()...),
		r.gcc(ctx, "init-marks", "init.c", append(freestanding(), "-DMARKS")...),
		r.gcc(ctx, "workload", "workload.c", freestanding()...),
		r.gcc(ctx, "count.so", "count.c", "-shared", "-fPIC", "-fvisibility=hidden"))
}

func (r *Rig) gcc(ctx context.Context, out, source string, flags ...string) error {
	args := append([]string{"-O2", "-Wall", "-Wextra", "-o", r.in(out)}, flags...)
	cmd := exec.CommandContext(ctx, "gcc", append(args, filepath.Join(r.in("source/guest"), source))...)
	if words, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compile %s (Debian packages gcc and libc6-dev): %w: %s", source, err, bytes.TrimSpace(words))
	}
	return nil
}
