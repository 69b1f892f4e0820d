package nstest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kguest/kguest/pkg/nstest"
)

func TestRunMakesNamespaces(t *testing.T) {
	for _, tt := range []struct {
		name string
		ns   nstest.Namespaces
	}{
		{name: "mnt", ns: nstest.Mount},
		{name: "net", ns: nstest.Net},
		{name: "pid", ns: nstest.PID | nstest.Mount},
		{name: "ipc", ns: nstest.IPC},
		{name: "uts", ns: nstest.UTS},
		{name: "cgroup", ns: nstest.Cgroup},
		{name: "user", ns: 0},
		{name: "a name: with (odd) [signs]", ns: 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			link := "/proc/self/ns/" + tt.name
			if strings.Contains(tt.name, " ") {
				link = "/proc/self/ns/user"
			}
			const variable = "OUTER_NAMESPACE"
			outer := os.Getenv(variable)
			if outer == "" {
				t.Setenv(variable, readlink(t, link))
			}
			nstest.Run(t, tt.ns, func(t *testing.T) {
				if inner := readlink(t, link); outer == "" || inner == outer {
					t.Errorf("namespace inside = %q, outside = %q, want another", inner, outer)
				}
				if uid := os.Getuid(); uid != 0 {
					t.Errorf("uid = %d, want 0", uid)
				}
			})
		})
	}
}

func TestNetHasOnlyLo(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		links, err := net.Interfaces()
		if err != nil {
			t.Fatal(err)
		}
		if len(links) != 1 || links[0].Name != "lo" || links[0].Flags&net.FlagUp != 0 {
			t.Errorf("links = %+v, want only lo, down", links)
		}
	})
}

func TestMountsStayInside(t *testing.T) {
	const variable = "OUTER_DIRECTORY"
	dir := os.Getenv(variable)
	if dir == "" {
		dir = t.TempDir()
		t.Setenv(variable, dir)
	}
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "inside"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if _, err := os.Stat(filepath.Join(dir, "inside")); os.Getenv("KGUEST_NSTEST") == "" && !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(inside) outside = %v, want %v", err, fs.ErrNotExist)
	}
}

func TestProcIsOfThePIDNamespace(t *testing.T) {
	nstest.Run(t, nstest.Mount|nstest.PID, func(t *testing.T) {
		if got := readlink(t, "/proc/self"); got != "1" {
			t.Errorf("Readlink(/proc/self) = %s, want 1", got)
		}
	})
}

// TestOutcome runs TestInner in a process of its own and looks at what that says.
func TestOutcome(t *testing.T) {
	for _, tt := range []struct {
		inner string
		fails bool
		want  string
	}{
		{inner: "pass", want: "--- PASS: TestInner"},
		{inner: "skip", want: "--- SKIP: TestInner"},
		{inner: "skip", want: "no such feature"},
		{inner: "error", fails: true, want: "this went wrong"},
		{inner: "panic", fails: true, want: "panic: out of order"},
		{inner: "panic", fails: true, want: "in namespaces: fail"},
		{inner: "exit", fails: true, want: "did not run in its namespaces"},
		{inner: "print", fails: true, want: "printed before the error"},
	} {
		t.Run(tt.inner, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestInner$", "-test.v")
			cmd.Env = append(os.Environ(), innerVariable+"="+tt.inner)
			output, err := cmd.CombinedOutput()
			if fails := err != nil; fails != tt.fails {
				t.Errorf("TestInner(%s) fails = %v, want %v", tt.inner, fails, tt.fails)
			}
			if !strings.Contains(string(output), tt.want) {
				t.Errorf("TestInner(%s) printed %q, want it to contain %q", tt.inner, output, tt.want)
			}
		})
	}
}

const innerVariable = "INNER_OUTCOME"

// TestInner behaves as innerVariable says; by itself it passes.
func TestInner(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		switch os.Getenv(innerVariable) {
		case "skip":
			t.Skip("no such feature")
		case "error":
			t.Error("this went wrong")
		case "panic":
			panic("out of order")
		case "exit":
			os.Exit(0)
		case "print":
			fmt.Println("printed before the error")
			t.FailNow()
		}
	})
}

func readlink(t *testing.T, path string) string {
	t.Helper()
	target, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return target
}
