package agent

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// TestExecStatus: each way that a process can end, and what the host is told.
func TestExecStatus(t *testing.T) {
	type end struct {
		name, script string
		code         int32
	}
	var ends []end
	for _, code := range []int32{0, 1, 2, 100, 125, 126, 127, 128, 129, 137, 143, 200, 254, 255} {
		ends = append(ends, end{fmt.Sprint("exit ", code), fmt.Sprint("exit ", code), code})
	}
	for sig := syscall.Signal(1); sig <= lastSignal; sig++ {
		switch sig {
		case 32, 33: // the C library's own
		case unix.SIGCHLD, unix.SIGCONT, unix.SIGURG, unix.SIGWINCH:
			ends = append(ends, end{fmt.Sprint("harmless ", sig), fmt.Sprintf("kill -%d $$; exit 7", sig), 7})
		case unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU:
			ends = append(ends, end{
				fmt.Sprint("continued after ", sig),
				fmt.Sprintf("(sleep 0.01; kill -CONT $$) & kill -%d $$; wait; exit 8", sig), 8,
			})
		default: // those that dump core among them
			ends = append(ends, end{fmt.Sprint("killed by ", sig), fmt.Sprintf("ulimit -c 0; kill -%d $$; exit 7", sig), 128 + int32(sig)})
		}
	}
	ends = append(ends,
		end{"killed by the last member of a pipe", "yes | head -n 1 >/dev/null", 0},
		end{"killed by its limit", "ulimit -c 0; ulimit -S -t 1; while :; do :; done", 128 + int32(unix.SIGXCPU)},
		end{"child killed", "sh -c 'kill -9 $$' 2>/dev/null; exit $?", 128 + 9},
		end{"replaced by another program", "exec false", 1},
		end{"stopped, then killed", "(sleep 0.01; kill -KILL $$) & kill -STOP $$", 128 + 9},
	)
	h := newHost(t, &fakeGuest{})
	dir := t.TempDir() // for what dumps core all the same
	running := make([]*exchange, len(ends))
	for at := 0; at < len(ends); at += 32 {
		part := ends[at:min(at+32, len(ends))]
		for i, e := range part {
			start := &idmpb.ExecStreamRequestStart{
				Command: []string{"sh", "-c", e.script}, WorkingDirectory: dir,
				Tty: (at+i)%2 == 1 && !strings.Contains(e.name, "continued"), // who is alone in a session cannot be stopped by its terminal
			}
			running[at+i] = h.exec(t, start)
		}
		for i, e := range part {
			if got, want := running[at+i].outcome(t), (outcome{Code: e.code}); got != want {
				t.Errorf("%s: outcome of %q = %+v, want %+v", e.name, e.script, got, want)
			}
		}
	}
}
