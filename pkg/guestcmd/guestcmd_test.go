package guestcmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/boot"
	"github.com/kguest/kguest/pkg/mount"
)

func commands() []Command {
	return []Command{Kinit, Kmount, Kroot, KexecGuest, Knet, BootContinue, BootRetry, BootReport}
}

// call runs c as its main does, with nothing on standard input.
func call(t *testing.T, c Command, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	null, err := os.Open(os.DevNull)
	must(t, err)
	defer null.Close()
	var out, errs bytes.Buffer
	status = Main(t.Context(), c, &Env{Args: args, Stdin: null, Stdout: &out, Stderr: &errs})
	return status, out.String(), errs.String()
}

func TestHelp(t *testing.T) {
	for _, c := range commands() {
		for _, arg := range []string{"-h", "-help", "--help"} {
			status, stdout, stderr := call(t, c, arg)
			if status != 0 || !strings.HasPrefix(stdout, c.Page) || stderr != "" {
				t.Errorf("%s %s = %d, %q, %q, want its page", c.Name, arg, status, stdout, stderr)
			}
		}
	}
	if status, stdout, _ := call(t, Kmount, "kernel", "-h"); status != 0 || stdout != kmountPage {
		t.Errorf("kmount kernel -h = %d, %q, want its page", status, stdout)
	}
}

// TestPages: go doc, -h and the manual say the same, and say all that a person wants
// to know.
func TestPages(t *testing.T) {
	folders, err := os.ReadDir("../../cmds")
	must(t, err)
	pages := Manual()
	if len(folders) != len(pages) {
		t.Errorf("%d commands and %d pages", len(folders), len(pages))
	}
	for _, folder := range folders {
		name := folder.Name()
		page := pages[name]
		file, err := parser.ParseFile(token.NewFileSet(), "../../cmds/"+name+"/main.go", nil, parser.ParseComments)
		must(t, err)
		comment := file.Doc.Text()
		if name == Kinit.Name && strings.HasPrefix(page, comment) {
			page = comment // the rest is the boot's own tables
		}
		if diff := cmp.Diff(page, comment); diff != "" {
			t.Errorf("package comment of cmds/%s (-page +comment):\n%s", name, diff)
		}
		first, _, _ := strings.Cut(page, " ")
		if strings.ToLower(first) != name {
			t.Errorf("page of %s begins with %s", name, first)
		}
		for _, heading := range []string{"Synopsis:\n\n\t" + name, "\nOptions:", "\nExit status:", "\nExamples:\n\n\t"} {
			if !strings.Contains(page, heading) {
				t.Errorf("page of %s: no %q", name, heading)
			}
		}
	}
}

func TestKinitPage(t *testing.T) {
	_, page, _ := call(t, Kinit)
	for _, p := range boot.Parameters() {
		if !strings.Contains(page, "\n\t"+p.Name+"="+p.Values+" (default "+p.Default+")\n\t    "+p.Help+"\n") {
			t.Errorf("kinit -help says nothing of %s", p.Name)
		}
	}
	const stages = "\nStages:\n\n\tmounts\n\tconsole\n\tmodules\n\tidm\n\timages\n\tconfig\n\troot\n\thostname\n\tnetwork\n\tswitch\n\trun\n\n"
	if !strings.Contains(page, stages) {
		t.Errorf("kinit -help = %s, want the stages in order", page)
	}
}

