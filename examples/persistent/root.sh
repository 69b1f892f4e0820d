#!/bin/gosh
# In place of the stage root: the writable layer is on a disk of its own (ext4) and
# stays from boot to boot.

disk=/dev/vdc
# kinit ends what is mounted below the root that it leaves: /run goes there with it.
layer=/run/layer

fail() {
	echo "root: $*" >&2
	exit 1
}

kmount modules # overlay's too, which kinit loads when it mounts one itself

tries=0
until [ -b $disk ]; do
	tries=$((tries + 1))
	[ $tries -le 100 ] || fail "no disk $disk after 10 s"
	sleep 0.1
done
mkdir -p $layer || fail "make $layer"
mount -t ext4 -o noatime $disk $layer || fail "$disk has no ext4: mkfs.ext4 on the host makes one"

# What is on it belongs to one image: overlayfs says nothing where another is below.
# (The status of u-root's cmp -s is always 0.)
mark=$layer/image.json
if [ -e $mark ]; then
	cmp $mark "$KINIT_CONFIG/image/config.json" >/dev/null 2>&1 || fail "$disk was written over another image"
else
	cp "$KINIT_CONFIG/image/config.json" $mark.new && mv $mark.new $mark || fail "write $mark"
fi

if ! [ -d $layer/upper ]; then # its mode becomes that of /
	mkdir $layer/upper && chmod --reference "$KINIT_IMAGE" $layer/upper || fail "make $layer/upper"
fi
mkdir -p $layer/work "$KINIT_ROOT" || fail "make $layer/work"
exec mount -t overlay -o "noatime,lowerdir=$KINIT_IMAGE,upperdir=$layer/upper,workdir=$layer/work" layer "$KINIT_ROOT"
