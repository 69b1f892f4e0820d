package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// guest answers what a test has it answer.
type guest struct {
	*idm.Conn
	t *testing.T
}

// connect runs serve for every message that the client sends. Where a goroutine
// is left at the end of test, its bubble fails.
func connect(t *testing.T, config Config, serve func(guest, idm.Message), test func(*testing.T, *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		inner, outer := net.Pipe()
		g := guest{idm.New(inner, idm.Config{}), t}
		c := New(t.Context(), outer, config)
		var serving sync.WaitGroup
		serving.Go(func() {
			for {
				m, err := g.Receive(t.Context())
				if err != nil {
					return
				}
				if m.Body != nil { // not the end of a stream
					serve(g, m)
				}
			}
		})
		test(t, c)
		if err := errors.Join(c.Close(), g.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
		serving.Wait()
	})
}

func (g guest) send(m idm.Message) {
	g.t.Helper()
	if err := g.SendWait(g.t.Context(), m); err != nil && !errors.Is(err, idm.ErrClosed) {
		g.t.Errorf("guest sends: %v", err)
	}
}

func (g guest) extension(m idm.Message, response idmpb.ExtensionResponseOneof) {
	g.t.Helper()
	g.send(m.Reply(&idmpb.ExtensionResponse{Response: response}))
}

func metrics(depth int) *idmpb.MetricNode {
	node := &idmpb.MetricNode{Name: fmt.Sprint(depth), Value: &idmpb.Value{Kind: idmpb.ValueNumberValue(depth)}, Format: idmpb.MetricFormatBytes}
	if depth > 0 {
		node.Children = []*idmpb.MetricNode{metrics(depth - 1), metrics(depth - 1)}
	}
	return node
}

func TestPingAndMetrics(t *testing.T) {
	serve := func(g guest, m idm.Message) {
		request, _ := m.Body.(*idmpb.Request)
		switch request.Request.(type) {
		case *idmpb.PingRequest:
			g.send(m.Reply(&idmpb.Response{Response: new(idmpb.PingResponse)}))
		case *idmpb.MetricsRequest:
			g.send(m.Reply(&idmpb.Response{Response: &idmpb.MetricsResponse{Root: metrics(4)}}))
		}
	}
	for _, version := range []idm.Version{idm.Auto, idm.Version1, idm.Version2} {
		connect(t, Config{Version: version}, serve, func(t *testing.T, c *Client) {
			var calls sync.WaitGroup
			for range 20 {
				calls.Go(func() {
					if err := c.Ping(t.Context()); err != nil {
						t.Errorf("version %d: Ping: %v", version, err)
					}
				})
				calls.Go(func() {
					got, err := c.Metrics(t.Context())
					if diff := cmp.Diff(metrics(4), got); err != nil || diff != "" {
						t.Errorf("version %d: Metrics: %v (-want +got):\n%s", version, err, diff)
					}
				})
			}
			calls.Wait()
		})
	}
}

func TestNoAnswer(t *testing.T) {
	connect(t, Config{}, func(guest, idm.Message) {}, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ping = %v, want %v", err, context.DeadlineExceeded)
		}
		if len(c.calls) != 0 {
			t.Errorf("%d calls left", len(c.calls))
		}
	})
}

