//go:build vm

package vmtest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kguest/kguest/pkg/vm"
)

var lab *Lab

var showConsole = flag.Bool("console", false, "log the console of every boot")

func TestMain(m *testing.M) {
	status, err := withLab(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "vmtest:", err)
		status = 1
	}
	os.Exit(status)
}

func withLab(m *testing.M) (status int, err error) {
	dir, err := os.MkdirTemp("", "vmtest-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing is lost with a temporary directory
	repo, err := filepath.Abs("../..")
	if err != nil {
		return 1, err
	}
	if lab, err = NewLab(context.Background(), repo, dir); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		s, err := ReadScenario(file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, machine := range s.Machines {
			t.Run(s.Name+"/"+machine, func(t *testing.T) {
				t.Parallel()
				play(t, s, machine)
			})
		}
	}
}

// play boots s and checks what comes out.
func play(t *testing.T, s *Scenario, machine string) {
	t.Helper()
	config, err := lab.Prepare(t.Context(), s, machine, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	before, err := checksums(config.Disks)
	if err != nil {
		t.Fatal(err)
	}
	for range s.Boots {
		playOnce(t, s, config, before)
	}
}

// playOnce boots the machine of s, whose writable disks had the checksums before, and
// returns what came out.
func playOnce(t *testing.T, s *Scenario, config vm.Config, before map[int]string) Result {
	t.Helper()
	got, err := lab.Boot(t.Context(), config, s.Typed, s.Until)
	if err != nil {
		t.Error(err)
	}
	wrong := s.Exit.Check(got.Console, got.IDM)
	reports := Reports(string(got.Console))
	if err := diskReports(t.Context(), s, config.Disks, before, reports); err != nil {
		t.Error(err)
	}
	for _, want := range s.Wants {
		wrong = append(wrong, want.Check(reports)...)
	}
	if len(wrong) > 0 {
		t.Error(strings.Join(wrong, "\n"))
	}
	if t.Failed() {
		t.Fatalf("console:\n%s", got.Console)
	}
	if *showConsole {
		t.Logf("console:\n%s", got.Console)
	}
	return got
}
