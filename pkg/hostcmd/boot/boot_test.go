package boot

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/vm"
)

// said is the text of err; empty for none.
func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestPublish(t *testing.T) {
	tests := []struct {
		in   string
		want vm.Forward
		err  string
	}{
		{in: "8080:80", want: vm.Forward{HostPort: 8080, GuestPort: 80, Protocol: "tcp"}},
		{in: "5353:53/udp", want: vm.Forward{HostPort: 5353, GuestPort: 53, Protocol: "udp"}},
		{in: "0.0.0.0:80:8080/tcp", want: vm.Forward{HostPort: 80, GuestPort: 8080, Protocol: "tcp", HostIP: "0.0.0.0"}},
		{in: "80", err: "want HOSTPORT:GUESTPORT, such as 8080:80, 0.0.0.0:8080:80 or 5353:53/udp"},
		{in: "80:80/sctp", err: "want HOSTPORT:GUESTPORT, such as 8080:80, 0.0.0.0:8080:80 or 5353:53/udp"},
		{in: "::1:80:80", err: "want HOSTPORT:GUESTPORT, such as 8080:80, 0.0.0.0:8080:80 or 5353:53/udp"},
		{in: "localhost:80:80", err: "want an IPv4 address before the ports"},
		{in: "0:80", err: `port "0": want 1 to 65535`},
		{in: "80:65536", err: `port "65536": want 1 to 65535`},
		{in: "80:80,hostfwd=tcp::1-:1", err: `port "80,hostfwd=tcp": want 1 to 65535`},
	}
	for _, tt := range tests {
		var o options
		err := o.addForward(tt.in)
		if tt.err == "" && err == nil && len(o.publish) == 1 && o.publish[0] == tt.want {
			continue
		}
		if tt.err == "" || !strings.HasPrefix(said(err), tt.err) && !strings.HasPrefix(said(err), "want") {
			t.Errorf("addForward(%q) = %+v, %v, want %+v, %q", tt.in, o.publish, err, tt.want, tt.err)
		}
	}
}

func TestVolume(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a:b")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		in   string
		want []vm.Disk
		err  string
	}{
		{file, []vm.Disk{{Path: file, Writable: true}}, ""},
		{file + ":rw", []vm.Disk{{Path: file, Writable: true}}, ""},
		{file + ":ro", []vm.Disk{{Path: file}}, ""},
		{dir, nil, "a folder; want a disk image, or a block device"},
		{"/nonexistent", nil, "no such file; `truncate -s 1G /nonexistent && mkfs.ext4 /nonexistent` makes one"},
	}
	for _, tt := range tests {
		var o options
		err := o.addVolume(tt.in)
		if diff := cmp.Diff(tt.want, o.volumes); diff != "" || said(err) != tt.err {
			t.Errorf("addVolume(%q) = %v, want %q; -want +got\n%s", tt.in, err, tt.err, diff)
		}
	}
}

