package hostcmd

// idmPage is what `help idm` and `idm -h` print.
const idmPage = `Idm talks to a running guest over its IDM channel. SOCKET is the Unix socket
that the hypervisor made for the channel; QEMU serves one host at a time on it.

Usage:

	mkinitramfs idm SOCKET VERB [flags] [arguments]

Verbs:

	ping
		Says how long the guest takes to answer.
	metrics [-json]
		Prints the metrics tree: memory, processes, cgroup, network, disks,
		stages of the boot. With -json numbers are in their base unit.
	report [-json]
		Prints how the boot went: its state, and how long each stage took.
	exec [-t] [-e NAME[=VALUE]]... [-w DIR] -- COMMAND [ARGUMENT]...
		Runs a command beside the workload, as the workload's user, with
		its environment and directory, on the standard streams.
		-t      on a terminal in the guest, with this one in raw mode
		-e      sets a variable; without =VALUE to its value here
		-w      working directory
	signal [-all] NAME|NUMBER
		Signals the workload; with -all every process of its cgroup.
	stop [-grace TIME] [-now] [-wait]
		Stops the workload, then the machine: the image's stop signal,
		and SIGKILL after the grace.
		-grace  such as 5s; the default is the guest's own
		-now    SIGKILL at once
		-wait   waits for the end, and prints how it was
	watch [-json]
		Prints what happens, a line each: state, oom, ended (what, and
		why), and last exit, after which it ends.
	read PATH
		Copies a file of the guest to standard output.
	write [-mode 0644] PATH
		Copies standard input to a file of the guest. The file is replaced
		when all has come; it keeps its mode unless -mode is given.

Flags of each verb:

	-timeout 5s
		How long the guest may leave a request, or a piece of a file,
		without an answer. A command, and watch, run as long as they like.
	-version auto|1|2
		Of IDM. Version 1 has ping, metrics and watch. The default is 2,
		but for ping and metrics 1, and 2 after half of the timeout.

The exit status is 0, 1 for an error, 2 for a mistake in the command line. That
of exec is the command's, or 128+n where signal n killed it, 127 where it was
not found, 126 where it could not be executed, and 125 where it did not run for
another reason or its end is not known.

Examples:

	mkinitramfs idm guest.sock ping
	mkinitramfs idm guest.sock metrics -json
	mkinitramfs idm guest.sock exec -- cat /etc/os-release
	mkinitramfs idm guest.sock exec -t -e TERM -- /bin/sh
	mkinitramfs idm guest.sock stop -grace 10s -wait
	mkinitramfs idm guest.sock write -mode 0600 /etc/key <key
`
