package supervise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what must come: it is no measure.
const patience = time.Minute

// shell returns a command that runs script with $0, $1, ... in args.
func shell(script string, args ...string) *Command {
	return &Command{
		Path: "/bin/sh", Args: append([]string{"sh", "-c", script}, args...), Env: []string{"PATH=/usr/bin:/bin"}, Dir: "/",
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
	}
}

// output has c write its standard output to a pipe, of which read returns the
// whole when all writers have ended.
func output(t *testing.T, c *Command) (read func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	t.Cleanup(func() { _ = r.Close() })
	c.Files[1] = w
	return func() string {
		must(t, w.Close())
		b, err := io.ReadAll(r)
		must(t, err)
		return string(b)
	}
}

// supervisor returns one of which the reaper has ended when the test has: it
// would take the children of package os/exec from the next.
func supervisor(t *testing.T) *Supervisor {
	t.Helper()
	t.Cleanup(func() { noReaper(t) })
	return &Supervisor{}
}

func waitFor(t *testing.T, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
	}
}

func run(t *testing.T, s *Supervisor, c *Command) Status {
	t.Helper()
	p, err := s.Start(c)
	must(t, err)
	waitFor(t, strings.Join(c.Args, " "), p.Done())
	return p.Status()
}

func TestExitCodes(t *testing.T) {
	s := supervisor(t)
	for code := range 256 {
		if got, want := run(t, s, shell(`exit "$0"`, strconv.Itoa(code))), (Status{Code: code}); got != want {
			t.Errorf("Status of exit %d = %+v, want %+v", code, got, want)
		}
	}
}

func TestSignals(t *testing.T) {
	s := supervisor(t)
	harmless := []syscall.Signal{unix.SIGCHLD, unix.SIGCONT, unix.SIGURG, unix.SIGWINCH}
	stopping := []syscall.Signal{unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU}
	for sig := syscall.Signal(1); sig <= 64; sig++ {
		if slices.Contains(stopping, sig) || sig == 32 || sig == 33 { // 32 and 33 are the C library's own
			continue
		}
		c := shell(`kill -"$0" $$; exit 7`, strconv.Itoa(int(sig)))
		c.Dir = t.TempDir() // for a core file
		want := Status{Code: 128 + int(sig), Signal: sig}
		if slices.Contains(harmless, sig) {
			want = Status{Code: 7}
		}
		if got := run(t, s, c); got != want {
			t.Errorf("Status after signal %d = %+v, want %+v", int(sig), got, want)
		}
	}
}

func TestStoppedIsNotEnded(t *testing.T) {
	s := supervisor(t)
	p, err := s.Start(shell("kill -STOP $$; exit 3"))
	must(t, err)
	for deadline := time.Now().Add(patience); state(t, p.PID) != "T"; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("state = %s, want T", state(t, p.PID))
		}
	}
	select {
	case <-p.Done():
		t.Fatalf("a stopped process is done: %+v", p.Status())
	default:
	}
	must(t, syscall.Kill(p.PID, syscall.SIGCONT))
	waitFor(t, "continued process", p.Done())
	if got, want := p.Status(), (Status{Code: 3}); got != want {
		t.Errorf("Status = %+v, want %+v", got, want)
	}
}

func state(t *testing.T, pid int) string {
	t.Helper()
	return strings.Fields(stat(t, fmt.Sprintf("/proc/%d/stat", pid)))[0]
}

// stat returns what follows the name in a file as /proc/PID/stat.
func stat(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return afterName(string(b))
}

func afterName(stat string) string { return stat[strings.LastIndex(stat, ")")+2:] }

