package build

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/kconfig"
	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

const (
	// noModules is what -modules takes for a kernel that needs none.
	noModules = "none"
	// defaultVMM is whose modules go in where only a kernel was named.
	defaultVMM = "qemu"
	// modulesRoot has a folder for each kernel of this machine.
	modulesRoot = "/lib/modules"
)

// spec turns the flags into what is asked of the image.
func (a *asked) spec() (*initramfs.Spec, error) {
	files, err := a.guestFiles()
	if err != nil {
		return nil, err
	}
	if err := a.checkFolders(); err != nil {
		return nil, err
	}
	cmds, err := a.commands()
	if err != nil {
		return nil, err
	}
	modTime, err := sourceDate(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return nil, err
	}
	spec := &initramfs.Spec{
		Arch: a.arch, Commands: cmds, Files: files, Sysroot: a.sysroot, ModTime: modTime, NoManifest: a.noManifest,
		Notes: a.notes(), ModprobeDirs: a.modprobeDirs, FirmwareDirs: a.firmwareDirs, KeepSignatures: a.keepSignatures, KeepTracebacks: a.keepTracebacks,
	}
	if a.noShell {
		spec.NoShell = "-no-shell"
	}
	for _, v := range a.bases {
		spec.Bases = append(spec.Bases, initramfs.Base{Host: v.Text, From: v.From()})
	}
	if spec.KernelConfig, err = a.readConfig(a.modulesDir); err != nil {
		return nil, err
	}
	if err := a.addModules(spec); err != nil {
		return nil, err
	}
	if err := a.addKernel(spec); err != nil {
		return nil, err
	}
	return spec, a.checkBoots(spec)
}

// checkBoots refuses an image for a kernel that is known not to boot it. What
// others bring, an archive of -base or a script in place of the stages, cannot
// be known.
func (a *asked) checkBoots(spec *initramfs.Spec) error {
	if spec.KernelConfig == nil || len(spec.Bases) > 0 || len(a.stages) > 0 {
		return nil
	}
	if err := spec.KernelConfig.CheckRuns(); err != nil {
		return err
	}
	if spec.ModulesDir != "" {
		return a.checkLeft(spec)
	}
	if err := spec.KernelConfig.CheckArch(a.arch); err != nil {
		return err
	}
	err := spec.KernelConfig.CheckBuiltin(a.vmm)
	switch {
	case err == nil:
		return nil
	case a.withoutModules():
		return fmt.Errorf("%s: %w", a.from("modules"), err)
	case a.vmm != "":
		return fmt.Errorf("%s: %w", a.from("vmm"), err)
	}
	return err
}

// checkLeft refuses to leave out modules that the kernel cannot boot without.
// Where -modules adds any, the disk may be another driver's.
func (a *asked) checkLeft(spec *initramfs.Spec) error {
	vmm := cmp.Or(a.vmm, defaultVMM)
	if slices.ContainsFunc(spec.Modules, func(ask modules.Ask) bool { return !ask.Preset && !strings.HasPrefix(ask.Name, "-") }) {
		vmm = ""
	}
	err := spec.KernelConfig.CheckBrings(vmm, func(module string) bool { return modules.Brings(spec.Modules, module) })
	if err != nil {
		return fmt.Errorf("%s: %w", a.from("modules"), err)
	}
	return nil
}

// notes returns what the manifest says in place of the values that have a path
// of this host, or are from a configuration file: the names, not the folders.
func (a *asked) notes() map[string]string {
	notes := make(map[string]string)
	for _, def := range a.flags.All() {
		for _, v := range a.flags.Given(def.Name) {
			near := cmp.Or(v.Near, v.At)
			notes[v.From()] = near + " " + def.Named(v.Text)
			notes[v.At] = near
		}
	}
	maps.DeleteFunc(notes, func(from, note string) bool { return from == note })
	return notes
}

// checkFolders returns an error for a folder that was asked for and is not
// there, whether or not anything of it would go in.
func (a *asked) checkFolders() error {
	for _, name := range []string{"modules-dir", "modprobe-d", "firmware-dir", "sysroot"} {
		for _, v := range a.flags.Given(name) {
			if err := initramfs.CheckFolder(v.Text, name == "modprobe-d"); err != nil {
				return fmt.Errorf("%s: %w", v.From(), err)
			}
		}
	}
	return nil
}

// readConfig reads the configuration of the guest's kernel, which may be beside
// that or its modules. It is nil, without an error, where there is none.
func (a *asked) readConfig(modulesDir string) (*kconfig.Config, error) {
	if a.kernelConfig == "" {
		return kconfig.Find(a.kernel, modulesDir)
	}
	c, err := kconfig.Read(a.kernelConfig)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", a.from("kernel-config"), err)
	}
	return c, nil
}

