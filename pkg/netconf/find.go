package netconf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// findLink sets s.link. It waits for the link, since a driver may register it
// late; the kernel's messages about links end the wait.
func findLink(ctx context.Context, s *session) error {
	found, err := s.lookup()
	if err == nil && found == nil && s.timeout > 0 {
		found, err = s.await(ctx)
	}
	if err == nil && found == nil {
		err = s.missing()
	}
	if err != nil {
		return fmt.Errorf("find link %s: %w", s.sought(), err)
	}
	s.link = found
	return nil
}

func (s *session) sought() string {
	if s.config.MAC != "" {
		return s.config.MAC
	}
	return s.config.Link
}

// await returns nil without an error once s.timeout is over.
func (s *session) await(ctx context.Context) (*link, error) {
	events, err := openLinkEvents()
	if err != nil {
		return nil, fmt.Errorf("open rtnetlink socket for events: %w", err)
	}
	defer events.Close()
	if err := events.SetReadDeadline(time.Now().Add(s.timeout)); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()

	buf := make([]byte, 1) // the rest of a message is lost: only its arrival matters
	for {
		// The first time after the socket is open, for a link that came between.
		found, err := s.lookup()
		if err != nil || found != nil {
			return found, err
		}
		_, err = events.Read(buf)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, ctx.Err()
		case err != nil && !isOverrun(err):
			return nil, fmt.Errorf("wait for events: %w", err)
		}
	}
}

// lookup returns nil without an error where there is no such link now.
func (s *session) lookup() (*link, error) {
	if s.config.MAC != "" {
		return s.lookupMAC()
	}
	return linkByName(s.conn, s.config.Link)
}

// lookupMAC prefers the link of the configured name, then the lowest index:
// VLANs and bridges share the address of the link below them and come later.
func (s *session) lookupMAC() (*link, error) {
	mac, err := parseMAC(s.config.MAC)
	if err != nil {
		return nil, err
	}
	links, err := listLinks(s.conn)
	if err != nil {
		return nil, err
	}
	var found *link
	for _, l := range links {
		if !bytes.Equal(l.mac, mac) {
			continue
		}
		if l.name == s.config.Link {
			return &l, nil
		}
		if found == nil || l.index < found.index {
			found = &l
		}
	}
	return found, nil
}

// missing says that there is no such link, and which there are.
func (s *session) missing() error {
	links, err := listLinks(s.conn)
	if err != nil {
		return fmt.Errorf("no such link; list links: %w", err)
	}
	names := make([]string, len(links))
	for i, l := range links {
		names[i] = l.name
		if s.config.MAC != "" && len(l.mac) > 0 {
			names[i] += "=" + formatMAC(l.mac)
		}
	}
	after := ""
	if s.timeout > 0 {
		after = " after " + s.timeout.String()
	}
	return fmt.Errorf("no such link%s (links: %s)", after, strings.Join(names, " "))
}
