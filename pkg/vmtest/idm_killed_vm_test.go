//go:build vm

package vmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/vm"
)

// TestIDMKilled kills hosts in the middle of a command: what they ran ends with
// the next host at the latest, and that is served at once.
func TestIDMKilled(t *testing.T) {
	program := filepath.Join(t.TempDir(), "mkinitramfs")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Dir = lab.repo
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build mkinitramfs: %v\n%s", err, out)
	}
	for _, kind := range []string{vm.IDMHvc, vm.IDMPort} {
		t.Run(kind, func(t *testing.T) {
			g := boot(t, kind, counting)
			g.await(t, "counting")

			g.leave(t, program, 1<<20, "yes")
			g.must(t, "ping", "-timeout", "60s") // of version 1, which ends nothing
			g.expectGone(t, "yes")
			g.leave(t, program, len("started\n"), "sh", "-c", "echo started; exec sleep 1000")
			g.expectGone(t, "sleep 1000")
			g.leave(t, program, len("started\n"), "-t", "sh", "-c", "echo started; exec sleep 1001")
			g.expectGone(t, "sleep 1001")

			g.unread(t, program)
			g.expectGone(t, "yes")

			g.leave(t, program, 1<<20, "yes")
			want := `ended code=43 signal=0 stage=run reason="exited"` + "\nexit code=43\n"
			if got := g.must(t, "stop", "-grace", "60s", "-wait", "-timeout", "60s"); got != want {
				t.Errorf("stop -wait printed %q, want %q", got, want)
			}
			g.end(t, 43, 0)
		})
	}
}

// host runs the verb exec in a process of its own, and reads so many bytes of the
// command's output.
func (g *guest) host(t *testing.T, program string, read int, args ...string) (*exec.Cmd, io.Closer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, append([]string{"idm", g.socket, "exec", "-timeout", "60s"}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, read)); err != nil {
		t.Fatalf("exec %q: read its output: %v", args, err)
	}
	return cmd, out
}

// leave has a host end by SIGKILL while its command runs.
func (g *guest) leave(t *testing.T, program string, read int, args ...string) {
	t.Helper()
	cmd, _ := g.host(t, program, read, args...)
	if err := cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Errorf("exec %q: %v, want it killed", args, err)
	}
}

// unread has nobody read the output of a command.
func (g *guest) unread(t *testing.T, program string) {
	t.Helper()
	cmd, out := g.host(t, program, 1<<20, "yes")
	if err := out.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 141 {
		t.Errorf("exec whose output nobody reads: %v, want status 141", err)
	}
}

// expectGone runs a command, and looks whether the one before is gone.
func (g *guest) expectGone(t *testing.T, before string) {
	t.Helper()
	began := time.Now()
	if got := g.must(t, "exec", "-timeout", "60s", "--", "echo", "works"); got != "works\n" {
		t.Errorf("after %q was left: echo printed %q", before, got)
	}
	t.Logf("after %q was left, a command ran within %v", before, time.Since(began).Round(time.Millisecond))
	var got []string
	for range 50 { // it was killed, and may have yet to notice
		got = g.running(t)
		if !slices.Contains(got, before) && slices.Contains(got, "sleep 86399") {
			return
		}
		timer := time.NewTimer(100 * time.Millisecond)
		<-timer.C
	}
	t.Errorf("after %q was left, these run: %q", before, got)
}

// running returns the command lines in the guest.
func (g *guest) running(t *testing.T) []string {
	t.Helper()
	var root metric
	if err := json.Unmarshal([]byte(g.must(t, "metrics", "-json", "-timeout", "60s")), &root); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, process := range root.at(t, "process").Children {
		if _, err := strconv.Atoi(process.Name); err != nil {
			t.Errorf("metrics: process %q", process.Name)
		}
		words, _ := process.at(t, "cmdline").Value.([]any)
		lines = append(lines, strings.TrimSpace(fmt.Sprintln(words...)))
	}
	return lines
}
