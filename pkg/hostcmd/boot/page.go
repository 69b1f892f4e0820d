package boot

import "github.com/kguest/kguest/pkg/hostcmd/verb"

// Verbs returns boot, and the verbs that reach what it started by name.
func Verbs() []verb.Verb {
	return append([]verb.Verb{bootVerb()}, named()...)
}

func bootVerb() verb.Verb {
	return verb.Verb{
		Name:   "boot",
		Line:   "boots an image as a microVM, and ends with its command's status",
		Usage:  []string{"[flags] SOURCE|DIR [-- COMMAND...]"},
		About:  about,
		Define: define,
		Notes:  notes,
		Examples: []string{
			"boot docker://docker.io/library/debian -- cat /etc/os-release",
			"boot -t oci:layout:debian -- bash",
			"boot -name web -publish 8080:80 oci-archive:nginx.tar",
			"boot -dry-run disks",
		},
	}
}

const about = `Boots an OCI image as a microVM under QEMU, and shows what its command writes. SOURCE is what pack takes
(docker://REF, oci:DIR[:TAG], dir:DIR and so on), DIR a folder that pack made, of whose formats the one packed last is taken.
What follows -- runs in place of the image's Cmd.

Without -t the command has no terminal and empty input; its output and its errors are those of boot, byte by byte. With -t
it has a terminal, this one if there is one.`

const notes = `Ctrl-C, SIGTERM and SIGHUP ask the command to stop, by the image's StopSignal; after its grace it is killed. The second one
kills the machine. With -t all keys go to the guest; ctrl-] x stands for ctrl-C then, and ctrl-] ctrl-] for a ctrl-].

The exit status is the command's, or 128+n where signal n killed it, 127 where it was not found, 126 where it could not be
executed; 125 where the guest did not boot, for which the stage and the reason are told, 124 after -timeout, 137 where the
machine was killed; 1 for an error before it was started, or in writing what the command writes, and 2 for a mistake in the
command line.

The initramfs is built with the modules of the kernel. Its program is compiled once for each state of the sources, which needs
them and the go command; without those the last one that this mkinitramfs compiled is taken. Without mksquashfs (Debian:
squashfs-tools) the disks are an erofs, which is not compressed.

What is printed by -dry-run, -xen-config and -firecracker-config names files by absolute paths. Those made for it are in a
folder of their own in kguest/boot in the user's cache, named after their content. Nothing changes or removes them: a machine
may run from them. The socket idm.sock there is IDM's, with QEMU, for mkinitramfs idm. QEMU's network is 10.0.2.0/24: the guest is 10.0.2.15, the host 10.0.2.2, its name server 10.0.2.3.

Where $XDG_RUNTIME_DIR is not set, named guests are kept below the folder for temporary files; so is the cache, with a warning,
where the user's cannot be written.`

func define(f *verb.Flags) verb.Run {
	o := newOptions()
	o.define(f)
	return o.run
}
