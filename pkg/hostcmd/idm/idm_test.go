package idm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/agent"
	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
	"github.com/kguest/kguest/pkg/supervise"
)

// fakeGuest is a guest whose commands run in this process's own world.
type fakeGuest struct {
	root    string // of its files
	mu      sync.Mutex
	conn    *idm.Conn
	asked   []string // what was asked of it
	version idm.Version
	stop    func(conn *idm.Conn) // on a stop
}

func (g *fakeGuest) note(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, fmt.Sprintf(format, args...))
}

type notFound struct{ error }

func (notFound) ExitCode() int { return 127 }

func (g *fakeGuest) Command(start *idmpb.ExecStreamRequestStart) (supervise.Command, error) {
	path, err := exec.LookPath(start.Command[0])
	if err != nil {
		return supervise.Command{}, notFound{err}
	}
	c := supervise.Command{
		Path: path, Args: start.Command, Dir: "/", Env: []string{"PATH=/usr/bin:/bin"},
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
	}
	if start.WorkingDirectory != "" {
		c.Dir = start.WorkingDirectory
	}
	for _, v := range start.Environment {
		c.Env = append(c.Env, v.Key+"="+v.Value)
	}
	return c, nil
}

func (g *fakeGuest) Metrics() *metrics.Node {
	number := func(name string, n float64, f metrics.Format) *metrics.Node {
		return &metrics.Node{Name: name, Value: metrics.Value{Kind: metrics.Number, Number: n}, Format: f}
	}
	return &metrics.Node{Name: "guest", Children: []*metrics.Node{
		number("memory", 64<<20, metrics.Bytes),
		number("lifetime", 90.5, metrics.Duration),
		number("pids", 12, metrics.Integer),
		number("load", 0.25, metrics.Unknown),
		{Name: "process", Children: []*metrics.Node{
			{Name: "cmdline", Value: metrics.Value{Kind: metrics.List, Text: "sh\x00-c\x00echo 'hi'\x1b[2J"}},
			{Name: "cwd\n", Value: metrics.Value{Kind: metrics.Text, Text: "/tmp\x07"}},
		}},
	}}
}

func (g *fakeGuest) Report() *idmpb.BootReport {
	return &idmpb.BootReport{
		State: idmpb.BootStateFailed, KernelMicroseconds: 1_234_567, InitMicroseconds: 45_678,
		Stages: []*idmpb.BootStage{
			{Name: "mounts", DurationMicroseconds: 1234},
			{Name: "idm", DurationMicroseconds: 56, Error: "no such device"},
		},
	}
}

func (g *fakeGuest) Signal(sig syscall.Signal, all bool) error {
	if sig == syscall.SIGKILL {
		return syscall.EPERM
	}
	g.note("signal %d %t", int(sig), all)
	return nil
}

func (g *fakeGuest) Stop(grace time.Duration) error {
	g.note("stop %v", grace)
	if g.stop != nil {
		g.stop(g.conn)
	}
	return nil
}

func (g *fakeGuest) Resize(size console.Size) error {
	g.note("resize %dx%d", size.Rows, size.Columns)
	return nil
}

func (g *fakeGuest) Root() (string, error) { return g.root, nil }

// listen serves the guest on a socket until the end of the test.
func (g *fakeGuest) listen(t *testing.T) (socket string) {
	t.Helper()
	g.root = t.TempDir()
	socket = filepath.Join(t.TempDir(), "idm")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	t.Cleanup(func() { _ = listener.Close() })
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			g.serve(ctx, conn)
		}
	})
	return socket
}

// serve answers one host.
func (g *fakeGuest) serve(ctx context.Context, stream net.Conn) {
	conn := idm.New(stream, idm.Config{Version: g.version})
	defer conn.Close()
	g.mu.Lock()
	g.conn = conn
	g.mu.Unlock()
	a := agent.Agent{Conn: conn, Guest: g, Sup: new(supervise.Supervisor), PTMX: "/dev/ptmx"}
	_ = a.Serve(ctx) // the host has gone
}

// idmRun runs the verb idm.
func idmRun(t *testing.T, stdin string, args ...string) verbtest.Result {
	t.Helper()
	return idmRunContext(t.Context(), strings.NewReader(stdin), args...)
}

