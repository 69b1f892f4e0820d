package ociproc

import (
	"syscall"
	"testing"
)

func TestParseSignal(t *testing.T) {
	for s, want := range map[string]syscall.Signal{
		"SIGTERM": 15, "TERM": 15, "15": 15, "term": 15, "sigKill": 9, "1": 1, "64": 64,
		"RTMIN": 34, "SIGRTMIN": 34, "RTMIN+3": 37, "SIGRTMIN+30": 64, "RTMAX": 64, "RTMAX-1": 63, "SIGRTMAX-30": 34,
		"": 0, "0": 0, "65": 0, "-1": 0, "SIG": 0, "SIGFOO": 0, "SIG15": 0, "RTMIN+31": 0, "RTMAX-31": 0, "RTMIN+": 0,
		"RTMIN-1": 0, "RTMIN+-1": 0, " TERM": 0, "99999999999999999999": 0,
	} {
		got, err := ParseSignal(s)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("ParseSignal(%q) = %d, %v, want %d", s, got, err, want)
		}
	}
}
