#!/bin/sh
# The boot as it is written by hand: one script of busybox, sed in place of a
# parser of JSON. "#: STEP" ends a step; with marks it is a line for the kernel's log.
export PATH=/bin
mkdir -p /dev /proc /sys /root /tmp /run /image /config /overlay /newroot
mount -t devtmpfs -o mode=0755,nosuid,noexec devtmpfs /dev
mount -t proc -o nosuid,noexec proc /proc
mount -t sysfs -o nosuid,noexec sysfs /sys
mount -t cgroup2 -o nosuid,noexec,relatime cgroup2 /sys/fs/cgroup
mkdir -p /dev/pts /dev/shm /dev/mqueue
mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o nosuid,noexec,mode=1777 tmpfs /dev/shm
mount -t mqueue -o nosuid,noexec mqueue /dev/mqueue
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
ln -s /proc/self/fd/1 /dev/stdout
ln -s /proc/self/fd/2 /dev/stderr
#: mounts
exec </dev/console >/dev/console 2>&1
#: console

if [ -f /order ]; then
	while read -r module; do insmod "$module"; done </order
fi
#: modules
for disk in /dev/vda /dev/vdb; do
	while [ ! -b "$disk" ]; do sleep 1; done
done
mount -t squashfs -o ro /dev/vda /image
mount -t squashfs -o ro /dev/vdb /config
#: images

launch=$(cat /config/launch.json)
image=$(cat /config/image/config.json)
field() { echo "$launch" | sed -n "s/.*$1:\"\([^\"]*\)\".*/\1/p"; }
words() { tr -d '"' | tr ',' ' '; }
list() { echo "$image" | sed -n "s/.*\"$1\":\[\([^]]*\)\].*/\1/p" | words; }
host=$(field '"hostname"')
link=$(field '"link"')
address4=$(field '"ipv4":{"address"')
gateway4=$(field '"ipv4":{[^}]*"gateway"')
address6=$(field '"ipv6":{"address"')
gateway6=$(field '"ipv6":{[^}]*"gateway"')
resolvers=$(echo "$launch" | sed -n 's/.*"nameservers":\[\([^]]*\)\].*/\1/p' | words)
variables=$(echo "$launch" | sed -n 's/.*"env":{\([^}]*\)}.*/\1/p' | sed 's/":"/=/g' | words)
entrypoint=$(list Entrypoint)
arguments=$(list Cmd)
environment=$(list Env)
#: config

mount -t tmpfs -o size=50% tmpfs /overlay
mkdir /overlay/upper /overlay/work /overlay/image
mount -o bind,ro /image /overlay/image
mount -t overlay -o noatime,lowerdir=/overlay/image,upperdir=/overlay/upper,workdir=/overlay/work overlay /newroot
mkdir -p /newroot/sys /newroot/proc /newroot/dev /newroot/etc
#: root

hostname "$host"
echo "$host" >/newroot/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$host" >/newroot/etc/hosts
#: hostname

for resolver in $resolvers; do echo "nameserver $resolver"; done >/newroot/etc/resolv.conf

ip link set lo up
ip addr add "$address4" dev "$link"
ip -6 addr add "$address6" dev "$link"
ip link set "$link" up
ip route add default via "$gateway4" dev "$link"
ip -6 route add default via "$gateway6" dev "$link"
#: network

group=/newroot/sys/fs/cgroup/krata-guest-task
mount --move /sys /newroot/sys
mount --move /proc /newroot/proc
mount --move /dev /newroot/dev
#: switch

mkdir "$group"
(
	echo 0 >"$group/cgroup.procs"
	# shellcheck disable=SC2086 # words
	exec setsid -c chroot /newroot /bin/busybox env -i $environment $variables KRATA_CONTAINER=1 TERM=linux $entrypoint $arguments
)
reboot -f
