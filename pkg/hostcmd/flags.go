package hostcmd

import (
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
	"github.com/kguest/kguest/initramfs/nearest"
)

// buildFlags are build's flags as given; Out alone must be.
type buildFlags struct {
	out        string
	profile    string
	arch       string
	modulesDir string
	modules    string
	vmm        string
	compress   string
	cmds       []string
	files      []string
}

func profiles() []string { return []string{"minimal"} }

func parseBuildFlags(args []string) (*buildFlags, error) {
	f := new(buildFlags)
	fs := flag.NewFlagSet("build", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&f.out, "o", "", "")
	fs.StringVar(&f.profile, "profile", "minimal", "")
	fs.StringVar(&f.arch, "arch", runtime.GOARCH, "")
	fs.StringVar(&f.modulesDir, "modules-dir", "", "")
	fs.StringVar(&f.modules, "modules", "", "")
	fs.StringVar(&f.vmm, "vmm", "", "")
	fs.StringVar(&f.compress, "compress", string(initramfs.None), "")
	fs.Func("cmd", "", func(s string) error { f.cmds = append(f.cmds, s); return nil })
	fs.Func("file", "", func(s string) error { f.files = append(f.files, s); return nil })
	if err := fs.Parse(args); err != nil {
		return nil, flagError(fs, err)
	}
	if fs.NArg() > 0 {
		return nil, usagef("unexpected argument %q", fs.Arg(0))
	}
	return f, f.check()
}

// flagError makes err a usage error, and names the flag that an unknown one
// is nearest to.
func flagError(fs *flag.FlagSet, err error) error {
	if err == flag.ErrHelp { //nolint:errorlint // Parse returns it as it is
		return err
	}
	name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !ok {
		return usagef("%v", err)
	}
	var have []string
	fs.VisitAll(func(f *flag.Flag) { have = append(have, f.Name) })
	if near := nearest.Name(name, have); near != "" {
		return usagef("unknown flag -%s; did you mean -%s?", name, near)
	}
	return usagef("unknown flag -%s", name)
}

func (f *buildFlags) check() error {
	if f.out == "" {
		return usagef("no output file; give -o FILE")
	}
	choices := []struct {
		flag, value string
		have        []string
	}{
		{"profile", f.profile, profiles()},
		{"arch", f.arch, multicall.Arches()},
		{"vmm", f.vmm, append(modules.VMMs(), "")},
		{"compress", f.compress, initramfs.Compressions()},
	}
	for _, c := range choices {
		if !slices.Contains(c.have, c.value) {
			return usagef("-%s %q: want %s%s", c.flag, c.value, strings.Join(nonempty(c.have), ", "), nearest.Hint(c.value, c.have))
		}
	}
	for _, cmd := range f.cmds {
		if err := multicall.CheckName(cmd); err != nil {
			return usagef("-cmd %s: %v", cmd, err)
		}
	}
	return nil
}

func nonempty(list []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == "" })
}

// guestFiles splits each -file HOST:GUEST at the last colon that a slash
// follows: a host path may have colons of its own.
func (f *buildFlags) guestFiles() ([]initramfs.File, error) {
	var files []initramfs.File
	for _, arg := range f.files {
		i := strings.LastIndex(arg, ":/")
		if i <= 0 {
			return nil, usagef("-file %q: want HOST:GUEST, a path here and an absolute path in the guest", arg)
		}
		files = append(files, initramfs.File{Host: arg[:i], Guest: arg[i+1:], From: "-file " + arg})
	}
	return files, nil
}

func (f *buildFlags) commands() []multicall.Ask {
	var asks []multicall.Ask
	for _, name := range f.cmds {
		asks = append(asks, multicall.Ask{Name: name, From: "-cmd " + name})
	}
	return asks
}

// moduleNames returns what -modules lists.
func (f *buildFlags) moduleNames() ([]string, error) {
	if f.modules == "" {
		return nil, nil
	}
	names := strings.Split(f.modules, ",")
	for _, name := range names {
		switch {
		case name == "":
			return nil, usagef("-modules %q: empty name in the list", f.modules)
		case name == noModules && len(names) > 1:
			return nil, usagef("-modules %q: none stands alone", f.modules)
		case strings.ContainsAny(name, "/ ."):
			return nil, usagef("-modules %q: %q is not a module's name; give it without folder and suffix", f.modules, name)
		}
	}
	return names, nil
}

// fromVMM says where the preset was asked for.
func (f *buildFlags) fromVMM() string {
	if f.vmm != "" {
		return "-vmm " + f.vmm
	}
	return fmt.Sprintf("-vmm %s (the default)", defaultVMM)
}
