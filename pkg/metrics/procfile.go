package metrics

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// ticks is USER_HZ, the unit of starttime: 100 a second on every architecture
// that Go knows.
const ticks = 100

// stat is what is taken of /proc/PID/stat: what a process keeps. The rest is in
// status, which has to be read in any case.
type stat struct {
	start  uint64 // ticks since the boot
	kernel bool   // a kernel thread
}

// parseStat parses /proc/PID/stat (proc_pid_stat(5)). The process chooses its
// name, the second field, which may hold spaces, newlines and parentheses:
// numbers begin after the last parenthesis.
func parseStat(b []byte) (stat, error) {
	const (
		flags, start = 6, 19      // from the third field on
		kernelThread = 0x00200000 // PF_KTHREAD of linux/sched.h
	)
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return stat{}, errors.New("no name in parentheses")
	}
	var s stat
	i := 0
	for field := range bytes.FieldsSeq(b[end+1:]) {
		var n uint64
		var err error
		if i == flags || i == start {
			n, err = strconv.ParseUint(string(field), 10, 64)
		}
		if err != nil {
			return stat{}, fmt.Errorf("field %d: %w", i+3, err)
		}
		switch i {
		case flags:
			s.kernel = n&kernelThread != 0
		case start:
			s.start = n
			return s, nil
		}
		i++
	}
	return stat{}, fmt.Errorf("%d fields, want %d", i+2, start+3)
}

// status is what is taken of /proc/PID/status.
type status struct {
	parent            uint64
	uid, euid         uint64
	gid, egid         uint64
	resident, virtual uint64 // bytes
}

// parseStatus parses /proc/PID/status (proc_pid_status(5)). A zombie and a
// kernel thread have no memory and no lines about it. The resident size is
// taken from here: the one in stat was seen a fifth too low on Linux 6.18.
func parseStatus(b []byte) (status, error) {
	var s status
	uids, gids := false, false
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(line, []byte{':'})
		var err error
		switch string(key) {
		case "PPid":
			s.parent, err = strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 31)
		case "Uid":
			s.uid, s.euid, err = parseIDs(value)
			uids = true
		case "Gid":
			s.gid, s.egid, err = parseIDs(value)
			gids = true
		case "VmSize":
			s.virtual, err = parseKiB(value)
		case "VmRSS": // the last of these; half of the file is behind it
			s.resident, err = parseKiB(value)
			if err == nil && uids && gids {
				return s, nil
			}
		}
		if err != nil {
			return status{}, fmt.Errorf("%s: %w", key, err)
		}
	}
	if !uids || !gids {
		return status{}, errors.New("no Uid or no Gid")
	}
	return s, nil
}

// parseIDs returns the real and the effective one of four numbers.
func parseIDs(b []byte) (uint64, uint64, error) {
	first, rest := cutField(b)
	second, _ := cutField(rest)
	id, err := strconv.ParseUint(string(first), 10, 32)
	if err != nil {
		return 0, 0, err
	}
	effective, err := strconv.ParseUint(string(second), 10, 32)
	return id, effective, err
}

// parseKiB parses "123 kB", which means KiB, to bytes.
func parseKiB(b []byte) (uint64, error) {
	first, unit := cutField(b)
	if string(bytes.TrimSpace(unit)) != "kB" {
		return 0, fmt.Errorf("%q: not in kB", b)
	}
	n, err := strconv.ParseUint(string(first), 10, 54)
	return n << 10, err
}

// cutField returns the first word of b and what follows it.
func cutField(b []byte) (field, rest []byte) {
	b = bytes.TrimLeft(b, " \t\n")
	if end := bytes.IndexAny(b, " \t\n"); end >= 0 {
		return b[:end], b[end:]
	}
	return b, nil
}
