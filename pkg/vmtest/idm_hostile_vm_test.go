//go:build vm

package vmtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/vm"
)

// attacks are what no host should do. An error is one of writing: the guest
// does not read any more.
var attacks = []struct {
	name string
	port bool // too much for an hvc console, which takes its time
	do   func(conn net.Conn) error
}{
	{"garbage", false, func(conn net.Conn) error {
		junk := make([]byte, 1<<19)
		_, _ = rand.NewChaCha8([32]byte{1}).Read(junk) // never fails
		return write(conn, junk)
	}},
	{"truncated frames", false, func(conn net.Conn) error {
		var all []byte
		for _, frame := range [][]byte{frame1(7, pingRequest), ping2(7), start2(7, "true")} {
			for n := range frame {
				all = append(all, frame[:n]...)
			}
		}
		return write(conn, all)
	}},
	{"lengths", false, func(conn net.Conn) error {
		var all []byte
		for _, length := range []uint32{0xffffffff, 0x7fffffff, 20<<20 + 1, 20 << 20, 1 << 16} {
			all = binary.LittleEndian.AppendUint32(all, length)
			all = binary.LittleEndian.AppendUint32(append(all, 0xff, 0xff), length)
			all = append(all, field(4, make([]byte, 1000))...)
		}
		return write(conn, all)
	}},
	{"a frame of 16 MiB that says nothing", true, func(conn net.Conn) error {
		return write(conn, frame2(9, 3, field(100, make([]byte, 16<<20))))
	}},
	{"a frame that never ends", true, func(conn net.Conn) error {
		return write(conn, frame2(9, 3, field(100, make([]byte, 16<<20)))[:10<<20])
	}},
	{"100,000 pings", false, func(conn net.Conn) error {
		return write(conn, bytes.Repeat(frame1(8, pingRequest), 100_000))
	}},
	{"300 times the metrics", false, func(conn net.Conn) error {
		return write(conn, bytes.Repeat(frame1(8, metricsRequest), 300))
	}},
	{"1,000 commands", false, func(conn net.Conn) error {
		var all []byte
		for id := range uint64(1000) {
			all = append(all, start2(id, "sh", "-c", "echo started; sleep 2; echo done")...)
		}
		return write(conn, all)
	}},
	{"a command that floods", false, func(conn net.Conn) error {
		return write(conn, start2(5000, "timeout", "5", "yes"))
	}},
	{"a command that does not read", true, func(conn net.Conn) error {
		all := start2(6000, "sleep", "5")
		for range 24 {
			all = append(all, stdin2(6000, make([]byte, 1<<20))...)
		}
		return write(conn, all)
	}},
}

// write writes b and reads nothing.
func write(conn net.Conn, b []byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return err
	}
	_, err := conn.Write(b)
	return err
}

// maxMemory bounds what PID 1 may ever have resident, in KiB: its program,
// 16 MiB of standard input, 4 MiB of replies, a frame of 1 MiB, and as much
// again for the collector.
const maxMemory = 48 << 10

// TestIDMHostile has hosts do what they should not. The workload must not
// notice, PID 1 stay small, and the next host be served.
func TestIDMHostile(t *testing.T) {
	generated := generate(t)
	for _, kind := range []string{vm.IDMHvc, vm.IDMPort} {
		t.Run(kind, func(t *testing.T) {
			g := boot(t, kind, counting)
			g.await(t, "counting")
			before := g.state(t)
			last := before
			for _, a := range attacks {
				if a.port && kind != vm.IDMPort {
					continue
				}
				conn := g.dial(t)
				if err := a.do(conn); err != nil {
					t.Errorf("%s: %v", a.name, err)
				}
				_ = conn.Close()
				last = g.checkAfter(t, a.name, last)
			}
			g.settle(t, before)
			g.drain(t)
			g.split(t)
			g.reopen(t)
			last = g.checkAfter(t, "reopening", last)
			t.Logf("PID 1: at first %+v, at last %+v", before, last)
			g.drain(t)
			host := newIndependent(t, generated, g.socket)
			for _, version := range []int{1, 2} {
				host.ask(t, map[string]any{"op": "ping", "version": version}, &struct{}{})
			}
			host.close(t)
			g.controlAltDelete(t, last)
		})
	}
}

// heard keeps what is written, and tells of the first.
type heard struct {
	text  bytes.Buffer
	once  sync.Once
	first chan struct{}
}

func (h *heard) Write(p []byte) (int, error) {
	n, err := h.text.Write(p)
	h.once.Do(func() { close(h.first) })
	return n, err
}

// guestState is how the workload and PID 1 are.
type guestState struct {
	Count          int // of the workload
	RSS, Peak      int // of PID 1, in KiB
	Files, Threads int // of PID 1
	Processes      int // in the workload's cgroup
}