func TestMemory(t *testing.T) {
	tests := []struct {
		in   string
		want int
		ok   bool
	}{{"256", 256, true}, {"256M", 256, true}, {"1G", 1024, true}, {"1g", 1024, true}, {"x", 0, false}, {"", 0, false}, {"-1", 0, false}}
	for _, tt := range tests {
		var o options
		if err := o.setMemory(tt.in); (err == nil) != tt.ok || o.memoryMiB != tt.want {
			t.Errorf("setMemory(%q) = %d, %v, want %d, %t", tt.in, o.memoryMiB, err, tt.want, tt.ok)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, want := range map[string]bool{
		"web": true, "web-1.a_B": true, "9": true, strings.Repeat("x", 63): true,
		"": false, "..": false, ".web": false, "-web": false, "a/b": false, "a b": false, strings.Repeat("x", 64): false, "wéb": false,
	} {
		if err := checkName(name); (err == nil) != want {
			t.Errorf("checkName(%q) = %v, want good: %t", name, err, want)
		}
	}
}

func TestEscapes(t *testing.T) {
	const key = "\x1d"
	tests := []struct {
		in    []string // reads
		want  string
		stops int
	}{
		{[]string{"ls\r"}, "ls\r", 0},
		{[]string{"a" + key + "xb"}, "ab", 1},
		{[]string{"a" + key, "x" + key, "x"}, "a", 2},
		{[]string{key + key}, key, 0},
		{[]string{key + key + "x"}, key + "x", 0},
		{[]string{key + "y"}, key + "y", 0},
		{[]string{key}, "", 0},
	}
	for _, tt := range tests {
		var e escapes
		var got []byte
		stops := 0
		for _, keys := range tt.in {
			typed, n := e.filter([]byte(keys))
			got, stops = append(got, typed...), stops+n
		}
		if string(got) != tt.want || stops != tt.stops {
			t.Errorf("filter(%q) = %q, %d stops, want %q, %d", tt.in, got, stops, tt.want, tt.stops)
		}
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"plain,a=b/c": "plain,a=b/c", "": "''", "two words": "'two words'", "it's": `'it'\''s'`, "$HOME": "'$HOME'", "a;b": "'a;b'", "~": "'~'",
	} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}

// blocked waits with each write until it is let go.
type blocked struct {
	let chan struct{}
	got bytes.Buffer
}

func (b *blocked) Write(p []byte) (int, error) {
	<-b.let
	return b.got.Write(p)
}

func TestSpool(t *testing.T) {
	w := &blocked{let: make(chan struct{})}
	s := newSpool(w, 10)
	want := new(bytes.Buffer)
	write := func(text string) {
		want.WriteString(text)
		if n, err := io.WriteString(s, text); n != len(text) || err != nil {
			t.Errorf("Write = %d, %v, want %d", n, err, len(text))
		}
	}
	write("a")
	write("more than the limit of it")
	held := make(chan struct{})
	go func() {
		defer close(held)
		write("waits")
	}()
	s.hurry() // lets it through while nobody reads
	<-held
	write("does not wait")
	close(w.let)
	if err := s.close(); err != nil || w.got.String() != want.String() {
		t.Errorf("passed on %q, %v, want %q", w.got.String(), err, want)
	}
}

func TestSpoolFails(t *testing.T) {
	r, w := io.Pipe()
	why := errors.New("gone")
	_ = r.CloseWithError(why)
	s := newSpool(w, 4)
	for range 100 {
		if n, err := io.WriteString(s, "12345678"); n != 8 || err != nil {
			t.Fatalf("Write = %d, %v, want 8 and no error", n, err)
		}
	}
	if err := s.close(); !errors.Is(err, why) {
		t.Errorf("close = %v, want %v", err, why)
	}
}

func TestRing(t *testing.T) {
	var r ring
	for range 1000 {
		_, _ = r.Write(bytes.Repeat([]byte("x"), 1000))
	}
	_, _ = io.WriteString(&r, "the end")
	got := r.bytes()
	if len(got) < ringSize || len(got) > 2*ringSize || !bytes.HasSuffix(got, []byte("xthe end")) {
		t.Errorf("ring keeps %d bytes, want %d to %d", len(got), ringSize, 2*ringSize)
	}
}

// status is what main makes of err.
func status(t *testing.T, err error) (int, string) {
	t.Helper()
	if err == nil {
		return 0, ""
	}
	exit, ok := errors.AsType[*verb.ExitError](err)
	if !ok {
		t.Fatalf("error %v has no status", err)
	}
	return exit.Status, said(exit.Err)
}

func TestStatus(t *testing.T) {
	detail := func(e vm.Exit) func(*session) { return func(s *session) { s.end.detail = &e } }
	log := func(text string) func(*session) { return func(s *session) { _, _ = io.WriteString(&s.log, text) } }
	code := 7
	tests := []struct {
		name string
		set  func(*session)
		err  error
		want int
		says string
	}{
		{"ended", detail(vm.Exit{Stage: "run", Reason: "exited"}), nil, 0, ""},
		{"ended with a code", detail(vm.Exit{Code: 3, Stage: "run", Reason: "exited"}), nil, 3, ""},
		{"killed", detail(vm.Exit{Code: 143, Signal: 15, Stage: "run", Reason: "killed by signal 15 (terminated)"}), nil, 143, ""},
		{
			"out of memory", detail(vm.Exit{Code: 137, Signal: 9, Stage: "run", Reason: "killed by signal 9 (killed); its cgroup was out of memory"}),
			nil, 137, "killed by signal 9 (killed); its cgroup was out of memory",
		},
		{"not found", detail(vm.Exit{Code: 127, Stage: "run", Reason: `"x": not found`}), nil, 127, `"x": not found`},
		{"no user", detail(vm.Exit{Code: 125, Stage: "run", Reason: "user x"}), nil, 125, "the guest did not boot: stage run: user x"},
		{"no image", detail(vm.Exit{Code: 125, Stage: "images", Reason: "no disk"}), nil, 125, "the guest did not boot: stage images: no disk"},
		{
			"console alone", log("[1.0] x\r\nkinit: exit code=125 signal=0 stage=config reason=\"wrong\"\r\n"), nil,
			125, "the guest did not boot: stage config: wrong",
		},
		{"event alone", func(s *session) { s.end.code = &code }, nil, 7, ""},
		{"timeout", log(""), &vm.TimeoutError{After: time.Second}, 124, "killed: the guest did not end within 1s, as -timeout has it"},
		{"killed by us", detail(vm.Exit{Stage: "run", Reason: "exited"}), errKilled, 137, "killed"},
		{"qemu", log(""), errors.New("run qemu: exit status 1: cannot set up guest memory 'pc.ram': Cannot allocate memory"), 125, "this machine does not have the 96 MiB of -memory"},
		{"silent", log(""), nil, 125, "the guest did not boot: the kernel did not say a word; the machine has too little memory (96 MiB); give more with -memory"},
		{
			"panic", log("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n"), nil, 125,
			"the guest did not boot: kernel panic: VFS: Unable to mount root fs on unknown-block(0,0): the initramfs is none that this kernel can unpack, or " +
				"the machine has too little memory (96 MiB); give more with -memory",
		},
		{
			"out of memory before init", log("Kernel panic - not syncing: System is deadlocked on memory\r\n"), nil, 125,
			"the guest did not boot: the machine has too little memory (96 MiB); give more with -memory",
		},
		{"no last word", log("[1.0] hello\x1b[2J\r\n"), nil, 125, "the machine ended and did not say how; its last lines are above"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var words bytes.Buffer
			s := &session{Streams: verb.Streams{Stderr: &words}, options: &options{memoryMiB: 96}, config: vm.Config{MemoryMiB: 96}}
			tt.set(s)
			got, says := status(t, s.status(tt.err))
			if got != tt.want || says != tt.says {
				t.Errorf("status = %d, %q, want %d, %q", got, says, tt.want, tt.says)
			}
			if strings.ContainsAny(words.String(), "\x1b\r") {
				t.Errorf("shows %q, which drives the terminal", words.String())
			}
		})
	}
}

func TestExplain(t *testing.T) {
	tests := []struct{ in, want string }{
		{
			"run qemu: exit status 1: qemu-system-x86_64: -netdev user,id=net0: Could not set up host forwarding rule 'tcp:127.0.0.1:8080-:80'",
			"-publish: tcp port 8080 on 127.0.0.1 cannot be had: another program has it, or it is below 1024 and takes root",
		},
		{
			`run qemu: exit status 1: -drive if=none,id=disk2,format=raw,readonly=off,file=/v/data: Failed to get "write" lock; Is another process using the image [/v/data]?`,
			"/v/data is in use by another machine; two may share a volume only where both have it as FILE:ro",
		},
		{"run qemu: exit status 1: Could not access KVM kernel module: Permission denied", "-accel kvm: no permission for /dev/kvm; be in the group kvm, or leave -accel away"},
		{"run qemu: exit status 1: Could not access KVM kernel module: No such file or directory", "-accel kvm: this machine has no KVM; leave -accel away"},
		{"run qemu: exit status 1: something else", "run qemu: exit status 1: something else"},
	}
	for _, tt := range tests {
		if got, says := status(t, explain(&options{}, errors.New(tt.in))); got != 125 || says != tt.want {
			t.Errorf("explain(%s) = %d, %q, want 125, %q", tt.in, got, says, tt.want)
		}
	}
}
