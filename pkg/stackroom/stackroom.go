// Package stackroom gives the main goroutine, as it is linked, the stack that a
// boot needs.
//
// A goroutine begins with 2 kB, and each time that is too little Go copies the
// stack to one of twice the size: by then the boot is some calls deep, and to find
// its way through those frames costs more than most of its stages.
package stackroom

// need is what a boot uses, in bytes: Go takes the next power of two.
const need = 24 << 10

var _ = grow(false)

// grow has a frame of that size, for which Go makes room as it is called. The
// frame is not touched.
//
//go:noinline
func grow(touch bool) byte { //nolint:unparam // an initializer has a result
	if !touch {
		return 0
	}
	var frame [need]byte
	return first(&frame)
}

//go:noinline
func first(frame *[need]byte) byte { return frame[0] }
