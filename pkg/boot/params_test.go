package boot

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/block"
	"github.com/kguest/kguest/pkg/idm"
)

func TestParseParams(t *testing.T) {
	tests := []struct {
		line   string
		change func(p *Params) // from the defaults
	}{
		{"", func(*Params) {}},
		{"console=ttyS0 root=/dev/vda init=/init kinitimage=x", func(*Params) {}},
		{"kinit.image=/dev/vdc", func(p *Params) { p.Image = block.Ref{Paths: []string{"/dev/vdc"}} }},
		{"kinit.image=serial:root0 kinit.config=label:cfg", func(p *Params) { p.Image, p.Config = block.Ref{Serial: "root0"}, block.Ref{Label: "cfg"} }},
		{`kinit.config="label:with space"`, func(p *Params) { p.Config = block.Ref{Label: "with space"} }},
		{"kinit.image=/dev/vdc kinit.image=auto kinit.config=/dev/x kinit.config=auto", func(*Params) {}},
		{"kinit.image=/dev/vdc kinit.image=/dev/vdd", func(p *Params) { p.Image = block.Ref{Paths: []string{"/dev/vdd"}} }},
		{"kinit.timeout=0", func(p *Params) { p.Timeout = 0 }},
		{"kinit.timeout=2147483647", func(p *Params) { p.Timeout = 2147483647 * time.Second }},
		{"kinit.idm=auto", func(*Params) {}},
		{"kinit.idm=required", func(p *Params) { p.IDM.Required = true }},
		{"kinit.idm=none", func(p *Params) { p.IDM.Path = "" }},
		{"kinit.idm=/dev/vport0p1", func(p *Params) { p.IDM.Path, p.IDM.Required = "/dev/vport0p1", true }},
		{"kinit.idm=none kinit.idm=required", func(p *Params) { p.IDM.Required = true }},
		{"kinit.idm=/dev/vport0p1 kinit.idm=auto", func(*Params) {}},
		{"kinit.idm.version=2", func(p *Params) { p.IDM.Version = idm.Version2 }},
		{"kinit.idm.version=1 kinit.idm=none", func(p *Params) { p.IDM.Path, p.IDM.Version = "", idm.Version1 }},
		{"kinit.idm.version=1 kinit.idm.version=auto", func(*Params) {}},
		{"kinit.end=reboot", func(p *Params) { p.End = Reboot }},
		{"kinit.end=halt kinit.end=poweroff", func(*Params) {}},
		{"kinit.log=debug", func(p *Params) { p.LogLevel = LevelDebug }},
		{"kinit.log=debug kinit.log=info", func(p *Params) { p.LogLevel = LevelInfo }},
		{"kinit.log=warn", func(*Params) {}},
		{"kinit.log=error", func(p *Params) { p.LogLevel = LevelError }},
		{"quiet", func(p *Params) { p.LogLevel = LevelError }},
		{"debug", func(p *Params) { p.LogLevel = LevelDebug }},
		{"quiet debug", func(p *Params) { p.LogLevel = LevelDebug }},
		{"kinit.log=info quiet", func(p *Params) { p.LogLevel = LevelInfo }},
		{"kinit.log=warn debug", func(*Params) {}},
		{"kinit.hook.timeout=0", func(p *Params) { p.HookTimeout = 0 }},
		{"kinit.hook.timeout=5", func(p *Params) { p.HookTimeout = 5 * time.Second }},
		{"kinit.break=network", func(p *Params) { p.Breaks = []string{"network"} }},
		{"kinit.break=mounts,run", func(p *Params) { p.Breaks = []string{"mounts", "run"} }},
		{"kinit.break=mounts kinit.break=none", func(*Params) {}},
		{"kinit.rescue=shell", func(p *Params) { p.Rescue = true }},
		{"kinit.rescue=shell kinit.rescue=off", func(*Params) {}},
		{"kinit.overlay.size=256m", func(p *Params) { p.Size = "256m" }},
		{"kinit.cgroup=threaded", func(p *Params) { p.Threaded = true }},
		{"kinit.cgroup=threaded kinit.cgroup=domain", func(*Params) {}},
		{"rw -- quiet kinit.end=reboot", func(*Params) {}}, // for init
	}
	for _, tt := range tests {
		want := DefaultParams()
		tt.change(&want)
		got, warnings, err := ParseParams(tt.line)
		if diff := cmp.Diff(want, got); diff != "" || err != nil || len(warnings) > 0 {
			t.Errorf("ParseParams(%q) = %q, %v (-want +got):\n%s", tt.line, warnings, err, diff)
		}
	}
}

