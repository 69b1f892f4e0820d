package initramfs

import (
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
)

// orderFile names the image's modules for kinit: one absolute path a line, in
// load order.
const orderFile = "lib/modules/kguest.order"

// program is where the multicall program is in the image.
const program = "bbin/bb"

// tree returns the files of the image that s asks for, given the commands that
// its Commands resolve to and, for its modules, the plan of its kernel (x is
// nil where s asks for none). The program at the host path bb is read when the
// tree is written.
func (s *Spec) tree(bb string, cmds []multicall.Command, x *modules.Index, plan modules.Plan) (*Tree, error) {
	t := &Tree{ModTime: s.ModTime}
	steps := []func(*Tree) error{
		addBase,
		func(t *Tree) error { return addCommands(t, bb, cmds) },
		func(t *Tree) error { return s.addModules(t, x, plan) },
		s.addFiles,
	}
	for _, step := range steps {
		if err := step(t); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// addBase adds the folders that the guest mounts on and the devices that the
// kernel opens before there is a devtmpfs.
func addBase(t *Tree) error {
	const folder, device = "every image's folders", "every image's devices"
	entries := []Entry{
		{Path: "bbin", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "bin", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "dev", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "etc", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "proc", Mode: fs.ModeDir | 0o555, Reason: folder},
		{Path: "root", Mode: fs.ModeDir | 0o700, Reason: folder},
		{Path: "run", Mode: fs.ModeDir | 0o755, Reason: folder},
		{Path: "sys", Mode: fs.ModeDir | 0o555, Reason: folder},
		{Path: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777, Reason: folder},
		{Path: "dev/console", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o600, Major: 5, Minor: 1, Reason: device},
		{Path: "dev/null", Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, Major: 1, Minor: 3, Reason: device},
	}
	return addAll(t, entries)
}

func addAll(t *Tree, entries []Entry) error {
	for _, e := range entries {
		if err := t.Add(e); err != nil {
			return err
		}
	}
	return nil
}

// addCommands adds the program, /init, and one link a command.
func addCommands(t *Tree, bb string, cmds []multicall.Command) error {
	entries := []Entry{
		{Path: program, Mode: 0o755, Content: HostFile(bb), Reason: "the commands' program"},
		{Path: "init", Mode: fs.ModeSymlink | 0o777, Target: program, Reason: "the first process"},
	}
	for _, c := range cmds {
		entries = append(entries, Entry{
			Path: "bin/" + c.Name, Mode: fs.ModeSymlink | 0o777, Target: "../" + program, Reason: "command, " + c.From,
		})
	}
	return addAll(t, entries)
}

func (s *Spec) addModules(t *Tree, x *modules.Index, plan modules.Plan) error {
	if x == nil {
		return nil
	}
	var order strings.Builder
	for _, m := range plan.Modules {
		data, err := x.Read(m, s.Arch)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Reason, err)
		}
		guest := x.GuestPath(m)
		if err := t.Add(Entry{Path: guest, Mode: 0o644, Content: Bytes(data), Reason: m.Reason}); err != nil {
			return err
		}
		order.WriteString("/" + guest + "\n")
	}
	return t.Add(Entry{Path: orderFile, Mode: 0o644, Content: Bytes(order.String()), Reason: "the modules' load order"})
}

// addFiles adds the files of the host. Their permission bits are kept;
// setuid and setgid are not, since the owner becomes root.
func (s *Spec) addFiles(t *Tree) error {
	for _, f := range s.Files {
		info, err := os.Stat(f.Host)
		if err != nil {
			return fmt.Errorf("%s: %w", Clip(f.From), readError(err))
		}
		e := Entry{Path: strings.TrimPrefix(f.Guest, "/"), Mode: info.Mode().Perm(), Content: HostFile(f.Host), Reason: Clip(f.From)}
		if err := t.Add(e); err != nil {
			return err
		}
	}
	return nil
}
