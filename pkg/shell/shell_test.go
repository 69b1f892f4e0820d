package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/shell/page"
)

// asShell has the test's program be the shell.
const asShell = "SHELL_TEST_IS_SHELL"

func TestMain(m *testing.M) {
	if os.Getenv(asShell) != "" {
		os.Exit(Main(context.Background(), os.Args[1:], Streams{os.Stdin, os.Stdout, os.Stderr}))
	}
	os.Exit(m.Run())
}

// shellCommand is a shell to be started.
func shellCommand(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = []string{asShell + "=1", "PATH=/bin:/usr/bin", "TERM=linux", "KINIT_STAGE=root"}
	return cmd
}

func TestScripts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "script")
	must(t, os.WriteFile(file, []byte("#!/bin/boot-shell\necho \"$0 $# $2\"\nexit 3\n"), 0o755))
	bad := filepath.Join(dir, "bad")
	must(t, os.WriteFile(bad, []byte("echo one\nif true\n"), 0o644))
	tests := []struct {
		args   []string
		stdin  string
		status int
		out    string // stdout, then stderr
	}{
		{args: []string{file, "a", "b c"}, status: 3, out: file + " 2 b c\n"},
		{args: []string{"-c", "echo $0 $1; false", "name", "one"}, status: 1, out: "name one\n"},
		{args: []string{"-c", ""}},
		{stdin: "echo a | tr a b\nexit 4\n", status: 4, out: "b\n"},
		{args: []string{"-c", "no-such-command"}, status: 127, out: `"no-such-command": executable file not found in $PATH` + "\n"},
		{args: []string{"-n", bad}, status: 2, out: "boot-shell: " + bad + ":2:1: \"if <cond>\" must be followed by \"then\"\n"},
		{args: []string{bad}, status: 2, out: "boot-shell: " + bad + ":2:1: \"if <cond>\" must be followed by \"then\"\n"},
		{args: []string{"-n", file}},
		{args: []string{"/no/such/file"}, status: 2, out: "boot-shell: open /no/such/file: no such file or directory\n"},
		{args: []string{"-x"}, status: 2, out: "boot-shell: flag provided but not defined: -x (boot-shell -h shows how)\n"},
		{args: []string{"-h"}, out: page.Text},
	}
	for _, tt := range tests {
		cmd := shellCommand(t, tt.args...)
		var out, words bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(tt.stdin), &out, &words
		err := cmd.Run()
		var eerr *exec.ExitError
		if err != nil && !errors.As(err, &eerr) {
			t.Fatal(err)
		}
		if got := out.String() + words.String(); got != tt.out || cmd.ProcessState.ExitCode() != tt.status {
			t.Errorf("boot-shell %q = %d, %q, want %d, %q", tt.args, cmd.ProcessState.ExitCode(), got, tt.status, tt.out)
		}
	}
}

// person is one at the terminal of a shell.
type person struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	seen   []byte // and not yet awaited
	all    []byte
}

func sitDown(t *testing.T) *person {
	t.Helper()
	master, tty, err := console.OpenPTY("/dev/ptmx")
	must(t, err)
	t.Cleanup(func() { must(t, master.Close()) })
	cmd := shellCommand(t)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	must(t, cmd.Start())
	must(t, tty.Close())
	p := &person{t: t, master: master, cmd: cmd}
	p.await("root # ")
	return p
}

// await reads until text is there.
func (p *person) await(text string) {
	p.t.Helper()
	must(p.t, p.master.SetReadDeadline(time.Now().Add(20*time.Second)))
	for {
		if i := bytes.Index(p.seen, []byte(text)); i >= 0 {
			p.seen = p.seen[i+len(text):]
			return
		}
		b := make([]byte, 4096)
		n, err := p.master.Read(b)
		p.seen, p.all = append(p.seen, b[:n]...), append(p.all, b[:n]...)
		if err != nil {
			p.t.Fatalf("no %q: %v\n%s", text, err, p.all)
		}
	}
}

// types types keys, then awaits each text.
func (p *person) types(keys string, texts ...string) {
	p.t.Helper()
	_, err := p.master.WriteString(keys)
	must(p.t, err)
	for _, text := range texts {
		p.await(text)
	}
}

// leaves leaves the shell, whose exit status is to be status.
func (p *person) leaves(keys string, status int) {
	p.t.Helper()
	p.types(keys)
	_ = p.cmd.Wait() // its status is looked at
	if got := p.cmd.ProcessState.ExitCode(); got != status {
		p.t.Errorf("the shell's status is %d, want %d\n%s", got, status, p.all)
	}
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	ctrlZ = "\x1a"
)

// TestCtrlC ends what is in the foreground, the rest of its line, and never the shell.
func TestCtrlC(t *testing.T) {
	p := sitDown(t)
	p.types("echo be''gun; sleep 1000; echo no''t\r", "begun\r\n")
	p.types(ctrlC, "root # ")
	p.types("echo status $?\r", "status 130", "root # ")
	p.types("while echo lo''op; do sleep 1000; done\r", "loop")
	p.types(ctrlC, "root # ")
	p.types("{ true; echo be''gun; while :; do :; done; }\r", "begun\r\n")
	p.types(ctrlC, "root # ")
	p.types("echo status $?\r", "status 130", "root # ")
	p.types("half a line"+ctrlC, "root # ")
	p.types("echo be''gun; sleep 1000 | cat\r", "begun\r\n")
	p.types(ctrlC, "root # ")
	p.types("jobs; echo al''ive\r", "alive", "root # ")
	if bytes.Contains(p.all, []byte("not\r\n")) || bytes.Contains(p.all, []byte("Running")) {
		t.Errorf("the rest of a line ran, or a job was left:\n%s", p.all)
	}
	p.leaves("exit 5\r", 5)
}

