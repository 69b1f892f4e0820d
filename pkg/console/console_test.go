package console

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// roleVariable has a copy of the test binary be a process with a terminal.
const roleVariable = "CONSOLE_TEST_ROLE"

func TestMain(m *testing.M) {
	roles := map[string]func() error{
		"controlling": func() error { return sayControlling(true) },
		"detached":    func() error { return sayControlling(false) },
		"foreground":  foreground,
		"standard":    standard,
	}
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		if err := role(); err != nil {
			fmt.Fprintln(os.NewFile(3, "report"), err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// play runs a role in a new session with terminal on standard input, and
// returns what it reported, "" for success.
func play(t *testing.T, role string, terminal *os.File, controlling bool) string {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe")
	cmd.Env = append(os.Environ(), roleVariable+"="+role)
	cmd.Stdin = terminal
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: controlling}
	must(t, cmd.Start())
	must(t, w.Close())
	report, err := io.ReadAll(r)
	must(t, err)
	if err := cmd.Wait(); (err != nil) != (len(report) > 0) {
		t.Fatalf("%s: %v, and reported %q", role, err, report)
	}
	return strings.TrimSuffix(string(report), "\n")
}

func sayControlling(want bool) error {
	if got := IsControlling(os.Stdin); got != want {
		return fmt.Errorf("IsControlling = %v, want %v", got, want)
	}
	return nil
}

// foreground loses the terminal to a job and takes it back from the background.
func foreground() error {
	job := exec.Command("/bin/sleep", "1000")
	job.SysProcAttr = &syscall.SysProcAttr{Foreground: true, Ctty: 0}
	if err := job.Start(); err != nil {
		return err
	}
	defer func() {
		_ = job.Process.Kill()
		_ = job.Wait()
	}()
	if got, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err != nil || got != job.Process.Pid {
		return fmt.Errorf("foreground = %d, %w, want the job's %d", got, err, job.Process.Pid)
	}
	if err := TakeForeground(os.Stdin); err != nil {
		return err
	}
	if got, err := unix.IoctlGetInt(0, unix.TIOCGPGRP); err != nil || got != unix.Getpgrp() {
		return fmt.Errorf("foreground = %d, %w, want %d", got, err, unix.Getpgrp())
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	if bit := 1 << (unix.SIGTTOU - 1); signals(string(status), "SigIgn")&bit != 0 {
		return errors.New("SIGTTOU is ignored after TakeForeground")
	}
	return nil
}

// standard does as the boot does: opens the terminal by name, puts it on the
// standard streams, and closes it.
func standard() error {
	path, err := os.Readlink("/proc/self/fd/0")
	if err != nil {
		return err
	}
	f, err := Open(path)
	if err != nil {
		return err
	}
	if err := errors.Join(UseStandard(f), f.Close()); err != nil {
		return err
	}
	for fd := range 3 {
		name, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(fd))
		if err != nil || name != path {
			return fmt.Errorf("descriptor %d is %q, %w, want %q", fd, name, err, path)
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_NONBLOCK != 0 || flags&unix.O_ACCMODE != unix.O_RDWR {
			return fmt.Errorf("flags of descriptor %d = %#x, %w, want O_RDWR without O_NONBLOCK", fd, flags, err)
		}
		if own, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || own&unix.FD_CLOEXEC != 0 {
			return fmt.Errorf("descriptor %d is closed on exec (%#x, %w)", fd, own, err)
		}
	}
	return sayControlling(false) // O_NOCTTY
}

func TestIsControlling(t *testing.T) {
	for _, role := range []string{"controlling", "detached"} {
		_, terminal := openPTY(t)
		if got := play(t, role, terminal, role == "controlling"); got != "" {
			t.Errorf("%s: %s", role, got)
		}
	}
}

func TestIsControllingOfOthers(t *testing.T) {
	master, terminal := openPTY(t)
	null, err := os.Open(os.DevNull)
	must(t, err)
	defer null.Close()
	for _, f := range []*os.File{master, terminal, null} {
		if IsControlling(f) {
			t.Errorf("IsControlling(%s) = true, want false", f.Name())
		}
	}
}

func TestTakeForeground(t *testing.T) {
	_, terminal := openPTY(t)
	if got := play(t, "foreground", terminal, true); got != "" {
		t.Error(got)
	}
	null, err := os.Open(os.DevNull)
	must(t, err)
	defer null.Close()
	if err := TakeForeground(null); !errors.Is(err, syscall.ENOTTY) || !strings.HasPrefix(err.Error(), "take back /dev/null: ") {
		t.Errorf("TakeForeground(/dev/null) = %v, want ENOTTY", err)
	}
}

// TestUseStandard: a workload inherits the descriptors and reads them as ones
// that block.
func TestUseStandard(t *testing.T) {
	_, terminal := openPTY(t)
	if got := play(t, "standard", terminal, false); got != "" {
		t.Error(got)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		path string
		want error
	}{
		{filepath.Join(dir, "none"), fs.ErrNotExist},
		{dir, syscall.EISDIR},
	}
	for _, tt := range tests {
		f, err := Open(tt.path)
		if f != nil || !errors.Is(err, tt.want) || !strings.HasPrefix(err.Error(), "open console: open "+tt.path+": ") {
			t.Errorf("Open(%s) = %v, %v, want %v", tt.path, f, err, tt.want)
		}
	}
}

func TestIsTerminal(t *testing.T) {
	master, terminal := openPTY(t)
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	defer w.Close()
	closed, err := os.Open(os.DevNull)
	must(t, err)
	must(t, closed.Close())
	tests := []struct {
		name string
		f    *os.File
		want bool
	}{
		{"master", master, true},
		{"terminal", terminal, true},
		{"pipe", r, false},
		{"closed", closed, false},
		{"nil", nil, false},
	}
	for _, tt := range tests {
		if got := IsTerminal(tt.f); got != tt.want {
			t.Errorf("IsTerminal(%s) = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestSetRaw sends every byte both ways: no echo, no translation, no signal, no
// flow control.
func TestSetRaw(t *testing.T) {
	master, terminal := openPTY(t)
	must(t, SetRaw(terminal))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for _, way := range []struct {
		name     string
		from, to *os.File
	}{
		{"from the host", master, terminal},
		{"to the host", terminal, master},
	} {
		if _, err := way.from.Write(all); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(all))
		if _, err := io.ReadFull(way.to, got); err != nil || !bytes.Equal(got, all) {
			t.Errorf("%s: % x, %v, want every byte once", way.name, got, err)
		}
	}
	// What was left over, such as an echo, would be read before this.
	must(t, SetRaw(terminal))
	if _, err := terminal.WriteString("end"); err != nil {
		t.Fatal(err)
	}
	end := make([]byte, 3)
	if _, err := io.ReadFull(master, end); err != nil || string(end) != "end" {
		t.Errorf("left to read = %q, %v, want %q", end, err, "end")
	}
}

func TestSetRawIsNeeded(t *testing.T) {
	master, terminal := openPTY(t)
	if _, err := terminal.WriteString("a\n"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 3) // they may come one by one
	if _, err := io.ReadFull(master, got); err != nil || string(got) != "a\r\n" {
		t.Errorf("a terminal that is not raw gives %q, %v, want %q", got, err, "a\r\n")
	}
}

func TestNoTerminalIsNoError(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "port"))
	must(t, err)
	defer file.Close()
	if err := SetRaw(file); err != nil {
		t.Errorf("SetRaw(file) = %v, want nil", err)
	}
	if err := Drain(file); err != nil {
		t.Errorf("Drain(file) = %v, want nil", err)
	}
}

func TestDrain(t *testing.T) {
	_, terminal := openPTY(t)
	must(t, SetRaw(terminal))
	if _, err := terminal.WriteString("written"); err != nil {
		t.Fatal(err)
	}
	if err := Drain(terminal); err != nil {
		t.Errorf("Drain = %v, want nil", err)
	}
}

func TestDrainAfterHangup(t *testing.T) {
	master, terminal := openPTY(t)
	must(t, master.Close())
	if err := SetRaw(terminal); err != nil && !errors.Is(err, syscall.EIO) {
		t.Errorf("SetRaw after hangup = %v, want nil or %v", err, syscall.EIO)
	}
	if err := Drain(terminal); err != nil && !errors.Is(err, syscall.EIO) {
		t.Errorf("Drain after hangup = %v, want nil or %v", err, syscall.EIO)
	}
}

// signals returns the set that /proc/PID/status has in the line name.
func signals(status, name string) int {
	_, rest, _ := strings.Cut(status, name+":\t")
	line, _, _ := strings.Cut(rest, "\n")
	set, err := strconv.ParseUint(line, 16, 64)
	if err != nil {
		return -1
	}
	return int(set)
}

// openPTY makes a pseudoterminal and opens its terminal side with Open.
func openPTY(t *testing.T) (master, terminal *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	must(t, err)
	t.Cleanup(func() { _ = master.Close() })
	raw, err := master.SyscallConn()
	must(t, err)
	var name string
	must(t, raw.Control(func(fd uintptr) {
		must(t, unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0))
		n, err := unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		must(t, err)
		name = "/dev/pts/" + strconv.Itoa(n)
	}))
	terminal, err = Open(name)
	must(t, err)
	t.Cleanup(func() { _ = terminal.Close() })
	return master, terminal
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
