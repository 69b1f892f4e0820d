package boot

import (
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/pkg/vm"
)

// printQEMU prints a command for a shell that starts the machine. Nobody but the
// shell has the guest's streams then.
func (o *options) printQEMU(w io.Writer, c vm.Config) error {
	c.Alone = &vm.Alone{IDM: o.socket, Log: "/dev/null", Output: "/dev/stdout", Errors: "/dev/stderr"}
	if o.verbose {
		c.Alone.Log = "/dev/stderr"
	}
	words := []string{vm.DefaultQEMU}
	for _, arg := range vm.Args(c) {
		words = append(words, quote(arg))
	}
	_, err := fmt.Fprintln(w, strings.Join(words, " "))
	return err
}

// quote is word as a shell reads it.
func quote(word string) string {
	safe := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !safe(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
