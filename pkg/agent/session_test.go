package agent

import (
	"bytes"
	"strings"
	"sync"
	"testing"

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
		{name: "grandchild keeps the pipe", script: "sleep 5 & echo gone", stdout: "gone\n"},
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
				if err := s.endInput(); err != nil {
					t.Errorf("endInput() = %v", err)
				}
			}
			if status := s.wait(); status.Code != tt.code {
				t.Errorf("wait() = %+v, want code %d", status, tt.code)
			}
			if got.out.String() != tt.stdout || got.err.String() != tt.stderr {
				t.Errorf("output = %.80q, %.80q, want %.80q, %.80q", &got.out, &got.err, tt.stdout, tt.stderr)
			}
		})
	}
}