func TestWrongAnswer(t *testing.T) {
	serve := func(g guest, m idm.Message) {
		if m.Channel == idm.ExtensionChannel {
			g.extension(m, new(idmpb.SignalResponse))
			return
		}
		g.send(m.Reply(new(idmpb.Response)))
	}
	connect(t, Config{}, serve, func(t *testing.T, c *Client) {
		_, metricsErr := c.Metrics(t.Context())
		_, reportErr := c.BootReport(t.Context())
		for want, err := range map[string]error{
			"ping guest: the guest's answer, 0 bytes of *idmpb.Response, is none to that":                   c.Ping(t.Context()),
			"ask for metrics: the guest's answer, 0 bytes of *idmpb.Response, is none to that":              metricsErr,
			"ask for boot report: the guest's answer, 2 bytes of *idmpb.ExtensionResponse, is none to that": reportErr,
			"stop guest: the guest's answer, 2 bytes of *idmpb.ExtensionResponse, is none to that":          c.Stop(t.Context(), new(idmpb.StopRequest)),
			"read /a of guest: the guest's answer, 2 bytes of *idmpb.ExtensionResponse, is none to that":    readFile(t, c),
			"write /a of guest: the guest's answer, 2 bytes of *idmpb.ExtensionResponse, is none to that":   c.WriteFile(t.Context(), &idmpb.FileWriteStart{Path: []byte("/a")}, strings.NewReader("")),
			"wait for command in guest: the guest's answer, 0 bytes of *idmpb.Response, is none to that":    run(t, c),
		} {
			if err == nil || err.Error() != want {
				t.Errorf("error %v, want %q", err, want)
			}
		}
	})
}

func readFile(t *testing.T, c *Client) error {
	_, err := c.ReadFile(t.Context(), &idmpb.FileReadRequest{Path: []byte("/a")}, io.Discard)
	return err
}

