package build

import (
	"runtime"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// asked is what the flags and the configuration ask for.
type asked struct {
	flags *verb.Flags // that the values are from

	out, config, arch, compress string
	noManifest                  bool
	bases                       []verb.Value

	profile  string
	cmds     []verb.Value
	programs []verb.Value

	keepTracebacks bool

	kernel, kernelConfig, modulesDir, vmm string
	modules                               []verb.Value
	modprobeDirs, firmwareDirs            []string
	keepSignatures                        bool

	files, dirs, symlinks, hardLinks, nodes, fifos []verb.Value
	sysroot                                        string
	asIs                                           bool

	hooks, stages []verb.Value
	noShell       bool

	plan, printConfig, verify, asJSON, verbose bool
	cache                                      string
	noCache                                    bool
}

func (a *asked) defaults() {
	a.arch, a.compress, a.profile = runtime.GOARCH, string(initramfs.None), minimal
}

func (a *asked) defineOutput(f *verb.Flags) {
	f.String(&a.out, "o", "FILE", `Where to write. FILE is whole or untouched. Of a symbolic link, the file that it leads to is
written, and made where there is none; a device, a pipe or - is refused.`)
	f.String(&a.config, "config", "FILE", `Reads flags from FILE; see below.`)
	f.Choice(&a.arch, "arch", multicall.Arches(), `Of the guest. The default is this machine's.`)
	f.Checked(&a.compress, "compress", "NAME[:LEVEL]", initramfs.Compressions(), `The compression: none, lz4 (levels 1 to 6), zstd (1, 3, 7
or 11), gzip (1 to 9) or xz (0 to 2). A higher level is smaller and slower; without one it is lz4:6, zstd:11, gzip:9, xz:1.
The default is none, which boots fastest; lz4 is next.`, func(text string) error {
		return initramfs.Compression(text).Check()
	})
	f.Values(&a.bases, "base", "FILE", `Puts the archives in FILE before the image's own, whole and as they are: microcode, or an
initramfs whose files the image's replace. May be given several times.`)
	f.Bool(&a.noManifest, "no-manifest", `Leaves out /etc/kguest/manifest.json, which says of each file where it is from and
why it is there.`)
}

func (a *asked) defineCommands(f *verb.Flags) {
	f.Choice(&a.profile, "profile", profiles(), `The commands besides those of -cmd: minimal is kguest's own; rescue adds a
shell (gosh) and u-root's commands for disks, networks, processes and files.`)
	f.Values(&a.cmds, "cmd", "COMMAND", `Adds a command: one of u-root's by its name (ls), any other by its Go import path
(example.com/mine/cmds/probe) or its folder (./cmds/probe). That of a folder is compiled by the
go.mod of its module; an import path must be known to the module of the working directory. A module that neither is
kguest nor requires it makes a program of its own in the image. May be given several times.`)
	f.Bool(&a.keepTracebacks, "keep-tracebacks", `Keeps kguest's own program whole. By default it is 0.9 MB smaller: should it
crash, what it prints names kguest's functions alone, and no lines.`)
	f.Values(&a.programs, "program", "PROGRAM[:GUEST]", `Adds an ELF program of this machine with its shared libraries, found along
PATH where it is a name alone. GUEST is where it was here, unless it is given. May be given several times.`)
}

func (a *asked) defineModules(f *verb.Flags) {
	f.String(&a.kernel, "kernel", "FILE", `The guest's kernel, to check that it is for -arch, that it has the modules, and that it
can unpack the image.`)
	f.String(&a.kernelConfig, "kernel-config", "FILE", `Its configuration, as in /boot/config-VERSION. Without it, the one beside
-kernel or of -modules-dir is taken where there is one.`)
	f.String(&a.modulesDir, "modules-dir", "DIR", `The modules of the guest's kernel: a folder like /lib/modules/VERSION, with
depmod's modules.dep in it. Without it, -vmm and -modules take those of this machine's kernel.`)
	f.Choice(&a.vmm, "vmm", modules.VMMs(), `Puts in the modules of that hypervisor's devices, and squashfs, erofs, ext4 and
overlay. With -modules-dir or -modules the default is qemu. What the kernel has built in is left out; so, with a
warning, is what it lacks and can do without.`)
	f.Values(&a.modules, "modules", "NAME[,NAME]...", `Puts in these modules too, and what they need. NAME may be a pattern
(nvme*) or an alias (fs-btrfs); -NAME leaves modules out that a preset or a pattern brings. "none" means no modules at
all, whatever the other flags say: for a kernel that has all of it built in. Without -modules-dir, -vmm and -modules
there are none either. May be given several times.`)
	f.List(&a.modprobeDirs, "modprobe-d", "DIR", `Takes the modules' options, aliases, soft dependencies and blacklist from DIR,
a folder like /etc/modprobe.d, or from one file. Without it there are none. May be given several times.`)
	f.List(&a.firmwareDirs, "firmware-dir", "DIR", `Puts in the firmware that the modules name, from DIR, a folder like
/lib/firmware. May be given several times; the first that has a file counts.`)
	f.Bool(&a.keepSignatures, "keep-module-signatures", `Keeps the modules as they are. By default signatures, BTF and what only
tracers read are cut where the kernel's configuration does not enforce signatures: they are most of what a stock
kernel's boot costs. Without them the kernel is tainted (E), ftrace does not see the modules, and a trace of the stack
marks their functions by "?".`)
}

func (a *asked) defineFiles(f *verb.Flags) {
	f.Values(&a.files, "file", "HOST:GUEST[:MODE[:OWNER]]", `Adds the file or folder HOST, with all that is in it, as GUEST, an
absolute path. MODE is octal (0644), or empty for HOST's; of a folder it is that folder's alone. OWNER is UID:GID (the
default is 0:0), or "keep" for HOST's. Links in a folder stay links. A program brings its shared libraries. GUEST
cannot be below /dev, /proc, /run or /sys, which the boot mounts over. May be given several times.`)
	f.Values(&a.dirs, "mkdir", "GUEST[:MODE[:OWNER]]", `Adds an empty folder (0755). May be given several times.`)
	f.Values(&a.symlinks, "symlink", "TARGET:GUEST", `Adds a symbolic link GUEST that leads to TARGET. May be given several
times.`)
	f.Values(&a.hardLinks, "hardlink", "TARGET:GUEST", `Adds GUEST as a further name of the image's file TARGET. May be given
several times.`)
	f.Values(&a.nodes, "node", "GUEST:c|b:MAJOR:MINOR[:MODE[:OWNER]]", `Adds a node of a character or block device (0600). May be
given several times.`)
	f.Values(&a.fifos, "fifo", "GUEST[:MODE[:OWNER]]", `Adds a named pipe (0600). May be given several times.`)
	f.Bool(&a.asIs, "as-is", `Adds -file's programs without their shared libraries, and scripts without a check that their
interpreter is in the image.`)
	f.String(&a.sysroot, "sysroot", "DIR", `Where shared libraries are looked for: the root of a system of the guest's
architecture. The default is /.`)
}

func (a *asked) defineBoot(f *verb.Flags) {
	f.Values(&a.hooks, "hook", "before|after-STAGE[/NAME]=FILE", `Has the boot run FILE, a script or program, before or after a
stage; of several in the order of their names. NAME is FILE's own unless it is given; where it ends in .optional the
script may fail. The stages are mounts, console, modules, idm, images, config, root, hostname, network, switch and run;
nothing can be run after switch. May be given several times.`)
	f.Values(&a.stages, "stage", "STAGE=FILE", `Has the boot run FILE in place of a stage before switch. May be given several
times.`)
	f.Bool(&a.noShell, "no-shell", `No shell for a person, whatever the kernel's command line says (kinit.rescue, kinit.break, rdinit).
A shell that something else brings into the image is an error, so that scripts are programs that need none.`)
}

func (a *asked) defineActions(f *verb.Flags) {
	f.Bool(&a.plan, "plan", `Prints what would be in the image, why, how large it is and how much of the guest's memory it
holds, and writes no image.`)
	f.Bool(&a.printConfig, "print-config", `Prints what the flags and the configuration come to, as a configuration file whose
comments say where each value is from, and does no more.`)
	f.Bool(&a.verify, "verify", `Builds a second time, elsewhere and without what is kept, and fails where the bytes differ.`)
	f.Bool(&a.asJSON, "json", `Prints the result, or the plan, as JSON.`)
	f.String(&a.cache, "cache", "DIR", `Where compiled commands, and modules unpacked and cut, are kept. The default is kguest in the
user's cache folder (XDG_CACHE_HOME, or ~/.cache).`)
	f.Bool(&a.noCache, "no-cache", `Keeps nothing, and takes nothing that was kept.`)
	f.Bool(&a.verbose, "v", `Says on standard error how long each step took.`)
}