func idmRunContext(ctx context.Context, stdin io.Reader, args ...string) verbtest.Result {
	return verbtest.RunContext(ctx, stdin, append([]string{"idm"}, args...)...)
}

func TestIDMPrints(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"metrics"}, `guest
  memory    64.0 MiB
  lifetime  1m30.5s
  pids      12
  load      0.25
  process
    cmdline  sh -c "echo 'hi'\x1b[2J"
    "cwd\n"  "/tmp\a"
`},
		{[]string{"report"}, `state failed
kernel       1.23s
init       45.68ms
  mounts    1.23ms
  idm         56µs  no such device
`},
		{[]string{"signal", "TERM"}, ""},
	} {
		got := idmRun(t, "", append([]string{socket}, tt.args...)...)
		if diff := cmp.Diff(verbtest.Result{Stdout: tt.want}, got); diff != "" {
			t.Errorf("%q: -want +got\n%s", tt.args, diff)
		}
	}
	for _, version := range []string{"auto", "1", "2"} {
		got := idmRun(t, "", socket, "ping", "-version", version)
		if got.Status != 0 || !strings.HasPrefix(got.Stdout, "guest answers in ") || got.Stderr != "" {
			t.Errorf("ping -version %s: %+v", version, got)
		}
	}
}

func TestIDMJSON(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	for verb, want := range map[string]string{
		"metrics": `{"name":"guest","children":[
			{"name":"memory","value":67108864,"unit":"bytes"}, {"name":"lifetime","value":90.5,"unit":"seconds"},
			{"name":"pids","value":12,"unit":"count"}, {"name":"load","value":0.25},
			{"name":"process","children":[
				{"name":"cmdline","value":["sh","-c","echo 'hi'\u001b[2J"]}, {"name":"cwd\n","value":"/tmp\u0007"}]}]}`,
		"report": `{"state":"failed","kernelMicroseconds":1234567,"initMicroseconds":45678,"stages":[
			{"name":"mounts","microseconds":1234}, {"name":"idm","microseconds":56,"error":"no such device"}]}`,
	} {
		got := idmRun(t, "", socket, verb, "-json")
		var gotValue, wantValue any
		if err := errors.Join(json.Unmarshal([]byte(got.Stdout), &gotValue), json.Unmarshal([]byte(want), &wantValue)); err != nil {
			t.Fatalf("%s: %v: %+v", verb, err, got)
		}
		if diff := cmp.Diff(wantValue, gotValue); diff != "" {
			t.Errorf("%s -json: -want +got\n%s", verb, diff)
		}
	}
}

func TestIDMCommands(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	for _, args := range [][]string{
		{"signal", "TERM"},
		{"signal", "-all", "SIGUSR1"},
		{"signal", "15", "-all"},
		{"stop"},
		{"stop", "-grace", "1500ms"},
		{"stop", "-now"},
	} {
		if got := idmRun(t, "", append([]string{socket}, args...)...); got != (verbtest.Result{}) {
			t.Errorf("%q: %+v, want nothing", args, got)
		}
	}
	want := []string{"signal 15 false", "signal 10 true", "signal 15 true", "stop -1ns", "stop 1.5s", "stop 0s"}
	if diff := cmp.Diff(want, g.asked); diff != "" {
		t.Errorf("asked of the guest: -want +got\n%s", diff)
	}
}

// TestIDMInsists: stop and signal reach a guest that answers nothing else.
func TestIDMInsists(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "idm")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var serving sync.WaitGroup
	defer serving.Wait()
	for args, answer := range map[string]idmpb.ExtensionResponseOneof{
		"stop": &idmpb.StopResponse{}, "signal TERM": &idmpb.SignalResponse{},
	} {
		serving.Go(func() {
			stream, err := listener.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			conn := idm.New(stream, idm.Config{})
			defer conn.Close()
			for m, err := conn.Receive(t.Context()); err == nil; m, err = conn.Receive(t.Context()) {
				request, _ := m.Body.(*idmpb.ExtensionRequest)
				if request == nil {
					continue
				}
				switch request.Request.(type) {
				case *idmpb.StopRequest, *idmpb.SignalRequest:
					_ = conn.Send(m.Reply(&idmpb.ExtensionResponse{Response: answer})) // the host would say
				}
			}
		})
		words := append(append([]string{socket}, strings.Fields(args)...), "-timeout", "2s")
		if got := idmRun(t, "", words...); got != (verbtest.Result{}) {
			t.Errorf("%q: %+v, want nothing", words, got)
		}
	}
}

