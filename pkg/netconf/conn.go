package netconf

import (
	"fmt"
	"syscall"
)

const (
	// bufferSize is of one datagram. The kernel makes none longer in a dump
	// (Linux 3.15), and a link takes some 2 KiB.
	bufferSize = 32 << 10

	// maxBatch bounds the requests in one send, so that a refusal of each,
	// under 2 KiB in the kernel's count, fits in the socket's queue (208 KiB).
	maxBatch = 64
)

// conn is a conversation of rtnetlink(7).
type conn struct {
	socket socket
	seq    uint32 // the next one
	buf    []byte
}

func openConn() (*conn, error) {
	s, err := openSocket()
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink socket: %w", err)
	}
	return &conn{socket: s, seq: 1, buf: make([]byte, bufferSize)}, nil
}

func (c *conn) close() { c.socket.close() }

// send has the kernel fulfill the requests, at most maxBatch, in their order,
// and returns an error, or nil, for each. One that is refused does not stop
// the others.
func (c *conn) send(requests []request) []error {
	a := c.exchange(requests, syscall.NLM_F_ACK, nil)
	return a.errs
}

// ask returns the error of one request that is answered by one object.
func (c *conn) ask(r request, object func(body []byte) error) error {
	a := c.exchange([]request{r}, syscall.NLM_F_ACK, object)
	return a.errs[0]
}

// exchange sends the requests and reads until the last is answered; the others
// are answered only where they are refused. The last one gets the flags.
func (c *conn) exchange(requests []request, flags uint16, object func(body []byte) error) *answers {
	a := &answers{port: c.socket.port, first: c.seq, errs: make([]error, len(requests)), object: object}
	datagram := c.buf[:0] // it is sent before an answer is received
	for i, r := range requests {
		if i < len(requests)-1 {
			r.seal(c.seq, 0)
		} else {
			r.seal(c.seq, flags)
		}
		c.seq++
		datagram = append(datagram, r...)
	}
	if err := c.converse(datagram, a); err != nil {
		a.fail(err)
	}
	return a
}

func (c *conn) converse(datagram []byte, a *answers) error {
	if err := c.socket.send(datagram); err != nil {
		return fmt.Errorf("send to rtnetlink: %w", err)
	}
	for !a.done {
		n, err := c.socket.receive(c.buf)
		if err == nil {
			err = a.read(c.buf[:n])
		}
		if err != nil {
			return fmt.Errorf("receive from rtnetlink: %w", err)
		}
	}
	return nil
}

// fail gives err to every request that has none: what became of them is unknown.
func (a *answers) fail(err error) {
	for i := range a.errs {
		if a.errs[i] == nil {
			a.errs[i] = err
		}
	}
}

// list returns all objects of a kind: r is the request, and decode reads the
// body of one.
func list[T any](c *conn, r request, decode func(body []byte) (T, error)) ([]T, error) {
	var items []T
	err := untilUnchanged(func() (interrupted bool, err error) {
		items = nil
		a := c.exchange([]request{r}, syscall.NLM_F_DUMP, func(body []byte) error {
			item, err := decode(body)
			if err == nil {
				items = append(items, item)
			}
			return err
		})
		return a.interrupted, a.errs[0]
	})
	return items, err
}

// untilUnchanged calls read until nothing changed while the kernel wrote its
// answer, but not for ever.
func untilUnchanged(read func() (interrupted bool, err error)) error {
	const attempts = 10
	for range attempts {
		if interrupted, err := read(); err != nil || !interrupted {
			return err
		}
	}
	return fmt.Errorf("changed during each of %d readings", attempts)
}
