//go:build vm

package boot_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
)

// script returns what a script of .ci prints.
func script(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join("../../../.ci", name))
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf(".ci/%s: %v\n%s", name, err, words.Bytes())
	}
	return string(bytes.TrimSpace(out))
}

// service is an image of .ci/services-image, as boot takes it.
func service(t *testing.T, name string) string {
	t.Helper()
	return "oci:" + script(t, "services-image") + ":" + name
}

// args are boot's, after flags that all have.
func args(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{"boot", "-kernel", script(t, "kernel"), "-timeout", "5m"}, more...)
}

// started is a mkinitramfs that runs beside the test.
type started struct {
	stdout, stderr synced
	stop           context.CancelFunc
	status         chan int
}

// synced is a buffer that is written and read at once.
type synced struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *synced) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *synced) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func start(t *testing.T, args []string) *started {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	s := &started{stop: stop, status: make(chan int, 1)}
	go func() {
		s.status <- hostcmd.Main(ctx, args, hostcmd.Streams{Stdout: &s.stdout, Stderr: &s.stderr})
	}()
	return s
}

// until tries again until do is true, or the guest has ended.
func (s *started) until(t *testing.T, what string, do func() bool) {
	t.Helper()
	for !do() {
		select {
		case status := <-s.status:
			t.Fatalf("%s: the guest ended with %d\n%s%s", what, status, s.stdout.String(), s.stderr.String())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (s *started) end(t *testing.T, want int) {
	t.Helper()
	if got := <-s.status; got != want {
		t.Errorf("boot = %d, want %d\n%s%s", got, want, s.stdout.String(), s.stderr.String())
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port //nolint:errcheck // of a TCP listener
}

func runDir(t *testing.T) {
	t.Helper()
	dir, err := os.MkdirTemp("", "run") //nolint:usetesting // that of t is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	t.Setenv("XDG_RUNTIME_DIR", dir)
}

func TestNginx(t *testing.T) {
	runDir(t)
	at := freePort(t)
	s := start(t, args(t, "-name", "web", "-publish", fmt.Sprintf("%d:80", at), service(t, "nginx")))
	var page []byte
	s.until(t, "ask nginx", func() bool {
		r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", at))
		if err != nil {
			return false
		}
		defer r.Body.Close()
		page, err = io.ReadAll(r.Body)
		return err == nil
	})
	if string(page) != "it works, says nginx\n" {
		t.Errorf("page = %q", page)
	}
	for _, tt := range []struct {
		args   []string
		status int
		stdout string
	}{
		{[]string{"exec", "web", "--", "sh", "-c", "cat /proc/1/comm; exit 5"}, 5, "init\n"},
		{[]string{"exec", "web", "--", "pidof", "nginx"}, 0, " "}, // master and worker
		{[]string{"metrics", "web"}, 0, "nginx"},
		{[]string{"ps"}, 0, fmt.Sprintf("%d:80", at)},
		{[]string{"ps", "-json"}, 0, `"name": "web",`},
		{[]string{"stop", "web", "-wait"}, 0, "exit code=0\n"},
	} {
		got := verbtest.Run(t, tt.args...)
		if got.Status != tt.status || !strings.Contains(got.Stdout, tt.stdout) {
			t.Errorf("%q = %d, %q, %q, want %d, %q", tt.args, got.Status, got.Stdout, got.Stderr, tt.status, tt.stdout)
		}
	}
	s.end(t, 0)
	if log := s.stdout.String(); !strings.Contains(log, `"GET / HTTP/1.1" 200`) || strings.Contains(log, "kinit") {
		t.Errorf("standard output = %q, want nginx's log alone", log)
	}
	if got := verbtest.Run(t, "ps"); strings.Contains(got.Stdout, "web") {
		t.Errorf("ps after the end: %s", got.Stdout)
	}
}

// What main does at a signal, the test does by ending the context.
func TestPostgres(t *testing.T) {
	runDir(t)
	s := start(t, args(t, "-name", "db", "-memory", "512M", service(t, "postgres")))
	var answer verbtest.Result
	s.until(t, "ask PostgreSQL", func() bool {
		answer = verbtest.Run(t, "exec", "db", "--", "psql", "-Atc", "create table t as select 6*7 as n; select n from t")
		return answer.Status == 0
	})
	if !strings.HasSuffix(answer.Stdout, "\n42\n") {
		t.Errorf("query = %q", answer.Stdout)
	}
	s.stop()
	s.end(t, 0)
	log := s.stderr.String()
	for _, want := range []string{"received fast shutdown request", "database system is shut down"} { // fast: SIGINT
		if !strings.Contains(log, want) {
			t.Errorf("log lacks %q:\n%s", want, log)
		}
	}
}

// TestTerminal types on a terminal, and changes its size.
func TestTerminal(t *testing.T) {
	master, tty, err := console.OpenPTY("/dev/ptmx")
	if err != nil {
		t.Fatal(err)
	}
	if err := console.SetSize(tty, console.Size{Rows: 33, Columns: 101}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TERM", "vt220")
	var shown synced
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(&shown, master)
	}()
	status := make(chan int, 1)
	var words bytes.Buffer
	arguments := args(t, "-t", service(t, "python"))
	go func() {
		status <- hostcmd.Main(t.Context(), arguments, hostcmd.Streams{Stdin: tty, Stdout: tty, Stderr: &words})
	}()
	for _, step := range []struct{ keys, want string }{
		{"", "app@"},
		{"stty -echo; PS1='next> '; echo \"$(id -un) $(id -gn) $(pwd) $(tty) $TERM $(stty size)\"\r", "app app /home/app /dev/hvc0 vt220 33 101\r\n"},
		{"apt --version\r", "apt 2"},
		{"python3 -c 'import sys; print(sys.stdout.isatty(), 6 * 7)'\r", "True 42\r\n"},
		{"while echo \"re\"ady; [ \"$(stty size)\" != '40 120' ]; do sleep 0.2; done; sh -c 'echo \"re\"sized; exec sleep 1000'\r", "ready\r\n"},
		{"resize", "resized\r\n"},
		{"\x03", "next> "}, // of what is in the foreground by now, as it said resized itself
		{"echo \"on\"ce more\r", "once more\r\n"},
		{"exit 6\r", ""},
	} {
		from := len(shown.String())
		if step.keys == "resize" {
			if err := console.SetSize(tty, console.Size{Rows: 40, Columns: 120}); err != nil {
				t.Fatal(err)
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGWINCH) // as the kernel does to what is in the foreground
		} else if _, err := io.WriteString(master, step.keys); err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(shown.String()[from:], step.want) {
			select {
			case got := <-status:
				t.Fatalf("boot ended with %d before %q:\n%s\n%s", got, step.want, shown.String(), words.String())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	if got := <-status; got != 6 {
		t.Errorf("boot -t = %d, want 6\n%s", got, words.String())
	}
	_ = tty.Close()
	_ = master.Close()
	<-copied
}

// TestStreams has each stream come out on its own, every byte as it was, and the
// status of a command that writes as it ends.
func TestStreams(t *testing.T) {
	const command = `head -c 3000000 /dev/urandom >/tmp/x; sha256sum </tmp/x >&2; cat /tmp/x >/dev/stdout; tty >&2; exit 42`
	got := verbtest.Run(t, args(t, service(t, "python"), "--", "bash", "-c", command)...)
	sum := sha256.Sum256([]byte(got.Stdout))
	want := hex.EncodeToString(sum[:]) + "  -\nnot a tty\n"
	if got.Status != 42 || got.Stderr != want {
		t.Errorf("boot = %d, %d bytes, %q, want 42 and %q", got.Status, len(got.Stdout), got.Stderr, want)
	}
}

// TestNoBoot has a boot that ends before the command.
func TestNoBoot(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"image.squashfs", "config.squashfs"} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, 4096), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := verbtest.Run(t, args(t, dir)...)
	const want = "mkinitramfs: the guest did not boot: stage images: mount image: /dev/vda: "
	if got.Status != 125 || got.Stdout != "" || !strings.HasPrefix(got.Stderr, want) || strings.Count(got.Stderr, "\n") != 1 {
		t.Errorf("boot = %d, %q, %q, want 125 and one line %s...", got.Status, got.Stdout, got.Stderr, want)
	}
}
