// Knet configures the network of a guest, as the boot does.
//
// Synopsis:
//
//	knet -config launch.json [-root DIR] [-timeout DURATION] [-n]
//	knet -link NAME|-mac MAC [-address CIDR]... [-gateway IP]... [-nameserver IP]...
//	     [-search DOMAIN]... [-mtu BYTES] [-root DIR] [-timeout DURATION] [-n]
//	knet -show [-json]
//
// Description:
//
// Knet writes /etc/resolv.conf, brings lo up, waits for the link, sets its MTU,
// switches its GSO and TSO off, adds its addresses, brings it up and adds the
// default routes, in this order. What is so already is success. An item that
// fails is reported, and the others go on; without the link, those that need it
// are left out.
//
// Options:
//
//	-address CIDR       an address of the link and the length of its network; repeatable
//	-config FILE        take everything of the network from this launch.json
//	-gateway IP         gateway of the default route, one of each family; it need
//	                    not be in the network of an address
//	-json               with -show: print JSON
//	-link NAME          name of the link; with -mac, only preferred
//	-mac MAC            find the link by its address
//	-mtu BYTES          MTU of the link
//	-n                  print the commands that would do the same; change nothing
//	-nameserver IP      name server for resolv.conf, which without one is not
//	                    touched; repeatable
//	-root DIR           where /etc is (default /)
//	-search DOMAIN      search domain for resolv.conf; repeatable
//	-show               print links, addresses and routes
//	-timeout DURATION   how long to wait for the link (default: that of kinit.timeout=,
//	                    or 10s)
//
// Exit status:
//
// 0: everything is as asked. 1: something failed, a line on standard error for
// each. 2: wrong usage.
//
// Examples:
//
//	knet -config /config/launch.json -root /newroot
//	knet -link eth0 -address 10.0.0.2/24 -gateway 10.0.0.1 -nameserver 10.0.0.1
//	knet -show
package main

import (
	"context"
	"os"

	"github.com/kguest/kguest/pkg/guestcmd"
)

func main() {
	os.Exit(guestcmd.Main(context.Background(), guestcmd.Knet, &guestcmd.Env{
		Args:   os.Args[1:],
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}))
}