func TestStartErrors(t *testing.T) {
	dir := t.TempDir()
	plain, garbage, orphan := filepath.Join(dir, "plain"), filepath.Join(dir, "garbage"), filepath.Join(dir, "orphan")
	must(t, os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o644))
	must(t, os.WriteFile(garbage, []byte("\x00\x01\x02"), 0o755))
	must(t, os.WriteFile(orphan, []byte("#!/no/such/interpreter\n"), 0o755))
	tests := []struct {
		name   string
		change func(c *Command)
		want   error
	}{
		{"not found", func(c *Command) { c.Path = "/no/such/file" }, syscall.ENOENT},
		{"not executable", func(c *Command) { c.Path = plain }, syscall.EACCES},
		{"a directory", func(c *Command) { c.Path = dir }, syscall.EACCES},
		{"not a program", func(c *Command) { c.Path = garbage }, syscall.ENOEXEC},
		{"no interpreter", func(c *Command) { c.Path = orphan }, syscall.ENOENT},
		{"no directory", func(c *Command) { c.Dir = "/no/such/dir" }, syscall.ENOENT},
		{"a file as directory", func(c *Command) { c.Dir = plain }, syscall.ENOTDIR},
		{"no root", func(c *Command) { c.Root = "/no/such/root" }, nil}, // EPERM for whom is not root
		{"not a terminal", func(c *Command) { c.TTY = Controlling; c.Files[0] = open(t, "/dev/null") }, syscall.ENOTTY},
		{"not in a terminal's session", func(c *Command) { c.TTY = Foreground; c.Files[0] = open(t, "/dev/null") }, syscall.ENOTTY},
		{"a zero in an argument", func(c *Command) { c.Args = append(c.Args, "a\x00b") }, syscall.EINVAL},
		{"too much", func(c *Command) { c.Args = append(c.Args, strings.Repeat("x", 1<<18)) }, syscall.E2BIG},
		{"limits crossed", func(c *Command) { c.Limits = []Limit{{syscall.RLIMIT_NOFILE, 10, 5}} }, syscall.EINVAL},
		{"no such limit", func(c *Command) { c.Limits = []Limit{{99, 1, 1}} }, syscall.EINVAL},
	}
	s := supervisor(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := shell("exit 0")
			tt.change(c)
			p, err := s.Start(c)
			if p != nil || err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), "start "+c.Path+": ") {
				t.Errorf("Start = %v, %v, want %v", p, err, tt.want)
			}
			waitFor(t, "Idle after the error", s.Idle())
			if got := children(t); got != "" {
				t.Errorf("children after the error: %s", got)
			}
		})
	}
	if got := run(t, s, shell("exit 9")); got.Code != 9 {
		t.Errorf("Status after the errors = %+v, want code 9", got)
	}
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// children returns the pids of this process's children, zombies included.
func children(t *testing.T) string {
	t.Helper()
	var all bytes.Buffer
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	must(t, err)
	if len(tasks) == 0 {
		t.Fatal("this kernel has no /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN)")
	}
	for _, task := range tasks {
		b, err := os.ReadFile(task)
		if err == nil { // the thread may have ended
			all.Write(b)
		}
	}
	return all.String()
}

func TestStreamsEnvironmentDirectory(t *testing.T) {
	s := supervisor(t)
	dir := t.TempDir()
	c := shell(`read line; echo "$line $0 $A $(pwd)"; ls -l /proc/$$/fd >&2`, "name")
	c.Env, c.Dir = append(c.Env, "A=b c"), dir
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	_, err = w.WriteString("input\n")
	must(t, err)
	must(t, w.Close())
	c.Files[0] = r
	stderr, err := os.Create(filepath.Join(dir, "stderr"))
	must(t, err)
	defer stderr.Close()
	c.Files[2] = stderr
	secret, err := os.Create(filepath.Join(dir, "secret"))
	must(t, err)
	defer secret.Close()
	read := output(t, c)
	status := run(t, s, c)
	if got, want := read(), "input name b c "+dir+"\n"; status.Code != 0 || got != want {
		t.Errorf("output = %q, %+v, want %q", got, status, want)
	}
	got, err := os.ReadFile(stderr.Name())
	must(t, err)
	if !strings.Contains(string(got), " 2 -> "+stderr.Name()) || strings.Contains(string(got), secret.Name()) {
		t.Errorf("descriptors of the child: %s\nwant %s as 2, and not %s", got, stderr.Name(), secret.Name())
	}
}

// TestClosedStream: a nil file is a closed descriptor, not this process's.
func TestClosedStream(t *testing.T) {
	s := supervisor(t)
	c := shell("ls -l /proc/$$/fd >&1; [ -e /proc/$$/fd/0 ] || [ -e /proc/$$/fd/2 ] && exit 1; exit 0")
	read := output(t, c)
	if status := run(t, s, c); status.Code != 0 {
		t.Errorf("descriptors 0 and 2 are open: %s", read())
	}
}

