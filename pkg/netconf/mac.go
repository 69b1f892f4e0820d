package netconf

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// parseMAC takes six bytes as 52:54:00:12:34:56, 52-54-00-12-34-56,
// 5254.0012.3456 or 525400123456.
func parseMAC(s string) ([]byte, error) {
	separator, digits := ":", 12
	switch {
	case strings.Contains(s, ":"):
		digits = 2
	case strings.Contains(s, "-"):
		separator, digits = "-", 2
	case strings.Contains(s, "."):
		separator, digits = ".", 4
	}
	groups := strings.Split(s, separator)
	mac, err := hex.DecodeString(strings.Join(groups, ""))
	for _, g := range groups {
		if len(g) != digits || len(mac) != 6 || err != nil {
			return nil, fmt.Errorf("mac %q: is not six bytes in hexadecimal, as 52:54:00:12:34:56", s)
		}
	}
	return mac, nil
}

// formatMAC writes a hardware address of any length; "" for none.
func formatMAC(mac []byte) string {
	var b []byte
	for i := range mac {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, mac[i:i+1])
	}
	return string(b)
}
