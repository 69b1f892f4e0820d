package idm_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/hostcmd"
	idmverb "github.com/kguest/kguest/pkg/hostcmd/idm"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
	"github.com/kguest/kguest/pkg/idm"
)

func TestIDMExec(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	t.Setenv("IDM_HERE", "here")
	big := strings.Repeat("0123456789abcdef", 1<<16)
	for _, tt := range []struct {
		stdin string
		args  []string
		want  verbtest.Result
	}{
		{"", []string{"--", "sh", "-c", "echo out; echo err >&2; exit 7"}, verbtest.Result{Status: 7, Stdout: "out\n", Stderr: "err\n"}},
		{"", []string{"sh", "-c", "kill -KILL $$"}, verbtest.Result{Status: 137}},
		{big, []string{"cat"}, verbtest.Result{Stdout: big}},
		{"", []string{"-w", "/usr", "-e", "A=b=c", "-e", "IDM_HERE", "--", "sh", "-c", "pwd; echo $A $IDM_HERE"}, verbtest.Result{Stdout: "/usr\nb=c here\n"}},
		{"", []string{"-t", "--", "sh", "-c", "stty size; exit 5"}, verbtest.Result{Status: 5, Stdout: "24 80\r\n"}},
		{"typed\n", []string{"-t", "--", "sh", "-c", "stty -echo; read line; echo got $line; cat; echo end"}, verbtest.Result{}},
		{"", []string{"--", "/no/such/program"}, verbtest.Result{Status: 127, Stderr: "mkinitramfs: guest: exec: \"/no/such/program\": stat /no/such/program: no such file or directory\n"}},
	} {
		got := idmRun(t, tt.stdin, append([]string{socket, "exec"}, tt.args...)...)
		if tt.stdin == "typed\n" { // the echo may come before stty takes it away
			if got.Status != 0 || !strings.HasSuffix(got.Stdout, "got typed\r\nend\r\n") {
				t.Errorf("exec %q: %+v", tt.args, got)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("exec %q: -want +got\n%s", tt.args, diff)
		}
	}
}

// TestIDMExecInterrupted ends a command whose host is told to end.
func TestIDMExecInterrupted(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	var got verbtest.Result
	stdout := writerFunc(func(b []byte) (int, error) { cancel(); return len(b), nil })
	var stderr strings.Builder
	got.Status = hostcmd.Main(ctx, []string{"idm", socket, "exec", "--", "sh", "-c", "echo on; exec sleep 1000"},
		hostcmd.Streams{Stdin: r, Stdout: stdout, Stderr: &stderr})
	got.Stderr = stderr.String()
	if want := (verbtest.Result{Status: 125, Stderr: "mkinitramfs: interrupted\n"}); got != want {
		t.Errorf("exec, interrupted: %+v, want %+v", got, want)
	}
}

// TestIDMExecSignal: a signal to exec ends the command, gives the terminal back, and
// is what the line and the status say.
func TestIDMExecSignal(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	for _, tt := range []struct {
		signal syscall.Signal
		want   verbtest.Result
	}{
		{syscall.SIGINT, verbtest.Result{Status: 130, Stderr: "mkinitramfs: ended by SIGINT\n"}},
		{syscall.SIGTERM, verbtest.Result{Status: 143, Stderr: "mkinitramfs: ended by SIGTERM\n"}},
		{syscall.SIGHUP, verbtest.Result{Status: 129, Stderr: "mkinitramfs: ended by SIGHUP\n"}},
	} {
		t.Run(tt.signal.String(), func(t *testing.T) {
			master, tty := openTerminal(t, 24, 80)
			before := mode(t, tty)
			ctx, stop := verb.UntilSignal(t.Context(), tt.signal)
			defer stop()
			done := make(chan verbtest.Result, 1)
			go func() {
				var stderr strings.Builder
				status := hostcmd.Main(ctx, []string{"idm", socket, "exec", "-t", "--", "sh", "-c", "echo $$ ready; exec sleep 1000"},
					hostcmd.Streams{Stdin: tty, Stdout: tty, Stderr: &stderr})
				done <- verbtest.Result{Status: status, Stderr: stderr.String()}
			}()
			pid, err := strconv.Atoi(strings.TrimSuffix(until(t, master, " ready\r\n"), " ready\r\n"))
			if err != nil {
				t.Fatal(err)
			}
			if err := syscall.Kill(os.Getpid(), tt.signal); err != nil {
				t.Fatal(err)
			}
			if got := <-done; got != tt.want {
				t.Errorf("exec: %+v, want %+v", got, tt.want)
			}
			if mode(t, tty) != before {
				t.Error("the terminal has not its mode back")
			}
			for syscall.Kill(pid, 0) == nil {
				time.Sleep(time.Millisecond) // the test's deadline bounds it
			}
		})
	}
}

// TestIDMExecUnread: where nobody reads the output any more, exec ends as a program
// that SIGPIPE ends, and says no more.
func TestIDMExecUnread(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	if err := os.WriteFile(filepath.Join(g.root, "zeros"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"exec", "--", "yes"}, {"read", "/zeros"}} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Close()
		var stderr strings.Builder
		status := hostcmd.Main(t.Context(), append([]string{"idm", socket}, args...), hostcmd.Streams{Stdout: w, Stderr: &stderr})
		if status != 141 || stderr.String() != "" {
			t.Errorf("%q without a reader: status %d, %q, want 141 and nothing", args, status, stderr.String())
		}
		_ = w.Close()
	}
}

