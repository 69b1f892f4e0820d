package metrics

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// keeper makes what a tree keeps of each process in pieces for many: a collection
// keeps thousands of texts.
type keeper struct {
	texts strings.Builder
	free  []processNodes
}

// The pieces are of what the allocator has sizes for: memory that is taken from the
// kernel anew costs more than what is written to it.
const (
	textPiece  = 8 << 10 // bytes
	nodesPiece = 14
)

// text is the function text.
func (k *keeper) text(b []byte) string {
	if len(b) > MaxText || !utf8.Valid(b) {
		return text(b)
	}
	if k.texts.Cap()-k.texts.Len() < len(b) {
		k.texts.Reset() // leaves what there is to those who have it
		k.texts.Grow(textPiece)
	}
	at := k.texts.Len()
	k.texts.Write(b)
	return k.texts.String()[at:]
}

// arguments makes the text of a List of the content of /proc/PID/cmdline
// (proc_pid_cmdline(5)). It is empty for a zombie or a kernel thread. Empty
// arguments at the end are dropped: a process that names itself (nginx) fills its
// area with NULs. Of too many arguments the last is the cut mark.
func (k *keeper) arguments(b []byte) string {
	list := k.text(bytes.TrimRight(b, "\x00"))
	if strings.Count(list, "\x00") < MaxArguments {
		return list
	}
	end := 0
	for range MaxArguments - 1 {
		end += strings.IndexByte(list[end:], 0) + 1
	}
	return list[:end] + cutMark
}

func (k *keeper) nodes() *processNodes {
	if len(k.free) == 0 {
		k.free = make([]processNodes, nodesPiece)
	}
	n := &k.free[0]
	k.free = k.free[1:]
	return n
}
