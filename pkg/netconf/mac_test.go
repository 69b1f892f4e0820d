package netconf

import (
	"bytes"
	"net"
	"strings"
	"testing"
)

var macs = []string{
	"52:54:00:12:34:56", "52-54-00-AB-cd-EF", "5254.0012.3456", "00:00:00:00:00:00",
	"", ":", "52:54", "52:54:00:12:34:5", "52:54:00:12:34:567", "52:54:00:12:34-56", "5254:0012:3456", "525400123456",
	"52.54.00.12.34.56", "52:54:00:12:34:5g", "5:254:00:12:34:56", "52:54:00:12:34:56:", "02:00:5e:10:00:00:00:01", "5254.0012-3456",
}

// FuzzParseMAC asks package net, which the guest is not to link.
func FuzzParseMAC(f *testing.F) {
	for _, s := range macs {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, wantErr := net.ParseMAC(s)
		if len(want) != 6 {
			want = nil
		}
		got, err := parseMAC(s)
		if !bytes.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("parseMAC(%q) = %x, %v, want %x, %v", s, got, err, []byte(want), wantErr)
		}
		if err == nil && formatMAC(got) != want.String() {
			t.Errorf("formatMAC(%x) = %q, want %q", got, formatMAC(got), want)
		}
	})
}

func TestFormatMAC(t *testing.T) {
	for _, n := range []int{0, 1, 4, 20} {
		mac := bytes.Repeat([]byte{0xA0}, n)
		want := strings.TrimPrefix(strings.Repeat(":a0", n), ":")
		if got := formatMAC(mac); got != want {
			t.Errorf("formatMAC(%x) = %q, want %q", mac, got, want)
		}
	}
}