// TestIDMTerminal runs a command on a terminal, from a terminal.
func TestIDMTerminal(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	for _, tt := range []struct {
		name, script, typed, want string
		cancel                    bool
		status                    int
	}{
		{"raw", `stty -echo; echo ready; read x; echo "got $x"; exit 9`, "hello\r", "ready\r\ngot hello\r\n", false, 9},
		{"interrupt key", `trap 'echo caught; exit 3' INT; stty -echo; echo ready; read x`, "\x03", "ready\r\ncaught\r\n", false, 3},
		{"hang-up", "echo ready; exec sleep 1000", "", "ready\r\n", true, 125},
	} {
		t.Run(tt.name, func(t *testing.T) {
			master, tty := openTerminal(t, 33, 101)
			before := mode(t, tty)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			status := make(chan int, 1)
			go func() {
				status <- hostcmd.Main(ctx, []string{"idm", socket, "exec", "-t", "--", "sh", "-c", "stty size; " + tt.script},
					hostcmd.Streams{Stdin: tty, Stdout: tty, Stderr: io.Discard})
			}()
			until(t, master, "33 101\r\n")
			got := until(t, master, "ready\r\n")
			if mode(t, tty) == before {
				t.Error("the terminal is not raw while the command runs")
			}
			if _, err := io.WriteString(master, tt.typed); err != nil {
				t.Error(err)
			}
			if tt.cancel {
				cancel()
			}
			if got += until(t, master, strings.TrimPrefix(tt.want, "ready\r\n")); got != tt.want {
				t.Errorf("terminal shows %q, want %q", got, tt.want)
			}
			if got := <-status; got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			if mode(t, tty) != before {
				t.Error("the terminal has not its mode back")
			}
		})
	}
}

