package vm

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program writes a shell script that stands in for QEMU.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "qemu")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRunDeliversAll(t *testing.T) {
	c := Config{Kernel: "k", Accel: AccelTCG, QEMU: program(t, "echo console; printf 'on idm' >&3\n")}
	var console, idm bytes.Buffer
	if err := Run(t.Context(), c, Output{Console: &console, IDM: &idm}); err != nil {
		t.Fatal(err)
	}
	if console.String() != "console\n" || idm.String() != "on idm" {
		t.Errorf("console %q, idm %q, want %q, %q", console.String(), idm.String(), "console\n", "on idm")
	}
}

func TestStartTalksBothWays(t *testing.T) {
	c := Config{Kernel: "k", Accel: AccelTCG, QEMU: program(t, "read typed; read got <&3; echo \"$typed $got\" >&3\n")}
	m, err := Start(t.Context(), c, Output{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(m.Console, "typed\n"); err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(m.IDM, "got\n"); err != nil {
		t.Error(err)
	}
	got, err := io.ReadAll(m.IDM)
	if err := errors.Join(err, m.IDM.Close(), m.Wait()); err != nil || string(got) != "typed got\n" {
		t.Errorf("read %q, %v, want %q", got, err, "typed got\n")
	}
}

func TestRunErrors(t *testing.T) {
	tests := []struct{ name, qemu, want string }{
		{"its own words", program(t, "echo one >&2; echo two >&2; exit 3\n"), "run qemu: exit status 3: one; two"},
		{"no words", program(t, "exit 4\n"), "run qemu: exit status 4"},
		{"timeout", program(t, "echo working >&2; exec sleep 100\n"), "run qemu: killed: no end within 1s"},
		{"a child holds the console", program(t, "sleep 100 & wait\n"), "run qemu: killed: no end within 1s"},
		{"no program", "/nonexistent/qemu", "start qemu: fork/exec /nonexistent/qemu: no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Config{Kernel: "k", Accel: AccelTCG, QEMU: tt.qemu, Timeout: time.Second}
			err := Run(t.Context(), c, Output{Console: io.Discard})
			if err == nil || err.Error() != tt.want {
				t.Errorf("Run = %v, want %v", err, tt.want)
			}
		})
	}
}

func TestRunCanceled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	console := writerFunc(func() { cancel(why) })
	err := Run(ctx, Config{Kernel: "k", Accel: AccelTCG, QEMU: program(t, "echo up; exec sleep 100\n")}, Output{Console: console})
	if !errors.Is(err, why) {
		t.Errorf("Run = %v, want %v", err, why)
	}
}

// writerFunc calls itself at each write.
type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestAccelIsSettled(t *testing.T) {
	c := Config{Kernel: "k", QEMU: program(t, "echo \"$@\"\n")}
	var console bytes.Buffer
	if err := Run(t.Context(), c, Output{Console: &console}); err != nil {
		t.Fatal(err)
	}
	// A probe without the kernel's panic is no proof of KVM.
	if !strings.Contains(console.String(), "-accel tcg") {
		t.Errorf("arguments %s lack -accel tcg", console.String())
	}
}
