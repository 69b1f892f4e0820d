package agent

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/nstest"
)

// manyIDs reports whether there are users besides root here.
func manyIDs(t *testing.T) bool {
	t.Helper()
	ids, err := os.ReadFile("/proc/self/uid_map")
	must(t, err)
	return strings.Fields(string(ids))[2] != "1"
}

// TestFileWriteKeepsOwner: who could read a file can do so afterwards.
func TestFileWriteKeepsOwner(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		uid, gid := 0, 0
		if manyIDs(t) {
			uid, gid = 1234, 4321
		}
		root := t.TempDir()
		path := touch(t, root, "old")
		must(t, os.Chown(path, uid, gid))
		h := newHost(t, &fakeGuest{root: root})
		x := h.openWrite(t, &idmpb.FileWriteStart{Path: []byte("/old")})
		x.chunk(t, 0, "new", true)
		if got, want := x.written(t), "0, 3 done"; got != want {
			t.Errorf("answers = %q, want %q", got, want)
		}
		var st unix.Stat_t
		must(t, unix.Stat(path, &st))
		if int(st.Uid) != uid || int(st.Gid) != gid || st.Mode&0o7777 != 0o600 {
			t.Errorf("owner and mode = %d:%d %o, want %d:%d 600", st.Uid, st.Gid, st.Mode&0o7777, uid, gid)
		}
	})
}

func TestFileWriteNoRoom(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		root := t.TempDir()
		must(t, unix.Mount("tmpfs", root, "tmpfs", 0, "size=64k"))
		t.Cleanup(func() { must(t, unix.Unmount(root, 0)) })
		h := newHost(t, &fakeGuest{root: root})
		x := h.openWrite(t, &idmpb.FileWriteStart{Path: []byte("/new")})
		x.chunk(t, 0, strings.Repeat("x", 100_000), true)
		if got, want := x.written(t), "0, no space left on device!"; got != want {
			t.Errorf("answers = %q, want %q", got, want)
		}
		if got := listing(t, root); got != "" {
			t.Errorf("files:\n%swant none", got)
		}
	})
}

// TestExecAsUser: a command of another user can open its standard streams anew,
// by whatever name.
func TestExecAsUser(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		guest := &fakeGuest{}
		user := "0"
		if manyIDs(t) {
			guest.uid, user = 1000, "1000"
		}
		h := newHost(t, guest)
		const script = `id -u; cat </dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr`
		x := h.sh(t, script)
		x.endInput(t)
		if got, want := x.outcome(t), (outcome{Stdout: user + "\nout\n", Stderr: "err\n"}); got != want {
			t.Errorf("outcome on pipes = %+v, want %+v", got, want)
		}
		x = h.tty(t, script+`; echo tty >/dev/tty; echo name >"$(tty)"`)
		x.endInput(t)
		if got, want := x.outcome(t), (outcome{Stdout: user + "\r\nout\r\nerr\r\ntty\r\nname\r\n"}); got != want {
			t.Errorf("outcome on a terminal = %+v, want %+v", got, want)
		}
	})
}
