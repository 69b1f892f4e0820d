package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// The kernel's cgroup files have one of two forms (its
// Documentation/admin-guide/cgroup-v2.rst, "Format"): flat keyed, and nested
// keyed.

// pair is a line of a flat keyed file.
type pair struct {
	key   string
	value uint64
}

// pairs are in the order of the file.
type pairs []pair

// parsePairs parses lines of a key and a number. A number that is none (some
// files say max) is left out with its key.
func parsePairs(b []byte) (pairs, error) {
	var all pairs
	for line := range bytes.Lines(b) {
		key, rest := cutField(line)
		value, rest := cutField(rest)
		if len(value) == 0 || len(bytes.TrimSpace(rest)) > 0 {
			return nil, fmt.Errorf("%q: not a key and a number", line)
		}
		n, err := strconv.ParseUint(string(value), 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			return nil, err
		}
		if err == nil {
			all = append(all, pair{text(key), n})
		}
	}
	return all, nil
}

func (p pairs) find(key string) (uint64, bool) {
	for _, pair := range p {
		if pair.key == key {
			return pair.value, true
		}
	}
	return 0, false
}

// parseRows parses rows of a name and key=value fields. A row begins with a
// field that has no equals sign: Linux 5.x to 6.x leave out the newline after
// a device without counters in io.stat.
func parseRows[T any](b []byte, begin func(name string) T, set func(row *T, key, value string) error) ([]T, error) {
	var rows []T
	for field := range bytes.FieldsSeq(b) {
		key, value, ok := bytes.Cut(field, []byte{'='})
		switch {
		case !ok:
			rows = append(rows, begin(string(key)))
			continue
		case len(rows) == 0:
			return nil, fmt.Errorf("%q: a value before a name", field)
		}
		if err := set(&rows[len(rows)-1], string(key), string(value)); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return rows, nil
}

// limit is a number, or none where the file says max.
type limit struct {
	value     uint64
	unlimited bool
}

func parseLimit(b []byte) (limit, error) {
	s := string(bytes.TrimSpace(b))
	if s == "max" {
		return limit{unlimited: true}, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return limit{}, err
	}
	return limit{value: n}, nil
}
