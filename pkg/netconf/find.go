package netconf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
)

// findLink sets s.link. It waits for the link, since a driver may register it
// late; the kernel's messages about links end the wait.
func findLink(ctx context.Context, s *session) error {
	link, err := s.lookup()
	if err == nil && link == nil && s.timeout > 0 {
		link, err = s.await(ctx)
	}
	if err == nil && link == nil {
		err = s.missing()
	}
	if err != nil {
		return fmt.Errorf("find link %s: %w", s.sought(), err)
	}
	s.link = link
	return nil
}

func (s *session) sought() string {
	if s.config.MAC != "" {
		return s.config.MAC
	}
	return s.config.Link
}

// await returns nil without an error once s.timeout is over.
func (s *session) await(ctx context.Context) (netlink.Link, error) {
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
		link, err := s.lookup()
		if err != nil || link != nil {
			return link, err
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
func (s *session) lookup() (netlink.Link, error) {
	if s.config.MAC != "" {
		return s.lookupMAC()
	}
	link, err := s.handle.LinkByName(s.config.Link)
	if _, missing := errors.AsType[netlink.LinkNotFoundError](err); missing {
		return nil, nil
	}
	return link, err
}

// lookupMAC prefers the link of the configured name, then the lowest index:
// VLANs and bridges share the address of the link below them and come later.
func (s *session) lookupMAC() (netlink.Link, error) {
	mac, err := parseMAC(s.config.MAC)
	if err != nil {
		return nil, err
	}
	links, err := listUnchanged(s.handle.LinkList)
	if err != nil {
		return nil, err
	}
	var found netlink.Link
	for _, link := range links {
		attrs := link.Attrs()
		if !bytes.Equal(attrs.HardwareAddr, mac) {
			continue
		}
		if attrs.Name == s.config.Link {
			return link, nil
		}
		if found == nil || attrs.Index < found.Attrs().Index {
			found = link
		}
	}
	return found, nil
}

// missing says that there is no such link, and which there are.
func (s *session) missing() error {
	links, err := listUnchanged(s.handle.LinkList)
	if err != nil {
		return fmt.Errorf("no such link; list links: %w", err)
	}
	names := make([]string, len(links))
	for i, link := range links {
		names[i] = link.Attrs().Name
		if mac := link.Attrs().HardwareAddr; s.config.MAC != "" && len(mac) > 0 {
			names[i] += "=" + mac.String()
		}
	}
	after := ""
	if s.timeout > 0 {
		after = " after " + s.timeout.String()
	}
	return fmt.Errorf("no such link%s (links: %s)", after, strings.Join(names, " "))
}
