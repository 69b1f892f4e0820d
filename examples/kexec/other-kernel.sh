#!/bin/gosh
# DISK=/dev/NAME [MORE=PARAMETERS] other-kernel: boots /vmlinuz with /initramfs.cpio of
# that disk, with this kernel's parameters and MORE, but without kinit.break, which would
# stop it again. (gosh hands a script no arguments.)

fail() {
	echo "other-kernel: $*" >&2
	exit 1
}

[ -n "$DISK" ] || fail "usage: DISK=/dev/NAME [MORE=PARAMETERS] other-kernel"
folder=/run/other-kernel
mkdir -p $folder
kmount "$DISK" $folder || fail "$DISK"

parameters=
for word in $(cat /proc/cmdline) $MORE; do
	case $word in
	kinit.break=*) ;;
	*) parameters="$parameters $word" ;;
	esac
done
kexec -l -i $folder/initramfs.cpio -c "${parameters# }" $folder/vmlinuz || fail "load $folder/vmlinuz"
umount $folder
sync
kexec -e
