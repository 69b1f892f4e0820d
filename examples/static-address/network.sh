#!/bin/gosh
# In place of the stage network: addresses from the kernel parameters ip=, one
# for each link, as in the kernel's Documentation/admin-guide/nfs/nfsroot.rst:
#
#	ip=ADDRESS::GATEWAY:NETMASK::LINK:none:NAMESERVER:NAMESERVER
#
# Without any, launch.json counts, as it does without this script.

fail() {
	echo "network: $*" >&2
	exit 1
}

# prefix NETMASK: the length of its prefix.
prefix() {
	bits=0
	whole=0 # bits if every octet up to here were 255
	for octet in $(echo "$1" | tr . ' '); do
		[ "$octet" = 0 ] || [ "$bits" = "$whole" ] || fail "netmask $1: its ones are not all on the left"
		case $octet in
		255) bits=$((bits + 8)) ;;
		254) bits=$((bits + 7)) ;;
		252) bits=$((bits + 6)) ;;
		248) bits=$((bits + 5)) ;;
		240) bits=$((bits + 4)) ;;
		224) bits=$((bits + 3)) ;;
		192) bits=$((bits + 2)) ;;
		128) bits=$((bits + 1)) ;;
		0) ;;
		*) fail "netmask $1: not one such as 255.255.255.0" ;;
		esac
		whole=$((whole + 8))
	done
	[ "$whole" = 32 ] || fail "netmask $1: not one such as 255.255.255.0"
}

# next: the next field of $rest, which may be empty. (gosh's read leaves out empty
# fields.)
next() {
	case $rest in
	*:*) field=${rest%%:*} rest=${rest#*:} ;;
	*) field=$rest rest= ;;
	esac
}

# configure PARAMETER: what follows ip=.
configure() {
	rest=$1
	next; address=$field
	next # the server is for a root on NFS
	next; gateway=$field
	next; netmask=$field
	next # the host's name is launch.json's
	next; link=${field:-eth0}
	next; method=$field
	next; dns0=$field
	next; dns1=$field
	case $method in
	'' | none | off | static) ;;
	*) fail "ip=$1: method $method: give none; this image has no other" ;;
	esac
	[ -n "$netmask" ] || fail "ip=$1: give ADDRESS::GATEWAY:NETMASK::LINK:none"
	prefix "$netmask"
	set -- -root "$KINIT_ROOT" -link "$link" -address "$address/$bits"
	[ -z "$gateway" ] || set -- "$@" -gateway "$gateway"
	[ -z "$dns0" ] || set -- "$@" -nameserver "$dns0"
	[ -z "$dns1" ] || set -- "$@" -nameserver "$dns1"
	knet "$@" || fail "ip= of $link"
}

read -r parameters </proc/cmdline
given=no
for word in $parameters; do
	case $word in
	ip=*)
		given=yes
		configure "${word#ip=}"
		;;
	esac
done
[ $given = yes ] || exec knet -root "$KINIT_ROOT" -config "$KINIT_CONFIG/launch.json"
