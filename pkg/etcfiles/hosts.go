package etcfiles

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
)

// Hosts makes localhost and name resolve by /etc/hosts below root, name to
// addr, or to 127.0.1.1 where addr is the zero Addr; an empty name is left out.
// The lines of the image's own file stay, after the new ones, which win. A
// file that has all of it is not touched.
func Hosts(root, name string, addr netip.Addr) error {
	if name != "" {
		if err := CheckHostname(name); err != nil {
			return err
		}
	}
	e, err := openEtc(root)
	if err != nil {
		return fmt.Errorf("write /etc/hosts below %s: %w", root, err)
	}
	defer e.close()
	old, err := e.readOwn("hosts")
	if err == nil {
		if missing := missingHosts(old, name, addr); missing != "" {
			err = e.replace("hosts", append([]byte(missing), old...))
		}
	}
	if err != nil {
		return fmt.Errorf("write /etc/hosts below %s: %w", root, err)
	}
	return nil
}

// missingHosts returns the lines of hosts(5) that old lacks.
func missingHosts(old []byte, name string, addr netip.Addr) string {
	wanted := [][]string{
		{"127.0.0.1", "localhost"},
		{"::1", "localhost", "ip6-localhost", "ip6-loopback"},
	}
	if name != "" {
		if !addr.IsValid() {
			addr = netip.AddrFrom4([4]byte{127, 0, 1, 1})
		}
		wanted = append(wanted, hostLine(addr, name))
	}
	var lines strings.Builder
	for _, fields := range wanted {
		if !resolves(old, fields[0], fields[1]) {
			lines.WriteString(fields[0] + "\t" + strings.Join(fields[1:], " ") + "\n")
		}
	}
	return lines.String()
}

// hostLine has the first label of a qualified name too, as an alias.
func hostLine(addr netip.Addr, name string) []string {
	fields := []string{addr.WithZone("").String(), name}
	if label, _, qualified := strings.Cut(name, "."); qualified && label != "" {
		fields = append(fields, label)
	}
	return fields
}

// resolves reports whether a line of hosts gives name the address addr.
func resolves(hosts []byte, addr, name string) bool {
	want, err := netip.ParseAddr(addr)
	if err != nil {
		return false
	}
	for line := range bytes.Lines(hosts) {
		text, _, _ := bytes.Cut(line, []byte("#"))
		fields := strings.Fields(string(text))
		if len(fields) < 2 {
			continue
		}
		if got, err := netip.ParseAddr(fields[0]); err != nil || got != want {
			continue
		}
		for _, alias := range fields[1:] {
			if strings.EqualFold(alias, name) {
				return true
			}
		}
	}
	return false
}
