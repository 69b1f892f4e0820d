package boot

import (
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/pkg/vm"
)

// Sets of QEMU's with the shell's standard output and standard error. Each has
// the descriptor itself, whose place in a file is shared with all else that
// writes there, and one for writing alone, which QEMU takes where the first is
// for reading too, as a terminal's is. It tries the last first.
const (
	outputSet  = "/dev/fdset/1"
	errorsSet  = "/dev/fdset/2"
	setOptions = "-add-fd fd=4,set=1 -add-fd fd=3,set=1 -add-fd fd=6,set=2 -add-fd fd=5,set=2"
	setFiles   = "3>&1 4>>/dev/stdout 5>&2 6>>/dev/stderr"
)

// printQEMU prints a command for a shell that starts the machine. Nobody but the
// shell has the guest's streams then.
func (o *options) printQEMU(w io.Writer, c vm.Config) error {
	c.Alone = &vm.Alone{IDM: o.socket, Log: "/dev/null", Output: outputSet, Errors: errorsSet}
	if o.verbose {
		c.Alone.Log = errorsSet
	}
	words := []string{vm.DefaultQEMU, setOptions}
	for _, arg := range vm.Args(c) {
		words = append(words, quote(arg))
	}
	_, err := fmt.Fprintln(w, strings.Join(append(words, setFiles), " "))
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
