package agent

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/supervise"
)

// record keeps what a session writes.
type record struct {
	mu       sync.Mutex
	out, err bytes.Buffer
}

func (r *record) stdout(p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.Write(p)
	return nil
}

func (r *record) stderr(p []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err.Write(p)
	return nil
}

func shell(script string) supervise.Command {
	return supervise.Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}, Dir: "/"}
}

func TestSession(t *testing.T) {
	tty := &console.Size{Rows: 24, Columns: 80}
	for _, tt := range []struct {
		name, script, stdin string
		tty                 *console.Size
		stdout, stderr      string
		code                int
	}{
		{name: "streams", script: "echo out; echo err >&2; exit 3", stdout: "out\n", stderr: "err\n", code: 3},
		{name: "stdin", script: "cat; echo end", stdin: "a\nb", stdout: "a\nbend\n"},
		{name: "terminal", script: "stty size; tty >/dev/null && echo yes", tty: tty, stdout: "24 80\r\nyes\r\n"},
		{name: "terminal end of file", script: "cat; echo end", stdin: "a\n", tty: tty, stdout: "a\r\na\r\nend\r\n"},
		{name: "signal", script: "kill -9 $$", code: 137},
		{name: "much", script: "head -c 1000000 /dev/zero | tr '\\0' x", stdout: strings.Repeat("x", 1_000_000)},
		{name: "grandchild keeps the pipe", script: "sleep 1 & echo gone", stdout: "gone\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := Agent{Sup: &supervisor, PTMX: "/dev/ptmx"}
			var got record
			s, err := a.startSession(shell(tt.script), tt.tty, &got)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.write([]byte(tt.stdin)); err != nil {
				t.Errorf("write() = %v", err)
			}
			if tt.stdin != "" {
				s.endInput(a.spawn)
			}
			if status := s.wait(); status.Code != tt.code {
				t.Errorf("wait() = %+v, want code %d", status, tt.code)
			}
			a.work.Wait()
			if got.out.String() != tt.stdout || got.err.String() != tt.stderr {
				t.Errorf("output = %.80q, %.80q, want %.80q, %.80q", &got.out, &got.err, tt.stdout, tt.stderr)
			}
		})
	}
}

// slow is an output that is read more slowly than a command can write.
type slow struct {
	first chan struct{} // closed when something is written
	once  sync.Once
}

func (s *slow) stdout([]byte) error {
	s.once.Do(func() { close(s.first) })
	time.Sleep(2 * time.Millisecond)
	return nil
}

func (s *slow) stderr([]byte) error { return nil }

// TestSessionGrandchildWrites: what a grandchild writes for ever is not read for
// ever.
func TestSessionGrandchildWrites(t *testing.T) {
	for name, tty := range map[string]*console.Size{"pipe": nil, "terminal": {}} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			a := Agent{Sup: &supervisor, PTMX: "/dev/ptmx"}
			out := slow{first: make(chan struct{})}
			s, err := a.startSession(shell("trap '' HUP; yes 2>/dev/null & exec sleep 1000"), tty, &out)
			must(t, err)
			waitFor(t, "the grandchild's first word", out.first)
			must(t, syscall.Kill(s.process.PID, syscall.SIGKILL))
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				s.wait()
			}()
			waitFor(t, "end of the command", ended)
		})
	}
}

// stuck is an output of which nothing is taken until goOn is closed.
type stuck struct{ goOn chan struct{} }

func (s stuck) stdout([]byte) error {
	<-s.goOn
	return nil
}

func (s stuck) stderr([]byte) error { return nil }

// TestSessionWriteEnds: input that is not read is given up when the command has
// ended, whether its output is taken or not.
func TestSessionWriteEnds(t *testing.T) {
	for name, tty := range map[string]*console.Size{"pipe": nil, "terminal": {}} {
		t.Run(name, func(t *testing.T) {
			noLeaks(t)
			a := Agent{Sup: &supervisor, PTMX: "/dev/ptmx"}
			out := stuck{make(chan struct{})}
			s, err := a.startSession(shell("trap '' HUP; stty raw 2>/dev/null; echo ready; exec 3<&0; sleep 1000 & echo here; exec sleep 1000"), tty, out)
			must(t, err)
			eventually(t, "grandchild, which keeps the input open", func() bool {
				name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", s.process.PID))
				return err == nil && string(name) == "sleep\n"
			})
			t.Cleanup(func() { must(t, syscall.Kill(-s.process.PID, syscall.SIGKILL)) })
			written, ended := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(written)
				if err := s.write(make([]byte, 4<<20)); err != nil {
					t.Errorf("write() = %v, want nil", err)
				}
			}()
			go func() {
				defer close(ended)
				s.wait()
			}()
			must(t, supervisor.Signal(s.process, syscall.SIGKILL, false))
			waitFor(t, "end of write", written)
			close(out.goOn)
			waitFor(t, "end of the command", ended)
		})
	}
}
