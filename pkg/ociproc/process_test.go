package ociproc

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const passwd = `# comment
root:x:0:0:root:/root:/bin/sh
app:x:1000:1000:App:/home/app:/bin/sh
bare:x:1001:1001:::
oops:x:one:1:::
short:x
minus:x:-1:0:::
huge:x:4294967295:0:::
app:x:2000:2000:second entry:/:
`

const group = `root:x:0:
users:x:100:
wheel:x:10:root,app
video:x:44:app
also:x:44:app
broken:x:ten:app
`

// commonRoot has the kinds of files that commands turn out to be.
func commonRoot(t *testing.T) string {
	return newRoot(t, map[string]string{
		"/etc/passwd":         passwd,
		"/etc/group":          group,
		"/bin":                "-> usr/bin",
		"/usr/bin/sh":         "-> busybox",
		"/usr/bin/busybox":    "x ELF",
		"/usr/bin/plain":      "no exec bit",
		"/usr/bin/folder":     "dir",
		"/usr/bin/dangling":   "-> /nowhere/at/all",
		"/usr/bin/env":        "-> /bin/busybox",
		"/usr/bin/outside":    "-> ../../../../../../../../../../etc/passwd",
		"/usr/bin/loop":       "-> loop",
		"/usr/bin/pipe":       "fifo",
		"/usr/local/bin/tool": "x ELF",
		"/opt/tool":           "x ELF",
		"/opt/plain":          "x ELF",
		"/opt/folder":         "x ELF",
		"/app/run":            "x ELF",
		"/app/bin/deep":       "x ELF",
		"/app/script":         "x #!/bin/sh -e\n",
		"/app/envscript":      "x #! \t/usr/bin/env python3\n",
		"/app/nested":         "x #!/app/script\n",
		"/app/relative":       "x #!bin/deep\n",
		"/app/orphan":         "x #!/usr/bin/python3\n",
		"/app/badinterp":      "x #!/usr/bin/plain\n",
		"/app/chain":          "x #!/app/orphan\n",
		"/app/spin":           "x #!/app/spin\n",
	})
}

