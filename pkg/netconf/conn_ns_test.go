package netconf

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/nstest"
)

// manyAddresses has 500, of both families.
func manyAddresses() []netip.Prefix {
	var all []netip.Prefix
	for i := range 250 {
		all = append(all,
			netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), 24),
			netip.MustParsePrefix(fmt.Sprintf("fd00::%x/64", i+1)))
	}
	return all
}

// TestManyAddresses fails one address in each batch; the errors come in their
// order, and everything else is there. The second time it is there already.
func TestManyAddresses(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		addAddr(t, "eth0", "fd00::41/128")
		config := Config{Link: "eth0", Addresses: manyAddresses(), Gateways: addrs("10.0.0.254")}
		good := slices.DeleteFunc(slices.Clone(config.Addresses), func(p netip.Prefix) bool { return p.Addr() == netip.MustParseAddr("fd00::41") })
		config.Addresses = slices.Insert(config.Addresses, 10, netip.Prefix{})
		config.Addresses = slices.Insert(config.Addresses, 400, netip.Prefix{})
		for range 2 {
			checkErrors(t, Apply(t.Context(), config, 0), []string{
				"add address invalid Prefix to eth0: numerical result out of range",
				"add address fd00::41/64 to eth0: file exists (as fd00::41/128)",
				"add address invalid Prefix to eth0: numerical result out of range",
			})
			state := read(t)
			got := find(state.Links, "eth0").Addresses
			for _, p := range good {
				if !slices.Contains(got, p) {
					t.Errorf("%s is missing", p)
				}
			}
			if d := defaults(state); !slices.Equal(d, []string{"10.0.0.254 eth0 false"}) {
				t.Errorf("default routes = %q", d)
			}
		}
	})
}

// TestRefuseAll has the kernel refuse full batches: the socket must hold a
// refusal of each, with its reason.
func TestRefuseAll(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		const n = 2*maxBatch + 1
		errs := Apply(t.Context(), Config{Link: "eth0", Addresses: make([]netip.Prefix, n)}, 0)
		for _, err := range errs {
			if !errors.Is(err, syscall.ERANGE) {
				t.Errorf("Apply = %v, want ERANGE", err)
			}
		}
		if len(errs) != n {
			t.Errorf("%d errors, want %d", len(errs), n)
		}
	})
}

// TestKernelReason looks for words of the kernel's own; which ones is its affair.
func TestKernelReason(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		want := regexp.MustCompile(`^set mtu 70000 of eth0: invalid argument \([a-zA-Z ]+\)$`)
		errs := Apply(t.Context(), Config{Link: "eth0", MTU: 70000}, 0)
		if len(errs) != 1 || !want.MatchString(errs[0].Error()) {
			t.Errorf("Apply = %q, want one error as %s", errs, want)
		}
	})
}

func newConn(t *testing.T) *conn {
	t.Helper()
	c, err := openConn()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// TestForgedAnswer sends an answer that is right in all but its sender.
func TestForgedAnswer(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		c, forger := newConn(t), newConn(t)
		forged := rawMessage(message{kind: syscall.NLMSG_ERROR, seq: c.seq, port: c.socket.port, body: code(syscall.ENODEV)}, 0)
		to := &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Pid: c.socket.port}
		if err := unix.Sendto(forger.socket.fd, forged, 0, to); err != nil {
			t.Fatal(err)
		}
		if lo, err := linkByName(c, "lo"); err != nil || lo == nil || lo.name != "lo" {
			t.Errorf("linkByName(lo) = %+v, %v, want lo", lo, err)
		}
	})
}

// TestAbandonedAnswer leaves answers unread; the next exchange passes over them.
func TestAbandonedAnswer(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		c := newConn(t)
		r := getLink(99)
		r.seal(c.seq-1, 0)
		if err := c.socket.send(r); err != nil {
			t.Fatal(err)
		}
		if lo, err := linkByIndex(c, 1); err != nil || lo.name != "lo" {
			t.Errorf("linkByIndex(1) = %+v, %v, want lo", lo, err)
		}
	})
}

func TestReceiveTruncated(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		c := newConn(t)
		c.buf = c.buf[:headerSize+1]
		if links, err := listLinks(c); !errors.Is(err, unix.EMSGSIZE) {
			t.Errorf("listLinks = %v, %v, want EMSGSIZE", links, err)
		}
	})
}

// TestChangedList adds an address between two parts of a list.
func TestChangedList(t *testing.T) {
	nstest.Run(t, nstest.Net, func(t *testing.T) {
		addVeth(t, "eth0", "peer0")
		apply(t, Config{Link: "eth0", Addresses: manyAddresses()})
		c := newConn(t)
		r := newRequest(syscall.RTM_GETADDR, 0, make([]byte, addressHeaderSize)...)
		r.seal(c.seq, syscall.NLM_F_DUMP)
		if err := c.socket.send(r); err != nil {
			t.Fatal(err)
		}
		a := &answers{port: c.socket.port, first: c.seq, errs: make([]error, 1)}
		buf := make([]byte, 8<<10) // the kernel's parts get no longer
		for parts := 0; !a.done; parts++ {
			n, err := c.socket.receive(buf)
			if err == nil {
				err = a.read(buf[:n])
			}
			if err != nil {
				t.Fatal(err)
			}
			if parts == 0 {
				addAddr(t, "eth0", "10.0.1.1/24")
			}
		}
		if !a.interrupted || a.errs[0] != nil {
			t.Errorf("interrupted = %v, %v, want true", a.interrupted, a.errs[0])
		}
	})
}