func TestUsageErrors(t *testing.T) {
	tests := []struct {
		command Command
		args    string
		want    string
	}{
		{Kinit, "start", `"start": kinit takes no arguments; it is configured by the kernel's command line`},
		{Kmount, "-x", "flag provided but not defined: -x"},
		{Kmount, "kernels", `"kernels": give kernel, modules, images, or a device and a directory`},
		{Kmount, "/dev/vda /mnt more", `"more": one argument too many`},
		{Kmount, "vda /mnt", `"vda": not a device: give /dev/NAME, serial:NUMBER or label:NAME`},
		{Kmount, "-n images -image vda", `-image "vda": not a device: give /dev/NAME, serial:NUMBER or label:NAME`},
		{Kmount, "-n images -config label:", `-config "label:": not a device: give /dev/NAME, serial:NUMBER or label:NAME`},
		{Kmount, "-n images -timeout soon", `invalid value "soon" for flag -timeout: give seconds, or a time such as 500ms`},
		{Kmount, "-n images -timeout -1s", `invalid value "-1s" for flag -timeout: give seconds, or a time such as 500ms`},
		{Kroot, "-n -size half", `size "half": give a number of bytes with k, m or g, or a percentage of memory, such as 50%`},
		{Kroot, "-n -image rel", `"rel": give an absolute path`},
		{Kroot, "-n -root /a:b", `overlay path "/a:b": the kernel takes no colon, comma or backslash in it`},
		{Kroot, "-n /bin/sh", `"/bin/sh": a command needs -switch`},
		{Kroot, "-n -switch", `-switch: give the command to become, such as /bin/sh`},
		{KexecGuest, "-root rel", `-root "rel": give an absolute path`},
		{KexecGuest, "-cgroup ../x", `-cgroup: cgroup "../x": give a name without a slash`},
		{KexecGuest, "-cgroup .", `-cgroup: cgroup ".": give a name without a slash`},
		{KexecGuest, "-cgroup memory.max", `-cgroup: cgroup "memory.max": a name of the kernel's own`},
		{KexecGuest, "-nosuch", "flag provided but not defined: -nosuch"},
	}
	for _, tt := range tests {
		status, stdout, stderr := call(t, tt.command, strings.Fields(tt.args)...)
		want := tt.command.Name + ": " + tt.want + " (" + tt.command.Name + " -h shows how)\n"
		if status != 2 || stdout != "" || stderr != want {
			t.Errorf("%s %s = %d, %q, %q, want 2, %q", tt.command.Name, tt.args, status, stdout, stderr, want)
		}
	}
}

func TestMainStatus(t *testing.T) {
	tests := []struct {
		err    error
		status int
		stderr string
	}{
		{nil, 0, ""},
		{flag.ErrHelp, 0, ""},
		{io.EOF, 1, "test: EOF\n"},
		{Usagef("%d", 5), 2, "test: 5 (test -h shows how)\n"},
		{&ExitError{Status: 42}, 42, ""},
		{&ExitError{Status: 127, Err: io.EOF}, 127, "test: EOF\n"},
		{errors.Join(io.EOF, io.ErrNoProgress), 1, "test: EOF\ntest: multiple Read calls return no data or error\n"},
	}
	for _, tt := range tests {
		c := Command{Name: "test", Page: "page", Run: func(context.Context, *Env) error { return tt.err }}
		if status, _, stderr := call(t, c); status != tt.status || stderr != tt.stderr {
			t.Errorf("Main with %v = %d, %q, want %d, %q", tt.err, status, stderr, tt.status, tt.stderr)
		}
	}
}

func TestKmountDryRun(t *testing.T) {
	required, optional := boot.KernelMounts()
	var kernel strings.Builder
	for _, step := range append(required, optional...) {
		if d, ok := step.(interface{ Done() bool }); !ok || !d.Done() { // this machine has some of it
			kernel.WriteString(step.String() + "\n")
		}
	}
	tests := []struct{ args, want string }{
		{"-n kernel", kernel.String()},
		{"kernel -n", kernel.String()},
		{"-n modules", ""}, // this machine is no guest
		{
			"-n images -image /none/a -config serial:cfg -timeout 3s",
			"mkdir -p /image\n# waits for /none/a, up to 3s\nmount -t auto -o ro /none/a /image\n" +
				"mkdir -p /config\n# waits for serial:cfg, up to 3s\nmount -t auto -o ro serial:cfg /config\n",
		},
		{"-n /none/a /none/b", "mkdir -p /none/b\n# waits for /none/a, up to 10s\nmount -t auto -o ro /none/a /none/b\n"},
	}
	for _, tt := range tests {
		status, stdout, stderr := call(t, Kmount, strings.Fields(tt.args)...)
		if diff := cmp.Diff(tt.want, stdout); diff != "" || status != 0 || stderr != "" {
			t.Errorf("kmount %s = %d, %q (-want +got):\n%s", tt.args, status, stderr, diff)
		}
	}
	status, _, stderr := call(t, Kmount, "-n", "/dev/null", "/mnt")
	if want := "kmount: /dev/null: not a block device\n"; status != 1 || stderr != want {
		t.Errorf("kmount -n /dev/null /mnt = %d, %q, want 1, %q", status, stderr, want)
	}
}

