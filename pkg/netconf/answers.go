package netconf

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Of linux/netlink.h; package syscall has them not.
const (
	flagDumpInterrupted = 0x10  // NLM_F_DUMP_INTR
	flagCapped          = 0x100 // NLM_F_CAPPED: the request is not repeated
	flagAckAttributes   = 0x200 // NLM_F_ACK_TLVS
	ackAttrMessage      = 1     // NLMSGERR_ATTR_MSG
)

// answers gathers what the kernel says to requests that were sent together,
// with sequence numbers from first on. The last one's answer is the end.
type answers struct {
	port, first uint32
	errs        []error // of each request; nil where there is none
	interrupted bool    // what was listed changed meanwhile
	done        bool

	// object takes the body of each message that is not about the request
	// itself, if there is any to come.
	object func(body []byte) error
}

// read takes the messages of one datagram. What answers another's request, or
// one of an earlier exchange, is passed over.
func (a *answers) read(datagram []byte) error {
	for rest := datagram; len(rest) > 0; {
		var m message
		var err error
		if m, rest, err = splitMessage(rest); err != nil {
			return err
		}
		if i := m.seq - a.first; m.port == a.port && uint64(i) < uint64(len(a.errs)) {
			a.answer(int(i), m)
		}
	}
	return nil
}

// answer takes m about request i. The first error about a request stays.
func (a *answers) answer(i int, m message) {
	var err error
	a.interrupted = a.interrupted || m.flags&flagDumpInterrupted != 0
	switch m.kind {
	case syscall.NLMSG_NOOP:
	case syscall.NLMSG_OVERRUN:
		err = errors.New("netlink message: data was lost")
	case syscall.NLMSG_DONE, syscall.NLMSG_ERROR:
		a.done = a.done || i == len(a.errs)-1
		err = decodeResult(m)
	default:
		if a.object != nil {
			err = a.object(m.body)
		}
	}
	if a.errs[i] == nil {
		a.errs[i] = err
	}
}

// decodeResult returns what the kernel says about a request: nil, or a refusal.
func decodeResult(m message) error {
	const size = 4
	if len(m.body) < size {
		if m.kind == syscall.NLMSG_DONE { // before Linux 2.6
			return nil
		}
		return fmt.Errorf("netlink message: a result of %d bytes", len(m.body))
	}
	code := int32(native.Uint32(m.body)) //nolint:gosec // an errno, negative
	if code == 0 {
		return nil
	}
	return refusal{errno: syscall.Errno(-int64(code)), reason: decodeReason(m)} //nolint:gosec // back from the kernel's sign
}

// decodeReason returns the kernel's words with an error, "" where there are
// none (Linux 4.12, NETLINK_EXT_ACK).
func decodeReason(m message) string {
	offset := uint64(4)
	if m.kind == syscall.NLMSG_ERROR {
		if len(m.body) < 4+headerSize {
			return ""
		}
		offset += headerSize
		if m.flags&flagCapped == 0 {
			offset = 4 + (uint64(native.Uint32(m.body[4:]))+3)&^3
		}
	}
	if m.flags&flagAckAttributes == 0 || offset > uint64(len(m.body)) {
		return ""
	}
	reason := ""
	err := eachAttribute(m.body[offset:], func(kind uint16, value []byte) error {
		if kind == ackAttrMessage {
			reason = strings.TrimRight(decodeString(value), ".\n ")
		}
		return nil
	})
	if err != nil {
		return "" // the errno is what matters
	}
	return reason
}

// refusal is the kernel's answer to a request that it did not fulfill.
type refusal struct {
	errno  syscall.Errno
	reason string // the kernel's; "" for none
}

func (r refusal) Error() string {
	if r.reason == "" {
		return r.errno.Error()
	}
	return r.errno.Error() + " (" + r.reason + ")"
}

func (r refusal) Unwrap() error { return r.errno }

// withoutReason is for errors that are told a better reason than the kernel's.
func withoutReason(err error) error {
	if r, ok := errors.AsType[refusal](err); ok {
		return r.errno
	}
	return err
}
