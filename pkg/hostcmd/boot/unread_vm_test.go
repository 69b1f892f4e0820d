//go:build vm

package boot_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// TestUnread leaves the output of a command unread: others are answered, and what the
// guest had said is still there when it has ended.
func TestUnread(t *testing.T) {
	runDir(t)
	s := start(t, args(t, "-name", "unread", service(t, "python"), "--", "sleep", "1000"))
	s.until(t, "ask the guest", func() bool { return verbtest.Run(t, "exec", "unread", "--", "true").Status == 0 })
	const size = 100_000_000 // more than is kept for a client whose stream does not pause
	out, w := io.Pipe()
	status := make(chan int, 1)
	var words strings.Builder
	go func() {
		command := []string{"exec", "unread", "--", "sh", "-c", "head -c 100000000 /dev/zero; echo end"}
		status <- hostcmd.Main(t.Context(), command, hostcmd.Streams{Stdout: w, Stderr: &words})
		_ = w.Close()
	}()
	if _, err := io.CopyN(io.Discard, out, 1); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if got := verbtest.RunContext(ctx, strings.NewReader(""), "exec", "unread", "--", "echo", "here"); got.Stdout != "here\n" {
			t.Errorf("exec beside one that is not read = %+v", got)
		}
		cancel()
	}
	n, err := io.Copy(io.Discard, out)
	if want := int64(size + len("end\n") - 1); n != want || err != nil {
		t.Errorf("%d bytes, %v, want %d", n, err, want)
	}
	if got := <-status; got != 0 {
		t.Errorf("exec = %d, %s, want 0", got, words.String())
	}
	s.stop()
	s.end(t, 143)
}