// TestShow: what is done already is not shown.
func TestShow(t *testing.T) {
	dir := t.TempDir()
	var out strings.Builder
	show(&Env{Stdout: &out}, []mount.Step{
		mount.Dir{Path: dir},
		mount.Dir{Path: dir, Mode: 0o711},
		mount.Dir{Path: dir + "/new"},
		mount.Link{Target: "x", Path: dir},
		mount.Link{Target: "x", Path: dir + "/link"},
	})
	want := "mkdir -p -m 0711 " + dir + "\nmkdir -p " + dir + "/new\nln -s x " + dir + "/link\n"
	if out.String() != want {
		t.Errorf("show = %q, want %q", out.String(), want)
	}
}

func TestKmountWaits(t *testing.T) {
	status, _, stderr := call(t, Kmount, "/none/a", t.TempDir(), "-timeout", "0s")
	if status != 1 || !strings.Contains(stderr, ": /none/a: no such device after 0s (block devices: ") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("kmount of a missing device = %d, %q", status, stderr)
	}
}

func TestKrootDryRun(t *testing.T) {
	root := guestRoot(t)
	tests := []struct {
		args []string
		want string
	}{
		{
			[]string{"-n", "-image", "/my image/", "-root", "/r//x", "-size", "1g"},
			`mkdir -p /overlay
mount -t tmpfs -o mode=0755,size=1g tmpfs /overlay
mkdir -p /overlay/upper
mkdir -p /overlay/work
chown --reference '/my image' /overlay/upper; chmod --reference '/my image' /overlay/upper
mkdir -p /overlay/image
mount --bind -o ro '/my image' /overlay/image
mkdir -p /r/x
mount -t overlay -o noatime,lowerdir=/overlay/image,upperdir=/overlay/upper,workdir=/overlay/work overlayfs:/overlay /r/x
`,
		},
		{
			[]string{"-n", "-root", root, "-switch", "/bin/sh", "-c", "echo hi"},
			"(cd ROOT/run; find . -type d | cpio -pdm /run)\n" +
				"mount --move /sys ROOT/sys\nmount --move /proc ROOT/proc\nmount --move /dev ROOT/dev\nmount --move /run ROOT/run\n" +
				"umount -l /config\nfind / -xdev -delete\ncd ROOT; mount --move . /; exec chroot .\nexec /bin/sh -c 'echo hi'\n",
		},
	}
	for _, tt := range tests {
		status, stdout, stderr := call(t, Kroot, tt.args...)
		if diff := cmp.Diff(strings.ReplaceAll(tt.want, "ROOT", root), stdout); diff != "" || status != 0 {
			t.Errorf("kroot %q = %d, %q (-want +got):\n%s", tt.args, status, stderr, diff)
		}
	}
}

func TestKrootErrors(t *testing.T) {
	root := guestRoot(t)
	tests := []struct {
		args   []string
		prefix string
	}{
		{[]string{"-image", "/none"}, "kroot: assemble root: image: stat /none: no such file or directory\n"},
		{[]string{"-root", root, "-switch", "/no/such/command"}, "kroot: switch to " + root + ": "},
		{[]string{"-root", root, "-switch", "no-such-command"}, "kroot: switch to " + root + ": "},
	}
	for _, tt := range tests {
		status, stdout, stderr := call(t, Kroot, tt.args...)
		if status != 1 || stdout != "" || !strings.HasPrefix(stderr, tt.prefix) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("kroot %q = %d, %q, %q, want 1, %q", tt.args, status, stdout, stderr, tt.prefix)
		}
	}
}

// guestRoot makes a root with a command, a user and a directory.
func guestRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"bin", "etc", "srv"} {
		must(t, os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	self, err := os.ReadFile("/bin/true")
	must(t, err)
	// A program without a loader: what ociproc asks for is in the root.
	must(t, os.WriteFile(filepath.Join(root, "bin/sh"), staticOf(self), 0o755))
	must(t, os.WriteFile(filepath.Join(root, "bin/plain"), []byte("text"), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("app:x:7:8::/home/app:/bin/sh\n"), 0o644))
	must(t, os.WriteFile(filepath.Join(root, "etc/group"), []byte("extra:x:99:app\n"), 0o644))
	return root
}

// staticOf returns the ELF header of a program without its program headers.
func staticOf(program []byte) []byte {
	header := bytes.Clone(program[:64])
	header[56], header[57] = 0, 0 // e_phnum
	return header
}

func configDir(t *testing.T, image, launch string) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(dir+"/image", 0o755))
	if image != "" {
		must(t, os.WriteFile(dir+"/image/config.json", []byte(image), 0o600))
	}
	if launch != "" {
		must(t, os.WriteFile(dir+"/launch.json", []byte(launch), 0o600))
	}
	return dir
}

