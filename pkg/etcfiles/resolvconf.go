package etcfiles

import (
	"fmt"
	"net/netip"
	"strings"
)

// Resolver is the content of resolv.conf(5).
type Resolver struct {
	Nameservers []netip.Addr
	Search      []string // domains
	Options     []string // each with its value, as "ndots:2"
}

// ResolvConf writes r to /etc/resolv.conf below root. With no nameserver it
// does nothing: the image's own file stays.
func ResolvConf(root string, r Resolver) error {
	if len(r.Nameservers) == 0 {
		return nil
	}
	content, err := r.Content()
	if err != nil {
		return fmt.Errorf("write /etc/resolv.conf below %s: %w", root, err)
	}
	return write(root, "resolv.conf", []byte(content))
}

// Content returns the lines of the file: name servers, search, options. It
// returns an error for a value that is not one field of such a line.
func (r Resolver) Content() (string, error) {
	var b strings.Builder
	for _, ns := range r.Nameservers {
		if !ns.IsValid() || !isField(ns.Zone()+".") {
			return "", fmt.Errorf("nameserver %q: is no address", ns)
		}
		b.WriteString("nameserver " + ns.String() + "\n")
	}
	for _, list := range []struct {
		keyword string
		values  []string
	}{{"search", r.Search}, {"options", r.Options}} {
		for _, value := range list.values {
			if !isField(value) {
				return "", fmt.Errorf("%s %q: is empty, or has a space, a control character or a comment sign", list.keyword, value)
			}
		}
		if len(list.values) > 0 {
			b.WriteString(list.keyword + " " + strings.Join(list.values, " ") + "\n")
		}
	}
	return b.String(), nil
}