func run(t *testing.T, c *Client) error {
	p, err := c.Exec(t.Context(), Command{Args: []string{"true"}})
	if err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

func TestGuestGoes(t *testing.T) {
	serve := func(g guest, _ idm.Message) {
		go func() {
			if err := g.Close(); err != nil {
				g.t.Errorf("guest closes: %v", err)
			}
		}()
	}
	connect(t, Config{}, serve, func(t *testing.T, c *Client) {
		for range 2 {
			if err := c.Ping(t.Context()); err == nil {
				t.Error("Ping of a guest that is gone succeeds")
			}
		}
	})
}

// shell answers an exec stream: it echoes its input, and ends with it.
func shell(g guest, m idm.Message) {
	request, _ := m.Body.(*idmpb.Request)
	update, _ := request.Request.(*idmpb.ExecStreamRequestUpdate)
	say := func(update *idmpb.ExecStreamResponseUpdate) {
		g.send(m.Reply(&idmpb.Response{Response: update}))
	}
	switch u := update.Update.(type) {
	case *idmpb.ExecStreamRequestStart:
		say(&idmpb.ExecStreamResponseUpdate{Stderr: fmt.Appendf(nil, "%q %s %v|", u.Command, u.WorkingDirectory, u.Tty)})
		for _, entry := range u.Environment {
			say(&idmpb.ExecStreamResponseUpdate{Stderr: []byte(entry.Key + "=" + entry.Value + "|")})
		}
		if u.Command[0] == "missing" {
			say(&idmpb.ExecStreamResponseUpdate{Exited: true, Error: "missing: not found", ExitCode: 127})
		}
	case *idmpb.ExecStreamRequestStdin:
		if u.Closed {
			say(&idmpb.ExecStreamResponseUpdate{Exited: true, ExitCode: 3})
			g.send(m.ReplyClosed())
			return
		}
		say(&idmpb.ExecStreamResponseUpdate{Stdout: u.Data})
	case *idmpb.ExecStreamRequestTerminalSize:
		say(&idmpb.ExecStreamResponseUpdate{Stderr: fmt.Appendf(nil, "%dx%d|", u.Rows, u.Columns)})
	}
}

func TestExec(t *testing.T) {
	connect(t, Config{}, shell, func(t *testing.T, c *Client) {
		var processes sync.WaitGroup
		for i := range 5 {
			processes.Go(func() { execute(t, c, i) })
		}
		processes.Wait()
	})
}

func execute(t *testing.T, c *Client, i int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p, err := c.Exec(t.Context(), Command{
		Args: []string{"cat", fmt.Sprint(i)}, Env: []string{"A=b=c", "D="}, Dir: "/tmp", TTY: true,
		Stdout: &stdout, Stderr: &stderr,
	})
	if err != nil {
		t.Errorf("Exec: %v", err)
		return
	}
	input := bytes.Repeat([]byte{byte(i)}, 5*stdinSize+1)
	var writing sync.WaitGroup
	writing.Go(func() {
		_, err := p.Write(input)
		err = errors.Join(err, p.Resize(Size{Rows: 24, Columns: 80}), p.CloseWrite())
		if err != nil {
			t.Errorf("write to process: %v", err)
		}
	})
	code, err := p.Wait()
	writing.Wait()
	if code != 3 || err != nil {
		t.Errorf("Wait = %d, %v, want 3", code, err)
	}
	if !bytes.Equal(stdout.Bytes(), input) {
		t.Errorf("%d bytes of output, want the %d of input", stdout.Len(), len(input))
	}
	want := fmt.Sprintf(`["cat" "%d"] /tmp true|A=b=c|D=|24x80|`, i)
	if stderr.String() != want {
		t.Errorf("stderr = %q, want %q", stderr.String(), want)
	}
}

func TestExecErrors(t *testing.T) {
	connect(t, Config{}, shell, func(t *testing.T, c *Client) {
		p, err := c.Exec(t.Context(), Command{Args: []string{"missing"}})
		if err != nil {
			t.Fatal(err)
		}
		var guestErr *Error
		if code, err := p.Wait(); code != 127 || !errors.As(err, &guestErr) || guestErr.Message != "missing: not found" {
			t.Errorf("Wait = %d, %v, want 127 and the guest's reason", code, err)
		}
		for _, command := range []Command{
			{Args: []string{"x"}, Env: []string{"A"}},
			{Args: []string{"x", "\xff"}},
			{Args: []string{"x"}, Env: []string{"A=\xff"}},
			{Args: []string{"x"}, Dir: "/\xff"},
		} {
			if _, err := c.Exec(t.Context(), command); err == nil {
				t.Errorf("Exec of %+v succeeds", command)
			}
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		p, err = c.Exec(ctx, Command{Args: []string{"sleep"}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait = %v, want %v", err, context.DeadlineExceeded)
		}
		full := errors.New("no space")
		p, err = c.Exec(t.Context(), Command{Args: []string{"cat"}, Stderr: failing{full}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); !errors.Is(err, full) {
			t.Errorf("Wait = %v, want %v", err, full)
		}
	})
	connect(t, Config{Version: idm.Version1}, shell, func(t *testing.T, c *Client) {
		if _, err := c.Exec(t.Context(), Command{Args: []string{"ls"}}); !errors.Is(err, idm.ErrVersion) {
			t.Errorf("Exec with version 1 = %v, want %v", err, idm.ErrVersion)
		}
	})
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestSignalStopReport(t *testing.T) {
	report := &idmpb.BootReport{State: idmpb.BootStateReady, Stages: []*idmpb.BootStage{{Name: "root", DurationMicroseconds: 7}}}
	serve := func(g guest, m idm.Message) {
		request, _ := m.Body.(*idmpb.ExtensionRequest)
		switch r := request.Request.(type) {
		case *idmpb.SignalRequest:
			if r.Name != "HUP" {
				g.send(m.Reply(&idmpb.ExtensionResponse{Error: &idmpb.ExtensionError{
					Message: "signal workload: no such process", Errno: uint32(syscall.ESRCH),
				}}))
				return
			}
			g.extension(m, new(idmpb.SignalResponse))
		case *idmpb.StopRequest:
			g.extension(m, new(idmpb.StopResponse))
		case *idmpb.BootReportRequest:
			g.extension(m, report)
		}
	}
	connect(t, Config{}, serve, func(t *testing.T, c *Client) {
		if err := c.Signal(t.Context(), &idmpb.SignalRequest{Name: "HUP"}); err != nil {
			t.Errorf("Signal: %v", err)
		}
		if err := c.Signal(t.Context(), &idmpb.SignalRequest{Number: 9}); !errors.Is(err, syscall.ESRCH) ||
			err.Error() != "signal workload: guest: signal workload: no such process" {
			t.Errorf("Signal = %v, want %v", err, syscall.ESRCH)
		}
		if err := c.Stop(t.Context(), new(idmpb.StopRequest)); err != nil {
			t.Errorf("Stop: %v", err)
		}
		got, err := c.BootReport(t.Context())
		if diff := cmp.Diff(report, got); err != nil || diff != "" {
			t.Errorf("BootReport: %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestWatch(t *testing.T) {
	serve := func(g guest, m idm.Message) {
		g.extension(m, &idmpb.WatchResponse{State: idmpb.BootStateReady})
		g.send(idm.ExtensionEvent(&idmpb.OomEvent{Kills: 4}))
		g.send(idm.ExitEvent(7))
	}
	connect(t, Config{}, serve, func(t *testing.T, c *Client) {
		w, err := c.Watch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for range 3 {
			event, err := w.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seen[fmt.Sprintf("%T%v", event, event)] = true
		}
		want := map[string]bool{"*idmpb.BootStateEvent&{1}": true, "*idmpb.OomEvent&{4 false}": true, "*idmpb.ExitEvent&{7}": true}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		w.Close()
		late, err := c.Watch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer late.Close()
		event, err := late.Next(t.Context())
		if exit, ok := event.(*idmpb.ExitEvent); !ok || exit.Code != 7 {
			t.Errorf("a later watch begins with %v, %v, want the exit event", event, err)
		}
	})
}

func TestWatchVersion1(t *testing.T) {
	connect(t, Config{Version: idm.Version1}, func(g guest, _ idm.Message) { g.send(idm.ExitEvent(5)) }, func(t *testing.T, c *Client) {
		w, err := c.Watch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Ping = %v, want %v: an event is no answer", err, context.DeadlineExceeded)
		}
		event, err := w.Next(t.Context())
		if exit, ok := event.(*idmpb.ExitEvent); !ok || exit.Code != 5 {
			t.Errorf("Next = %v, %v, want exit code 5", event, err)
		}
	})
}

// disk is the guest's one file.
type disk struct {
	content []byte
	written []byte
	lose    int // pieces to lose, counted down
}

func (d *disk) serve(g guest, m idm.Message) {
	request, _ := m.Body.(*idmpb.ExtensionRequest)
	switch r := request.Request.(type) {
	case *idmpb.FileReadRequest:
		d.read(g, m, r)
	case *idmpb.FileWriteRequest:
		chunk, ok := r.Update.(*idmpb.FileWriteChunk)
		if ok {
			d.written = append(d.written, chunk.Data...)
		}
		g.extension(m, &idmpb.FileWriteResponse{Written: uint64(len(d.written)), Done: ok && chunk.Last})
	}
}

func (d *disk) read(g guest, m idm.Message, r *idmpb.FileReadRequest) {
	if string(r.Path) != "/file" {
		g.send(m.Reply(&idmpb.ExtensionResponse{Error: &idmpb.ExtensionError{Message: "no such file", Errno: uint32(syscall.ENOENT)}}))
		g.send(m.ReplyClosed())
		return
	}
	end := uint64(len(d.content))
	if r.Length > 0 {
		end = min(end, r.Offset+r.Length)
	}
	for at := r.Offset; ; at += 1000 {
		next := min(at+1000, end)
		if d.lose--; d.lose != 0 {
			g.extension(m, &idmpb.FileReadResponse{Offset: at, Data: d.content[at:next], End: next == end})
		}
		if next == end {
			g.send(m.ReplyClosed())
			return
		}
	}
}

func TestReadFile(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	d := &disk{content: content}
	connect(t, Config{}, d.serve, func(t *testing.T, c *Client) {
		for _, tt := range []struct {
			offset, length uint64
			want           []byte
		}{
			{0, 0, content},
			{99_995, 0, content[99_995:]},
			{100_000, 0, nil},
			{5, 7, content[5:12]},
		} {
			var got bytes.Buffer
			n, err := c.ReadFile(t.Context(), &idmpb.FileReadRequest{Path: []byte("/file"), Offset: tt.offset, Length: tt.length}, &got)
			if err != nil || n != int64(len(tt.want)) || !bytes.Equal(got.Bytes(), tt.want) {
				t.Errorf("ReadFile from %d, %d bytes = %d bytes, %v, want %d", tt.offset, tt.length, got.Len(), err, len(tt.want))
			}
		}
		if _, err := c.ReadFile(t.Context(), &idmpb.FileReadRequest{Path: []byte("/no")}, io.Discard); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("ReadFile of a missing file = %v, want %v", err, fs.ErrNotExist)
		}
		d.lose = 3
		var got bytes.Buffer
		n, err := c.ReadFile(t.Context(), &idmpb.FileReadRequest{Path: []byte("/file")}, &got)
		if n != 2000 || got.Len() != 2000 || err == nil || err.Error() != "read /file of guest: the channel lost a piece: offset 3000, want 2000: read it again, or give the guest a virtio port (README), which loses none" {
			t.Errorf("ReadFile with the third piece lost = %d, %v", n, err)
		}
	})
}

func TestWriteFile(t *testing.T) {
	for _, size := range []int{0, 1, chunkSize, chunkSize + 1, 3*window + 5} {
		d := &disk{}
		content := bytes.Repeat([]byte("x"), size)
		connect(t, Config{}, d.serve, func(t *testing.T, c *Client) {
			err := c.WriteFile(t.Context(), &idmpb.FileWriteStart{Path: []byte("/file")}, bytes.NewReader(content))
			if err != nil || !bytes.Equal(d.written, content) {
				t.Errorf("WriteFile of %d bytes wrote %d, %v", size, len(d.written), err)
			}
			wrong := errors.New("bad sector")
			if err := c.WriteFile(t.Context(), &idmpb.FileWriteStart{}, iotest.ErrReader(wrong)); !errors.Is(err, wrong) {
				t.Errorf("WriteFile = %v, want %v", err, wrong)
			}
		})
	}
}

// TestSlowReader has a command's output not be taken: the guest waits, no output
// is lost.
func TestSlowReader(t *testing.T) {
	const pieces = 5000
	serve := func(g guest, m idm.Message) {
		if m.Form != idm.FormStreamRequest {
			return
		}
		go func() {
			for i := range pieces {
				g.send(m.Reply(&idmpb.Response{Response: &idmpb.ExecStreamResponseUpdate{Stdout: make([]byte, 1000), Exited: i == pieces-1}}))
			}
		}()
	}
	connect(t, Config{}, serve, func(t *testing.T, c *Client) {
		var stdout bytes.Buffer
		p, err := c.Exec(t.Context(), Command{Args: []string{"yes"}, Stdout: &stdout})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := p.Wait(); err != nil || stdout.Len() != pieces*1000 {
			t.Errorf("Wait = %v, %d bytes of output, want %d", err, stdout.Len(), pieces*1000)
		}
	})
}

// TestCloseBeforeTaken closes a client whose output nobody took.
func TestCloseBeforeTaken(t *testing.T) {
	serve := func(g guest, m idm.Message) {
		if m.Form == idm.FormStreamRequest {
			for range 3 * mailbox {
				g.send(m.Reply(&idmpb.Response{Response: &idmpb.ExecStreamResponseUpdate{Stdout: []byte("y")}}))
			}
		}
	}
	connect(t, Config{}, serve, func(t *testing.T, c *Client) {
		p, err := c.Exec(t.Context(), Command{Args: []string{"yes"}})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, err := p.Wait(); !errors.Is(err, idm.ErrClosed) {
			t.Errorf("Wait of a closed client = %v, want %v", err, idm.ErrClosed)
		}
		if _, err := p.Write([]byte("x")); !errors.Is(err, idm.ErrClosed) {
			t.Errorf("Write to a closed client = %v, want %v", err, idm.ErrClosed)
		}
	})
}