// TestJobs stops jobs, continues them in either ground, and signals them.
func TestJobs(t *testing.T) {
	p := sitDown(t)
	p.types("echo be''gun; cat | cat; echo no''t\r", "begun\r\n")
	p.types("one\r", "one\r\none\r\n")
	p.types(ctrlZ, "[1]+ Stopped   cat | cat", "root # ")
	p.types("echo status $?\r", "status 148", "root # ")
	p.types("sleep 1000 &\r", "[2]", "root # ")
	p.types("jobs\r", "[1]  Stopped   cat | cat", "[2]+ Running   sleep 1000 &", "root # ")
	p.types("fg %1\r", "cat | cat\r\n")
	p.types("two\r", "two\r\ntwo\r\n")
	p.types(ctrlD, "root # ")
	p.types("kill %2; wait %2; echo status $?\r", "status 143", "[2]+ Signal 15 (terminated)  sleep 1000 &", "root # ")
	p.types("fg\r", "fg: there are no jobs", "root # ")
	p.types("cat &\r", "root # ") // which wants the terminal
	p.types("wait; jobs\r", "[1]+ Stopped   cat &", "root # ")
	p.types("fg\r", "cat &\r\n")
	p.types("three\r", "three\r\nthree\r\n")
	p.types(ctrlC, "root # ")
	p.types("sh -c 'kill -STOP $$; echo we''nt on; exit 6'\r", "[1]+ Stopped", "root # ")
	p.types("bg; wait\r", "went on", "[1]+ Exit 6    sh -c ", "root # ")
	p.leaves(ctrlD, 0)
	if bytes.Contains(p.all, []byte("not\r\n")) {
		t.Errorf("the rest of a line ran:\n%s", p.all)
	}
}

// TestContinuedToItsEnd has processes that end as soon as they go on: the status is
// that of their end.
func TestContinuedToItsEnd(t *testing.T) {
	jobs := newTable(terminal{fd: -1})
	for i := range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		j := &job{table: jobs, inline: true, cancel: cancel}
		m, err := j.start(ctx, exec.CommandContext(t.Context(), "/bin/sh", "-c", "kill -STOP $$; exit 6"))
		must(t, err)
		if got, want := j.wait(m), signalled+int(syscall.SIGSTOP); got != want {
			t.Fatalf("process %d stopped with status %d, want %d", i, got, want)
		}
		jobs.mu.Lock()
		j.goOn()
		jobs.mu.Unlock()
		if got := j.wait(m); got != 6 {
			t.Fatalf("process %d, continued, has status %d, want 6", i, got)
		}
		cancel()
	}
}

// TestTerminal has a command that leaves the terminal without echo: the next one
// and the shell have it as it was.
func TestTerminal(t *testing.T) {
	p := sitDown(t)
	p.types("stty -echo -icanon; echo co''de $?\r", "code 0", "root # ")
	p.types("stty -a | tr ' ;' '\\n\\n' | grep -x -e echo -e icanon -e 80\r", "icanon\r\n", "echo\r\n", "root # ")
	p.types("ps -o pgid=,tpgid=,sid= $$ | { read -r a b c; [ $a = $c ] && [ $a != $b ] && echo lea''der; }\r", "leader", "root # ")
	p.leaves(ctrlD, 0)
}

// TestEditing goes on over lines, completes, and has a history.
func TestEditing(t *testing.T) {
	p := sitDown(t)
	must(t, os.WriteFile("/tmp/boot-shell-completes", nil, 0o600))
	t.Cleanup(func() { must(t, os.Remove("/tmp/boot-shell-completes")) })
	p.types("help\r", "ctrl-Z stops it", "root # ")
	p.types("for i in 1 2; do\r", "> ")
	p.types("echo n$i; done\r", "n1\r\nn2\r\n", "root # ")
	p.types("ech\t/tmp/boot-shell-com\t| tr - =\r", "/tmp/boot=shell=completes", "root # ")
	p.types("\x1b[A\r", "/tmp/boot=shell=completes", "root # ")
	p.types("echo )\r", "boot-shell: 1:6: ", "root # ")
	p.types("no-such-command\r", "no-such-command: not found", "root # ")
	p.types("/tmp/boot-shell-completes\r", "/tmp/boot-shell-completes: not found", "root # ")
	p.types("echo status $?\r", "status 127", "root # ")
	p.leaves(ctrlD, 0)
}

// TestLeaving warns once of jobs, and then ends them.
func TestLeaving(t *testing.T) {
	// Under nohup(1) all below would ignore the signal that ends jobs; what is
	// caught here is the default there.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	defer signal.Stop(caught)
	p := sitDown(t)
	job := fmt.Sprintf("sleep 12%d", os.Getpid()) // no other run's
	p.types(job+" & \r", "root # ")
	p.types("exit\r", "boot-shell: there are jobs", "root # ")
	// The shell goes on before the job has become the program that it runs.
	p.types("jobs; until pgrep -c -x -f '"+job+"'; do sleep 0.1; done\r", "[1]+ Running   "+job+" &\r\n", "1\r\n", "root # ")
	p.leaves("exit\r", 0)
	for range 1000 {
		if exec.CommandContext(t.Context(), "pgrep", "-x", "-f", job).Run() != nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the job %s lives on", job)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
