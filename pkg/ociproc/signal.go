package ociproc

import (
	"errors"
	"strconv"
	"strings"
	"syscall"
)

// Real-time signals as libcs number them for programs, see signal(7).
const (
	firstRealTime = 34
	lastRealTime  = 64
)

// ParseSignal reads a StopSignal: SIGTERM, TERM, 15, SIGRTMIN+3 or RTMAX-1, in
// either case.
func ParseSignal(s string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(s); err == nil {
		return inRange(n)
	}
	name := strings.TrimPrefix(strings.ToUpper(s), "SIG")
	switch {
	case name == "RTMIN":
		return firstRealTime, nil
	case name == "RTMAX":
		return lastRealTime, nil
	case strings.HasPrefix(name, "RTMIN+"):
		return realTime(firstRealTime, name[len("RTMIN+"):], 1)
	case strings.HasPrefix(name, "RTMAX-"):
		return realTime(lastRealTime, name[len("RTMAX-"):], -1)
	}
	return signalNumber("SIG" + name)
}

func realTime(base int, offset string, sign int) (syscall.Signal, error) {
	n, err := strconv.ParseUint(offset, 10, 8)
	if err != nil || n > lastRealTime-firstRealTime {
		return 0, errNotSignal()
	}
	return inRange(base + sign*int(n))
}

func inRange(n int) (syscall.Signal, error) {
	if n < 1 || n > lastRealTime {
		return 0, errNotSignal()
	}
	return syscall.Signal(n), nil
}

func errNotSignal() error {
	return errors.New("not a signal, such as SIGTERM, TERM, 15 or SIGRTMIN+3")
}
