package vmtest

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestAwaitAnswer(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"QMP": {"version": {}}} {"event": "STOP"} {"return": {}}`, ""},
		{`{"event": "STOP"} {"error": {"class": "GenericError", "desc": "no such bus"}}`, "no such bus"},
		{`{"QMP": {}}`, io.EOF.Error()},
	}
	for _, tt := range tests {
		got := ""
		if err := awaitAnswer(json.NewDecoder(strings.NewReader(tt.in))); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("awaitAnswer(%s) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestEndedAt(t *testing.T) {
	failed := errors.New("failed")
	tests := []struct {
		until string
		err   error
		want  string
	}{
		{"", nil, ""},
		{"", failed, "failed"},
		{"halted", errUntil, ""},
		{"halted", failed, "failed"},
		{"halted", nil, `the machine ended before it printed "halted"`},
	}
	for _, tt := range tests {
		got := ""
		if err := endedAt(tt.until, tt.err); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("endedAt(%q, %v) = %q, want %q", tt.until, tt.err, got, tt.want)
		}
	}
}
