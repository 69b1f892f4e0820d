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
(docker://REF, oci:DIR[:TAG], dir:DIR and so on), DIR a folder that pack made. What follows -- runs in place of the image's
Cmd.

Without -t the command has no terminal and empty input; its output and its errors are those of boot, byte by byte. With -t
it has a terminal, this one if there is one.`

const notes = `Ctrl-C, SIGTERM and SIGHUP ask the command to stop, by the image's StopSignal; after its grace it is killed. The second one
kills the machine. With -t all keys go to the guest; ctrl-] x stands for ctrl-C then, and ctrl-] ctrl-] for a ctrl-].

The exit status is the command's, or 128+n where signal n killed it, 127 where it was not found, 126 where it could not be
executed; 125 where the guest did not boot, for which the stage and the reason are told, 124 after -timeout, 137 where the
machine was killed; 1 for an error before it was started, and 2 for a mistake in the command line.

The initramfs is built with the modules of the kernel, once for each state of the sources and the kernel; that needs the go
command. QEMU's network is 10.0.2.0/24: the guest is 10.0.2.15, the host 10.0.2.2, its name server 10.0.2.3.

Where $XDG_RUNTIME_DIR is not set, named guests are kept below the folder for temporary files.`

func define(f *verb.Flags) verb.Run {
	o := newOptions()
	o.define(f)
	return o.run
}
