package metrics

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeProc makes a /proc of files: a name of "PID/file" and its content.
func fakeProc(t *testing.T, files map[string]string) string {
	t.Helper()
	proc := t.TempDir()
	for name, content := range files {
		path := filepath.Join(proc, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return proc
}

const (
	someStat   = "7 (a)" + statTail
	someStatus = "PPid:\t41\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\nVmSize:\t20 kB\nVmRSS:\t10 kB\n"
)

func TestCollectProcesses(t *testing.T) {
	proc := fakeProc(t, map[string]string{
		"uptime":     "86.00 1.00\n",
		"10/stat":    someStat,
		"10/status":  someStatus,
		"10/cmdline": "b\x00",
		"9/stat":     someStat,
		"9/status":   someStatus,
		"9/cmdline":  "a\x00-x\x00",
		"11/stat":    someStat, // ended after stat was read
		"12/empty":   "",       // ended before
		"13/stat":    "13 (kworker/0:0) I 2 0 0 0 -1 69238880 0 0 0 0 0 0 0 0 20 0 1 0 9\n",
		"self/stat":  someStat,
		"1x/stat":    someStat,
	})
	addLinks(t, filepath.Join(proc, "9"), "/bin/a (deleted)", "/"+strings.Repeat("d", 200))
	root, errs := Config{Proc: proc}.Collect()
	if len(errs) > 0 {
		t.Errorf("Collect() errors: %v", errs)
	}
	const rest = `      memory
        resident 10240 bytes
        virtual 20480 bytes
      lifetime 1 s
      uid 1 (integer)
      gid 5 (integer)
      euid 2 (integer)
      egid 6 (integer)
`
	want := "guest\n  system\n    processes\n      total 5 (integer)\n      listed 2 (integer)\n      kernel 1 (integer)\n      omitted 0 (integer)\n" +
		"  process\n    9\n      parent 41 (integer)\n      executable \"/bin/a (deleted)\"\n      cwd \"/" + strings.Repeat("d", 200) + "\"\n      cmdline \"a\" \"-x\"\n" + rest +
		"    10\n      parent 41 (integer)\n      cmdline \"b\"\n" + rest
	if diff := cmp.Diff(want, render(root)); diff != "" {
		t.Errorf("Collect() (-want +got):\n%s", diff)
	}
}

// TestCollectLargeStatus reads a status that is larger than the first buffer:
// a process may have 65,536 groups.
func TestCollectLargeStatus(t *testing.T) {
	groups := "Groups:\t" + strings.Repeat("4294967294 ", 65536) + "\n"
	root, errs := Config{Proc: fakeProc(t, map[string]string{
		"7/stat": someStat, "7/status": strings.Replace(someStatus, "VmSize", groups+"VmSize", 1), "7/cmdline": "",
		"8/stat": someStat, "8/status": someStatus, "8/cmdline": "",
	})}.Collect()
	if len(errs) > 0 {
		t.Errorf("Collect() errors: %v", errs)
	}
	for _, pid := range []string{"7", "8"} {
		if n := find(root, "process", pid, "memory", "virtual"); n == nil || n.Value.Number != 20<<10 {
			t.Errorf("process %s: virtual = %+v, want %d", pid, n, 20<<10)
		}
	}
}

func TestCollectBoundsProcesses(t *testing.T) {
	files := map[string]string{}
	for pid := range 20 {
		dir := strconv.Itoa(pid+1) + "/"
		files[dir+"stat"], files[dir+"status"], files[dir+"cmdline"] = someStat, someStatus, ""
	}
	root, errs := Config{Proc: fakeProc(t, files), MaxProcesses: 3}.Collect()
	if len(errs) > 0 {
		t.Errorf("Collect() errors: %v", errs)
	}
	var names []string
	for _, n := range find(root, "process").Children {
		names = append(names, n.Name)
		if find(n, "lifetime") != nil {
			t.Errorf("process %s has a lifetime, though there is no uptime", n.Name)
		}
	}
	if diff := cmp.Diff([]string{"1", "2", "3"}, names); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	for name, want := range map[string]float64{"total": 20, "listed": 3, "omitted": 17} {
		if got := find(root, "system", "processes", name).Value.Number; got != want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
}

func TestCollectErrors(t *testing.T) {
	files := map[string]string{"meminfo": "MemTotal: x kB\n", "net/dev": "lo: 1\n"}
	for pid := range 2 * maxErrors {
		files[strconv.Itoa(pid+1)+"/stat"] = "1 (a) S 0 0 0 0 0 x\n"
	}
	proc := fakeProc(t, files)
	root, errs := Config{Proc: proc}.Collect()
	if len(errs) != maxErrors {
		t.Fatalf("Collect() has %d errors, want %d", len(errs), maxErrors)
	}
	want := "read process " + proc + `/1: stat: field 9: strconv.ParseUint: parsing "x": invalid syntax`
	if errs[0].Error() != want {
		t.Errorf("error = %v, want %s", errs[0], want)
	}
	if n := find(root, "process"); n != nil {
		t.Errorf("process = %s, want none", render(n))
	}

	_, errs = Config{Proc: fakeProc(t, map[string]string{"meminfo": "MemTotal: x kB\n"})}.Collect()
	if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "parse ") || !strings.Contains(errs[0].Error(), "/meminfo: MemTotal: ") {
		t.Errorf("Collect() errors = %v, want one of meminfo", errs)
	}
	_, errs = Config{Proc: filepath.Join(proc, "none")}.Collect()
	if len(errs) != 1 || !os.IsNotExist(errs[0]) {
		t.Errorf("Collect() errors = %v, want one of a missing /proc", errs)
	}
}

// TestCollectAbsent holds that there is no node for what a kernel does not
// tell: a group without memory and io controller, and no PSI.
func TestCollectAbsent(t *testing.T) {
	group := fakeProc(t, map[string]string{
		"cpu.stat": "usage_usec 1500000\n", "pids.current": "3\n", "pids.max": "max\n",
	})
	root, errs := Config{Cgroup: group, Mounts: []string{filepath.Join(group, "none")}}.Collect()
	if len(errs) > 0 {
		t.Errorf("Collect() errors: %v", errs)
	}
	want := "guest\n  cgroup\n    cpu\n      usage 1.5 s\n    pids\n      current 3 (integer)\n      max \"max\"\n"
	if diff := cmp.Diff(want, render(root)); diff != "" {
		t.Errorf("Collect() (-want +got):\n%s", diff)
	}
	root, errs = Config{}.Collect()
	if got := render(root); got != "guest\n" || len(errs) > 0 {
		t.Errorf("Config{}.Collect() = %q, %v, want the root alone", got, errs)
	}
}

func TestCollectCgroupDevices(t *testing.T) {
	group := fakeProc(t, map[string]string{"io.stat": "(unknown) rbytes=1 \n7:7 9:9 rbytes=2 rios=1\n254:0 rbytes=3\n"})
	proc := fakeProc(t, map[string]string{
		"diskstats": " 254 0 vda 1 0 2 3 4 0 5 6 0 7 8\n 7 0 loop0 0 0 0 0 0 0 0 0 0 0 0\n 7 1 loop1 0 0 0 0 0 0 0 0 0 0 0\n 1 0 ram0 0 0 0 0 0 0 0 0 0 0 0\n",
	})
	sys := fakeProc(t, map[string]string{
		"class/block/vda/size": "2048\n", "class/block/loop0/size": "0\n", "class/block/loop1/size": "8\n",
	})
	root, errs := Config{Proc: proc, Sys: sys, Cgroup: group}.Collect()
	if len(errs) > 0 {
		t.Errorf("Collect() errors: %v", errs)
	}
	for _, tt := range []struct {
		path []string
		want []string
	}{
		{[]string{"cgroup", "io"}, []string{"9:9", "vda"}},
		{[]string{"disk", "device"}, []string{"vda", "loop1"}},
	} {
		var got []string
		for _, n := range find(root, tt.path...).Children {
			got = append(got, n.Name)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.path, diff)
		}
	}
}

func TestCollectBoot(t *testing.T) {
	root, _ := Config{Stages: []Stage{{"mounts", 1500 * time.Millisecond}, {"run", 0}}}.Collect()
	want := "guest\n  boot\n    mounts 1.5 s\n    run 0 s\n"
	if diff := cmp.Diff(want, render(root)); diff != "" {
		t.Errorf("Collect() (-want +got):\n%s", diff)
	}
}

// TestWireSize holds what the bounds promise: the processes of a hostile
// workload fit in a frame of 20 MiB.
func TestWireSize(t *testing.T) {
	full := strings.Repeat("a\xff", MaxText)
	p := process{
		pid: "4194304", executable: text([]byte(full)), cwd: text([]byte(full)),
		arguments: new(keeper).arguments([]byte(strings.Repeat("a\x00", MaxArguments) + full)),
		status:    status{parent: 1 << 22, uid: 1 << 31, gid: 1 << 31, resident: 1 << 40},
	}
	if got := wireSize(p.node(new(processNodes), 1<<40)) * DefaultProcesses; got > 20<<20 {
		t.Errorf("%d processes take %d bytes", DefaultProcesses, got)
	}
}

// wireSize bounds the size of a node as protobuf: a tag and at most four bytes
// of length for each message and string, nine bytes a number.
func wireSize(n *Node) int {
	const header = 1 + 4
	total := header + header + len(n.Name) + header + 2 // node, name, value, format
	switch n.Value.Kind {
	case Number:
		total += 1 + 8
	case Text:
		total += header + len(n.Value.Text)
	case List:
		for _, s := range n.Value.List() {
			total += 1 + 2 + 1 + 2 + len(s) // below 16 KiB a length has two bytes
		}
		total += header
	case None:
	}
	for _, child := range n.Children {
		total += wireSize(child)
	}
	return total
}
