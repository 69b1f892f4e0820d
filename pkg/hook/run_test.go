package hook

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/supervise"
)

// runner makes a Runner, a folder of scripts for it, and the output so far.
func runner(t *testing.T) (r *Runner, dir string, output func() string) {
	t.Helper()
	dir = t.TempDir()
	null, err := os.Open(os.DevNull)
	must(t, err)
	out, err := os.Create(filepath.Join(dir, "out"))
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(null.Close(), out.Close())) })
	r = &Runner{
		Sup: &supervise.Supervisor{}, Files: [3]*os.File{null, out, out}, Env: []string{"PATH=/bin:/usr/bin", "A=old"},
		EnvFile: filepath.Join(dir, "env"), TimeoutName: "limit",
	}
	return r, dir, func() string {
		_, err := out.Seek(0, io.SeekStart)
		must(t, err)
		b, err := io.ReadAll(out)
		must(t, err)
		return string(b)
	}
}

func script(t *testing.T, dir, name, content string) Script {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.WriteFile(path, []byte(content), 0o755))
	return Script{Stage: "network", When: Before, Path: path}
}

// TestRunEnv: each script sees what those before it handed on.
func TestRunEnv(t *testing.T) {
	r, dir, output := runner(t)
	must(t, r.Run(script(t, dir, "1", "#!/bin/sh\necho \"$KINIT_STAGE $A\"\necho 'A=new one' >>$KINIT_ENV\necho 'export B=2' >>$KINIT_ENV\n")))
	must(t, r.Run(script(t, dir, "2", "#!/bin/sh\necho \"$A $B\"\nenv | grep -c ^A=\n")))
	if got, want := output(), "network old\nnew one 2\n1\n"; got != want {
		t.Errorf("output = %q, want %q", got, want)
	}
}

// TestRunPrints: what a script prints goes past this process.
func TestRunPrints(t *testing.T) {
	r, dir, output := runner(t)
	s := script(t, dir, "prints", "#!/bin/sh\nyes | head -c 10000000\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	must(t, r.Run(s))
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("a script that prints 10 MB took %d bytes of this process, want next to none", took)
	}
	if got := len(output()); got != 10000000 {
		t.Errorf("it printed %d bytes, want all", got)
	}
}

func TestRunErrors(t *testing.T) {
	const longEnough = 20 * time.Second
	tests := []struct {
		name, content, want string
		mode                os.FileMode
		timeout             time.Duration
	}{
		{"status", "#!/bin/sh\nexit 3\n", `exit status 3 after .*`, 0o755, 0},
		{"killed", "#!/bin/sh\nkill -9 $$\n", `killed by signal 9 \(killed\) after .*`, 0o755, 0},
		{"plain", "echo\n", `not executable: make it so \(chmod \+x\), or begin its name with a dot to leave it out`, 0o644, 0},
		{"interpreter", "#!/no/such/program -x\n", `.*its interpreter "/no/such/program": not found`, 0o755, 0},
		{"format", "no interpreter at all\n", `exec format error \(a program of another machine, or a script without #!\)`, 0o755, 0},
		{"variable", "#!/bin/sh\necho 'export X=1' >$KINIT_ENV\necho Y >>$KINIT_ENV\n", `.*/env:2: "Y": give NAME=VALUE.*`, 0o755, longEnough},
		{"hangs", "#!/bin/sh\nsleep 1000\n", `over the time limit \(limit=1\): ended by SIGTERM after 1.*`, 0o755, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, dir, _ := runner(t)
			must(t, os.WriteFile(r.EnvFile, []byte("KEPT=1\n"), 0o600))
			s := script(t, dir, tt.name, tt.content)
			must(t, os.Chmod(s.Path, tt.mode))
			r.Timeout = tt.timeout
			err := r.Run(s)
			if want := regexp.MustCompile("^" + regexp.QuoteMeta(s.Path) + ": " + tt.want + "$"); err == nil || !want.MatchString(err.Error()) {
				t.Errorf("Run = %v, want %s", err, want)
			}
			if _, ok := errors.AsType[*ociproc.Error](err); ok {
				t.Error("Run's error has an exit code of its own")
			}
			if kept, err := os.ReadFile(r.EnvFile); err != nil || string(kept) != "KEPT=1\n" {
				t.Errorf("variables after a failure = %q, %v, want those before", kept, err)
			}
		})
	}
}

// TestRunFails: a first script that fails leaves no variables.
func TestRunFails(t *testing.T) {
	r, dir, _ := runner(t)
	if err := r.Run(script(t, dir, "1", "#!/bin/sh\necho A=1 >$KINIT_ENV\nexit 1\n")); err == nil {
		t.Error("Run = nil, want an error")
	}
	if _, err := os.Stat(r.EnvFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of variables: %v, want none", err)
	}
}

// TestRunLeaves: a script that leaves a process behind, which holds the
// streams, is over when it has ended itself.
func TestRunLeaves(t *testing.T) {
	r, dir, output := runner(t)
	fifo := filepath.Join(dir, "pid")
	must(t, r.Run(script(t, dir, "1", "#!/bin/sh\nsleep 1000 &\necho $! >"+fifo+"\necho done\n")))
	pid, err := os.ReadFile(fifo)
	must(t, err)
	if _, err := os.Stat("/proc/" + strings.TrimSpace(string(pid))); err != nil || output() != "done\n" {
		t.Errorf("what was left behind: %v, output %q, want it to run on", err, output())
	}
	must(t, r.Run(script(t, dir, "2", "#!/bin/sh\nkill "+string(pid))))
}

func TestCheckExecutable(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Symlink("nowhere", filepath.Join(dir, "link")))
	for path, want := range map[string]string{dir: "not a regular file", filepath.Join(dir, "link"): "a link to nothing"} {
		if err := checkExecutable(path); err == nil || err.Error() != want {
			t.Errorf("checkExecutable(%s) = %v, want %s", path, err, want)
		}
	}
}
