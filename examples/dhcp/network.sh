#!/bin/gosh
# In place of the stage network: address, route and name servers by DHCP.

link=eth0
found=/etc/resolv.conf # dhclient's, in the initramfs

fail() {
	echo "network: $*" >&2
	exit 1
}

knet -link $link || fail "no link $link"
rm -f $found
dhclient -ipv6=false -timeout 5 -retry 4 "^$link\$"
# dhclient's status is 0 whatever happens; its file comes last, after the route.
[ -e $found ] || fail "no answer to DHCP on $link"

# The image's resolv.conf is written by knet, which no symbolic link of the image
# leads elsewhere.
set --
while read -r keyword values; do
	case $keyword in
	nameserver) set -- "$@" -nameserver "$values" ;;
	domain | search)
		for domain in $values; do
			set -- "$@" -search "$domain"
		done
		;;
	esac
done <$found
case "$*" in
*-nameserver*) exec knet -root "$KINIT_ROOT" "$@" ;;
esac
