#!/bin/gosh
# A boot as a script: what kinit does, stage by stage, and room to do it another
# way. Put it in the image and make it the first process:
#
#	mkinitramfs build -o boot.cpio -modules-dir /lib/modules/$(uname -r) -cmd gosh -file boot.sh:/boot.sh
#	... -initrd boot.cpio -append "console=ttyS0 rdinit=/boot.sh"
#
# It runs in gosh and in any POSIX shell. Its commands go by the kernel parameters that
# kinit goes by (kinit.image, kinit.config, kinit.timeout, kinit.overlay.size, and with
# kexec-guest -end the rest), but for those of kinit's own scripts and shells:
# kinit.break, kinit.rescue, kinit.hook.timeout.
export PATH=/bin

# fail STAGE: says so and ends the machine; the first process must not exit.
fail() {
	echo "boot.sh: stage $1 failed" >&2
	exec kexec-guest -end # its exit line has the reason: what is missing
}

kmount kernel || fail mounts
kmount modules -needed # what does not load is named; the disks will tell
kmount images || fail images
kroot || fail root
knet -config /config/launch.json -root /newroot # each item that fails is named

# The rest is the first process's own: the IDM channel, the configuration, the
# hostname, the switch of the root, the command and its end.
exec kexec-guest -end
