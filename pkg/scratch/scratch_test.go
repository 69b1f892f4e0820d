package scratch

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// holdEnv names, for a process of this test, the folder in which it makes
// one of its own, which it keeps until it is killed.
const holdEnv = "KGUEST_SCRATCH_HOLD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(holdEnv); dir != "" {
		hold(dir)
	}
	os.Exit(m.Run())
}

func hold(dir string) {
	f, err := Make(dir, ".x-")
	if err != nil {
		panic(err)
	}
	_ = os.WriteFile(filepath.Join(f.Path, "much"), make([]byte, 1000), 0o600)
	path := f.Path
	runtime.GC() // f is not used any more, and its folder is the process's all the same
	_, _ = os.Stdout.WriteString(path + "\n")
	time.Sleep(time.Hour)
}

// holder starts a process that has a folder in dir.
func holder(t *testing.T, dir string) (path string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdEnv+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line), kill
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestMake has the folder of a killed process go, and nothing else.
func TestMake(t *testing.T) {
	dir := t.TempDir()
	running, _ := holder(t, dir)
	dead, kill := holder(t, dir)
	others := []string{".x-mine", ".x-" + strings.Repeat("a", 26), ".y-" + strings.Repeat("A", 26)}
	for _, name := range others {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Make(dir, ".x-")
	if err != nil {
		t.Fatal(err)
	}
	want := append([]string{filepath.Base(running), filepath.Base(dead), filepath.Base(f.Path)}, others...)
	slices.Sort(want)
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("while both run: %q, want %q", got, want)
	}
	kill()
	second, err := Make(dir, ".x-")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*Folder{f, second} {
		if err := f.Remove(); err != nil {
			t.Errorf("Remove = %v", err)
		}
	}
	want = append([]string{filepath.Base(running)}, others...)
	slices.Sort(want)
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("after one was killed: %q, want %q", got, want)
	}
}

// TestMakeAtOnce has many make and sweep: none loses its folder.
func TestMakeAtOnce(t *testing.T) {
	dir := t.TempDir()
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 20 {
				f, err := Make(dir, ".x-")
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(f.Path, "file"), nil, 0o600); err != nil {
					t.Errorf("write into it: %v", err)
				}
				if err := f.Remove(); err != nil {
					t.Errorf("Remove = %v", err)
				}
			}
		})
	}
	all.Wait()
	if left := names(t, dir); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

func TestMakeFails(t *testing.T) {
	if _, err := Make(filepath.Join(t.TempDir(), "none"), "x"); !os.IsNotExist(err) {
		t.Errorf("Make in no folder = %v, want that it is not there", err)
	}
}
