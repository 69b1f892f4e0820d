package metrics

import (
	"bytes"
	"fmt"
	"strconv"
)

// traffic is one direction of a link since it was made.
type traffic struct{ bytes, packets, errors, drops uint64 }

func (t traffic) node(name string) *Node {
	return branch(name,
		size("bytes", t.bytes), count("packets", t.packets), count("errors", t.errors), count("drops", t.drops))
}

// link is a line of /proc/net/dev.
type link struct {
	name   string
	rx, tx traffic
}

// parseLinks parses /proc/net/dev (proc_pid_net(5)): below a header of two
// lines a link each, with eight numbers received and eight sent.
func parseLinks(b []byte) ([]link, error) {
	const half = 8
	var links []link
	for line := range bytes.Lines(b) {
		if bytes.IndexByte(line, '|') >= 0 && bytes.LastIndexByte(line, ':') < 0 {
			continue
		}
		// The last colon: older kernels allow one in a name.
		colon := bytes.LastIndexByte(line, ':')
		if colon < 0 {
			return nil, fmt.Errorf("%q: no link's name", line)
		}
		numbers, err := parseNumbers(line[colon+1:], 2*half)
		if err != nil {
			return nil, fmt.Errorf("link %q: %w", line[:colon], err)
		}
		rx, tx := numbers[:half], numbers[half:]
		links = append(links, link{
			name: text(bytes.TrimSpace(line[:colon])),
			rx:   traffic{bytes: rx[0], packets: rx[1], errors: rx[2], drops: rx[3]},
			tx:   traffic{bytes: tx[0], packets: tx[1], errors: tx[2], drops: tx[3]},
		})
	}
	return links, nil
}

// parseNumbers parses the first n words of b; there may be more.
func parseNumbers(b []byte, n int) ([]uint64, error) {
	numbers := make([]uint64, 0, n)
	for field := range bytes.FieldsSeq(b) {
		if len(numbers) == n {
			break
		}
		value, err := strconv.ParseUint(string(field), 10, 64)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, value)
	}
	if len(numbers) < n {
		return nil, fmt.Errorf("%d numbers, want %d", len(numbers), n)
	}
	return numbers, nil
}

// network has the links of the network namespace of this process.
func (c *collection) network() *Node {
	links, _ := parsed(c, c.Proc, "net/dev", parseLinks)
	nodes := make([]*Node, 0, len(links))
	for _, l := range links {
		nodes = append(nodes, branch(l.name, l.rx.node("rx"), l.tx.node("tx")))
	}
	return branch("network", nodes...)
}
