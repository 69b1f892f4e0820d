package agent

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// frame2 is m's frame of version 2, made by hand.
func frame2(m idm.Message) []byte {
	packet := &idmpb.IdmTransportPacket{Id: m.ID, Channel: m.Channel, Form: idmpb.IdmTransportPacketForm(m.Form)}
	if m.Body != nil {
		packet.Data = m.Body.AppendTo(nil)
	}
	body := packet.AppendTo(nil)
	return append(binary.LittleEndian.AppendUint32([]byte{0xff, 0xff}, uint32(len(body))), body...)
}

func ping2(id uint64) []byte {
	return frame2(idm.Message{ID: id, Form: idm.FormRequest, Body: &idmpb.Request{Request: &idmpb.PingRequest{}}})
}

func exec2(form idm.Form, id uint64, update idmpb.ExecStreamRequestUpdateOneof) []byte {
	return frame2(idm.Message{ID: id, Form: form, Body: execRequest(update)})
}

// hostileHost writes bytes of its own, and reads nothing until it connects.
func hostileHost(t *testing.T, open func(t testing.TB) (host, guest *os.File), guest *fakeGuest) (h *host, end *os.File) {
	t.Helper()
	noLeaks(t)
	end, guestEnd := open(t)
	h = startAgent(t, guest, guestEnd)
	t.Cleanup(func() { closeFiles(end) })
	return h, end
}

func (h *host) stats() idm.Stats { return h.guestConn.Stats() }

// received waits until the guest has dealt with n frames but for the last.
func (h *host) received(t *testing.T, n uint64) {
	t.Helper()
	eventually(t, fmt.Sprint(n, " frames"), func() bool { return h.stats().Frames >= n })
}

// pings asks until there is an answer: what came before may have taken a ping
// with it. Between two it is silent for long enough to have the guest give up a
// frame that has no end.
func (h *host) pings(t *testing.T) {
	t.Helper()
	for range 20 {
		h.last++
		key := streamKey{0, h.last}
		h.send(t, idm.Message{ID: h.last, Form: idm.FormRequest, Body: &idmpb.Request{Request: &idmpb.PingRequest{}}})
		for deadline := time.Now().Add(2 * idm.DefaultSilence); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			h.mu.Lock()
			answered := len(h.got[key]) > 0
			h.mu.Unlock()
			if answered {
				return
			}
		}
	}
	t.Fatalf("no ping was answered: %+v", h.stats())
}

func TestHostileBytes(t *testing.T) {
	random := func(n int) []byte {
		b := make([]byte, n)
		_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
		return b
	}
	ping := ping2(1 << 40)
	tests := map[string][]byte{
		"garbage":               random(1 << 20),
		"zeros":                 make([]byte, 1<<20),
		"ff":                    bytes.Repeat([]byte{0xff}, 1<<20),
		"length ffffffff":       []byte("\xff\xff\xff\xff\xff\xff"),
		"length of 20 MiB":      []byte("\xff\xff\x00\x00\x40\x01\x0a\x00"),
		"version 1 of ffffffff": []byte("\xff\xff\xff\xff"),
		"text":                  []byte(strings.Repeat("login: root\r\n", 1000)),
		"truncated":             ping[:len(ping)-1],
		"truncated many times":  bytes.Repeat(ping[:len(ping)-1], 10_000),
		"headers":               bytes.Repeat([]byte("\xff\xff\x10\x00\x00\x00"), 10_000),
	}
	for name, data := range tests {
		for _, line := range lines {
			t.Run(name+" "+line.name, func(t *testing.T) {
				h, end := hostileHost(t, line.open, &fakeGuest{})
				h.connect(t, end, idm.Version2)
				must(t, writeAll(end, data))
				h.pings(t)
				if got, want := h.sh(t, "exit 6").outcome(t), (outcome{Code: 6}); got != want {
					t.Errorf("outcome = %+v, want %+v", got, want)
				}
			})
		}
	}
}

