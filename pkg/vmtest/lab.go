package vmtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/pack"
	"github.com/kguest/kguest/pkg/vm"
)

// Lab has what every boot needs, made once.
type Lab struct {
	repo      string // root of the module
	kernel    string
	initramfs string
	accel     map[string]string // by machine

	debian func() (string, error) // folder with image.squashfs and config.json
}

// NewLab fetches the kernel and builds the initramfs, in dir. repo is the root
// of the module.
func NewLab(ctx context.Context, repo, dir string) (*Lab, error) {
	l := &Lab{repo: repo, initramfs: filepath.Join(dir, "initramfs.cpio"), accel: map[string]string{}}
	dirOfKernel, err := l.script(ctx, "kernel")
	if err != nil {
		return nil, err
	}
	kernel, err := vm.FindKernel(dirOfKernel)
	if err != nil {
		return nil, err
	}
	l.kernel = kernel.Image
	for _, machine := range []string{vm.MachineQ35, vm.MachineMicroVM} {
		l.accel[machine] = vm.ChooseAccel(ctx, vm.Config{Kernel: l.kernel, Machine: machine})
	}
	l.debian = sync.OnceValues(func() (string, error) { return l.script(ctx, "debian-image") })
	var words bytes.Buffer
	status := hostcmd.Main(ctx, []string{"build", "-o", l.initramfs, "-modules-dir", kernel.Modules, "-vmm", "qemu"},
		hostcmd.Streams{Stdout: io.Discard, Stderr: &words})
	if status != 0 {
		return nil, fmt.Errorf("build initramfs: %s", bytes.TrimSpace(words.Bytes()))
	}
	return l, nil
}

// script runs a script of .ci and returns the folder that it prints.
func (l *Lab) script(ctx context.Context, name string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(l.repo, ".ci", name))
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf(".ci/%s: %w: %s", name, err, bytes.TrimSpace(words.Bytes()))
	}
	return string(bytes.TrimSpace(out)), nil
}

// Result is what came out of one boot.
type Result struct {
	Console []byte // without carriage returns
	IDM     []byte
}

// Prepare makes the disks of s in dir and returns its machine.
func (l *Lab) Prepare(ctx context.Context, s *Scenario, machine, dir string) (vm.Config, error) {
	c := vm.Config{
		Machine: machine, Accel: l.accel[machine], Kernel: l.kernel, Initramfs: l.initramfs,
		Append: append([]string{"quiet"}, s.Append...), Net: s.Net, IDM: s.IDM,
	}
	if s.Ballast > 0 {
		var err error
		if c.Initramfs, err = l.withBallast(ctx, dir, s.Ballast); err != nil {
			return c, err
		}
	}
	for i, d := range s.Disks {
		path := filepath.Join(dir, fmt.Sprintf("disk%d-%s", i, d.Kind))
		if d.Kind == "image" && s.Base == baseDebian {
			folder, err := l.debian()
			if err != nil {
				return c, err
			}
			path = filepath.Join(folder, "image.squashfs")
		} else if err := l.makeDisk(ctx, s, d, path); err != nil {
			return c, err
		}
		c.Disks = append(c.Disks, vm.Disk{Path: path, Serial: d.Serial})
	}
	return c, nil
}

// withBallast returns the initramfs and, after it, an archive with a file
// /ballast of mib MiB: the kernel unpacks one after the other.
func (l *Lab) withBallast(ctx context.Context, dir string, mib int) (string, error) {
	first, err := os.ReadFile(l.initramfs)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "ballast"), bytes.Repeat([]byte("kguest. "), mib<<17), 0o644); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "cpio", "--create", "--format=newc", "--quiet")
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader("ballast\n")
	second, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("cpio: %w", err)
	}
	path := filepath.Join(dir, "initramfs.cpio")
	return path, os.WriteFile(path, append(first, second...), 0o644) //nolint:gosec // G703: a file in the test's own folder
}

