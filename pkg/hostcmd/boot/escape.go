package boot

// The escape on a terminal of the guest: the key, and what stands after it.
const (
	escapeKey  = 0x1d // ctrl-]
	escapeStop = 'x'
)

// escapes finds the escape in what is typed.
type escapes struct {
	begun bool // escapeKey was the last key
}

// filter returns what of the keys is the guest's, and how often a stop was
// asked for.
func (e *escapes) filter(keys []byte) (guest []byte, stops int) {
	for _, key := range keys {
		switch {
		case !e.begun && key == escapeKey:
			e.begun = true
			continue
		case e.begun && key == escapeStop:
			stops++
		case e.begun && key != escapeKey:
			guest = append(guest, escapeKey, key)
		default:
			guest = append(guest, key)
		}
		e.begun = false
	}
	return guest, stops
}
