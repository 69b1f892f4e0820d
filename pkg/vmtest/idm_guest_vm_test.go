//go:build vm

package vmtest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/vm"
)

// guest is a machine whose IDM channel is a Unix socket, where one host at a
// time is served, as QEMU does it.
type guest struct {
	socket  string
	qmp     string // QEMU's own socket
	console *screen
	machine *vm.Machine
}

// screen keeps what a console prints.
type screen struct {
	mu   sync.Mutex
	seen bytes.Buffer
	more chan struct{} // closed, and made anew, when more is there
}

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.more)
	s.more = make(chan struct{})
	return s.seen.Write(b)
}

// text returns what is there, without carriage returns, and what is closed when
// there is more.
func (s *screen) text() (string, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.ReplaceAll(s.seen.String(), "\r", ""), s.more
}

// boot starts a guest with script as its workload, and logs its console at the
// end of a test that failed. kind is vm.IDMHvc or vm.IDMPort.
func boot(t *testing.T, kind, script string, more ...func(*Scenario)) *guest {
	t.Helper()
	dir := t.TempDir()
	g := &guest{
		socket: filepath.Join(dir, "idm"), qmp: filepath.Join(dir, "qmp"),
		console: &screen{more: make(chan struct{})},
	}
	s := &Scenario{Base: baseBusybox, IDM: kind, Script: script, Append: []string{"kinit.idm=/dev/hvc1"}}
	if kind == vm.IDMPort {
		s.Append = []string{"kinit.idm=/dev/vport0p1"}
	}
	for _, change := range more {
		change(s)
	}
	s.setDefaults()
	config, err := lab.Prepare(t.Context(), s, vm.MachineQ35, dir)
	if err != nil {
		t.Fatal(err)
	}
	config.QEMU = g.wrapper(t, dir)
	config.Timeout = 4 * time.Minute
	ctx, cancel := context.WithCancel(context.Background())
	g.machine, err = vm.Start(ctx, config, vm.Output{Console: g.console, IDM: io.Discard})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = g.machine.Wait() // it was looked at, or was killed here
		if console, _ := g.console.text(); t.Failed() || *showConsole {
			t.Logf("console:\n%s", console)
		}
	})
	return g
}

// wrapper makes a program that runs QEMU with IDM on a socket with a name,
// which can be closed and opened again.
func (g *guest) wrapper(t *testing.T, dir string) string {
	t.Helper()
	const text = `#!/bin/bash
exec qemu-system-x86_64 "${@/#socket,id=idm,fd=3/socket,id=idm,path=%s,server=on,wait=off}" -qmp unix:%s,server=on,wait=off
`
	path := filepath.Join(dir, "qemu")
	if err := os.WriteFile(path, fmt.Appendf(nil, text, g.socket, g.qmp), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// await waits until the console has printed text.
func (g *guest) await(t *testing.T, text string) {
	t.Helper()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = g.machine.Wait()
	}()
	for {
		console, more := g.console.text()
		if strings.Contains(console, text) {
			return
		}
		select {
		case <-more:
		case <-ended:
			t.Fatalf("the machine ended without %q on its console", text)
		}
	}
}

// end waits for the machine's end and checks it.
func (g *guest) end(t *testing.T, code, signal int) (console string) {
	t.Helper()
	if err := g.machine.Wait(); err != nil {
		t.Error(err)
	}
	console, _ = g.console.text()
	want := defaultExit()
	want.Code, want.Signal, want.IDM = code, signal, "none" // that was read on the socket
	for _, wrong := range want.Check([]byte(console), nil) {
		t.Error(wrong)
	}
	return console
}

// dial connects to the guest.
func (g *guest) dial(t *testing.T) net.Conn {
	t.Helper()
	for {
		conn, err := net.Dial("unix", g.socket)
		if err == nil {
			return conn
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EAGAIN) { // QEMU starts, or has yet to see the last one go
			t.Fatal(err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// awaitSocket waits until QEMU has made the socket.
func (g *guest) awaitSocket(t *testing.T) {
	t.Helper()
	if err := g.dial(t).Close(); err != nil {
		t.Error(err)
	}
}

// client connects to the guest with kguest's own client, which finds its way
// through what an earlier host left in the channel.
func (g *guest) client(t *testing.T) *client.Client {
	t.Helper()
	connect := func(context.Context) (io.ReadWriteCloser, error) { return g.dial(t), nil }
	c, err := client.Dial(t.Context(), time.Minute, connect, client.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// exec runs a command in the guest and returns what it printed.
func (g *guest) exec(t *testing.T, args ...string) string {
	t.Helper()
	c := g.client(t)
	defer c.Close()
	return execOn(t, c, args...)
}

func execOn(t *testing.T, c *client.Client, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		var out bytes.Buffer
		p, err := c.Exec(ctx, client.Command{Args: args, Stdout: &out, Stderr: &out})
		if err != nil {
			t.Fatal(err)
		}
		code, err := p.Wait()
		if err == nil && code == 0 {
			return out.String()
		}
		if !errors.Is(err, syscall.EAGAIN) && (err == nil || !strings.Contains(err.Error(), "which is the most")) {
			t.Fatalf("exec %q: code %d, %v, printed %q", args, code, err, &out)
		}
		timer := time.NewTimer(200 * time.Millisecond) // an earlier host's commands fill the guest
		select {
		case <-timer.C:
		case <-ctx.Done():
			t.Fatalf("exec %q: %v", args, err)
		}
	}
}

// idm runs the verb idm of mkinitramfs on the guest.
func (g *guest) idm(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return g.idmFrom(t, strings.NewReader(""), args...)
}

func (g *guest) idmFrom(t *testing.T, stdin io.Reader, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, words bytes.Buffer
	status = hostcmd.Main(ctx, append([]string{"idm", g.socket}, args...), hostcmd.Streams{
		Stdin: stdin, Stdout: &out, Stderr: &words,
	})
	return status, out.String(), words.String()
}

// must runs idm and returns what it printed.
func (g *guest) must(t *testing.T, args ...string) string {
	t.Helper()
	status, stdout, stderr := g.idm(t, args...)
	if status != 0 || stderr != "" {
		t.Fatalf("mkinitramfs idm %q: status %d, stderr %q", args, status, stderr)
	}
	return stdout
}

// control gives QEMU a command (QMP), and returns its answer.
func (g *guest) control(t *testing.T, command string) string {
	t.Helper()
	answer, err := g.tryControl(command, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func (g *guest) tryControl(command string, timeout time.Duration) (string, error) {
	conn, err := net.Dial("unix", g.qmp)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(conn)
	for _, say := range []string{"", `{"execute": "qmp_capabilities"}`, command} { // QEMU greets first
		if _, err := io.WriteString(conn, say); err != nil {
			return "", err
		}
		for lines.Scan() && strings.Contains(lines.Text(), `"event"`) { // says what happens, too
			continue
		}
		if err := lines.Err(); err != nil {
			return "", fmt.Errorf("QEMU's answer to %s: %w", say, err)
		}
		if strings.Contains(lines.Text(), `"error"`) {
			return "", fmt.Errorf("QEMU's answer to %s: %s", say, lines.Text())
		}
	}
	return lines.Text(), nil
}
