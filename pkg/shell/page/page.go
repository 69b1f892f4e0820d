// Package page has the manual page of boot-shell, for those who print it without
// being the shell.
package page

// Name is the command's.
const Name = "boot-shell"

// Text is the page.
const Text = `Boot-shell is the shell of a boot that stands: that of kinit.break and kinit.rescue.

Synopsis:

	boot-shell [-n]
	boot-shell [-n] FILE [ARG...]
	boot-shell [-n] -c COMMANDS [NAME [ARG...]]

On a terminal it edits lines (arrows, ctrl-A, ctrl-E, ctrl-R; tab completes
commands and files) and has jobs: ctrl-C ends what runs in the foreground and not
the shell, ctrl-Z stops it, and COMMAND & runs it in the background. The rest of a
line whose command was ended or stopped is left out.

	jobs           lists the jobs
	fg [%N]        continues a job in the foreground; without N, the last one
	bg [%N]        continues it in the background
	kill [-S] %N   signals a job
	wait [%N]      waits for a job; without N, for all
	help           prints this page

It speaks POSIX shell and much of bash. Leaving it (exit, ctrl-D) does what the boot
said when it opened it; as the first process (rdinit=/bin/boot-shell) it powers the
machine off.

Options:

	-c COMMANDS  run COMMANDS; NAME is $0
	-n           read the commands, say what is wrong with them, and run nothing

Exit status: that of the last command; 2 for a wrong call, or commands that it
cannot read.

Examples:

	boot-shell
	boot-shell -n /etc/kinit/network
	boot-shell -c 'echo $1' name one
`
