package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/ociproc"
)

func TestStages(t *testing.T) {
	want := []string{
		"mounts", "console", "modules", "idm", "images", "config", "root", "hostname", "network", "switch", "run",
	}
	if diff := cmp.Diff(want, Stages()); diff != "" {
		t.Errorf("Stages (-want +got):\n%s", diff)
	}
}

// exitLine is what a host looks for on the console.
var exitLine = regexp.MustCompile(`\Akinit: exit code=[0-9]+ signal=[0-9]+ stage=[a-z]+ reason="[ -~]*"\n\z`)

func TestExitString(t *testing.T) {
	tests := []struct {
		exit Exit
		want string
	}{
		{Exit{Code: 0, Stage: "run", Reason: "exited"}, `kinit: exit code=0 signal=0 stage=run reason="exited"`},
		{
			Exit{Code: 137, Signal: syscall.SIGKILL, Stage: "run", Reason: "killed by signal 9 (killed)"},
			`kinit: exit code=137 signal=9 stage=run reason="killed by signal 9 (killed)"`,
		},
		{
			Exit{Code: 125, Stage: "config", Reason: "a \"b\"\nkinit: exit code=0\x1b[2J\x00\x9b"},
			`kinit: exit code=125 signal=0 stage=config reason="a \"b\"\nkinit: exit code=0\x1b[2J\x00\x9b"`,
		},
	}
	for _, tt := range tests {
		got := tt.exit.String()
		if got != tt.want || !exitLine.MatchString(oneLine(got)) {
			t.Errorf("String() = %s, want %s", got, tt.want)
		}
	}
}

func TestExitCode(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{errors.New("any"), 125},
		{&ociproc.Error{Code: ociproc.CodeNotFound, Err: io.EOF}, 127},
		{fmt.Errorf("run: %w", &ociproc.Error{Code: ociproc.CodeNotExecutable, Err: io.EOF}), 126},
		{errors.Join(io.EOF, &ociproc.Error{Code: ociproc.CodeConfig, Err: io.EOF}), 125},
	}
	for _, tt := range tests {
		if got := ExitCode(tt.err); got != tt.want {
			t.Errorf("ExitCode(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestLogger(t *testing.T) {
	tests := []struct {
		log  func(l *logger)
		want string
	}{
		{func(l *logger) { l.warn("add address: file exists") }, "kinit: warning: add address: file exists\n"},
		{func(l *logger) { l.write(LevelWarn, "network", "no link", nil) }, "kinit: network: warning: no link\n"},
		{func(l *logger) { l.info("done", detail{"took", "2s"}) }, "kinit: done took=2s\n"},
		{func(l *logger) { l.error("end machine", detail{"err", "EOF"}) }, "kinit: error: end machine err=EOF\n"},
		{func(l *logger) { l.write(LevelDebug, "", "too much", nil) }, ""},
		{func(l *logger) { l.warn("a\nb\n") }, "kinit: warning: a; b; \n"},
		{func(l *logger) { l.warn("a\r\x1b[2Jb\x00\x7f\t\u009b\u202e\xff") }, "kinit: warning: a??[2Jb?????\ufffd\n"},
		{func(l *logger) { l.warn("Größe 日本") }, "kinit: warning: Größe 日本\n"},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		tt.log(newLogger(&out, LevelInfo))
		if got := out.String(); got != tt.want {
			t.Errorf("line = %q, want %q", got, tt.want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\nb\x1b\u009b\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := oneLine(s)
		if strings.Count(got, "\n") != 1 || !strings.HasSuffix(got, "\n") || strings.ContainsAny(got, "\r\x1b\x00\u009b\x7f\b") {
			t.Fatalf("oneLine(%q) = %q", s, got)
		}
		if again := oneLine(got); again != got {
			t.Fatalf("oneLine twice = %q, once %q", again, got)
		}
	})
}

// TestPatient has a console that takes nothing, and then again.
func TestPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		p := newPatient(w)
		began := time.Now()
		for _, line := range []string{"lost", "next"} { // the second does not wait
			n, err := p.Write([]byte(line))
			if took := time.Since(began); n != 0 || !errors.Is(err, errTimeout) || took != lineTimeout {
				t.Errorf("Write(%s) to a console that takes nothing = %d, %v by %v, want %v by %v", line, n, err, took, errTimeout, lineTimeout)
			}
		}
		got := make([]byte, 4)
		if _, err := io.ReadFull(r, got); err != nil || string(got) != "lost" {
			t.Errorf("the console got %q, %v", got, err)
		}
		synctest.Wait()
		go io.Copy(io.Discard, r) //nolint:errcheck // it ends with the pipe
		if n, err := p.Write([]byte("line")); n != 4 || err != nil {
			t.Errorf("Write once it takes again = %d, %v, want 4", n, err)
		}
		must(t, w.CloseWithError(io.ErrClosedPipe))
		if _, err := p.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("Write to a closed console = %v, want %v", err, io.ErrClosedPipe)
		}
	})
}

