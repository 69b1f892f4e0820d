//go:build vm

package vmtest

import (
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/vm"
)

// counting is a workload that counts until it is asked to stop, then exits with
// a code of its own. Beside it run a process of which much is known, and one
// that outlives it.
const counting = `
trap 'echo "stopping at $count"; exit 43' TERM
trap 'echo "got a signal"' USR1
(cd /home/guest && exec su guest -c 'exec sleep 86399') &
echo $! >/tmp/known
setsid sh -c 'trap "echo leftover stopped; exit" TERM; while :; do sleep 0.1; done' &
count=0
while :; do
	count=$((count + 1))
	echo $count >/tmp/new && mv /tmp/new /tmp/count
	[ $count != 3 ] || echo counting
	sleep 0.1
done
`

// TestIDM has an independent host talk to the guest, in both versions.
func TestIDM(t *testing.T) {
	generated := generate(t)
	for _, tt := range []struct {
		kind string
		last int // version that the host speaks at the end
	}{
		{vm.IDMHvc, 2},
		{vm.IDMPort, 1},
	} {
		t.Run(tt.kind, func(t *testing.T) {
			g := boot(t, tt.kind, counting)
			g.awaitSocket(t)
			if tt.kind == vm.IDMHvc {
				// What a terminal gets before it is made raw it takes for typing.
				g.await(t, "counting")
			}
			host := newIndependent(t, generated, g.socket)
			// Through a port the guest answers as soon as it can.
			host.ask(t, map[string]any{"op": "ping", "version": 2}, &struct{}{})
			g.await(t, "counting")
			for _, version := range []int{1, 2} {
				host.ask(t, map[string]any{"op": "ping", "version": version}, &struct{}{})
				checkMetrics(t, host, version)
			}
			checkExec(t, host)
			checkReport(t, host)
			checkEnd(t, g, host, tt.last)
		})
	}
}

// checkMetrics holds the metrics against the guest's own /proc.
func checkMetrics(t *testing.T, host *independent, version int) {
	t.Helper()
	var root metric
	host.ask(t, map[string]any{"op": "metrics", "version": version}, &root)
	if root.Name != "guest" {
		t.Errorf("version %d: root %q, want guest", version, root.Name)
	}
	meminfo := fields(host.output(t, "cat", "/proc/meminfo"))
	memory := root.at(t, "system", "memory")
	const tolerance = 16 << 20 // bytes; the guest works meanwhile
	near(t, "total", memory.number(t, "total"), 1024*meminfo["MemTotal"], 0)
	near(t, "free", memory.number(t, "free"), 1024*meminfo["MemFree"], tolerance)
	near(t, "used", memory.number(t, "used"), 1024*(meminfo["MemTotal"]-meminfo["MemAvailable"]), tolerance)

	pid := strings.TrimSpace(host.output(t, "cat", "/tmp/known"))
	status := fields(host.output(t, "cat", "/proc/"+pid+"/status"))
	known := root.at(t, "process", pid)
	near(t, "resident", known.number(t, "memory", "resident"), 1024*status["VmRSS"], 128<<10)
	near(t, "virtual", known.number(t, "memory", "virtual"), 1024*status["VmSize"], 0)
	for name, want := range map[string]float64{
		"parent": status["PPid"], "uid": 1000, "euid": 1000, "gid": 1000, "egid": 1000,
	} {
		near(t, name, known.number(t, name), want, 0)
	}
	for name, want := range map[string]any{
		"executable": "/bin/busybox", "cwd": "/home/guest", "cmdline": []any{"sleep", "86399"},
	} {
		if diff := cmp.Diff(want, known.at(t, name).Value); diff != "" {
			t.Errorf("metrics: %s of %s: -want +got\n%s", name, pid, diff)
		}
	}
	uptime, err := strconv.ParseFloat(strings.Fields(host.output(t, "cat", "/proc/uptime"))[0], 64)
	if lifetime := known.number(t, "lifetime"); err != nil || lifetime <= 0 || lifetime > uptime {
		t.Errorf("metrics: lifetime %v, want from 0 to %v (%v)", lifetime, uptime, err)
	}
	formats := [4]int{memory.at(t, "total").Format, known.at(t, "parent").Format, known.at(t, "lifetime").Format, known.at(t, "cwd").Format}
	if want := [4]int{1, 2, 3, 0}; formats != want {
		t.Errorf("metrics: formats of total, parent, lifetime and cwd %v, want %v", formats, want)
	}
	near(t, "pids", root.number(t, "cgroup", "pids", "current"), 5, 3)
}

// fields returns the first number of each line NAME: NUMBER.
func fields(text string) map[string]float64 {
	numbers := map[string]float64{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		if f := strings.Fields(value); len(f) > 0 {
			if n, err := strconv.ParseFloat(f[0], 64); err == nil {
				numbers[name] = n
			}
		}
	}
	return numbers
}

func near(t *testing.T, name string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance {
		t.Errorf("metrics: %s is %.0f, /proc says %.0f (tolerance %.0f)", name, got, want, tolerance)
	}
}

