//go:build vm

package vmtest

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/vm"
)

// TestIDMCommand uses every verb of mkinitramfs idm on a guest that works, and
// stops it.
func TestIDMCommand(t *testing.T) {
	g := boot(t, vm.IDMHvc, counting)
	g.awaitSocket(t)
	// The guest boots yet, and loses what comes before its terminal is raw.
	if got := g.must(t, "ping", "-timeout", "90s"); !strings.HasPrefix(got, "guest answers in ") {
		t.Errorf("ping printed %q", got)
	}
	g.await(t, "counting")
	checkMetricsCommand(t, g)
	report := g.must(t, "report")
	for _, want := range []string{"(?m)^state ready$", `(?m)^ *kernel +\d.*s *$`, `(?m)^ +mounts +\d.*s *$`, `(?m)^ +run +\d.*s *$`} {
		if !regexp.MustCompile(want).MatchString(report) {
			t.Errorf("report has no %s:\n%s", want, report)
		}
	}
	checkExecCommand(t, g)
	g.must(t, "signal", "USR1")
	g.await(t, "got a signal")
	if status, _, stderr := g.idm(t, "signal", "NONE"); status != 1 || !strings.Contains(stderr, `signal "NONE"`) {
		t.Errorf("signal NONE: status %d, stderr %q", status, stderr)
	}
	want := `ended code=43 signal=0 stage=run reason="exited"` + "\nexit code=43\n"
	if got := g.must(t, "stop", "-grace", "60s", "-wait"); got != want {
		t.Errorf("stop -wait printed %q, want %q", got, want)
	}
	console := g.end(t, 43, 0)
	if !strings.Contains(console, "leftover stopped") {
		t.Error("what the workload left was not asked to stop")
	}
}

func checkMetricsCommand(t *testing.T, g *guest) {
	t.Helper()
	var root metric
	if err := json.Unmarshal([]byte(g.must(t, "metrics", "-json")), &root); err != nil {
		t.Fatal(err)
	}
	if total := root.number(t, "system", "memory", "total"); total < 100<<20 {
		t.Errorf("metrics -json: memory total %v", total)
	}
	tree := g.must(t, "metrics")
	for _, want := range []string{`(?m)^guest$`, `(?m)^      total  +\d+\.\d MiB$`, `(?m)^      cmdline     sleep 86399$`} {
		if !regexp.MustCompile(want).MatchString(tree) {
			t.Errorf("metrics has no %s:\n%s", want, tree)
		}
	}
}

func checkExecCommand(t *testing.T, g *guest) {
	t.Helper()
	for _, tt := range []struct {
		args           []string
		status         int
		stdout, stderr string
	}{
		{[]string{"--", "sh", "-c", "echo out; echo err >&2; exit 3"}, 3, "out\n", "err\n"},
		{[]string{"-w", "/home", "-e", "A=b", "--", "sh", "-c", "pwd; echo $A"}, 0, "/home\nb\n", ""},
		{[]string{"-t", "--", "sh", "-c", "tty; stty size"}, 0, "/dev/pts/0\r\n24 80\r\n", ""},
		{[]string{"--", "sh", "-c", "kill -TERM $$"}, 143, "", ""},
		{[]string{"--", "nothing"}, 127, "", "mkinitramfs: guest: \"nothing\": not found in PATH (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)\n"},
	} {
		status, stdout, stderr := g.idm(t, append([]string{"exec"}, tt.args...)...)
		if diff := cmp.Diff([]any{tt.status, tt.stdout, tt.stderr}, []any{status, stdout, stderr}); diff != "" {
			t.Errorf("exec %q: -want +got\n%s", tt.args, diff)
		}
	}
	file := strings.Repeat("kguest\n", 100_000)
	if status, _, stderr := g.idmFrom(t, strings.NewReader(file), "write", "-mode", "0640", "/etc/big"); status != 0 {
		t.Errorf("write: status %d, stderr %q", status, stderr)
	}
	if got := g.must(t, "read", "/etc/big"); got != file {
		t.Errorf("read %d bytes of what was written, want %d, or others", len(got), len(file))
	}
	if got := g.exec(t, "stat", "-c", "%a %s", "/etc/big"); got != "640 700000\n" {
		t.Errorf("stat of what was written: %q", got)
	}
}

// TestIDMStop stops workloads that do not listen.
func TestIDMStop(t *testing.T) {
	const deaf = `
trap 'echo "asked to stop"' TERM
trap '' USR1
trap 'echo "told to hurry"' USR2
(trap 'echo "the child got it"' USR2; echo deaf; while :; do sleep 0.1; done) &
while :; do sleep 0.1; done
`
	for _, tt := range []struct {
		name  string
		kind  string
		stop  []string
		asked bool
	}{
		{"ignored", vm.IDMHvc, []string{"stop", "-grace", "1s", "-wait"}, true},
		{"now", vm.IDMPort, []string{"stop", "-now", "-wait"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := boot(t, tt.kind, deaf)
			g.await(t, "deaf")
			g.must(t, "signal", "10") // USR1, which it ignores
			g.must(t, "signal", "-all", "SIGUSR2")
			g.await(t, "told to hurry")
			g.await(t, "the child got it")
			want := `ended code=137 signal=9 stage=run reason="killed by signal 9 (killed)"` + "\nexit code=137\n"
			if got := g.must(t, tt.stop...); got != want {
				t.Errorf("%q printed %q, want %q", tt.stop, got, want)
			}
			console := g.end(t, 137, 9)
			if got := strings.Contains(console, "asked to stop"); got != tt.asked {
				t.Errorf("the workload was asked to stop: %t, want %t", got, tt.asked)
			}
		})
	}
}

// TestIDMStopLeftover stops a guest in which a host's command does not listen: the
// host's grace holds for that as well, not the ten hours of launch.json.
func TestIDMStopLeftover(t *testing.T) {
	hours := func(s *Scenario) { s.LaunchJSON = `{"stop": {"graceSeconds": 36000}}` }
	g := boot(t, vm.IDMPort, "trap 'exit 43' TERM; echo ready; while :; do sleep 0.1; done\n", hours)
	g.await(t, "ready")
	c := g.client(t)
	defer c.Close()
	out := &heard{first: make(chan struct{})}
	deaf := client.Command{Args: []string{"sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1; done"}, Stdout: out}
	p, err := c.Exec(t.Context(), deaf)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = p.Wait() }() // it ends with the machine
	<-out.first
	if err := c.Stop(t.Context(), &idmpb.StopRequest{GraceMilliseconds: 1000}); err != nil {
		t.Error(err)
	}
	g.end(t, 43, 0)
}

// TestIDMSignalKills ends a workload by a signal, which is no stop.
func TestIDMSignalKills(t *testing.T) {
	g := boot(t, vm.IDMPort, "echo ready; exec sleep 86399\n")
	g.await(t, "ready")
	c := g.client(t)
	defer c.Close()
	w, err := c.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for i, want := range []idm.Body{
		&idmpb.BootStateEvent{State: idmpb.BootStateReady},
		&idmpb.BootStateEvent{State: idmpb.BootStateEnding},
		&idmpb.ExitDetailEvent{Code: 130, Signal: 2, Stage: "run", Reason: "killed by signal 2 (interrupt)"},
		&idmpb.ExitEvent{Code: 130},
	} {
		got, err := w.Next(t.Context())
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("event: %v, -want +got\n%s", err, diff)
		}
		if i > 0 {
			continue
		}
		if err := c.Signal(t.Context(), &idmpb.SignalRequest{Name: "INT"}); err != nil {
			t.Fatal(err)
		}
	}
	g.end(t, 130, 2)
}
