package hostcmd

// buildPage is what `help build` and `build -h` print.
const buildPage = `Build makes an initramfs: one program with kguest's commands (kinit, kmount,
kroot, knet, kexec-guest), /init, and a kernel's modules in load order.

Usage:

	mkinitramfs build -o FILE [flags]

Flags:

	-o FILE
		Where to write. FILE is whole or untouched. It must be given. Of a
		symbolic link, the file that it leads to is written, and made
		where there is none; a device, a pipe or - is refused.
	-profile minimal
		What is in the image besides what the other flags ask for:
		minimal is kguest's commands. It is the only one so far.
	-arch amd64|arm64|riscv64
		Of the guest. The default is this machine's.
	-modules-dir DIR
		The modules of the guest's kernel: a folder like
		/lib/modules/VERSION, with depmod's modules.dep in it. Without it,
		-vmm and -modules take those of this machine's kernel.
	-vmm qemu|xen|firecracker|all
		Puts in the modules of that hypervisor's devices, and squashfs,
		erofs, ext4 and overlay. With -modules-dir or -modules the
		default is qemu. What the kernel has built in is left out; so,
		with a warning, is what it lacks and can do without.
	-modules NAME[,NAME]...
		Puts in these modules too, and what they need. "none" means no
		modules at all, whatever the other flags say: for a kernel that
		has all of it built in.
		Without -modules-dir, -vmm and -modules there are none either.
	-compress none|lz4|zstd|gzip|xz
		The default is none, which boots fastest.
	-cmd NAME
		Adds a command: one of u-root's by its name (ls), any other by
		its Go import path, as known to the module of the working
		directory. May be given several times.
	-file HOST:GUEST
		Adds the file HOST as GUEST, an absolute path; owned by root,
		with HOST's permission bits. GUEST cannot be below /dev, /proc,
		/run or /sys, which the boot mounts over. May be given several
		times.

The same input gives the same bytes. File times are SOURCE_DATE_EPOCH's, or 0.
It needs the go command, and no root.

The exit status is 0, 1 for an error, 2 for a mistake in the flags.

Example:

	mkinitramfs build -o initramfs.cpio -modules-dir /lib/modules/$(uname -r) -vmm qemu -cmd ls
`