// TestIDMResize changes the local terminal's size.
func TestIDMResize(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	master, tty := openTerminal(t, 24, 80)
	status := make(chan int, 1)
	go func() {
		script := `stty -echo; stty size; until [ "$(stty size)" = "50 132" ]; do sleep 0.02; done; stty size; read x`
		status <- hostcmd.Main(t.Context(), []string{"idm", socket, "exec", "-t", "--", "sh", "-c", script},
			hostcmd.Streams{Stdin: tty, Stdout: tty, Stderr: io.Discard})
	}()
	until(t, master, "24 80\r\n")
	if err := console.SetSize(tty, console.Size{Rows: 50, Columns: 132}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil { // it is not our controlling terminal
		t.Fatal(err)
	}
	until(t, master, "50 132\r\n")
	if _, err := io.WriteString(master, "end\r"); err != nil {
		t.Error(err)
	}
	if got := <-status; got != 0 {
		t.Errorf("status %d, want 0", got)
	}
}

// openTerminal opens a pseudoterminal, whose tty blocks as a program's own does.
func openTerminal(t *testing.T, rows, columns uint16) (master, tty *os.File) {
	t.Helper()
	master, peer, err := console.OpenPTY("/dev/ptmx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	fd, err := unix.Dup(int(peer.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(peer.Close(), unix.SetNonblock(fd, false)); err != nil {
		t.Fatal(err)
	}
	tty = os.NewFile(uintptr(fd), "tty")
	t.Cleanup(func() { _ = tty.Close() })
	if err := console.SetSize(tty, console.Size{Rows: rows, Columns: columns}); err != nil {
		t.Fatal(err)
	}
	return master, tty
}

func mode(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	mode, err := unix.IoctlGetTermios(fdOf(t, tty), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *mode
}

// until reads from the terminal up to text.
func until(t *testing.T, master *os.File, text string) string {
	t.Helper()
	if err := master.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(got), text); got = append(got, b[0]) {
		if _, err := master.Read(b); err != nil {
			t.Fatalf("read terminal: %v; want %q, got %q", err, text, got)
		}
	}
	return string(got)
}

func TestIDMErrors(t *testing.T) {
	g := new(fakeGuest)
	socket := g.listen(t)
	only1 := (&fakeGuest{version: idm.Version1}).listen(t)
	only2 := (&fakeGuest{version: idm.Version2}).listen(t)
	silent, gone := mute(t)
	missing, plain := filepath.Join(t.TempDir(), "none"), verbtest.Write(t, filepath.Join(t.TempDir(), "plain"), "")
	nobody := func(asked, timeout string) string {
		return asked + ": nobody answers on " + silent + " in " + timeout +
			": is the guest up, its kinit.idm= this channel and no other host connected? (-timeout waits longer)"
	}
	for _, tt := range []struct {
		args   []string
		status int
		want   string
	}{
		{[]string{missing, "ping"}, 1, "connect to " + missing + ": no such socket: is the machine running, and is this the socket of its IDM channel?"},
		{[]string{plain, "ping"}, 1, "connect to " + plain + ": not a socket: give the one that the hypervisor made for the IDM channel"},
		{[]string{gone, "ping"}, 1, "connect to " + gone + ": nobody listens there: the machine has ended"},
		{[]string{gone, "exec", "true"}, 125, "connect to " + gone + ": nobody listens there: the machine has ended"},
		{[]string{silent, "ping", "-timeout", "50ms"}, 1, nobody("ping", "50ms")},
		{[]string{silent, "report", "-timeout", "50ms"}, 1, nobody("report", "50ms")},
		{[]string{silent, "watch", "-timeout", "50ms"}, 1, nobody("watch", "50ms")},
		{[]string{silent, "exec", "-timeout", "50ms", "--", "true"}, 125, nobody("exec", "50ms")},
		{[]string{silent, "stop", "-timeout", "50ms"}, 1, nobody("stop", "50ms; it was sent all the same")},
		{[]string{silent, "stop", "-wait", "-timeout", "50ms"}, 1, nobody("stop", "50ms; it was sent all the same")},
		{[]string{silent, "signal", "KILL", "-timeout", "50ms"}, 1, nobody("signal", "50ms; it was sent all the same")},
		{[]string{socket, "signal", "KILL"}, 1, "signal workload: guest: operation not permitted"},
		{[]string{socket, "exec", "-w", "/none", "true"}, 127, "guest: start /usr/bin/true: no such file or directory"},

		{nil, 2, "no socket; give the Unix socket of the guest's IDM channel, then one of ping, metrics, report, exec, signal, stop, watch, read, write"},
		{[]string{socket}, 2, `no verb after the socket "` + socket + `"; there are ping, metrics, report, exec, signal, stop, watch, read, write`},
		{[]string{socket, "pong"}, 2, `unknown verb "pong" after the socket; did you mean "ping"?; there are ping, metrics, report, exec, signal, stop, watch, read, write`},
		{[]string{socket, "ping", "me"}, 2, `ping: unexpected argument "me"`},
		{[]string{socket, "ping", "-jsn"}, 2, "ping: unknown flag -jsn"},
		{[]string{socket, "metrics", "-jsn"}, 2, "metrics: unknown flag -jsn; did you mean -json?"},
		{[]string{socket, "ping", "-version", "3"}, 2, `ping: -version "3": want auto, 1 or 2`},
		{[]string{socket, "ping", "-timeout", "0s"}, 2, "ping: -timeout 0s: want more than 0"},
		{[]string{socket, "exec"}, 2, "exec: no command; give -- COMMAND [ARGUMENT...]"},
		{[]string{socket, "exec", "-e", "IDM_UNSET", "true"}, 2, `exec: -e "IDM_UNSET": want NAME=VALUE, or the name of a variable that is set here`},
		{[]string{socket, "exec", "-version", "1", "true"}, 2, "exec: IDM version 1 has no such request; leave -version away"},
		{[]string{socket, "signal"}, 2, "signal: no signal, such as TERM or 15"},
		{[]string{socket, "stop", "-now", "-grace", "1s"}, 2, "stop: -grace and -now exclude each other"},
		{[]string{socket, "stop", "-grace", "1us"}, 2, "stop: -grace 1µs: want at least 1ms; -now kills at once"},
		{[]string{socket, "write", "-mode", "9", "/x"}, 2, `write: -mode "9": want permission bits such as 0644`},
		{[]string{socket, "read"}, 2, "read: no path in the guest"},
		{[]string{only2, "ping", "-timeout", "100ms"}, 0, ""},
		{[]string{only1, "ping", "-timeout", "50ms", "-version", "2"}, 1, strings.ReplaceAll(nobody("ping", "50ms"), silent, only1)},
	} {
		want := ""
		if tt.want != "" {
			want = "mkinitramfs: " + tt.want + "\n"
		}
		if tt.status == 2 {
			want = "mkinitramfs: " + tt.want + " (`mkinitramfs help idm` shows how)\n"
		}
		got := idmRun(t, "", tt.args...)
		if got.Status != tt.status || got.Stderr != want {
			t.Errorf("idm %q: status %d, stderr\n%s, want %d,\n%s", tt.args, got.Status, got.Stderr, tt.status, want)
		}
	}
	for _, args := range [][]string{{"-h"}, {socket, "exec", "-h"}} {
		if got := idmRun(t, "", args...); got != (verbtest.Result{Stdout: idmverb.Verb().Page()}) {
			t.Errorf("idm %q: %+v, want the page", args, got)
		}
	}
}

// mute returns a socket where nobody answers, and one where nobody listens.
func mute(t *testing.T) (silent, gone string) {
	t.Helper()
	silent, gone = filepath.Join(t.TempDir(), "silent"), filepath.Join(t.TempDir(), "gone")
	for _, path := range []string{silent, gone} {
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		listener.SetUnlinkOnClose(false)
		if path == gone {
			_ = listener.Close()
			continue
		}
		t.Cleanup(func() { _ = listener.Close() })
	}
	return silent, gone
}

// fdOf returns f's descriptor and leaves its mode alone, as Fd does not.
func fdOf(t *testing.T, f *os.File) (number int) {
	t.Helper()
	conn, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Control(func(fd uintptr) { number = int(fd) }); err != nil {
		t.Fatal(err)
	}
	return number
}
