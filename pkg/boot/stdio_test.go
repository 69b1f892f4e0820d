package boot

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/console"
)

func TestStdioParams(t *testing.T) {
	const terminal, output = "kinit.terminal=", "kinit.output="
	tests := []struct {
		line string
		want StdioParam
		err  string // its beginning; "" for none
	}{
		{terminal + "/dev/hvc0", StdioParam{Terminal: "/dev/hvc0"}, ""},
		{terminal + "/dev/hvc0,24x80", StdioParam{Terminal: "/dev/hvc0", Size: console.Size{Rows: 24, Columns: 80}}, ""},
		{output + "/dev/vport0p2", StdioParam{Output: "/dev/vport0p2", Errors: "/dev/vport0p2"}, ""},
		{output + "/dev/vport0p2,/dev/vport0p3", StdioParam{Output: "/dev/vport0p2", Errors: "/dev/vport0p3"}, ""},
		{terminal + "/dev/hvc0 " + output + "/dev/vport0p2", StdioParam{Output: "/dev/vport0p2", Errors: "/dev/vport0p2"}, ""},
		{output + "/dev/vport0p2 " + terminal + "auto", StdioParam{}, ""},
		{terminal + "/dev/hvc0 " + output + "auto", StdioParam{}, ""},
		{terminal + "hvc0", StdioParam{}, "kernel parameter kinit.terminal=hvc0: give a terminal such as"},
		{terminal + "/dev/../etc/x", StdioParam{}, "kernel parameter kinit.terminal=/dev/../etc/x: give a terminal such as"},
		{terminal + "/dev/hvc0,", StdioParam{}, "kernel parameter kinit.terminal=/dev/hvc0,: give a terminal such as"},
		{terminal + "/dev/hvc0,24x65536", StdioParam{}, "kernel parameter kinit.terminal=/dev/hvc0,24x65536: give a terminal such as"},
		{output, StdioParam{}, "kernel parameter kinit.output=: give a device such as"},
		{output + "/dev/a,", StdioParam{}, "kernel parameter kinit.output=/dev/a,: give a device such as"},
	}
	for _, tt := range tests {
		p, _, err := ParseParams(tt.line)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if diff := cmp.Diff(tt.want, p.Stdio); diff != "" || (said == "") != (tt.err == "") || !strings.HasPrefix(said, tt.err) {
			t.Errorf("ParseParams(%s): error %q, want %q; -want +got\n%s", tt.line, said, tt.err, diff)
		}
	}
}

// TestRelays writes to both relays as a workload does; the device is a file.
func TestRelays(t *testing.T) {
	dir := t.TempDir()
	p := StdioParam{Output: filepath.Join(dir, "output"), Errors: filepath.Join(dir, "errors")}
	for _, name := range []string{p.Output, p.Errors} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s, err := openStdio(p, 0, func(f func()) { go f() })
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Repeat("what it says\n", 50_000)
	for _, tt := range []struct {
		to   *os.File
		text string
	}{{s.files[1], want}, {s.files[2], "what went wrong\n"}} {
		if _, err := tt.to.WriteString(tt.text); err != nil {
			t.Error(err)
		}
	}
	if n, err := s.files[0].Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("input = %d bytes, %v, want its end", n, err)
	}
	s.given()
	if err := s.drain(time.Minute); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{p.Output: want, p.Errors: "what went wrong\n"} {
		if got, err := os.ReadFile(name); string(got) != want || err != nil {
			t.Errorf("%s has %d bytes, %v, want %d", name, len(got), err, len(want))
		}
	}
}

func TestOpenStdioNoDevice(t *testing.T) {
	_, err := openStdio(StdioParam{Terminal: "/dev/nonexistent"}, 0, nil)
	if want := "open the workload's streams: open /dev/nonexistent: no such file or directory after 0s"; err == nil || err.Error() != want {
		t.Errorf("openStdio = %v, want %s", err, want)
	}
}
