package rescue

import (
	"net/netip"

	"github.com/kguest/kguest/pkg/jsontok"
	"github.com/kguest/kguest/pkg/netconf"
)

// WriteJSON writes s as the fields' tags say.
func (s Situation) WriteJSON(w *jsontok.Writer) {
	w.Object(func() {
		w.Name("stage").String(s.Stage)
		w.Name("reason").String(s.Reason)
		w.Name("advice").String(s.Advice)
		w.Name("parameters").String(s.Parameters)
		w.Name("stages").Strings(s.Stages)
		w.Name("steps").Array(func() {
			for _, step := range s.Steps {
				step.writeJSON(w)
			}
		})
	})
}

func (s Step) writeJSON(w *jsontok.Writer) {
	w.Object(func() {
		w.Name("name").String(s.Name)
		w.Name("microseconds").Uint(s.Microseconds)
		w.Name("error").String(s.Error)
	})
}

// WriteJSON writes s as the fields' tags say.
func (s State) WriteJSON(w *jsontok.Writer) {
	w.Object(func() {
		w.Name("kernel").String(s.Kernel)
		w.Name("disks").Array(func() {
			for _, d := range s.Disks {
				d.writeJSON(w)
			}
		})
		w.Name("mounts").Array(func() {
			for _, m := range s.Mounts {
				m.writeJSON(w)
			}
		})
		w.Name("network")
		WriteNetwork(w, s.Network)
		w.Name("driverless").Strings(s.Driverless)
		w.Name("errors").Strings(s.Errors)
	})
}

func (d Disk) writeJSON(w *jsontok.Writer) {
	w.Object(func() {
		w.Name("name").String(d.Name)
		w.Name("bytes").Uint(d.Bytes)
		w.Name("fileSystem").String(d.FileSystem)
		w.Name("label").String(d.Label)
		w.Name("serial").String(d.Serial)
	})
}

func (m Mount) writeJSON(w *jsontok.Writer) {
	w.Object(func() {
		w.Name("target").String(m.Target)
		w.Name("source").String(m.Source)
		w.Name("type").String(m.Type)
		w.Name("options").String(m.Options)
	})
}

// WriteNetwork writes the network's state as its fields' tags say.
func WriteNetwork(w *jsontok.Writer, n netconf.State) {
	w.Object(func() {
		w.Name("links").Array(func() {
			for _, l := range n.Links {
				writeLink(w, l)
			}
		})
		w.Name("routes").Array(func() {
			for _, r := range n.Routes {
				writeRoute(w, r)
			}
		})
	})
}

func writeLink(w *jsontok.Writer, l netconf.LinkState) {
	w.Object(func() {
		w.Name("name").String(l.Name)
		w.Name("state").String(l.State)
		w.Name("up").Bool(l.Up)
		w.Name("mac").String(l.MAC)
		w.Name("mtu").Int(int64(l.MTU))
		writeSetting(w.Name("gso"), l.GSO)
		writeSetting(w.Name("tso"), l.TSO)
		w.Name("addresses").Array(func() {
			for _, a := range l.Addresses {
				w.String(a.String())
			}
		})
	})
}

func writeRoute(w *jsontok.Writer, r netconf.RouteState) {
	w.Object(func() {
		w.Name("destination").String(r.Destination.String())
		writeAddress(w.Name("gateway"), r.Gateway)
		w.Name("link").String(r.Link)
		writeAddress(w.Name("source"), r.Source)
		w.Name("metric").Int(int64(r.Metric))
		w.Name("onlink").Bool(r.Onlink)
	})
}

// writeSetting writes null for what is not known.
func writeSetting(w *jsontok.Writer, on *bool) {
	if on == nil {
		w.Null()
		return
	}
	w.Bool(*on)
}

// writeAddress writes null for none.
func writeAddress(w *jsontok.Writer, a *netip.Addr) {
	if a == nil {
		w.Null()
		return
	}
	w.String(a.String())
}