func TestResolveCommand(t *testing.T) {
	root := commonRoot(t)
	for name, test := range map[string]struct {
		img  image
		over Overrides
		path string
		args []string
	}{
		"entrypoint and cmd":     {img("/app/run", "-v").cmd("a", "b"), Overrides{}, "/app/run", []string{"/app/run", "-v", "a", "b"}},
		"cmd only":               {img().cmd("/app/run", "a"), Overrides{}, "/app/run", []string{"/app/run", "a"}},
		"neither":                {img(), Overrides{}, "/bin/sh", []string{"/bin/sh"}},
		"run replaces cmd":       {img("/app/run").cmd("a"), Overrides{Run: []string{"b"}}, "/app/run", []string{"/app/run", "b"}},
		"empty run":              {img("/app/run").cmd("a"), Overrides{Run: []string{}}, "/app/run", []string{"/app/run"}},
		"empty run, nothing":     {img().cmd("a"), Overrides{Run: []string{}}, "/bin/sh", []string{"/bin/sh"}},
		"run without entrypoint": {img(), Overrides{Run: []string{"tool"}}, "/usr/local/bin/tool", []string{"tool"}},
		"entrypoint replaced":    {img("/app/run").cmd("a"), Overrides{Entrypoint: []string{"tool"}}, "/usr/local/bin/tool", []string{"tool", "a"}},
		"entrypoint taken away":  {img("/app/run").cmd("tool"), Overrides{Entrypoint: []string{}}, "/usr/local/bin/tool", []string{"tool"}},
		"through a link":         {img("sh", "-c", "x y"), Overrides{}, "/usr/bin/sh", []string{"sh", "-c", "x y"}},
		"PATH of the image":      {img("tool").env("PATH=/opt:/usr/local/bin"), Overrides{}, "/opt/tool", []string{"tool"}},
		"PATH of the host":       {img("tool").env("PATH=/x"), Overrides{Env: map[string]string{"PATH": "/opt"}}, "/opt/tool", []string{"tool"}},
		"PATH passes over":       {img("plain").env("PATH=/usr/bin:/opt"), Overrides{}, "/opt/plain", []string{"plain"}},
		"PATH passes folders":    {img("folder").env("PATH=/usr/bin:/opt"), Overrides{}, "/opt/folder", []string{"folder"}},
		"PATH with slashes":      {img("tool").env("PATH=/nowhere:/opt//"), Overrides{}, "/opt/tool", []string{"tool"}},
		"PATH empty element":     {img("run").env("PATH=/bin:").dir("/app"), Overrides{}, "/app/run", []string{"run"}},
		"PATH empty":             {img("run").env("PATH=").dir("/app"), Overrides{}, "/app/run", []string{"run"}},
		"PATH relative":          {img("deep").env("PATH=bin").dir("/app"), Overrides{}, "/app/bin/deep", []string{"deep"}},
		"not from the directory": {img("tool").dir("/opt"), Overrides{}, "/usr/local/bin/tool", []string{"tool"}},
		"relative":               {img("./run").dir("/app"), Overrides{}, "/app/run", []string{"./run"}},
		"relative, more dots":    {img(".//././run").dir("/app"), Overrides{}, "/app/run", []string{".//././run"}},
		"relative, deeper":       {img("bin/deep").dir("/app/"), Overrides{}, "/app/bin/deep", []string{"bin/deep"}},
		"relative, upwards":      {img("../app/run").dir("/opt"), Overrides{}, "/opt/../app/run", []string{"../app/run"}},
		"relative to /":          {img("app/run"), Overrides{}, "/app/run", []string{"app/run"}},
		"relative directory":     {img("./run").dir("app"), Overrides{}, "/app/run", []string{"./run"}},
		"directory of the host":  {img("./tool").dir("/app"), Overrides{WorkingDir: "/opt"}, "/opt/tool", []string{"./tool"}},
		"above the root":         {img("../../../app/run"), Overrides{}, "/../../../app/run", []string{"../../../app/run"}},
		"script":                 {img("/app/script"), Overrides{}, "/app/script", []string{"/app/script"}},
		"script of env":          {img("/app/envscript"), Overrides{}, "/app/envscript", []string{"/app/envscript"}},
		"script of a script":     {img("/app/nested"), Overrides{}, "/app/nested", []string{"/app/nested"}},
		"script, relative":       {img("/app/relative").dir("/app"), Overrides{}, "/app/relative", []string{"/app/relative"}},
		"script of itself":       {img("/app/spin"), Overrides{}, "/app/spin", []string{"/app/spin"}},
	} {
		p, err := Resolve(root, ImageConfig(test.img), test.over)
		if err != nil {
			t.Errorf("%s: Resolve: %v", name, err)
			continue
		}
		if p.Path != test.path {
			t.Errorf("%s: Path = %q, want %q", name, p.Path, test.path)
		}
		if diff := cmp.Diff(test.args, p.Args); diff != "" {
			t.Errorf("%s: Args (-want +got):\n%s", name, diff)
		}
	}
}

