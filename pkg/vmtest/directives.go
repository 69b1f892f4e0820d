package vmtest

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/pack"
)

func (s *Scenario) addTyped(value string, qmp bool) error {
	keys, after, ok := strings.Cut(value, " after ")
	if !ok {
		return fmt.Errorf("want KEYS after TEXT, not %q", value)
	}
	after, wait, ok := strings.Cut(after, " plus ")
	pause := time.Duration(0)
	if ok {
		var err error
		if pause, err = time.ParseDuration(wait); err != nil {
			return err
		}
	}
	if !qmp {
		keys = strings.NewReplacer("^C", "\x03", "^D", "\x04", "^J", "\n", "^M", "\r", "^Z", "\x1a", "^[", "\x1b").Replace(keys)
	}
	s.Typed = append(s.Typed, Typed{Keys: keys, After: after, Pause: pause, QMP: qmp})
	return nil
}

func (s *Scenario) addZeros(words []string) error {
	if len(words) != 2 {
		return fmt.Errorf("want PATH MIB, not %q", words)
	}
	mib, err := strconv.Atoi(words[1])
	s.Zeros[words[0]] = mib
	return err
}

func (s *Scenario) addDisk(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("no kind")
	}
	kind, err := oneOf(words[0], "image", "config", "blank", "data", "kernel")
	if err != nil {
		return err
	}
	d := Disk{Kind: kind}
	if kind == "data" {
		d.Pack.Format = pack.Ext4
	}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "format":
			d.Pack.Format = value
		case "comp":
			d.Pack.Compression = value
		case "label":
			d.Pack.Label = value
		case "serial":
			d.Serial = value
		case "writable":
			d.Writable = true
		case "late":
			d.Late = true
		default:
			return fmt.Errorf("unknown key %q", key)
		}
	}
	s.Disks = append(s.Disks, d)
	return nil
}

func (s *Scenario) addLink(words []string) error {
	if len(words) != 2 {
		return fmt.Errorf("want PATH TARGET, not %q", words)
	}
	s.Links = append(s.Links, [2]string{words[0], words[1]})
	return nil
}

func (s *Scenario) addAttr(words []string) error {
	if len(words) != 4 {
		return fmt.Errorf("want PATH MODE UID GID, not %q", words)
	}
	var numbers [3]uint32
	for i, base := range []int{8, 10, 10} {
		n, err := strconv.ParseUint(words[i+1], base, 32)
		if err != nil {
			return err
		}
		numbers[i] = uint32(n)
	}
	mode := fs.FileMode(numbers[0] & 0o777)
	for i, bit := range []fs.FileMode{fs.ModeSticky, fs.ModeSetgid, fs.ModeSetuid} {
		if numbers[0]&(0o1000<<i) != 0 {
			mode |= bit
		}
	}
	s.Attrs = append(s.Attrs, pack.Attr{Path: words[0], Mode: mode, UID: numbers[1], GID: numbers[2]})
	return nil
}
