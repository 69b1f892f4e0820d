#!/bin/gosh
# In place of the stage images: image and config come only through dm-verity, from
# disks that match the root hashes in the kernel parameters
#
#	verity.image=ROOTHASH verity.config=ROOTHASH
#
# Whoever can change these can boot anything: they are to be vouched for together
# with kernel and initramfs.

fail() {
	echo "images: $*" >&2
	exit 1
}

image_hash='' config_hash=''
for word in $(cat /proc/cmdline); do
	case $word in
	verity.image=*) image_hash=${word#*=} ;;
	verity.config=*) config_hash=${word#*=} ;;
	esac
done
image=$(verity image /dev/vda /dev/vdc "$image_hash") || fail "verity.image=$image_hash"
config=$(verity config /dev/vdb /dev/vdd "$config_hash") || fail "verity.config=$config_hash"
exec kmount images -image "$image" -config "$config"