func (l *Lab) makeDisk(ctx context.Context, s *Scenario, d Disk, path string) error {
	switch d.Kind {
	case "image":
		root := path + ".root"
		if err := makeRoot(ctx, s, root); err != nil {
			return err
		}
		o := d.Pack
		o.Attrs = s.Attrs
		return pack.Image(ctx, root, path, o)
	case "config":
		image, launch, err := l.configs(s)
		if err != nil {
			return err
		}
		return pack.Files(ctx, path, map[string][]byte{"image/config.json": image, "launch.json": launch})
	default:
		return os.WriteFile(path, make([]byte, 1<<20), 0o644)
	}
}

// makeRoot fills the directory root with the busybox base and what s changes.
func makeRoot(ctx context.Context, s *Scenario, root string) error {
	if err := pack.BusyboxRoot(ctx, "/bin/busybox", root); err != nil {
		return err
	}
	for _, name := range s.Removes {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			return err
		}
	}
	for name, content := range s.Files {
		path := filepath.Join(root, name)
		mode := os.FileMode(0o644)
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), mode)); err != nil {
			return err
		}
	}
	for _, link := range s.Links {
		path := filepath.Join(root, link[0])
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(link[1], path)); err != nil {
			return err
		}
	}
	return nil
}

// The configurations of a scenario that has none of its own.
const (
	defaultConfig = `{
  "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []},
  "config": {"Entrypoint": ["/bin/sh"], "Cmd": ["-c", "@script"]}
}
`
	defaultLaunch = `{"hostname": null, "network": null, "env": {}, "run": null}`
	debianLaunch  = `{"hostname": null, "network": null, "env": {}, "run": ["-c", "@script"]}`
)

// prelude is what a script can call.
const prelude = `report() {
	echo "` + reportMark + `$1"
	shift
	"$@" 2>&1 || echo "(status $?)"
	echo "` + reportMark + reportEnd + `"
}
`

// configs returns the two files of the config disk.
func (l *Lab) configs(s *Scenario) (image, launch []byte, err error) {
	imageText, launchText := defaultConfig, defaultLaunch
	if s.Base == baseDebian {
		folder, err := l.debian()
		if err != nil {
			return nil, nil, err
		}
		made, err := os.ReadFile(filepath.Join(folder, "config.json"))
		if err != nil {
			return nil, nil, err
		}
		imageText, launchText = string(made), debianLaunch
	}
	if s.ConfigJSON != "" {
		imageText = s.ConfigJSON
	}
	if s.LaunchJSON != "" {
		launchText = s.LaunchJSON
	}
	script, err := json.Marshal(prelude + s.Script)
	if err != nil {
		return nil, nil, err
	}
	fill := func(text string) []byte { return []byte(strings.ReplaceAll(text, `"@script"`, string(script))) }
	return fill(imageText), fill(launchText), nil
}

// Boot runs the machine c once, typing what typed says.
func (l *Lab) Boot(ctx context.Context, c vm.Config, typed []Typed) (Result, error) {
	var idm bytes.Buffer
	console := &typist{todo: typed, keys: make(chan string, len(typed))}
	m, err := vm.Start(ctx, c, vm.Output{Console: console, IDM: &idm})
	if err != nil {
		return Result{}, err
	}
	typing := make(chan struct{})
	go func() {
		defer close(typing)
		for keys := range console.keys {
			_, _ = io.WriteString(m.Console, keys) // a guest that has gone is seen in its output
		}
	}()
	err = m.Wait()
	close(console.keys)
	<-typing
	return Result{Console: bytes.ReplaceAll(console.seen.Bytes(), []byte("\r"), nil), IDM: idm.Bytes()}, err
}

// typist keeps what the console prints, and hands out the keys to be typed
// when their text has come.
type typist struct {
	seen bytes.Buffer
	from int // where the search for the next text starts
	todo []Typed
	keys chan string // has room for all of todo
}

func (p *typist) Write(b []byte) (int, error) {
	p.seen.Write(b)
	for len(p.todo) > 0 {
		rest := p.seen.Bytes()[p.from:]
		i := bytes.Index(rest, []byte(p.todo[0].After))
		if i < 0 {
			break
		}
		p.from += i + len(p.todo[0].After)
		p.keys <- p.todo[0].Keys
		p.todo = p.todo[1:]
	}
	return len(b), nil
}
