package verb

import (
	"fmt"
	"io"
	"os"

	"github.com/kguest/kguest/pkg/console"
)

// Progress returns a function that shows the current step on one line of a
// terminal, and clears it for "". Elsewhere it is silent.
func Progress(w io.Writer) func(step string) {
	if !IsTerminal(w) {
		return func(string) {}
	}
	return func(step string) {
		if step != "" {
			step += " ..."
		}
		fmt.Fprintf(w, "\r\x1b[K%s", step)
	}
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && console.IsTerminal(f)
}
