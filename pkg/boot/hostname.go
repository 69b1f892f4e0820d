package boot

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/etcfiles"
	"github.com/kguest/kguest/pkg/launch"
)

// SetHostname names the machine as launch.json says, in the kernel and in the
// files below root. Each error is of one of them.
func SetHostname(root string, config launch.Config) []error {
	if config.Hostname == nil {
		return nil
	}
	var errs []error
	for _, set := range []func(name string) error{
		setHostname,
		func(name string) error { return etcfiles.Hostname(root, name) },
		func(name string) error { return etcfiles.Hosts(root, name, ownAddress(config.Network)) },
	} {
		if err := set(*config.Hostname); err != nil {
			errs = append(errs, fmt.Errorf("set hostname: %w", err))
		}
	}
	return errs
}

// ownAddress is the address that the host's name is to resolve to: the zero
// Addr where the machine has none of its own.
func ownAddress(n *launch.Network) netip.Addr {
	switch {
	case n == nil:
		return netip.Addr{}
	case n.IPv4 != nil:
		return n.IPv4.Address.Addr()
	case n.IPv6 != nil:
		return n.IPv6.Address.Addr()
	}
	return netip.Addr{}
}

// ApplySysctls writes the kernel's settings below dir, /proc/sys, in the order
// of their names. Each error is of one of them.
func ApplySysctls(dir string, sysctls map[string]string) []error {
	var errs []error
	keys := make([]string, 0, len(sysctls))
	for key := range sysctls {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := writeSysctl(filepath.Join(dir, strings.ReplaceAll(key, ".", "/")), sysctls[key]); err != nil {
			errs = append(errs, fmt.Errorf("set sysctl %s to %q: %w", key, sysctls[key], err))
		}
	}
	return errs
}

func writeSysctl(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return errors.Unwrap(err)
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