// TestConcurrentStart has every status reach its owner.
func TestConcurrentStart(t *testing.T) {
	s := supervisor(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 20 {
				code := (g*20 + i) % 256
				p, err := s.Start(shell(`exit "$0"`, strconv.Itoa(code)))
				if err != nil {
					t.Error(err)
					return
				}
				if i%3 == 0 {
					s.Idle()
				}
				<-p.Done()
				if got := p.Status(); got != (Status{Code: code}) {
					t.Errorf("Status = %+v, want code %d", got, code)
				}
			}
		})
	}
	wg.Wait()
	waitFor(t, "Idle", s.Idle())
	noReaper(t)
}

// noReaper holds that the reaper's goroutine has ended.
func noReaper(t *testing.T) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		stacks := string(buf[:runtime.Stack(buf, true)])
		if !strings.Contains(stacks, "Supervisor).loop") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the reaper runs on:\n%s", stacks)
		}
	}
}

func TestIdle(t *testing.T) {
	s := supervisor(t)
	waitFor(t, "Idle without a child", s.Idle())
	for range 2 { // it works again after it was idle
		r, w, err := os.Pipe()
		must(t, err)
		c := shell("read line")
		c.Files[0] = r
		p, err := s.Start(c)
		must(t, err)
		must(t, r.Close())
		idle, again := s.Idle(), s.Idle()
		select {
		case <-idle:
			t.Error("Idle is closed with a child running")
		default:
		}
		must(t, w.Close())
		waitFor(t, "Idle", idle)
		waitFor(t, "Idle asked twice", again)
		waitFor(t, "Done once idle", p.Done())
		noReaper(t)
	}
}

func TestGo(t *testing.T) {
	s := supervisor(t)
	calls := make(chan struct{}, 10)
	s.Go = func(f func()) {
		calls <- struct{}{}
		go f()
	}
	run(t, s, shell("exit 0"))
	waitFor(t, "Idle", s.Idle())
	if n := len(calls); n == 0 || n > 2 {
		t.Errorf("Go was called %d times, want once or twice", n)
	}
}

// TestLimits: the child has them, and this process and the next child do not.
func TestLimits(t *testing.T) {
	s := supervisor(t)
	before := limitLines(t, stat2(t, "/proc/self/limits"))
	limits := []Limit{
		{syscall.RLIMIT_NOFILE, 100, 200},
		{syscall.RLIMIT_CORE, 0, 0},
		{unix.RLIMIT_NPROC, 9000, 9001},
		{syscall.RLIMIT_AS, 1 << 32, 1 << 33},
		{syscall.RLIMIT_CPU, 1000, 2000},
		{syscall.RLIMIT_STACK, 1 << 20, unix.RLIM_INFINITY},
	}
	want := map[string]string{
		"Max open files": "100 200", "Max core file size": "0 0", "Max processes": "9000 9001",
		"Max address space": "4294967296 8589934592", "Max cpu time": "1000 2000", "Max stack size": "1048576 unlimited",
	}
	got := limitLines(t, limitsOfChild(t, s, limits))
	for name, value := range want {
		if got[name] != value {
			t.Errorf("child's %s = %q, want %q", name, got[name], value)
		}
	}
	after := limitLines(t, stat2(t, "/proc/self/limits"))
	for name, value := range before {
		if after[name] != value {
			t.Errorf("own %s = %q, was %q", name, after[name], value)
		}
	}
	next := limitLines(t, limitsOfChild(t, s, nil))
	for name, value := range before {
		if name != "Max open files" && next[name] != value { // Go raises that one for itself
			t.Errorf("next child's %s = %q, want %q", name, next[name], value)
		}
	}
}

// limitsOfChild returns /proc/self/limits of a child that waits until Start has
// returned.
func limitsOfChild(t *testing.T, s *Supervisor, limits []Limit) string {
	t.Helper()
	c := shell("read line; exec cat /proc/self/limits")
	c.Limits = limits
	r, w, err := os.Pipe()
	must(t, err)
	c.Files[0] = r
	read := output(t, c)
	p, err := s.Start(c)
	must(t, err)
	must(t, r.Close())
	must(t, w.Close())
	waitFor(t, "child", p.Done())
	return read()
}

func stat2(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	return string(b)
}

