package mount

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// Entry is one line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
type Entry struct {
	Target  string
	Options string // of the mount, comma-separated
	FSType  string
	Source  string
}

// ReadTable reads the mount table at path, /proc/self/mountinfo, oldest mount
// first.
func ReadTable(path string) ([]Entry, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read mount table: %w", err)
	}
	return ParseTable(data)
}

// ParseTable parses the lines of mountinfo. A malformed line is an error that
// names it.
func ParseTable(data []byte) ([]Entry, error) {
	var table []Entry
	for n := 1; len(data) > 0; n++ {
		line, rest, _ := bytes.Cut(data, []byte{'\n'})
		data = rest
		if len(line) == 0 {
			continue
		}
		e, ok := parseEntry(string(line))
		if !ok {
			return nil, fmt.Errorf("mount table line %d: %q: not mountinfo", n, line)
		}
		table = append(table, e)
	}
	return table, nil
}

// parseEntry parses one line:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//
// The optional fields before the dash are any number.
func parseEntry(line string) (Entry, bool) {
	before, after, ok := strings.Cut(line, " - ")
	head, tail := strings.Split(before, " "), strings.Split(after, " ")
	if !ok || len(head) < 6 || len(tail) < 2 {
		return Entry{}, false
	}
	return Entry{
		Target:  unescape(head[4]),
		Options: head[5],
		FSType:  tail[0],
		Source:  unescape(tail[1]),
	}, true
}

// unescape undoes the kernel's octal escapes of space, tab, newline and
// backslash.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1:i+4]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func octal(s string) bool {
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7'
}
