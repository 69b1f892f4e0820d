package etcfiles

import (
	"errors"
	"fmt"
	"strings"
)

// maxHostname is __NEW_UTS_LEN, in bytes: sethostname(2) takes no more.
const maxHostname = 64

// CheckHostname returns an error if name is no hostname that the kernel, a
// line of /etc/hostname and a field of /etc/hosts can all hold.
func CheckHostname(name string) error {
	switch {
	case name == "":
		return errors.New("hostname: is empty")
	case len(name) > maxHostname:
		return fmt.Errorf("hostname %q: has %d bytes, and the kernel takes %d", name, len(name), maxHostname)
	case !isField(name) || strings.Contains(name, "/"):
		return fmt.Errorf("hostname %q: has a space, a control character, a comment sign or a slash", name)
	default:
		return nil
	}
}

// Hostname writes name to /etc/hostname below root.
func Hostname(root, name string) error {
	if err := CheckHostname(name); err != nil {
		return err
	}
	return write(root, "hostname", []byte(name+"\n"))
}

// isField reports whether s is one field of a line of these files: not empty,
// and nothing in it ends a field or a line or begins a comment.
func isField(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == '#' || r == ';'
	})
}