func checkExec(t *testing.T, host *independent) {
	t.Helper()
	big := strings.Repeat("0123456789abcdef", 4096)
	for _, tt := range []struct {
		name    string
		request map[string]any
		want    ran
	}{
		{"streams", script("echo out; echo err >&2; exit 3"), ran{Code: 3, Stdout: []byte("out\n"), Stderr: []byte("err\n")}},
		{"signal", script("kill -9 $$"), ran{Code: 137}},
		{"not found", map[string]any{"command": []string{"no-such-program"}}, ran{Code: 127, Error: "no-such-program"}},
		{"not executable", map[string]any{"command": []string{"/etc/passwd"}}, ran{Code: 126, Error: "/etc/passwd"}},
		{"no directory", with(script("pwd"), map[string]any{"directory": "/nowhere"}), ran{Code: 125, Error: "/nowhere"}},
		{
			"environment and directory",
			with(script("echo $WORD $KRATA_CONTAINER; pwd"), map[string]any{"directory": "/home/guest", "environment": map[string]string{"WORD": "hello"}}),
			ran{Stdout: []byte("hello 1\n/home/guest\n")},
		},
		{
			"stdin", map[string]any{"command": []string{"cat"}, "steps": []any{
				map[string]any{"stdin": big}, map[string]any{"stdin": "end", "closed": true},
			}}, ran{Stdout: []byte(big + "end")},
		},
		{
			"terminal", with(script("stty size; echo resize; read x; stty size; cat; echo err >&2; tty"), map[string]any{"tty": true, "size": []int{30, 100}, "steps": []any{
				map[string]any{"after": "resize\r\n", "resize": []int{40, 120}},
				map[string]any{"stdin": "go\n"},
				map[string]any{"after": "40 120\r\n", "stdin": "text\n"},
				map[string]any{"after": "text\r\ntext\r\n", "closed": true},
			}}), ran{Stdout: []byte("30 100\r\nresize\r\ngo\r\n40 120\r\ntext\r\ntext\r\nerr\r\n/dev/pts/0\r\n")},
		},
	} {
		got := host.exec(t, tt.request)
		if tt.want.Error != "" && strings.Contains(got.Error, tt.want.Error) {
			got.Error = tt.want.Error
		}
		if diff := cmp.Diff(tt.want, ran{got.Code, got.Error, nonempty(got.Stdout), nonempty(got.Stderr)}); diff != "" {
			t.Errorf("exec %s: -want +got\n%s", tt.name, diff)
		}
	}
}

func script(text string) map[string]any {
	return map[string]any{"command": []string{"sh", "-c", text}}
}

// with adds more to a request.
func with(request, more map[string]any) map[string]any {
	maps.Copy(request, more)
	return request
}

func nonempty(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// checkReport asks for the boot report, on the extension's channel.
func checkReport(t *testing.T, host *independent) {
	t.Helper()
	var answer struct {
		BootReport struct {
			State  string
			Stages []struct{ Name, DurationMicroseconds string }
		}
	}
	host.ask(t, map[string]any{"op": "extension", "request": map[string]any{"bootReport": map[string]any{}}}, &answer)
	var stages []string
	for _, s := range answer.BootReport.Stages {
		stages = append(stages, s.Name)
	}
	want := []string{"mounts", "console", "modules", "idm", "images", "config", "root", "hostname", "network", "switch", "run"}
	if diff := cmp.Diff(want, stages); diff != "" || answer.BootReport.State != "BOOT_STATE_READY" {
		t.Errorf("boot report: state %s, stages: -want +got\n%s", answer.BootReport.State, diff)
	}
}

// checkEnd has the host stop the guest, and hears of its end.
func checkEnd(t *testing.T, g *guest, host *independent, version int) {
	t.Helper()
	var answer map[string]any
	host.ask(t, map[string]any{"op": "extension", "request": map[string]any{"stop": map[string]any{"graceMilliseconds": "60000"}}}, &answer)
	if _, ok := answer["stop"]; !ok {
		t.Errorf("stop: answer %v", answer)
	}
	if version == 1 {
		host.ask(t, map[string]any{"op": "ping", "version": version}, &struct{}{})
	}
	var last struct {
		Exits  []struct{ Version, Code int }
		Events []map[string]any
	}
	host.ask(t, map[string]any{"op": "wait"}, &last)
	host.close(t)
	if len(last.Exits) != 1 || last.Exits[0].Code != 43 || last.Exits[0].Version != version {
		t.Errorf("exit events %+v, want one with code 43 in version %d", last.Exits, version)
	}
	console := g.end(t, 43, 0)
	for _, text := range []string{"stopping at ", "leftover stopped"} {
		if strings.Count(console, text) != 1 {
			t.Errorf("the console has %q %d times, want once", text, strings.Count(console, text))
		}
	}
	detail := []map[string]any{{"bootState": map[string]any{"state": "BOOT_STATE_ENDING"}}}
	if version == 2 { // who speaks version 1 cannot read more
		detail = append(detail, map[string]any{"exit": map[string]any{"code": 43.0, "stage": "run", "reason": "exited"}})
	}
	if diff := cmp.Diff(detail, last.Events); diff != "" {
		t.Errorf("events of the extension: -want +got\n%s", diff)
	}
}