// addKernel checks what the guest's kernel says of itself.
func (a *asked) addKernel(spec *initramfs.Spec) (err error) {
	if a.kernel != "" {
		if err := a.checkImage(spec.ModulesDir); err != nil {
			return fmt.Errorf("%s: %w", a.from("kernel"), err)
		}
	}
	if spec.KernelConfig == nil {
		spec.KernelConfig, err = a.readConfig(spec.ModulesDir)
	}
	if err != nil || spec.KernelConfig == nil {
		return err
	}
	if err := spec.KernelConfig.CheckInitramfs(initramfs.Compression(a.compress).Name()); err != nil {
		return fmt.Errorf("%s: %w", a.from("compress"), err)
	}
	return nil
}

// checkImage returns an error where -kernel is for another architecture than
// the image, or has other modules.
func (a *asked) checkImage(modulesDir string) error {
	image, err := kconfig.ReadImage(a.kernel)
	if err == nil {
		err = image.CheckArch(a.arch)
	}
	if err == nil && modulesDir != "" {
		err = image.CheckModules(modulesDir)
	}
	return err
}

// from is where the value of a flag was given.
func (a *asked) from(name string) string {
	given := a.flags.Given(name)
	if len(given) == 0 {
		return "-" + name + " (the default)"
	}
	return given[len(given)-1].From()
}

// addModules asks for the modules of the preset and of -modules.
func (a *asked) addModules(spec *initramfs.Spec) error {
	asks, err := a.moduleAsks()
	if err != nil || a.withoutModules() || a.modulesDir == "" && a.vmm == "" && len(asks) == 0 {
		return err
	}
	if spec.ModulesDir, err = a.findModulesDir(spec.KernelConfig); err != nil {
		return err
	}
	vmm, from := a.vmm, fmt.Sprintf("-vmm %s (the default)", defaultVMM)
	if vmm == "" {
		vmm = defaultVMM
	} else {
		from = a.from("vmm")
	}
	preset, err := modules.Preset(vmm, from)
	spec.Modules = append(preset, asks...)
	return err
}

// withoutModules reports whether the last -modules is none.
func (a *asked) withoutModules() bool {
	return len(a.modules) > 0 && a.modules[len(a.modules)-1].Text == noModules
}

// moduleAsks returns what -modules lists after the last none.
func (a *asked) moduleAsks() ([]modules.Ask, error) {
	var asks []modules.Ask
	for _, v := range a.modules {
		if v.Text == noModules {
			asks = nil
			continue
		}
		for name := range strings.SplitSeq(v.Text, ",") {
			if err := checkModule(name); err != nil {
				return nil, wrong(v, err)
			}
			asks = append(asks, modules.Ask{Name: name, From: v.At})
		}
	}
	return asks, nil
}

func checkModule(name string) error {
	bare := strings.TrimPrefix(name, "-")
	switch {
	case bare == "":
		return fmt.Errorf("empty name in the list")
	case bare == noModules:
		return fmt.Errorf("none stands alone")
	case strings.ContainsAny(bare, "/ ") || strings.Contains(bare, ".ko"):
		return fmt.Errorf("%q is not a module's name; give it without folder and suffix", name)
	}
	return nil
}

// findModulesDir returns -modules-dir or, without it, the folder of the kernel
// that runs this machine, unless the guest's is known to load none.
func (a *asked) findModulesDir(c *kconfig.Config) (string, error) {
	if a.modulesDir != "" || c != nil && !c.Modules() {
		return a.modulesDir, nil
	}
	release, err := kernelRelease()
	if err != nil {
		return "", fmt.Errorf("find this machine's kernel: %w; give -modules-dir DIR", err)
	}
	return machineModules(modulesRoot, release)
}

// machineModules returns the modules folder in root of the kernel release.
func machineModules(root, release string) (string, error) {
	dir := filepath.Join(root, release)
	if _, err := os.Stat(dir); err != nil {
		return "", fmt.Errorf("find the modules of this machine's kernel: %w; give -modules-dir DIR, or -modules none for a kernel that needs none", err)
	}
	return dir, nil
}

// sourceDate parses SOURCE_DATE_EPOCH
// (https://reproducible-builds.org/specs/source-date-epoch/).
func sourceDate(value string) (int64, error) {
	if value == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("environment variable SOURCE_DATE_EPOCH=%q: want seconds since 1970, less than 2^32; set it right or unset it", value)
	}
	return int64(seconds), nil
}

// check is a usage error where the flags do not go together.
func (a *asked) check(args verb.Args) error {
	if err := args.None(); err != nil {
		return err
	}
	switch {
	case a.cache != "" && a.noCache:
		return verb.Usagef("-cache and -no-cache are both given; leave one out")
	case a.plan && a.verify:
		return verb.Usagef("-plan writes no image that -verify could check; leave one out")
	case a.out == "" && !a.plan && !a.printConfig:
		return verb.Usagef("no output file; give -o FILE")
	}
	return nil
}