func writeAll(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

// TestHostileSplit: wherever a frame is split, it is the same.
func TestHostileSplit(t *testing.T) {
	const in, want = "a line\n", "a line\nend\n"
	frames := bytes.Join([][]byte{
		exec2(idm.FormStreamRequest, 1, &idmpb.ExecStreamRequestStart{Command: []string{"sh", "-c", "cat; echo end; exit 9"}}),
		exec2(idm.FormStreamRequestUpdate, 1, &idmpb.ExecStreamRequestStdin{Data: []byte(in)}),
		exec2(idm.FormStreamRequestUpdate, 1, &idmpb.ExecStreamRequestStdin{Closed: true}),
	}, nil)
	for at := range len(frames) {
		t.Run(fmt.Sprint("at ", at), func(t *testing.T) {
			h, end := hostileHost(t, openSockets, &fakeGuest{})
			h.connect(t, end, idm.Version2)
			must(t, writeAll(end, frames[:at]))
			if at%8 == 0 { // the guest has mostly read that by then
				time.Sleep(time.Millisecond)
			}
			must(t, writeAll(end, frames[at:]))
			got := (&exchange{h, streamKey{0, 1}}).outcome(t)
			if want := (outcome{Stdout: want, Code: 9}); got != want {
				t.Errorf("outcome = %+v, want %+v", got, want)
			}
		})
	}
}

// TestHostileForms sends every form on several channels, with bodies of other
// messages.
func TestHostileForms(t *testing.T) {
	h, end := hostileHost(t, openSockets, &fakeGuest{root: t.TempDir(), tree: fullTree()})
	h.connect(t, end, idm.Version2)
	bodies := []idm.Body{
		idm.Raw(nil), idm.Raw("\x00"), idm.Raw("\x1a\x00"), idm.Raw("\x1a\x02\x0a\x00"), idm.Raw("\x1a\x02\x12\x00"), idm.Raw("\x2a\x00"), idm.Raw("\x32\x00"),
		&idmpb.Request{Request: &idmpb.MetricsRequest{}}, &idmpb.ExtensionRequest{Request: &idmpb.BootReportRequest{}},
		&idmpb.ExtensionRequest{Request: &idmpb.FileWriteRequest{}}, &idmpb.ExtensionRequest{Request: &idmpb.FileReadRequest{}},
		execRequest(nil), execRequest(&idmpb.ExecStreamRequestStart{}), execRequest(&idmpb.ExecStreamRequestStdin{}),
	}
	for form := idm.Form(-1); form < 12; form++ {
		for _, channel := range []uint64{0, 1, idm.ExtensionChannel, 1<<64 - 1} {
			for _, body := range bodies {
				for _, id := range []uint64{0, 1<<64 - 1} {
					must(t, writeAll(end, frame2(idm.Message{ID: id, Channel: channel, Form: form, Body: body})))
				}
			}
		}
	}
	h.pings(t)
	budgetIsWhole(t, h.agent)
}

// heldMemory is the live heap, in MiB.
func heldMemory() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

// TestHostileFloods: a host that reads nothing makes the guest hold so much and
// no more; once it reads, a ping is answered.
func TestHostileFloods(t *testing.T) {
	sleep := &idmpb.ExecStreamRequestStart{Command: []string{"sleep", "1000"}}
	yes := &idmpb.ExecStreamRequestStart{Command: []string{"yes"}}
	large := &idmpb.ExecStreamRequestStart{Command: []string{"sleep", strings.Repeat("x", 10<<20)}}
	long := &idmpb.ExecStreamRequestStart{Command: []string{"sh", "-c", "sleep 1000"}}
	for range 16 { // which the kernel takes
		long.Command = append(long.Command, strings.Repeat("x", 100_000))
	}
	for _, tt := range []struct {
		name  string
		n     int
		frame func(i int) []byte
		most  float64 // MiB
	}{
		{"pings", 100_000, func(i int) []byte { return ping2(uint64(i)) }, 8},
		{"metrics", 10_000, func(i int) []byte {
			return frame2(idm.Message{ID: uint64(i), Form: idm.FormRequest, Body: &idmpb.Request{Request: &idmpb.MetricsRequest{}}})
		}, 8},
		{"starts", 10_000, func(i int) []byte { return exec2(idm.FormStreamRequest, uint64(i), sleep) }, 24},
		{"starts that print", 10_000, func(i int) []byte { return exec2(idm.FormStreamRequest, uint64(i), yes) }, 32},
		{"starts of one number", 10_000, func(int) []byte { return exec2(idm.FormStreamRequest, 5, sleep) }, 24},
		{"large starts", 20, func(i int) []byte { return exec2(idm.FormStreamRequest, uint64(i), large) }, 96},
		{"long arguments", 64, func(i int) []byte { return exec2(idm.FormStreamRequest, uint64(i), long) }, 48},
		{"input", 2_000, func(i int) []byte {
			if i < 100 {
				return exec2(idm.FormStreamRequest, uint64(i), sleep)
			}
			return exec2(idm.FormStreamRequestUpdate, uint64(i%100), &idmpb.ExecStreamRequestStdin{Data: make([]byte, 100_000)})
		}, 48},
		{"small input", 200_000, func(i int) []byte {
			if i < 10 {
				return exec2(idm.FormStreamRequest, uint64(i), sleep)
			}
			return exec2(idm.FormStreamRequestUpdate, uint64(i%10), &idmpb.ExecStreamRequestStdin{Data: make([]byte, 1)})
		}, 48},
		{"large input", 30, func(i int) []byte { // nothing is read at either end
			if i%2 == 0 {
				return exec2(idm.FormStreamRequest, uint64(i), yes)
			}
			return exec2(idm.FormStreamRequestUpdate, uint64(i-1), &idmpb.ExecStreamRequestStdin{Data: make([]byte, 15<<20)})
		}, 96},
		{"files", 10_000, func(i int) []byte {
			return frame2(idm.Message{ID: uint64(i), Channel: idm.ExtensionChannel, Form: idm.FormStreamRequest, Body: fileRead("/endless")})
		}, 24},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			must(t, os.Truncate(touch(t, root, "endless"), 1<<40))
			h, end := hostileHost(t, openSockets, &fakeGuest{root: root, tree: fullTree()})
			h.agent.waits = time.Millisecond
			before, most := heldMemory(), 0.0
			for i := range tt.n {
				must(t, writeAll(end, tt.frame(i)))
				if i%max(1, tt.n/10) == 0 {
					most = max(most, heldMemory()-before)
				}
			}
			h.received(t, uint64(tt.n))
			for range 20 { // while what was begun gets under way
				most = max(most, heldMemory()-before)
				time.Sleep(5 * time.Millisecond)
			}
			t.Logf("%d frames: %.1f MiB held at most, %.1f after", tt.n, most, heldMemory()-before)
			if most > tt.most {
				t.Errorf("memory held: %.1f MiB, want at most %.0f", most, tt.most)
			}
			h.connect(t, end, idm.Version2)
			h.last = 1 << 32
			h.pings(t)
		})
	}
}

