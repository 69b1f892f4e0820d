package metrics

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata/*/want")

// TestCollectFixtures reads files taken from guests: PID 1, kthreadd, a zombie
// and a process named "x\n) Z 7 (y", in a group that was throttled and had a
// process killed for its memory. Links, and the arguments of PID 1, are added.
func TestCollectFixtures(t *testing.T) {
	for _, kernel := range []string{"linux-6.1", "linux-6.12"} {
		t.Run(kernel, func(t *testing.T) {
			dir := filepath.Join("testdata", kernel)
			proc := filepath.Join(t.TempDir(), "proc")
			if err := os.CopyFS(proc, os.DirFS(filepath.Join(dir, "proc"))); err != nil {
				t.Fatal(err)
			}
			addLinks(t, filepath.Join(proc, "1"), "/bin/busybox", "/sys/fs/cgroup")
			got, errs := Config{
				Proc: proc, Cgroup: filepath.Join(dir, "task"),
				Stages: []Stage{{"mounts", 12 * time.Millisecond}, {"console", 250 * time.Microsecond}},
			}.Collect()
			if len(errs) > 0 {
				t.Errorf("Collect() errors: %v", errs)
			}
			compareWant(t, filepath.Join(dir, "want"), render(got))
		})
	}
}

func addLinks(t testing.TB, dir, exe, cwd string) {
	t.Helper()
	for name, target := range map[string]string{"exe": exe, "cwd": cwd} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func compareWant(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("Collect() (-want +got):\n%s", diff)
	}
}

// render writes a tree as lines that are indented by depth.
func render(n *Node) string {
	var b strings.Builder
	var write func(n *Node, indent string)
	write = func(n *Node, indent string) {
		b.WriteString(indent + n.Name)
		switch n.Value.Kind {
		case Number:
			unit := map[Format]string{Unknown: "", Bytes: " bytes", Integer: " (integer)", Duration: " s"}[n.Format]
			b.WriteString(" " + strconv.FormatFloat(n.Value.Number, 'f', -1, 64) + unit)
		case Text:
			b.WriteString(" " + strconv.Quote(n.Value.Text))
		case List:
			for _, s := range n.Value.List() {
				b.WriteString(" " + strconv.Quote(s))
			}
		case None:
		}
		b.WriteString("\n")
		for _, child := range n.Children {
			write(child, indent+"  ")
		}
	}
	write(n, "")
	return b.String()
}

// find returns the node at a path of names below n, nil where there is none.
func find(n *Node, names ...string) *Node {
	for _, name := range names {
		var next *Node
		for _, child := range n.Children {
			if child.Name == name {
				next = child
			}
		}
		if next == nil {
			return nil
		}
		n = next
	}
	return n
}