// limitLines returns the soft and hard limit by name.
func limitLines(t *testing.T, limits string) map[string]string {
	t.Helper()
	lines := make(map[string]string)
	for line := range strings.Lines(limits) {
		if len(line) < 67 || strings.HasPrefix(line, "Limit") {
			continue
		}
		lines[strings.TrimSpace(line[:26])] = strings.Join(strings.Fields(line[26:67]), " ")
	}
	if len(lines) < 10 {
		t.Fatalf("limits = %q", limits)
	}
	return lines
}

// TestSignalState starts a child from a process that has every signal ignored
// or blocked that it can be started with.
func TestSignalState(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, old unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	must(t, unix.PthreadSigmask(unix.SIG_SETMASK, &all, &old))
	out, err := actor("signals", "trap '' 1 2 3 10 13 14 15 17 18 20 21 22; exec /proc/self/fd/3").Output()
	must(t, unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	own, child, _ := strings.Cut(string(out), "--- child\n")
	if set := signalSet(t, own, "SigBlk"); set == 0 {
		t.Errorf("the supervising process has no signal blocked: this test shows nothing\n%s", own)
	}
	if set := signalSet(t, own, "SigIgn"); set&(1<<0|1<<1) != 1<<0|1<<1 {
		t.Errorf("the supervising process ignores %#x, not SIGHUP and SIGINT: this test shows nothing", set)
	}
	// Go can reset all but the C library's own two, with which the tests may have
	// been started: 32 and 33 (nptl(7)).
	const library = 1<<31 | 1<<32
	for _, name := range []string{"SigBlk", "SigIgn", "SigCgt", "SigPnd", "ShdPnd"} {
		if set := signalSet(t, child, name) &^ library; set != 0 {
			t.Errorf("%s of the child = %#x, want 0", name, set)
		}
	}
}

func signalSet(t *testing.T, status, name string) uint64 {
	t.Helper()
	_, rest, _ := strings.Cut(status, name+":\t")
	line, _, _ := strings.Cut(rest, "\n")
	set, err := strconv.ParseUint(line, 16, 64)
	if err != nil {
		t.Fatalf("%s in %q: %v", name, status, err)
	}
	return set
}

func TestOrphans(t *testing.T) {
	if out, err := actor("orphans", "exec /proc/self/fd/3").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// roleVariable has a copy of the test binary be a supervising process.
const roleVariable = "SUPERVISE_TEST_ROLE"

// actor returns a shell that runs script, with the test binary to play role as
// descriptor 3.
func actor(role, script string) *exec.Cmd {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		panic(err)
	}
	cmd := exec.CommandContext(context.Background(), "/bin/sh", "-c", script)
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.ExtraFiles = []*os.File{self}
	return cmd
}

func TestMain(m *testing.M) {
	roles := map[string]func() error{"signals": signalsRole, "orphans": orphansRole, "foreground": foregroundRole}
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		if err := role(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// signalsRole prints its own state and that of a child.
func signalsRole() error {
	own, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return err
	}
	fmt.Print(string(own), "--- child\n")
	var s Supervisor
	c := shell("")
	c.Path, c.Args, c.Files = "/bin/cat", []string{"cat", "/proc/self/status"}, [3]*os.File{nil, os.Stdout, os.Stderr}
	p, err := s.Start(c)
	if err != nil {
		return err
	}
	<-p.Done()
	return nil
}

// orphansRole has its children leave 10,000 of their own to it.
func orphansRole() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	var s Supervisor
	var wg sync.WaitGroup
	errs := make(chan error, 100)
	for i := range 100 {
		wg.Go(func() {
			p, err := s.Start(shell(`i=0; while [ $i -lt 100 ]; do (:) & i=$((i+1)); done; exit "$0"`, strconv.Itoa(i)))
			if err != nil {
				errs <- err
				return
			}
			<-p.Done()
			if got := p.Status(); got != (Status{Code: i}) {
				errs <- fmt.Errorf("status = %+v, want code %d", got, i)
			}
		})
	}
	wg.Wait()
	<-s.Idle()
	select {
	case err := <-errs:
		return err
	default:
	}
	if _, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); !errors.Is(err, syscall.ECHILD) {
		return fmt.Errorf("a child is left: wait4 = %w", err)
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
