package boot

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kguest/kguest/pkg/hook"
	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/nstest"
)

// TestGoOn has a script before a stage and one after it fail, and goes on as
// boot-continue does: with what follows, and nothing twice.
func TestGoOn(t *testing.T) {
	nstest.Run(t, nstest.Mount, func(t *testing.T) {
		must(t, mount.Spec{Source: "tmpfs", Target: "/etc", FSType: "tmpfs"}.Apply())
		for name, script := range map[string]string{
			"before-root.d/10-fails": "echo before\nexit 1\n",
			"after-root.d/10-fails":  "echo after\nexit 2\n",
			"after-root.d/20-last":   "echo last\n",
		} {
			path := kinitPath + "/" + name
			must(t, errors.Join(os.MkdirAll(path[:strings.LastIndex(path, "/")], 0o755),
				os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755)))
		}
		out, err := os.CreateTemp("/etc", "out")
		must(t, err)
		m := &Machine{log: newLogger(out, LevelError)}
		m.hooks = &hook.Runner{Sup: &m.sup, Files: [3]*os.File{nil, out, out}, EnvFile: envPath, Timeout: time.Minute}
		s := stage{name: "root", run: func(context.Context, *Machine) error {
			_, err := out.WriteString("stage\n")
			return err
		}}
		for i, want := range []struct{ reason, advice string }{
			{"before-root.d/10-fails: exit status 1", "Mend /etc/kinit/before-root.d/10-fails, or do by hand what it is for."},
			{"after-root.d/10-fails: exit status 2", "Mend /etc/kinit/after-root.d/10-fails, or do by hand what it is for."},
		} {
			err := m.perform(t.Context(), s)
			if err == nil || !strings.Contains(err.Error(), want.reason) {
				t.Fatalf("perform, %d: %v, want %q", i, err, want.reason)
			}
			if got := m.advice(s.name); !strings.HasPrefix(got, want.advice) {
				t.Errorf("advice, %d = %q, want %q", i, got, want.advice)
			}
			m.progress.goOn(s.name)
		}
		must(t, m.perform(t.Context(), s))
		const want = "before\nstage\nafter\nlast\n"
		if got, err := os.ReadFile(out.Name()); err != nil || string(got) != want {
			t.Errorf("what ran = %q, %v, want %q", got, err, want)
		}
	})
}

// TestAdviceInstead: of a script in the place of a stage the advice names the script.
func TestAdviceInstead(t *testing.T) {
	m := &Machine{progress: progress{failed: "root", script: "/etc/kinit/root"}}
	const want = "Mend /etc/kinit/root, which is in the place of the stage"
	if got := m.advice("root"); !strings.HasPrefix(got, want) {
		t.Errorf("advice = %q, want %q", got, want)
	}
}