func TestResolveFailures(t *testing.T) {
	root := commonRoot(t)
	self := fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid())
	for _, test := range []struct {
		img  image
		code int
		want string
	}{
		{img("foo").env("PATH=/usr/bin:/bin"), 127, `"foo": not found in PATH (/usr/bin:/bin)`},
		{img("foo"), 127, `"foo": not found in PATH (` + defaultPath + `)`},
		{img(""), 127, `"": not found: the command is empty`},
		{img("a\nb").env("PATH=\x1b"), 127, `"a\nb": not found in PATH ("\x1b")`},
		{img("/no/such"), 127, `"/no/such": not found`},
		{img("./foo").dir("/app"), 127, `"./foo" (/app/foo): not found`},
		{img("./run").dir("/missing"), 127, `"./run" (/missing/run): not found`},
		{img("/app/run/x"), 127, `"/app/run/x": not found`},
		{img("/bin/dangling"), 127, `"/bin/dangling": not found: a link to /nowhere/at/all, which is not there`},
		{img("dangling").env("PATH=/bin"), 127, `"dangling": not found in PATH (/bin)`},
		{img("plain").env("PATH=/bin:/x"), 126, `"plain" (/bin/plain): not executable by uid 0, gid 0 (mode 0644, owner ` + self + `)`},
		{img("/bin/plain").user("7:8"), 126, `"/bin/plain": not executable by uid 7, gid 8 (mode 0644, owner ` + self + `)`},
		{img("folder").env("PATH=/bin"), 126, `"folder" (/bin/folder): a directory, not a program`},
		{img("/"), 126, `"/": a directory, not a program`},
		{img("/bin/pipe"), 126, `"/bin/pipe": not a regular file`},
		{img("/bin/loop"), 126, `"/bin/loop": too many levels of symbolic links`},
		{img("/bin/outside"), 126, `"/bin/outside": not executable by uid 0, gid 0 (mode 0644, owner ` + self + `)`},
		{img("/app/orphan"), 127, `"/app/orphan": its interpreter "/usr/bin/python3": not found`},
		{img("orphan").env("PATH=/app"), 127, `"orphan" (/app/orphan): its interpreter "/usr/bin/python3": not found`},
		{img("/app/chain"), 127, `"/app/orphan": its interpreter "/usr/bin/python3": not found`},
		{img("/app/badinterp"), 126, `"/app/badinterp": its interpreter "/usr/bin/plain": not executable by uid 0, gid 0 (mode 0644, owner ` + self + `)`},
		{img("/app/run").user("nobody"), 125, `user "nobody": not in the image's /etc/passwd`},
		{img("/app/run").user("app:nogroup"), 125, `user "app:nogroup": not in the image's /etc/group`},
		{img("/app/run").user("2147483648"), 125, `user "2147483648": id 2147483648 is not within 0 and 2147483647`},
		{img("/app/run").user("0:-1"), 125, `user "0:-1": id -1 is not within 0 and 2147483647`},
		{img("/app/run", "a\x00b"), 125, `"a\x00b": has a NUL`},
		{img("/app/run").env("A=\x00"), 125, `"A=\x00": has a NUL`},
		{img("/app/run").dir("/\x00"), 125, `"/\x00": has a NUL`},
	} {
		p, err := Resolve(root, ImageConfig(test.img), Overrides{})
		var e *Error
		if !errors.As(err, &e) || p != nil {
			t.Errorf("Resolve(%q) = %+v, %v, want %s", test.img.Entrypoint, p, err, test.want)
			continue
		}
		if e.Code != test.code || err.Error() != test.want {
			t.Errorf("Resolve(%q) = %d, %s\nwant %d, %s", test.img.Entrypoint, e.Code, err, test.code, test.want)
		}
	}
}

func TestResolveNoRoot(t *testing.T) {
	_, err := Resolve(t.TempDir()+"/none", ImageConfig{}, Overrides{})
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeConfig || !errors.Is(err, syscall.ENOENT) {
		t.Errorf("Resolve without a root = %v, want 125 and ENOENT", err)
	}
}

// A device node is there in every /dev, and not in a root made by an ordinary user.
func TestResolveDevice(t *testing.T) {
	_, err := Resolve("/dev", ImageConfig(img("/null")), Overrides{})
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeNotExecutable || err.Error() != `"/null": not a regular file` {
		t.Errorf("Resolve of a device = %v, want 126, not a regular file", err)
	}
}

func TestExecError(t *testing.T) {
	p := &Process{Path: "/app/run", Dir: "/work", UID: 7}
	for _, test := range []struct {
		err  error
		code int
		want string
	}{
		{&os.PathError{Op: "fork/exec", Path: "/app/run", Err: syscall.ENOENT}, 127, "no such file or directory"},
		{&os.PathError{Op: "fork/exec", Path: "/app/run", Err: syscall.EACCES}, 126, "noexec"},
		{syscall.ENOEXEC, 126, "another machine"},
		{syscall.E2BIG, 126, "too long"},
		{errors.New("other"), 126, "other"},
	} {
		var e *Error
		err := ExecError(p, test.err)
		if !errors.As(err, &e) || e.Code != test.code || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ExecError(%v) = %v, want code %d and %q", test.err, err, test.code, test.want)
		}
		if !strings.HasPrefix(err.Error(), `execute "/app/run" as uid 7 in /work: `) {
			t.Errorf("ExecError(%v) = %v, want path, user and directory", test.err, err)
		}
	}
	if err := ExecError(p, nil); err != nil {
		t.Errorf("ExecError(nil) = %v, want nil", err)
	}
}
