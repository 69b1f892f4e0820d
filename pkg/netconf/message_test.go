package netconf

import (
	"bytes"
	"net/netip"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rawMessage is a message as the kernel writes it; its length is size, where
// that is not 0.
func rawMessage(m message, size uint32) []byte {
	if size == 0 {
		size = uint32(headerSize + len(m.body))
	}
	data := native.AppendUint32(nil, size)
	data = native.AppendUint16(data, m.kind)
	data = native.AppendUint16(data, m.flags)
	data = native.AppendUint32(data, m.seq)
	data = native.AppendUint32(data, m.port)
	return append(data, m.body...)
}

func TestSplitMessage(t *testing.T) {
	m := message{kind: 16, flags: 2, seq: 3, port: 4, body: []byte("five!")}
	whole := rawMessage(m, 0)
	for _, tt := range []struct {
		name string
		in   []byte
		rest string
		want string // error
	}{
		{name: "one", in: whole},
		{name: "padding", in: append(whole[:21:21], "pad"...)},
		{name: "another", in: append(whole[:21:21], "padnext"...), rest: "next"},
		{name: "nothing", want: "netlink message: 0 bytes are no header"},
		{name: "half a header", in: whole[:15], want: "netlink message: 15 bytes are no header"},
		{name: "truncated", in: whole[:20], want: "netlink message: says that it has 21 bytes, of 20"},
		{name: "too short", in: rawMessage(m, 15), want: "netlink message: says that it has 15 bytes, of 21"},
		{name: "longest", in: rawMessage(m, 1<<32-1), want: "netlink message: says that it has 4294967295 bytes, of 21"},
	} {
		got, rest, err := splitMessage(tt.in)
		switch {
		case tt.want != "" || err != nil:
			if err == nil || err.Error() != tt.want {
				t.Errorf("%s: splitMessage = %v, want %q", tt.name, err, tt.want)
			}
		case string(rest) != tt.rest || !cmp.Equal(got, m, cmp.AllowUnexported(message{})):
			t.Errorf("%s: splitMessage = %+v, %q, want %+v, %q", tt.name, got, rest, m, tt.rest)
		}
	}
}

type attribute struct {
	Kind  uint16
	Value string
}

func attributes(data []byte) ([]attribute, error) {
	var all []attribute
	err := eachAttribute(data, func(kind uint16, value []byte) error {
		all = append(all, attribute{kind, string(value)})
		return nil
	})
	return all, err
}

func TestEachAttribute(t *testing.T) {
	long := request{}.attr(1, []byte("five!")).attr(2, nil)
	for _, tt := range []struct {
		name string
		in   []byte
		want []attribute
		err  string
	}{
		{name: "none"},
		{name: "two", in: long, want: []attribute{{1, "five!"}, {2, ""}}},
		{name: "no padding at the end", in: long[:9], want: []attribute{{1, "five!"}}},
		{name: "nested", in: request{}.attr(3|1<<15, []byte("four")), want: []attribute{{3, "four"}}},
		{name: "half a header", in: long[:15], want: []attribute{{1, "five!"}}, err: "netlink attribute: 3 bytes are no header"},
		{name: "truncated", in: long[:8], err: "netlink attribute 1: says that it has 9 bytes, of 8"},
		{name: "too short", in: []byte{3, 0, 1, 0}, err: "netlink attribute 1: says that it has 3 bytes, of 4"},
	} {
		got, err := attributes(tt.in)
		if text := errorText(err); text != tt.err {
			t.Errorf("%s: error = %q, want %q", tt.name, text, tt.err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// FuzzEachAttribute writes what it has read, and reads that.
func FuzzEachAttribute(f *testing.F) {
	f.Add([]byte(request{}.attr(1, []byte("five!")).attr(2, nil)))
	f.Add([]byte{3, 0, 1, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		want, err := attributes(data)
		if err != nil {
			return
		}
		var again request
		for _, a := range want {
			again = again.attr(a.Kind, []byte(a.Value))
		}
		if got, err := attributes(again); err != nil || !slices.Equal(got, want) {
			t.Errorf("attributes(%x) = %v, %v, want %v as from %x", again, got, err, want, data)
		}
	})
}

// TestDecodeMalformed has one thing wrong in each body.
func TestDecodeMalformed(t *testing.T) {
	linkBody := request(linkHeader(1, 0, 0))
	addressBody := request{syscall.AF_INET, 24, 0, 0, 1, 0, 0, 0}
	routeBody := func(family, bits byte) request { return request{family, bits, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0} }
	hop := func(size byte, more ...byte) []byte { return append([]byte{size, 0, 0, 0, 1, 0, 0, 0}, more...) }
	decode := map[string]func([]byte) error{
		"link":    func(b []byte) error { _, err := decodeLink(b); return err },
		"address": func(b []byte) error { _, err := decodeAddress(b); return err },
		"route":   func(b []byte) error { _, err := decodeRoute(b); return err },
	}
	for _, tt := range []struct {
		kind string
		body []byte
		want string
	}{
		{"link", linkBody[:15], "netlink message: a body of 15 bytes is shorter than 16"},
		{"link", linkBody.attr(syscall.IFLA_MTU, []byte{1, 2}), "netlink attribute 4: a number of 2 bytes"},
		{"link", linkBody.attr(syscall.IFLA_OPERSTATE, nil), "netlink attribute 16: is not one byte"},
		{"address", nil, "netlink message: a body of 0 bytes is shorter than 8"},
		{"address", addressBody.attr(syscall.IFA_LOCAL, make([]byte, 16)), "netlink attribute 2: an address of 16 bytes for family 2"},
		{"address", addressBody.attr(syscall.IFA_ADDRESS, []byte{1}), "netlink attribute 1: an address of 1 bytes for family 2"},
		{"address", addressBody, "netlink message: address invalid IP of a network of 24 bits"},
		{"route", make([]byte, 11), "netlink message: a body of 11 bytes is shorter than 12"},
		{"route", routeBody(2, 33), "netlink message: route to a network of 33 bits"},
		{"route", routeBody(10, 129), "netlink message: route to a network of 129 bits"},
		{"route", routeBody(10, 0).attr(syscall.RTA_GATEWAY, make([]byte, 4)), "netlink attribute 5: an address of 4 bytes for family 10"},
		{"route", routeBody(2, 0).attr(syscall.RTA_OIF, nil), "netlink attribute 4: a number of 0 bytes"},
		{"route", routeBody(2, 0).attr(syscall.RTA_MULTIPATH, hop(9)), "netlink attribute 9: next hop: says that it has 9 bytes, of 8"},
		{"route", routeBody(2, 0).attr(syscall.RTA_MULTIPATH, hop(7)), "netlink attribute 9: next hop: says that it has 7 bytes, of 8"},
		{"route", routeBody(2, 0).attr(syscall.RTA_MULTIPATH, hop(8, 1)), "netlink attribute 9: next hop: 1 bytes are no header"},
	} {
		if err := decode[tt.kind](tt.body); errorText(err) != tt.want {
			t.Errorf("%s %x: error = %v, want %q", tt.kind, tt.body, err, tt.want)
		}
	}
}

// FuzzDecode gives a body to every decoder: error or value, and the value must
// not change with the buffer.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(request(linkHeader(1, 2, 3)).attrString(syscall.IFLA_IFNAME, "eth0").attr(syscall.IFLA_ADDRESS, []byte("123456"))))
	f.Add([]byte(newAddress(3, netip.MustParsePrefix("10.0.0.2/24"))[headerSize:]))
	f.Add([]byte(newAddress(3, netip.MustParsePrefix("fd00::2/64"))[headerSize:]))
	f.Add([]byte(newDefaultRoute(3, netip.MustParseAddr("fd00::1"), true)[headerSize:]))
	hop := []byte{16, 0, 4, 0, 1, 0, 0, 0, 8, 0, syscall.RTA_GATEWAY, 0, 10, 0, 0, 1}
	f.Add([]byte(request{2, 0, 0, 0, 254, 0, 0, 0, 0, 0, 0, 0}.attr(syscall.RTA_MULTIPATH, append(hop, hop...))))
	f.Fuzz(func(t *testing.T, body []byte) {
		checkDecoder(t, body, decodeLink, func(l link) bool {
			return l.mac == nil || bytes.Trim(l.mac, "\x00") != nil
		})
		checkDecoder(t, body, decodeAddress, func(a address) bool {
			return a.prefix.IsValid() == isInternet(body[0])
		})
		checkDecoder(t, body, decodeRoute, func(r route) bool {
			return r.destination.IsValid() == isInternet(body[0]) && (len(r.hops) > 0) == isInternet(body[0])
		})
	})
}

func isInternet(family byte) bool { return family == syscall.AF_INET || family == syscall.AF_INET6 }

func checkDecoder[T any](t *testing.T, body []byte, decode func([]byte) (T, error), holds func(T) bool) {
	t.Helper()
	var zero T
	compare := cmp.Options{
		cmp.AllowUnexported(link{}, address{}, route{}, hop{}),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
	}
	buf := bytes.Clone(body)
	got, err := decode(buf)
	if err != nil {
		if !cmp.Equal(got, zero, compare) {
			t.Errorf("%T %x = %+v, %v, want an error or a value", got, body, got, err)
		}
		return
	}
	if !holds(got) {
		t.Errorf("%T %x = %+v", got, body, got)
	}
	again, _ := decode(bytes.Clone(body))
	clear(buf)
	if diff := cmp.Diff(again, got, compare); diff != "" {
		t.Errorf("%T %x changes with the buffer (-before +after):\n%s", got, body, diff)
	}
}

// FuzzNewAddress reads the address that it has the kernel add.
func FuzzNewAddress(f *testing.F) {
	f.Add([]byte{10, 0, 0, 2}, uint8(24), uint32(1))
	f.Add(make([]byte, 16), uint8(64), uint32(1<<32-1))
	f.Fuzz(func(t *testing.T, ip []byte, bits uint8, index uint32) {
		a, _ := netip.AddrFromSlice(ip)
		want := address{link: index, prefix: netip.PrefixFrom(a, int(bits))}
		if !want.prefix.IsValid() {
			return
		}
		r := newAddress(index, want.prefix)
		r.seal(1, 0)
		m, rest, err := splitMessage(r)
		if err != nil || len(rest) != 0 {
			t.Fatalf("splitMessage(%x) = %x, %v", r, rest, err)
		}
		if got, err := decodeAddress(m.body); err != nil || got != want {
			t.Errorf("decodeAddress(%x) = %v, %v, want %v", m.body, got, err, want)
		}
	})
}
