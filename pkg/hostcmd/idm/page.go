package idm

import "github.com/kguest/kguest/pkg/hostcmd/verb"

// Verb returns the verb idm.
func Verb() verb.Verb {
	return verb.Verb{
		Name:  "idm",
		Line:  "asks, commands and watches a running guest",
		Usage: []string{"SOCKET VERB [flags] [arguments]"},
		About: `Idm talks to a running guest over its IDM channel. SOCKET is the Unix socket that the hypervisor made for the
channel; QEMU serves one host at a time on it.`,
		Operand: "SOCKET",
		Missing: "no socket; give the Unix socket of the guest's IDM channel",
		Define: func(f *verb.Flags) verb.Run {
			new(call).define(f)
			return nil
		},
		Verbs: members(),
		Notes: `The exit status is 0, 1 for an error, 2 for a mistake in the command line. That of exec is the command's, or
128+n where signal n killed it or mkinitramfs, which ends it, 127 where it was not found, 126 where it could not be
executed, 125 where it did not run for another reason or its end is not known, and 141 where nobody reads its output
any more, which ends it.

A host that connects ends the commands and transfers of those before it; ping and metrics, which speak version 1, do
not. A command is ended with its process group; what it started in a group of its own (setsid, a shell's jobs in the
background) runs on, until the workload ends. Stop and signal are sent also where the guest does not answer.`,
		Examples: []string{
			"idm guest.sock ping",
			"idm guest.sock metrics -json",
			"idm guest.sock exec -- cat /etc/os-release",
			"idm guest.sock exec -t -e TERM -- /bin/sh",
			"idm guest.sock stop -grace 10s -wait",
			"idm guest.sock write -mode 0600 /etc/key <key",
		},
	}
}

func members() []verb.Verb {
	return []verb.Verb{
		member("ping", "", `Says how long the guest takes to answer.`, ping),
		member("metrics", "[-json]", `Prints the metrics tree: memory, processes, cgroup, network, disks, stages of the boot.`, printMetrics),
		member("report", "[-json]", `Prints how the boot went: its state, and how long each stage took.`, report),
		member("exec", "[-t] [-e NAME[=VALUE]]... [-w DIR] -- COMMAND [ARGUMENT]...", `Runs a command beside the workload, as the
workload's user, with its environment and directory, on the standard streams.`, execute),
		member("signal", "[-all] NAME|NUMBER", `Signals the workload.`, signalWorkload),
		member("stop", "[-grace TIME] [-now] [-wait]", `Stops the workload, then the machine: the image's stop signal, and SIGKILL
after the grace.`, stop),
		member("watch", "[-json]", `Prints what happens, a line each: state, oom, ended (what, and why), and last exit, after which
it ends.`, watch),
		member("read", "PATH", `Copies a file of the guest to standard output.`, read),
		member("write", "[-mode MODE] PATH", `Copies standard input to a file of the guest. The file is replaced when all has come; it
keeps its mode unless -mode is given.`, write),
	}
}