func (g *guest) state(t *testing.T) guestState {
	t.Helper()
	c := g.client(t)
	defer c.Close()
	status := fields(execOn(t, c, "cat", "/proc/1/status"))
	number := func(command string) int {
		n, err := strconv.Atoi(strings.TrimSpace(execOn(t, c, "sh", "-c", command)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return guestState{
		Count: number("cat /tmp/count"), Processes: number("cat /sys/fs/cgroup/krata-guest-task/pids.current"),
		Files: number("ls /proc/1/fd 2>/dev/null | wc -l"), Threads: int(status["Threads"]),
		RSS: int(status["VmRSS"]), Peak: int(status["VmHWM"]),
	}
}

// checkAfter returns the guest's state after an attack.
func (g *guest) checkAfter(t *testing.T, attack string, before guestState) guestState {
	t.Helper()
	began := time.Now()
	after := g.state(t)
	t.Logf("after %s (answered in %v): %+v", attack, time.Since(began).Round(time.Millisecond), after)
	for range 50 { // it counts ten times a second, and an attack may be shorter
		if after.Count > before.Count {
			break
		}
		timer := time.NewTimer(200 * time.Millisecond)
		<-timer.C
		after = g.state(t)
	}
	if after.Count <= before.Count {
		t.Errorf("after %s: the workload counted from %d to %d", attack, before.Count, after.Count)
	}
	if after.Peak > maxMemory {
		t.Errorf("after %s: PID 1 had %d KiB resident, want at most %d", attack, after.Peak, maxMemory)
	}
	return after
}

// settle waits until the commands that were started have ended, and PID 1 has
// as many files open as before.
func (g *guest) settle(t *testing.T, before guestState) {
	t.Helper()
	for range 100 {
		now := g.state(t)
		if now.Files == before.Files && now.Processes <= before.Processes+2 { // a sleep is there or not
			return
		}
		timer := time.NewTimer(500 * time.Millisecond)
		<-timer.C
	}
	t.Fatalf("what the attacks started does not end: %+v, was %+v", g.state(t), before)
}

// drain reads what earlier hosts left in the channel.
func (g *guest) drain(t *testing.T) {
	t.Helper()
	conn := g.dial(t)
	defer conn.Close()
	if err := write(conn, frame1(76, pingRequest)); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var got []byte
	part := make([]byte, 4096)
	for !bytes.HasSuffix(got, answer1(76)) {
		n, err := conn.Read(part)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part[:n]...)
	}
}

// split sends pings of both versions, cut in two at every byte. Each has to be
// answered.
func (g *guest) split(t *testing.T) {
	t.Helper()
	conn := g.dial(t)
	defer conn.Close()
	for _, tt := range []struct {
		name        string
		ask, answer []byte
	}{
		{"version 1", frame1(77, pingRequest), answer1(77)},
		{"version 2", ping2(77), frame2(77, 4, field(1, nil))},
	} {
		for at := 1; at < len(tt.ask); at++ {
			if err := write(conn, tt.ask[:at]); err != nil {
				t.Fatal(err)
			}
			timer := time.NewTimer(20 * time.Millisecond)
			<-timer.C // the guest reads the first part by itself, most times
			if err := write(conn, tt.ask[at:]); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(tt.answer))
			if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, tt.answer) {
				t.Fatalf("ping of %s cut after %d bytes: answer % x, %v, want % x", tt.name, at, got, err, tt.answer)
			}
		}
	}
}

// reopen connects again and again, each time with a part of a frame.
func (g *guest) reopen(t *testing.T) {
	t.Helper()
	frame := start2(1, "sleep", "1")
	for i := range 100 {
		conn := g.dial(t)
		if err := write(conn, frame[:i%len(frame)]); err != nil {
			t.Errorf("reopening: %v", err)
		}
		_ = conn.Close()
	}
}

// controlAltDelete types it on the guest's keyboard, and expects a stop.
func (g *guest) controlAltDelete(t *testing.T, before guestState) {
	t.Helper()
	watched := make(chan [2]string, 1)
	out := &heard{first: make(chan struct{})}
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var words bytes.Buffer
		hostcmd.Main(ctx, []string{"idm", g.socket, "watch", "-timeout", "60s"}, hostcmd.Streams{
			Stdin: strings.NewReader(""), Stdout: out, Stderr: &words,
		})
		watched <- [2]string{out.text.String(), words.String()}
	}()
	select {
	case <-out.first: // it prints the state when the guest has heard it
	case got := <-watched:
		t.Fatalf("watch ended at once: %q", got)
	}
	g.control(t, `{"execute": "send-key", "arguments": {"keys": [
		{"type": "qcode", "data": "ctrl"}, {"type": "qcode", "data": "alt"}, {"type": "qcode", "data": "delete"}]}}`)
	if want, got := [2]string{`state ready
state ending
ended code=43 signal=0 stage=run reason="exited"
exit code=43
`}, <-watched; got != want {
		t.Errorf("watch printed %q, want %q", got, want)
	}
	console := g.end(t, 43, 0)
	_, rest, _ := strings.Cut(console, "stopping at ")
	line, _, _ := strings.Cut(rest, "\n")
	if count, err := strconv.Atoi(line); err != nil || count < before.Count {
		t.Errorf("the workload stopped at %q, want a number from %d on", line, before.Count)
	}
}