func TestParseParamsErrors(t *testing.T) {
	tests := []struct{ line, want string }{
		{"kinit.image=vda", `kernel parameter kinit.image=vda: "vda": not a device: give /dev/NAME, serial:NUMBER or label:NAME`},
		{"kinit.image", `kernel parameter kinit.image=: "": not a device: give /dev/NAME, serial:NUMBER or label:NAME`},
		{"kinit.config=/dev/../x", `kernel parameter kinit.config=/dev/../x: "/dev/../x": not a device: give /dev/NAME, serial:NUMBER or label:NAME`},
		{"kinit.timeout=10s", "kernel parameter kinit.timeout=10s: give whole seconds, such as 10"},
		{"kinit.timeout=-1", "kernel parameter kinit.timeout=-1: give whole seconds, such as 10"},
		{"kinit.timeout=9999999999", "kernel parameter kinit.timeout=9999999999: give whole seconds, such as 10"},
		{"kinit.idm=/etc/passwd", "kernel parameter kinit.idm=/etc/passwd: give a device such as /dev/hvc1, or auto, required or none"},
		{"kinit.idm=/dev/../etc/passwd", "kernel parameter kinit.idm=/dev/../etc/passwd: give a device such as /dev/hvc1, or auto, required or none"},
		{"kinit.idm.version=3", "kernel parameter kinit.idm.version=3: give auto, 1 or 2"},
		{"kinit.end=off", "kernel parameter kinit.end=off: give poweroff, reboot or halt"},
		{"kinit.log=all", "kernel parameter kinit.log=all: give debug, info, warn or error"},
		{"kinit.overlay.size=half", `kernel parameter kinit.overlay.size=half: size "half": give a number of bytes with k, m or g, or a percentage of memory, such as 50%`},
		{"kinit.hook.timeout=1m", "kernel parameter kinit.hook.timeout=1m: give whole seconds, such as 60"},
		{"kinit.break=netwrk", `kernel parameter kinit.break=netwrk: no stage "netwrk"; did you mean "network"? (there are: ` + strings.Join(Stages(), " ") + ")"},
		{"kinit.break=network,", `kernel parameter kinit.break=network,: no stage "" (there are: ` + strings.Join(Stages(), " ") + ")"},
		{"kinit.rescue=yes", "kernel parameter kinit.rescue=yes: give off or shell"},
		{"kinit.cgroup=Threaded", "kernel parameter kinit.cgroup=Threaded: give domain or threaded"},
	}
	for _, tt := range tests {
		got, _, err := ParseParams(tt.line)
		if err == nil || err.Error() != tt.want {
			t.Errorf("ParseParams(%q) error = %v, want %s", tt.line, err, tt.want)
		}
		if diff := cmp.Diff(DefaultParams(), got); diff != "" {
			t.Errorf("ParseParams(%q) left another than the default (-want +got):\n%s", tt.line, diff)
		}
	}
}

// TestParseParamsGoesOn: what is right beside a wrong value counts, since the
// end of the machine hangs on it; the first wrong value is the error.
func TestParseParamsGoesOn(t *testing.T) {
	got, warnings, err := ParseParams("kinit.log=x kinit.nosuch=1 kinit.end=reboot kinit.cgroup=y kinit.Image=/dev/vda")
	if err == nil || !strings.HasPrefix(err.Error(), "kernel parameter kinit.log=x: ") || got.End != Reboot {
		t.Errorf("ParseParams = %+v, %v, want reboot and the first error", got, err)
	}
	var all []string
	for _, p := range Parameters() {
		all = append(all, p.Name)
	}
	list := strings.Join(all, " ")
	var texts []string
	for _, w := range warnings {
		texts = append(texts, w.Error())
	}
	want := []string{
		"kernel parameter kinit.nosuch: unknown, ignored (there are: " + list + ")",
		"kernel parameter kinit.Image: unknown, ignored; did you mean \"kinit.image\"? (there are: " + list + ")",
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestParameterDefaults: the default in the table is the one in force.
func TestParameterDefaults(t *testing.T) {
	for _, p := range Parameters() {
		got, warnings, err := ParseParams(p.Name + "=" + p.Default)
		if diff := cmp.Diff(DefaultParams(), got); diff != "" || err != nil || len(warnings) > 0 {
			t.Errorf("%s=%s: %q, %v (-want +got):\n%s", p.Name, p.Default, warnings, err, diff)
		}
		if p.Values == "" || p.Help == "" {
			t.Errorf("%s is not described", p.Name)
		}
	}
}

func FuzzParseParams(f *testing.F) {
	for _, p := range Parameters() {
		f.Add(p.Name + "=" + p.Default)
	}
	f.Add(`kinit.image="label:a b" kinit.x -- y`)
	f.Fuzz(func(t *testing.T, line string) {
		p, _, _ := ParseParams(line)
		again, _, _ := ParseParams("rw " + line)
		if diff := cmp.Diff(p, again); diff != "" && !strings.HasPrefix(strings.TrimLeft(line, " \t\n\v\f\r"), "=") {
			t.Fatalf("ParseParams(%q) with a parameter before (-want +got):\n%s", line, diff)
		}
		if p.Timeout < 0 || p.End != PowerOff && p.End != Reboot && p.End != Halt || p.IDM.Required && p.IDM.Path == "" {
			t.Fatalf("ParseParams(%q) = %+v", line, p)
		}
		if err := Layout(p.Size).Check(); err != nil {
			t.Fatalf("ParseParams(%q) = %v", line, err)
		}
	})
}