func TestKernelMounts(t *testing.T) {
	required, optional := KernelMounts()
	want := []string{
		"mkdir -p -m 0700 /root",
		"mkdir -p /tmp",
		"mkdir -p -m 0755 /run",
		"mkdir -p -m 0755 /dev",
		"mount -t devtmpfs -o nosuid,noexec,mode=0755 devtmpfs /dev",
		"mkdir -p /proc",
		"mount -t proc -o nosuid,noexec proc /proc",
		"mkdir -p -m 0555 /sys",
		"mount -t sysfs -o nosuid,noexec sysfs /sys",
		"mount -t cgroup2 -o nosuid,noexec,relatime cgroup2 /sys/fs/cgroup",
		"ln -s /proc/self/fd /dev/fd",
		"ln -s /proc/self/fd/0 /dev/stdin",
		"ln -s /proc/self/fd/1 /dev/stdout",
		"ln -s /proc/self/fd/2 /dev/stderr",
	}
	if diff := cmp.Diff(want, printed(required)); diff != "" {
		t.Errorf("required (-want +got):\n%s", diff)
	}
	want = []string{
		"mkdir -p /dev/pts",
		"mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts",
		"mkdir -p /dev/shm",
		"mount -t tmpfs -o nosuid,nodev,noexec,mode=1777 tmpfs /dev/shm",
		"mkdir -p /dev/mqueue",
		"mount -t mqueue -o nosuid,nodev,noexec mqueue /dev/mqueue",
		"mount -t tmpfs -o nosuid,nodev,mode=0755 tmpfs /run",
	}
	if diff := cmp.Diff(want, printed(optional)); diff != "" {
		t.Errorf("optional (-want +got):\n%s", diff)
	}
}

func printed(steps []mount.Step) []string {
	var lines []string
	for _, s := range steps {
		lines = append(lines, s.String())
	}
	return lines
}

func TestApplySysctls(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"net/ipv4/ip_forward", "vm/overcommit_memory", "outside"} {
		must(t, os.MkdirAll(filepath.Join(dir, "sys", filepath.Dir(file)), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "sys", file), nil, 0o600))
	}
	must(t, os.WriteFile(filepath.Join(dir, "outside"), nil, 0o600))
	errs := ApplySysctls(filepath.Join(dir, "sys"), map[string]string{
		"vm.overcommit_memory": "1", "net.ipv4.ip_forward": "1", "kernel.nosuch": "5\n", "vm": "2", "...outside": "3",
	})
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
	}
	want := []string{
		`set sysctl kernel.nosuch to "5\n": no such file or directory`,
		`set sysctl vm to "2": is a directory`,
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	for file, want := range map[string]string{"sys/net/ipv4/ip_forward": "1", "sys/vm/overcommit_memory": "1", "outside": ""} {
		if got, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(got) != want {
			t.Errorf("%s = %q, %v, want %q", file, got, err, want)
		}
	}
}

func TestOwnAddress(t *testing.T) {
	ipv4 := &launch.IP{Address: netip.MustParsePrefix("10.0.0.2/24")}
	ipv6 := &launch.IP{Address: netip.MustParsePrefix("fd00::2/64")}
	for _, tt := range []struct {
		name string
		in   *launch.Network
		want netip.Addr
	}{
		{"no network", nil, netip.Addr{}},
		{"no address", &launch.Network{}, netip.Addr{}},
		{"IPv4", &launch.Network{IPv4: ipv4}, netip.MustParseAddr("10.0.0.2")},
		{"IPv6", &launch.Network{IPv6: ipv6}, netip.MustParseAddr("fd00::2")},
		{"both", &launch.Network{IPv4: ipv4, IPv6: ipv6}, netip.MustParseAddr("10.0.0.2")},
	} {
		if got := ownAddress(tt.in); got != tt.want {
			t.Errorf("ownAddress with %s = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestSetHostnameNone: without a name the image's files stay as they are.
func TestSetHostnameNone(t *testing.T) {
	root := t.TempDir()
	errs := SetHostname(root, launch.Config{})
	if entries, err := os.ReadDir(root); err != nil || len(errs)+len(entries) > 0 {
		t.Errorf("SetHostname without a name = %v, root %v, %v, want nothing done", errs, entries, err)
	}
}

// TestCaught has a goroutine panic while the machine is ending already: that
// must neither end the process nor the machine twice.
func TestCaught(t *testing.T) {
	var out bytes.Buffer
	logged := make(chan struct{})
	m := &Machine{out: &out}
	m.log = newLogger(writerFunc(func(b []byte) (int, error) {
		defer close(logged)
		return out.Write(b)
	}), LevelInfo)
	m.ending.Lock()
	m.spawn(context.Background(), func() { panic("out of order") })
	<-logged
	if got := out.String(); !strings.HasPrefix(got, "kinit: error: panic stack=goroutine ") || strings.Count(got, "\n") != 1 {
		t.Errorf("logged = %q, want the stack on one line", got)
	}
}

// TestAttempt: a panic at the end does not keep the machine from its end.
func TestAttempt(t *testing.T) {
	var out bytes.Buffer
	m := &Machine{log: newLogger(&out, LevelInfo)}
	m.attempt(func() { panic("out of order") })
	if got := out.String(); !strings.HasPrefix(got, "kinit: error: panic at the end cause=out of order stack=") {
		t.Errorf("logged = %q, want the panic", got)
	}
	if err := within(sendTimeout, func() error { panic("x") }); err == nil || err.Error() != "panic: x" {
		t.Errorf("within of a panic = %v, want it as an error", err)
	}
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestGuestEnds: the end of a workload is told once.
func TestGuestEnds(t *testing.T) {
	var g guest
	if g.ends() {
		t.Error("ends before the workload ran = true, want false")
	}
	g.started(Setup{}, nil)
	if !g.ends() || g.ends() {
		t.Error("ends twice: want true, then false")
	}
	if got := g.Report().State; got != idmpb.BootStateEnding {
		t.Errorf("state = %v, want %v", got, idmpb.BootStateEnding)
	}
}
