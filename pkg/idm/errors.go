package idm

// Error is why a message was not sent.
type Error uint8

// The errors of Send.
const (
	// ErrQueueFull: the host reads too slowly, or not at all.
	ErrQueueFull Error = iota + 1
	// ErrNotAsked: a host that does not know the extension is spared it.
	ErrNotAsked
	// ErrVersion: version 1 has no such message.
	ErrVersion
	ErrTooLarge
	ErrClosed
)

func (e Error) Error() string {
	switch e {
	case ErrQueueFull:
		return "queue is full"
	case ErrNotAsked:
		return "host has not asked for the extension"
	case ErrVersion:
		return "message has no form in IDM version 1"
	case ErrTooLarge:
		return "frame is over the limit"
	default:
		return "connection is closed"
	}
}