func TestIDMWatch(t *testing.T) {
	end := func(conn *idm.Conn) {
		_ = conn.Send(idm.ExtensionEvent(&idmpb.OomEvent{Kills: 2, Workload: true}))
		_ = conn.Send(idm.ExtensionEvent(&idmpb.ExitDetailEvent{Code: 137, Signal: 9, Stage: "run", Reason: "killed\n"}))
		_ = conn.Send(idm.ExitEvent(137)) // a full queue shows in what the host prints
	}
	g := &fakeGuest{stop: end}
	socket := g.listen(t)
	want := verbtest.Result{Stdout: "ended code=137 signal=9 stage=run reason=\"killed\\n\"\nexit code=137\n"}
	if got := idmRun(t, "", socket, "stop", "-wait"); got != want {
		t.Errorf("stop -wait: %+v, want %+v", got, want)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"watch"}, "state failed\noom kills=2 workload=true\n" + want.Stdout},
		{[]string{"watch", "-json"}, `{"event":"state","state":"failed"}
{"event":"oom","kills":2,"workload":true}
{"event":"ended","code":137,"signal":9,"stage":"run","reason":"killed\n"}
{"event":"exit","code":137}
`},
	} {
		got := watchUntil(t, socket, g, end, tt.args...)
		if got != (verbtest.Result{Stdout: tt.want}) {
			t.Errorf("%q: %+v, want %q", tt.args, got, tt.want)
		}
	}
	if got := watchUntil(t, socket, g, func(conn *idm.Conn) { _ = conn.Close() }, "watch"); got.Status != 1 ||
		got.Stdout != "state failed\n" || got.Stderr != "mkinitramfs: watch guest: guest closed the connection\n" {
		t.Errorf("watch of a guest that goes away: %+v", got)
	}
}

// watchUntil runs watch, and calls end with the guest's connection once the
// first line is printed.
func watchUntil(t *testing.T, socket string, g *fakeGuest, end func(*idm.Conn), args ...string) verbtest.Result {
	t.Helper()
	stdout, first := new(strings.Builder), sync.OnceFunc(func() {
		g.mu.Lock()
		conn := g.conn
		g.mu.Unlock()
		go end(conn)
	})
	var stderr bytes.Buffer
	status := hostcmd.Main(t.Context(), append([]string{"idm", socket}, args...), hostcmd.Streams{Stderr: &stderr, Stdout: writerFunc(func(b []byte) (int, error) {
		stdout.Write(b)
		first()
		return len(b), nil
	})})
	return verbtest.Result{Status: status, Stdout: stdout.String(), Stderr: stderr.String()}
}

func TestIDMFiles(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	content := strings.Repeat("0123456789", 300_000)
	if got := idmRun(t, content, socket, "write", "-mode", "0600", "/file"); got != (verbtest.Result{}) {
		t.Errorf("write: %+v", got)
	}
	info, err := os.Stat(filepath.Join(g.root, "file"))
	if err != nil || info.Mode() != 0o600 || info.Size() != int64(len(content)) {
		t.Errorf("what was written: %v, %v", info, err)
	}
	if got := idmRun(t, "", socket, "read", "/file"); got != (verbtest.Result{Stdout: content}) {
		t.Errorf("read: status %d, %d bytes, %q", got.Status, len(got.Stdout), got.Stderr)
	}
	if got := idmRun(t, "", socket, "read", "/none"); got.Status != 1 || !strings.Contains(got.Stderr, "no such file or directory") {
		t.Errorf("read of a file that is not there: %+v", got)
	}
	// A producer that takes its time is not a guest that is silent.
	r, w := io.Pipe()
	go func() {
		timer := time.NewTimer(300 * time.Millisecond)
		<-timer.C
		_, _ = io.WriteString(w, "late")
		_ = w.Close()
	}()
	if got := idmRunContext(t.Context(), r, socket, "write", "-timeout", "200ms", "/late"); got != (verbtest.Result{}) {
		t.Errorf("write of what comes late: %+v", got)
	}
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
