package ociproc

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// childVariable makes this binary a program that only succeeds.
const childVariable = "OCIPROC_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// kernelRoot is commonRoot with a program that runs in it, in a chroot without
// libraries.
func kernelRoot(t *testing.T) string {
	t.Helper()
	root := commonRoot(t)
	self, err := os.Open("/proc/self/exe")
	check(t, err)
	defer self.Close()
	if loader := elfLoader(self); loader != "" {
		t.Fatalf("the test binary needs %s: build it with CGO_ENABLED=0", loader)
	}
	for _, path := range []string{"/app/run", "/usr/bin/busybox", "/app/bin/deep", "/opt/tool"} {
		program, err := os.OpenFile(filepath.Join(root, path), os.O_WRONLY|os.O_TRUNC, 0)
		check(t, err)
		_, err = self.Seek(0, io.SeekStart)
		check(t, err)
		_, err = io.Copy(program, self)
		check(t, err)
		check(t, program.Close())
	}
	return root
}

// execute lets the kernel say: it runs path in root, as root of a user
// namespace of its own.
func execute(root, dir, path string) error {
	p, err := os.StartProcess(path, []string{path}, &os.ProcAttr{
		Dir: dir,
		Env: []string{childVariable + "=1"},
		Sys: &syscall.SysProcAttr{
			Chroot:      root,
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		},
	})
	if err != nil {
		return err
	}
	state, err := p.Wait()
	if err == nil && !state.Success() {
		err = errors.New(state.String())
	}
	return err
}

// Resolve agrees with chroot(2) and execve(2) on what is there and what is not.
func TestResolveAgainstKernel(t *testing.T) {
	root := kernelRoot(t)
	for _, command := range []string{
		"/app/run", "/bin/sh", "/usr/bin/env", "/bin/busybox", "/app/../app/run", "/../../app/run", "/usr/../bin/./sh", "/bin//sh",
		"/app/script", "/app/envscript", "/app/nested", "/app/relative", "/app/orphan", "/app/chain", "/app/badinterp", "/app/spin",
		"/bin/plain", "/bin/folder", "/bin/dangling", "/bin/outside", "/bin/loop", "/bin/pipe", "/", "/no/such", "/app/run/",
		"/app/run/x", "/missing/../app/run", "/app/run/../run", "./run", "bin/deep", "../opt/tool", "././bin/../run", "nothing/here",
		"../bin/../app/run", "../bin/../bin/env",
	} {
		i := ImageConfig{Entrypoint: []string{command}, WorkingDir: "/app"}
		kernel := ExecError(&Process{Path: command}, execute(root, "/app", command))
		p, err := Resolve(root, i, Overrides{})
		if err == nil {
			// What is left to execve is found by it at the resolved path too.
			err = ExecError(p, execute(root, "/app", p.Path))
		}
		if got, want := code(err), code(kernel); got != want {
			t.Errorf("Resolve(%q) has code %d (%v), the kernel's is %d (%v)", command, got, err, want, kernel)
		}
	}
}

func code(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return 0
}
