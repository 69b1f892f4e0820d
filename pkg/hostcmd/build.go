package hostcmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
)

const (
	// noModules is what -modules takes for a kernel that needs none.
	noModules = "none"
	// defaultVMM is whose modules go in where only a kernel was named.
	defaultVMM = "qemu"
	// modulesRoot has a folder for each kernel of this machine.
	modulesRoot = "/lib/modules"
)

func buildVerb() verb {
	return verb{name: "build", line: "makes an initramfs", page: buildPage, run: build}
}

func build(ctx context.Context, args []string, s Streams) error {
	f, err := parseBuildFlags(args)
	if err != nil {
		return err
	}
	spec, err := f.spec()
	if err != nil {
		return err
	}
	if _, err := outputTarget(f.out); err != nil {
		return err
	}
	if err := spec.Check(); err != nil {
		return err
	}
	wd, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("find working directory: %w", err)
	}
	src, err := multicall.Find(ctx, wd)
	if err != nil {
		return err
	}
	b := initramfs.Builder{Source: src, Progress: progress(s.Stderr)}
	var report initramfs.Report
	size, err := writeFile(f.out, func(w io.Writer) (err error) {
		report, err = b.Build(ctx, spec, initramfs.Compression(f.compress), w)
		return err
	})
	b.Progress("")
	if err != nil {
		return err
	}
	return printReport(s, f, spec, size, report)
}

// spec turns the flags into what is asked of the image.
func (f *buildFlags) spec() (*initramfs.Spec, error) {
	files, err := f.guestFiles()
	if err != nil {
		return nil, err
	}
	modTime, err := sourceDate(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return nil, err
	}
	spec := &initramfs.Spec{Arch: f.arch, Commands: f.commands(), Files: files, ModTime: modTime}
	return spec, f.addModules(spec)
}

// addModules asks for the modules of the preset and of -modules.
func (f *buildFlags) addModules(spec *initramfs.Spec) error {
	names, err := f.moduleNames()
	if err != nil {
		return err
	}
	if len(names) == 1 && names[0] == noModules {
		return nil
	}
	if f.modulesDir == "" && f.vmm == "" && len(names) == 0 {
		return nil
	}
	if spec.ModulesDir, err = f.findModulesDir(); err != nil {
		return err
	}
	vmm := f.vmm
	if vmm == "" {
		vmm = defaultVMM
	}
	if spec.Modules, err = modules.Preset(vmm, f.fromVMM()); err != nil {
		return err
	}
	for _, name := range names {
		spec.Modules = append(spec.Modules, modules.Ask{Name: name, From: "-modules"})
	}
	return nil
}

// findModulesDir returns -modules-dir or, without it, the folder of the kernel
// that runs this machine.
func (f *buildFlags) findModulesDir() (string, error) {
	if f.modulesDir != "" {
		return f.modulesDir, nil
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

// progress returns a function that shows the current step on one line of a
// terminal, and clears it for "". Elsewhere it is silent.
func progress(w io.Writer) func(string) {
	if !isTerminal(w) {
		return func(string) {}
	}
	return func(msg string) {
		if msg != "" {
			msg += " ..."
		}
		fmt.Fprintf(w, "\r\x1b[K%s", msg)
	}
}

func printReport(s Streams, f *buildFlags, spec *initramfs.Spec, size int64, r initramfs.Report) error {
	if spec.ModulesDir == "" && f.modules != noModules {
		fmt.Fprintf(s.Stderr, "%s: no kernel modules in the image; -modules-dir DIR puts them in, -modules none says that the kernel needs none\n", program)
	}
	if len(r.Missing) > 0 {
		fmt.Fprintf(s.Stderr, "%s: left out, as this kernel has no such modules: %s\n", program, strings.Join(r.Missing, " "))
	}
	_, err := fmt.Fprintf(s.Stdout, "%s: %s bytes, %s, %d commands, %d modules, %d files\n",
		f.out, strconv.FormatInt(size, 10), spec.Arch, len(r.Commands), len(r.Modules), len(spec.Files))
	return err
}
