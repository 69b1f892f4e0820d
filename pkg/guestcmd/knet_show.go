package guestcmd

import (
	"errors"
	"fmt"
	"io"

	"github.com/kguest/kguest/pkg/jsontok"
	"github.com/kguest/kguest/pkg/netconf"
	"github.com/kguest/kguest/pkg/rescue"
)

// knetShow prints what could be read, even where some could not.
func knetShow(w io.Writer, asJSON bool) error {
	state, err := netconf.Read()
	if asJSON {
		out := jsontok.Writer{Indent: "  "}
		rescue.WriteNetwork(&out, state)
		_, werr := w.Write(append(out.Bytes(), '\n'))
		return errors.Join(err, werr)
	}
	for _, link := range state.Links {
		printLink(w, link)
	}
	for _, route := range state.Routes {
		printRoute(w, route)
	}
	return err
}

func printLink(w io.Writer, l netconf.LinkState) {
	mac := l.MAC
	if mac == "" {
		mac = "-"
	}
	fmt.Fprintf(w, "link %s %s mac %s mtu %d gso %s tso %s\n",
		l.Name, linkStatus(l), mac, l.MTU, onOff(l.GSO), onOff(l.TSO))
	for _, address := range l.Addresses {
		fmt.Fprintf(w, "address %s dev %s\n", address, l.Name)
	}
}

// linkStatus adds the operational state where it says more than up or down:
// it is unknown for most virtual links, and down for a link without a carrier.
func linkStatus(l netconf.LinkState) string {
	status := "down"
	if l.Up {
		status = "up"
	}
	if l.State != status {
		status += " (" + l.State + ")"
	}
	return status
}

func onOff(on *bool) string {
	switch {
	case on == nil:
		return "-"
	case *on:
		return "on"
	default:
		return "off"
	}
}

func printRoute(w io.Writer, r netconf.RouteState) {
	destination := r.Destination.String()
	if r.Destination.Bits() == 0 {
		destination = "default"
	}
	fmt.Fprintf(w, "route %s", destination)
	if r.Gateway != nil {
		fmt.Fprintf(w, " via %s", r.Gateway)
	}
	fmt.Fprintf(w, " dev %s", r.Link)
	if r.Source != nil {
		fmt.Fprintf(w, " src %s", r.Source)
	}
	if r.Metric != 0 {
		fmt.Fprintf(w, " metric %d", r.Metric)
	}
	if r.Onlink {
		fmt.Fprint(w, " onlink")
	}
	fmt.Fprintln(w)
}