// TestHostileStarts: of commands that the guest is yet to look for, on a disk
// that hangs, it holds no more than of anything else, and serves on.
func TestHostileStarts(t *testing.T) {
	goOn := make(chan struct{})
	h, end := hostileHost(t, openSockets, &fakeGuest{refuse: true, look: func(*idmpb.ExecStreamRequestStart) { <-goOn }})
	h.agent.waits = time.Millisecond
	start := &idmpb.ExecStreamRequestStart{Command: []string{strings.Repeat("x", 2<<20)}}
	before := heldMemory()
	for i := range 100 {
		must(t, writeAll(end, exec2(idm.FormStreamRequest, uint64(i), start)))
	}
	h.connect(t, end, idm.Version2)
	h.last = 1 << 32
	h.pings(t)
	if held := heldMemory() - before; held > 48 {
		t.Errorf("memory held: %.1f MiB, want at most 48", held)
	}
	close(goOn)
	budgetIsWhole(t, h.agent)
}

// TestHostNeverReads: what prints waits, who reaps does not, and all is there
// when the host reads at last.
func TestHostNeverReads(t *testing.T) {
	for _, line := range lines {
		t.Run(line.name, func(t *testing.T) {
			h, end := hostileHost(t, line.open, &fakeGuest{})
			start := &idmpb.ExecStreamRequestStart{Command: []string{"sh", "-c", "head -c 30000000 /dev/zero; exit 11"}}
			must(t, writeAll(end, exec2(idm.FormStreamRequest, 1, start)))
			h.received(t, 1)
			p, err := h.agent.startSession(shell("exit 12"), nil, &record{}) // of nobody who does not read
			must(t, err)
			if got := p.wait(); got.Code != 12 {
				t.Errorf("status = %+v, want code 12", got)
			}
			h.connect(t, end, idm.Version2)
			h.last = 1
			h.pings(t)
			got := (&exchange{h, streamKey{0, 1}}).outcome(t)
			if len(got.Stdout) != 30_000_000 || got.Code != 11 {
				t.Errorf("outcome = %d bytes, code %d, want 30000000, 11", len(got.Stdout), got.Code)
			}
		})
	}
}

