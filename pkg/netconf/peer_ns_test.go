package netconf

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// peer is the machine at the other end of a veth pair: a thread in a network
// namespace of its own.
type peer struct{ calls chan func() }

// newPeer makes a veth pair, link here and peer0 there, both down.
func newPeer(t *testing.T, link string) *peer {
	t.Helper()
	p := &peer{calls: make(chan func())}
	namespace := make(chan any, 1)
	go p.serve(namespace)
	t.Cleanup(func() { close(p.calls) })
	fd, ok := (<-namespace).(*os.File)
	if !ok {
		t.Fatal("no network namespace for the peer")
	}
	defer fd.Close()
	addVeth(t, link, "peer0")
	there := linkNamed(t, "peer0")
	if err := netlink.LinkSetNsFd(there, int(fd.Fd())); err != nil {
		t.Fatal(err)
	}
	return p
}

// serve never unlocks its thread, which therefore ends with it.
func (p *peer) serve(namespace chan<- any) {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		namespace <- err
		return
	}
	fd, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		namespace <- err
		return
	}
	namespace <- fd
	for call := range p.calls {
		call()
	}
}

func (p *peer) do(f func()) {
	done := make(chan struct{})
	p.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

// configure gives peer0 addresses, and routes to single addresses here.
func (p *peer) configure(t *testing.T, addresses []netip.Prefix, routes ...string) {
	t.Helper()
	p.do(func() {
		for _, err := range Apply(t.Context(), Config{Link: "peer0", Addresses: addresses}, 0) {
			t.Errorf("peer: %v", err)
		}
		for _, to := range routes {
			_, dst, err := net.ParseCIDR(to)
			if err != nil {
				t.Error(err)
				continue
			}
			index := linkNamed(t, "peer0").Attrs().Index
			route := &netlink.Route{LinkIndex: index, Dst: dst, Scope: netlink.SCOPE_LINK}
			if dst.IP.To4() == nil {
				route.Scope = netlink.SCOPE_UNIVERSE
			}
			if err := netlink.RouteAdd(route); err != nil {
				t.Errorf("peer: add route to %s: %v", to, err)
			}
		}
	})
}

// echo answers datagrams on address, which lo of the peer gets.
func (p *peer) echo(t *testing.T, address netip.Addr) netip.AddrPort {
	t.Helper()
	var conn *net.UDPConn
	var err error
	p.do(func() {
		lo, loErr := netlink.LinkByName("lo")
		if loErr != nil {
			err = loErr
			return
		}
		addr := &netlink.Addr{IPNet: netlink.NewIPNet(net.IP(address.AsSlice()))}
		if address.Is6() {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err = netlink.AddrAdd(lo, addr); err == nil {
			conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, 0)))
		}
	})
	if err != nil {
		t.Fatalf("peer: listen on %s: %v", address, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 64)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = conn.WriteToUDPAddrPort(buf[:n], from)
			}
		}
	}()
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// reach sends datagrams to an echo until one comes back from source.
func reach(t *testing.T, to netip.AddrPort, source netip.Addr) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := netip.MustParseAddrPort(conn.LocalAddr().String()).Addr(); got != source {
		t.Fatalf("source of a datagram to %s = %s, want %s", to, got, source)
	}
	buf := make([]byte, 64)
	for err = exchange(conn, buf); err != nil; err = exchange(conn, buf) {
		if ctx.Err() != nil {
			t.Fatalf("no answer from %s: %v", to, err)
		}
	}
}

func exchange(conn *net.UDPConn, buf []byte) error {
	if _, err := conn.Write([]byte("hello")); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
		return err
	}
	n, err := conn.Read(buf)
	if err == nil && string(buf[:n]) != "hello" {
		err = errors.New("other bytes came back")
	}
	return err
}

func addVeth(t *testing.T, a, b string) {
	t.Helper()
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: a}, PeerName: b}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatalf("add veth %s %s: %v", a, b, err)
	}
}

func linkNamed(t *testing.T, name string) netlink.Link {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatalf("find link %s: %v", name, err)
	}
	return link
}
