package netconf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/rawfile"
)

// session is what the steps of one Apply share.
type session struct {
	conn    *conn
	config  Config
	timeout time.Duration
	link    *link // nil until it is found

	queue     []change  // not yet sent
	addresses []address // listed since the queue was sent; nil if they were not
}

// change is a request that waits for others to be sent with it.
type change struct {
	request request
	// explain makes an error of the request one for the user, or nil where
	// what was asked for is there nevertheless.
	explain func(error) error
}

// Apply takes every step of Plan(c) and returns the error of each that failed,
// in their order. The link may take until timeout, or the end of ctx, to
// appear; without it the steps that need it are left out. What is already as c
// wants it is success.
func Apply(ctx context.Context, c Config, timeout time.Duration) []error {
	conn, err := openConn()
	if err != nil {
		return []error{err}
	}
	defer conn.close()
	s := &session{conn: conn, config: c, timeout: timeout}
	var errs []error
	for _, step := range Plan(c) {
		errs = append(errs, s.take(ctx, step)...)
	}
	return append(errs, s.flush()...)
}

// take returns the errors of the steps that were queued before this one, and
// its own unless it is queued too.
func (s *session) take(ctx context.Context, step Step) []error {
	var errs []error
	if step.apply != nil || len(s.queue) == maxBatch {
		errs = s.flush()
	}
	switch {
	case step.needsLink && s.link == nil:
	case step.change != nil:
		s.queue = append(s.queue, step.change(s))
	default:
		if err := step.apply(ctx, s); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

// flush sends what is queued.
func (s *session) flush() []error {
	if len(s.queue) == 0 {
		return nil
	}
	requests := make([]request, len(s.queue))
	for i, c := range s.queue {
		requests[i] = c.request
	}
	s.addresses = nil
	var errs []error
	for i, err := range s.conn.send(requests) {
		if err == nil {
			continue
		}
		if err = s.queue[i].explain(err); err != nil {
			errs = append(errs, err)
		}
	}
	s.queue = s.queue[:0]
	return errs
}

func (s *session) listAddresses() ([]address, error) {
	var err error
	if s.addresses == nil {
		s.addresses, err = listAddresses(s.conn)
	}
	return s.addresses, err
}

func setLoUp(*session) change {
	return change{request: linkUp(0).attrString(syscall.IFLA_IFNAME, "lo"), explain: func(err error) error {
		return fmt.Errorf("set link lo up: %w", err)
	}}
}

func setLinkUp(s *session) change {
	return change{request: linkUp(s.link.index), explain: func(err error) error {
		return fmt.Errorf("set link %s up: %w", s.link.name, err)
	}}
}

func setMTU(mtu int) func(*session) change {
	return func(s *session) change {
		value := uint32(min(uint64(mtu), math.MaxUint32)) //nolint:gosec // too large where mtu is negative
		return change{request: linkMTU(s.link.index, value), explain: func(err error) error {
			return fmt.Errorf("set mtu %d of %s: %w", mtu, s.link.name, err)
		}}
	}
}

func setOffloadOff(o offload) func(context.Context, *session) error {
	return func(_ context.Context, s *session) error {
		err := s.conn.socket.disableOffload(s.link.name, o)
		if err == nil {
			return nil
		}
		if on, readErr := s.conn.socket.offloadOn(s.link.name, o); isOffAlready(err, on, readErr) {
			return nil
		}
		return fmt.Errorf("set %s of %s off: %w", o.name, s.link.name, err)
	}
}

// isOffAlready reports whether set is the refusal of a link that lacks the
// feature, and so will not even switch it off.
func isOffAlready(set error, on bool, read error) bool {
	return errors.Is(set, errors.ErrUnsupported) && read == nil && !on
}

// refuseAdvertisements has the link ignore routers. A kernel without IPv6 has no
// such file: what it lacks, the address says.
func refuseAdvertisements(_ context.Context, s *session) error {
	err := rawfile.Write(s.config.IPv6Conf+"/"+s.link.name+"/accept_ra", "0")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("refuse router advertisements on %s: %w", s.link.name, err)
	}
	return nil
}