const (
	imageJSON  = `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{"User":"app","Env":["A=1"],"Cmd":["/bin/sh","-c","<&>"],"WorkingDir":"/srv"}}`
	launchJSON = `{"hostname":null,"network":null,"env":{"B":"2"},"run":null}`
)

// resolved is what kexec-guest -n prints.
type resolved struct {
	Argv      []string `json:"argv"`
	Path      string   `json:"path"`
	Env       []string `json:"env"`
	Directory string   `json:"directory"`
	User      user     `json:"user"`
	Cgroup    string   `json:"cgroup"`
	Root      string   `json:"root"`
}

type user struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups"`
}

func TestKexecGuestDryRun(t *testing.T) {
	root := guestRoot(t)
	config := configDir(t, imageJSON, launchJSON)
	status, stdout, stderr := call(t, KexecGuest, "-n", "-root", root, "-config", config, "-cgroup", "mine")
	var got resolved
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || status != 0 || stderr != "" {
		t.Fatalf("kexec-guest -n = %d, %q, %q: %v", status, stdout, stderr, err)
	}
	want := resolved{
		Argv: []string{"/bin/sh", "-c", "<&>"}, Path: "/bin/sh", Directory: "/srv",
		Env:  []string{"A=1", "B=2", "KRATA_CONTAINER=1", "TERM=vt100", "HOME=/home/app", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
		User: user{UID: 7, GID: 8, Groups: []uint32{8, 99}}, Cgroup: "mine", Root: root,
	}
	sorted := cmp.Transformer("set", func(list []string) map[string]bool {
		set := map[string]bool{}
		for _, s := range list {
			set[s] = true
		}
		return set
	})
	wantEnv, gotEnv := want.Env, got.Env
	want.Env, got.Env = nil, nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kexec-guest -n (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantEnv, gotEnv, sorted); diff != "" {
		t.Errorf("kexec-guest -n: env (-want +got):\n%s", diff)
	}
	for _, literal := range []string{`"<&>"`, `"groups": [`, `"user": {`} {
		if !strings.Contains(stdout, literal) {
			t.Errorf("kexec-guest -n printed %s, want %s in it", stdout, literal)
		}
	}
	if _, stdout, _ = call(t, KexecGuest, "-n", "-root", root, "-config", config, "--", "sh", "-l"); !strings.Contains(stdout, "\"argv\": [\n    \"sh\",\n    \"-l\"\n  ],\n  \"path\": \"/bin/sh\"") {
		t.Errorf("kexec-guest -n -- sh -l = %s, want that command", stdout)
	}
}

func TestKexecGuestStatus(t *testing.T) {
	root := guestRoot(t)
	good := configDir(t, imageJSON, launchJSON)
	tests := []struct {
		name   string
		args   []string
		status int
		want   string
	}{
		{"no root", []string{"-n", "-root", "/none"}, 125, "root: stat /none: no such file or directory (kroot makes it)"},
		{"a file as root", []string{"-n", "-root", root + "/bin/sh"}, 125, "root " + root + "/bin/sh: not a directory"},
		{"no config", []string{"-n", "-root", root, "-config", "/none"}, 125, "/none/image/config.json"},
		{"no launch.json", []string{"-n", "-root", root, "-config", configDir(t, imageJSON, "")}, 125, "launch.json"},
		{"not JSON", []string{"-n", "-root", root, "-config", configDir(t, "{", launchJSON)}, 125, "image/config.json"},
		{"not a number", []string{"-n", "-root", root, "-config", configDir(t, imageJSON, `{"run":5}`)}, 125, "run"},
		{"no such user", []string{"-n", "-root", root, "-config", configDir(t, imageJSON, `{"user":"nobody-here","network":null,"env":{}}`)}, 125, "nobody-here"},
		{"not found", []string{"-n", "-root", root, "-config", good, "--", "nosuch"}, 127, "nosuch"},
		{"not executable", []string{"-n", "-root", root, "-config", good, "--", "/bin/plain"}, 126, "/bin/plain"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, stdout, stderr := call(t, KexecGuest, tt.args...)
			if status != tt.status || stdout != "" || !strings.HasPrefix(stderr, "kexec-guest: ") || !strings.Contains(stderr, tt.want) {
				t.Errorf("kexec-guest %q = %d, %q, %q, want %d and %q", tt.args, status, stdout, stderr, tt.status, tt.want)
			}
			if strings.Count(stderr, "\n") != 1 {
				t.Errorf("stderr = %q, want one line", stderr)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
