//go:build vm

package boot_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verbtest"
	"github.com/kguest/kguest/pkg/pack"
)

// program builds mkinitramfs, for tests that need a process.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mkinitramfs")
	out, err := exec.Command("go", "build", "-o", file, "../../..").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return file
}

// process is a mkinitramfs that runs as a process.
type process struct {
	*exec.Cmd
	stdout, stderr synced
}

func run(t *testing.T, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...)}
	p.Cmd.Stdout, p.Cmd.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// until waits for text on the standard output.
func (p *process) until(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(4 * time.Minute); !strings.Contains(p.stdout.String(), text); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) || syscall.Kill(p.Process.Pid, 0) != nil {
			t.Fatalf("no %q in %q, %q", text, p.stdout.String(), p.stderr.String())
		}
	}
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func (p *process) end(t *testing.T, want int) {
	t.Helper()
	_ = p.Wait()
	if got := p.ProcessState.ExitCode(); got != want {
		t.Errorf("%q = %d, want %d\n%s%s", p.Args, got, want, p.stdout.String(), p.stderr.String())
	}
}

// ownCache is a cache for one test, but for what is compiled.
func ownCache(t *testing.T) string {
	t.Helper()
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	build, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache := filepath.Join(t.TempDir(), "kguest")
	if err := os.Mkdir(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"programs", "last-programs", "modules"} {
		if err := os.Symlink(filepath.Join(user, "kguest", name), filepath.Join(cache, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Dir(cache))
	t.Setenv("GOCACHE", strings.TrimSpace(string(build)))
	return cache
}

// busybox is a small image, as boot takes it.
func busybox(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := pack.BusyboxRoot(t.Context(), "/bin/busybox", root); err != nil {
		t.Fatal(err)
	}
	return "dir:" + root
}

func workFolders(t *testing.T, cache string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(cache, "work-*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// volume makes an ext4.
func volume(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 8<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", file).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s", err, out)
	}
	return file
}

// inVolume answers on UDP, and notes on the first volume that it was stopped. Python
// handles a signal that comes just before recvfrom(2) only when that has returned.
const inVolume = `
import os, signal, socket, sys
os.system("mount /dev/vdc /mnt")
def stop(*_):
    with open("/mnt/stopped", "w") as f:
        f.write("in order\n")
    os.system("umount /mnt")
    sys.exit(9)
signal.signal(signal.SIGTERM, stop)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", 7))
for disk in "vdc", "vdd":
    print(disk, "read-only", open("/sys/block/%s/ro" % disk).read().strip(), flush=True)
s.settimeout(1)
while True:
    try:
        data, peer = s.recvfrom(2000)
    except TimeoutError:
        continue
    s.sendto(data.upper(), peer)
`

// TestInterrupt has one SIGINT stop the guest in order: with what -publish and
// -volume gave it.
func TestInterrupt(t *testing.T) {
	writable, readOnly := volume(t), volume(t)
	before, err := os.ReadFile(readOnly)
	if err != nil {
		t.Fatal(err)
	}
	at := freePort(t)
	p := run(t, program(t), args(t, "-publish", fmt.Sprintf("%d:7/udp", at), "-volume", writable, "-volume", readOnly+":ro",
		"-user", "root", "-stop-signal", "SIGTERM", service(t, "python"), "--", "python3", "-c", inVolume)...)
	p.until(t, "vdd")
	if want := "vdc read-only 0\nvdd read-only 1\n"; p.stdout.String() != want {
		t.Errorf("disks: %q, want %q", p.stdout.String(), want)
	}
	conn, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", at))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer := make([]byte, 100)
	for range 60 { // it may be lost
		_, err = conn.Write([]byte("hello"))
		_ = conn.SetReadDeadline(time.Now().Add(time.Second))
		if n, readErr := conn.Read(answer); err == nil && readErr == nil {
			answer = answer[:n]
			break
		}
	}
	if string(answer) != "HELLO" {
		t.Errorf("answer over UDP = %q, %v", answer, err)
	}
	p.signal(t, syscall.SIGINT)
	p.end(t, 9)
	if p.stderr.String() != "" {
		t.Errorf("says %q", p.stderr.String())
	}
	note, err := exec.Command("debugfs", "-R", "cat /stopped", writable).Output()
	if string(note) != "in order\n" || err != nil {
		t.Errorf("on the volume: %q, %v", note, err)
	}
	if after, err := os.ReadFile(readOnly); !bytes.Equal(after, before) || err != nil {
		t.Errorf("the volume that was to be read has changed (%v)", err)
	}
}

// TestInterruptTwice has the second SIGINT kill a guest that does not stop.
func TestInterruptTwice(t *testing.T) {
	arguments := args(t, busybox(t), "--", "sh", "-c", `trap "" TERM; echo ready; while :; do sleep 1; done`)
	cache := ownCache(t)
	p := run(t, program(t), arguments...)
	p.until(t, "ready\n")
	machine := children(t, p.Process.Pid)
	if len(machine) != 1 {
		t.Fatalf("there are the processes %v, want QEMU", machine)
	}
	p.signal(t, syscall.SIGINT)
	time.Sleep(time.Second) // or the two would be one
	p.signal(t, syscall.SIGINT)
	p.end(t, 137)
	if p.stderr.String() != "mkinitramfs: killed\n" {
		t.Errorf("says %q", p.stderr.String())
	}
	if err := syscall.Kill(machine[0], 0); err == nil {
		t.Error("QEMU still runs")
	}
	if left := workFolders(t, cache); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// children returns the processes that pid started.
func children(t *testing.T, pid int) []int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has ended
		}
		for word := range strings.FieldsSeq(string(text)) {
			var child int
			if _, err := fmt.Sscan(word, &child); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// TestTimeout kills a guest that does not end in time; and what a killed boot
// left is gone after it.
func TestTimeout(t *testing.T) {
	mkinitramfs, kernel, image := program(t), script(t, "kernel"), busybox(t)
	cache := ownCache(t)
	boot := func(timeout string) []string {
		return []string{"boot", "-kernel", kernel, "-accel", "tcg", "-timeout", timeout, image, "--", "sleep", "1000"}
	}
	p := run(t, mkinitramfs, boot("5m")...)
	for len(children(t, p.Process.Pid)) == 0 || len(workFolders(t, cache)) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	p.signal(t, syscall.SIGKILL)
	_ = p.Wait()
	left := workFolders(t, cache)
	if len(left) != 1 {
		t.Fatalf("a killed boot left %q", left)
	}
	p = run(t, mkinitramfs, boot("3s")...)
	p.end(t, 124)
	if want := "mkinitramfs: killed: the guest did not end within 3s, as -timeout has it\n"; p.stderr.String() != want || p.stdout.String() != "" {
		t.Errorf("says %q, %q, want %q", p.stdout.String(), p.stderr.String(), want)
	}
	if left := workFolders(t, cache); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

// TestFull has a write error of the command's output be one of boot's.
func TestFull(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	cmd := exec.Command(program(t), args(t, busybox(t), "--", "echo", "hello")...)
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = full, &words
	_ = cmd.Run()
	const want = "mkinitramfs: write the command's output: no space left on device; what came after is lost\n"
	if got := cmd.ProcessState.ExitCode(); got != 1 || words.String() != want {
		t.Errorf("boot >/dev/full = %d, %q, want 1, %q", got, words.String(), want)
	}
}

// TestDryRun starts what is printed as a shell would, with all on one file, and
// asks that guest. Its files are its own.
func TestDryRun(t *testing.T) {
	kernel, image := script(t, "kernel"), busybox(t)
	cache := ownCache(t)
	printed := func(command string) (script, folder string) {
		got := verbtest.Run(t, "boot", "-dry-run", "-kernel", kernel, "-accel", "tcg", image, "--", "sh", "-c", command)
		if got.Status != 0 || got.Stderr != "" || strings.Count(got.Stdout, "\n") != 1 {
			t.Fatalf("boot -dry-run = %+v", got)
		}
		_, rest, _ := strings.Cut(got.Stdout, "-initrd ")
		initramfs, _, _ := strings.Cut(rest, " ")
		return got.Stdout, filepath.Dir(initramfs)
	}
	const command = "echo out; echo err >&2; until [ -e /tmp/go ]; do sleep 0.2; done; echo last"
	script, folder := printed(command)
	_, other := printed("true")
	again, same := printed(command)
	if filepath.Dir(folder) != filepath.Join(cache, "boot") || other == folder || same != folder || again != script {
		t.Errorf("folders %s, %s, %s, want two in %s/boot", folder, other, same, cache)
	}
	names := verbtest.Snapshot(t, folder)
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_WRONLY|os.O_CREATE, 0o644) // as a shell does
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	sh := exec.Command("sh", "-c", "echo before; "+strings.TrimSpace(script)+"; echo after $?")
	sh.Stdout, sh.Stderr = log, log
	sh.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-sh.Process.Pid, syscall.SIGKILL) })
	ended := make(chan error, 1)
	go func() { ended <- sh.Wait() }()
	socket := filepath.Join(folder, "idm.sock")
	for up := false; !up && len(ended) == 0; time.Sleep(200 * time.Millisecond) {
		up = verbtest.Run(t, "idm", socket, "exec", "--", "true").Status == 0
	}
	if _, third := printed("false"); third == folder {
		t.Errorf("another command has the files of the machine that runs")
	}
	verbtest.Run(t, "idm", socket, "exec", "--", "touch", "/tmp/go") // the machine may end before it has said so
	if err := <-ended; err != nil {
		t.Errorf("sh: %v", err)
	}
	got, err := os.ReadFile(log.Name())
	lines := strings.Split(strings.TrimSpace(string(got)), "\n")
	slices.Sort(lines[min(1, len(lines)):min(3, len(lines))]) // the two streams are not in step
	if want := []string{"before", "err", "out", "last", "after 0"}; !slices.Equal(lines, want) || err != nil {
		t.Errorf("log = %q, %v, want %q", lines, err, want)
	}
	if now := verbtest.Snapshot(t, folder); !slices.Equal(slices.DeleteFunc(now, func(s string) bool { return strings.Contains(s, "idm.sock") }), names) {
		t.Errorf("files have changed:\n%q\nbefore\n%q", now, names)
	}
}

// TestWithoutGo boots with a program that was kept, where there is no go command.
func TestWithoutGo(t *testing.T) {
	mkinitramfs, arguments := program(t), args(t, busybox(t), "--", "echo", "hello")
	bin := t.TempDir()
	for _, tool := range []string{"qemu-system-x86_64", "mksquashfs", "unsquashfs"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	warm := exec.Command(mkinitramfs, slices.Insert(slices.Clone(arguments), 1, "-dry-run")...)
	if out, err := warm.CombinedOutput(); err != nil {
		t.Fatalf("boot -dry-run: %v\n%s", err, out)
	}
	t.Setenv("PATH", bin)
	t.Chdir(t.TempDir())
	p := run(t, mkinitramfs, arguments...)
	p.end(t, 0)
	if p.stdout.String() != "hello\n" || p.stderr.String() != "" {
		t.Errorf("boot without go = %q, %q", p.stdout.String(), p.stderr.String())
	}
}
