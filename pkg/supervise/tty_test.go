package supervise

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// relation is what /proc/PID/stat says of a process and its terminal.
type relation struct{ pid, group, session, terminal, foreground int }

// parseRelation parses /proc/PID/stat (proc_pid_stat(5)).
func parseRelation(stat string) (r relation, err error) {
	pid, _, _ := strings.Cut(stat, " ")
	fields := append([]string{pid}, strings.Fields(afterName(stat))[2:6]...)
	for i, to := range []*int{&r.pid, &r.group, &r.session, &r.terminal, &r.foreground} {
		if *to, err = strconv.Atoi(fields[i]); err != nil {
			return r, err
		}
	}
	return r, nil
}

func TestTTY(t *testing.T) {
	for _, tt := range []struct {
		name string
		tty  TTY
	}{
		{"detached", Detached},
		{"controlling", Controlling},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, terminal, device := openPTY(t)
			s := supervisor(t)
			c := shell("")
			c.Path, c.Args = "/bin/cat", []string{"cat", "/proc/self/stat"}
			c.TTY, c.Files[0] = tt.tty, terminal
			read := output(t, c)
			p, err := s.Start(c)
			must(t, err)
			waitFor(t, "cat", p.Done())
			got, err := parseRelation(read())
			must(t, err)
			want := relation{pid: p.PID, group: p.PID, session: p.PID, foreground: -1}
			if tt.tty == Controlling {
				want.terminal, want.foreground = device, p.PID
			}
			if got != want {
				t.Errorf("child = %+v, want %+v", got, want)
			}
		})
	}
}

// TestInterrupt types ctrl-C at the workload.
func TestInterrupt(t *testing.T) {
	master, terminal, _ := openPTY(t)
	s := supervisor(t)
	c := shell("echo ready; exec sleep 100000")
	c.TTY, c.Files = Controlling, [3]*os.File{terminal, terminal, terminal}
	p, err := s.Start(c)
	must(t, err)
	must(t, terminal.Close())
	ready := make([]byte, len("ready\r\n"))
	_, err = io.ReadFull(master, ready)
	must(t, err)
	_, err = master.Write([]byte{3})
	must(t, err)
	waitFor(t, "interrupted process", p.Done())
	if got, want := p.Status(), (Status{Code: 130, Signal: syscall.SIGINT}); got != want {
		t.Errorf("Status = %+v, want %+v", got, want)
	}
}

// TestStreamsBlock: a program expects its standard streams to wait.
func TestStreamsBlock(t *testing.T) {
	master, terminal, _ := openPTY(t)
	s := supervisor(t)
	c := shell("read line; exit $?")
	c.TTY, c.Files = Controlling, [3]*os.File{terminal, terminal, terminal}
	p, err := s.Start(c)
	must(t, err)
	flags, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/0", p.PID))
	must(t, err)
	_, rest, _ := strings.Cut(string(flags), "flags:\t")
	line, _, _ := strings.Cut(rest, "\n")
	set, err := strconv.ParseInt(line, 8, 64)
	if err != nil || set&unix.O_NONBLOCK != 0 {
		t.Errorf("flags of the child's standard input = %s (%v), want them without O_NONBLOCK", line, err)
	}
	_, err = master.WriteString("line\n")
	must(t, err)
	waitFor(t, "read", p.Done())
	if got := p.Status(); got.Code != 0 {
		t.Errorf("Status of read = %+v, want 0", got)
	}
}

func TestForeground(t *testing.T) {
	_, terminal, device := openPTY(t)
	cmd := actor("foreground", "exec /proc/self/fd/3")
	cmd.Stdin = terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := parseRelation(string(out))
	must(t, err)
	want := relation{pid: got.pid, group: got.pid, session: cmd.Process.Pid, terminal: device, foreground: got.pid}
	if got != want || got.pid == cmd.Process.Pid {
		t.Errorf("child = %+v, want %+v", got, want)
	}
}

// foregroundRole starts a child as a shell starts a job.
func foregroundRole() error {
	var s Supervisor
	c := shell("")
	c.Path, c.Args = "/bin/cat", []string{"cat", "/proc/self/stat"}
	c.TTY, c.Files = Foreground, [3]*os.File{os.Stdin, os.Stdout, os.Stderr}
	p, err := s.Start(c)
	if err != nil {
		return err
	}
	<-p.Done()
	if p.Status() != (Status{}) {
		return errors.New("cat failed")
	}
	return nil
}

// openPTY makes a pseudoterminal, opened as package os opens terminals. The
// device number is as /proc/PID/stat has it.
func openPTY(t *testing.T) (master, terminal *os.File, device int) {
	t.Helper()
	master = open(t, "/dev/ptmx")
	raw, err := master.SyscallConn()
	must(t, err)
	var n int
	must(t, raw.Control(func(fd uintptr) {
		must(t, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		must(t, err)
	}))
	terminal = open(t, "/dev/pts/"+strconv.Itoa(n))
	return master, terminal, 136<<8 | n&0xff | n>>8<<20
}