// replay is a host that says what it has to say, and ends.
type replay struct{ io.Reader }

func (replay) Write(p []byte) (int, error) { return len(p), nil }
func (replay) Close() error                { return nil }

// FuzzServe: whatever a host sends, Serve ends with the connection and leaves
// nothing held.
func FuzzServe(f *testing.F) {
	ext := func(form idm.Form, r idmpb.ExtensionRequestOneof) []byte {
		return frame2(idm.Message{ID: 3, Channel: idm.ExtensionChannel, Form: form, Body: &idmpb.ExtensionRequest{Request: r}})
	}
	f.Add([]byte{})
	f.Add(ping2(1))
	f.Add(bytes.Join([][]byte{
		exec2(idm.FormStreamRequest, 2, &idmpb.ExecStreamRequestStart{Command: []string{"no-such-command"}}),
		exec2(idm.FormStreamRequestUpdate, 2, &idmpb.ExecStreamRequestStdin{Data: []byte("x")}),
		frame2(idm.Message{ID: 2, Form: idm.FormStreamRequestClosed}),
	}, nil))
	f.Add(append(ext(idm.FormStreamRequest, &idmpb.FileWriteRequest{Update: &idmpb.FileWriteStart{Path: []byte("/x")}}),
		ext(idm.FormStreamRequestUpdate, &idmpb.FileWriteRequest{Update: &idmpb.FileWriteChunk{Data: []byte("x")}})...))
	f.Add(append(ext(idm.FormStreamRequest, &idmpb.FileReadRequest{Path: []byte("/x")}), ext(idm.FormRequest, &idmpb.SignalRequest{Number: 1})...))
	f.Add([]byte("\x04\x00\x00\x00\x12\x02\x12\x00"))
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		guest := &fakeGuest{root: root, tree: fullTree(), refuse: true}
		conn := idm.New(replay{bytes.NewReader(data)}, idm.Config{Silence: time.Millisecond})
		a := &Agent{Conn: conn, Guest: guest, Sup: &supervisor, PTMX: "/dev/ptmx"}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := a.Serve(ctx); !errors.Is(err, io.EOF) {
			t.Errorf("Serve() = %v, want %v", err, io.EOF)
		}
		must(t, conn.Close())
		if a.running != 0 || len(a.streams) != 0 || a.held.left != maxHeldSize {
			t.Errorf("after Serve: %d workers, %d streams, %d bytes left of %d", a.running, len(a.streams), a.held.left, maxHeldSize)
		}
		left, err := os.ReadDir(root)
		must(t, err)
		for _, e := range left {
			if strings.HasPrefix(e.Name(), ".kguest-write-") {
				t.Errorf("%s is left", e.Name())
			}
			must(t, os.RemoveAll(root+"/"+e.Name()))
		}
	})
}
