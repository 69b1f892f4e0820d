package guestcmd

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/kguest/kguest/pkg/rescue"
)

// TestGoOnOutside: without a shell of kinit's there is nothing to go on with.
func TestGoOnOutside(t *testing.T) {
	for _, c := range []Command{BootContinue, BootRetry} {
		status, stdout, stderr := call(t, c)
		if status != 1 || stdout != "" || !strings.HasPrefix(stderr, c.Name+": this is no shell of kinit's") {
			t.Errorf("%s = %d, %q, %q, want 1", c.Name, status, stdout, stderr)
		}
	}
}

func TestGoOnUsage(t *testing.T) {
	t.Setenv(rescue.Mark, "1")
	t.Setenv("KINIT_STAGE", "images")
	tests := []struct {
		command Command
		args    []string
		status  int
		want    string // in the output
	}{
		{BootContinue, []string{"-n"}, 0, "leaves the shell of stage images and goes on\n"},
		{BootContinue, []string{"now"}, 2, `"now": it takes no arguments`},
		{BootRetry, []string{"-n"}, 0, "leaves the shell of stage images and begins again with images\n"},
		{BootRetry, []string{"mounts", "-n"}, 0, "begins again with mounts\n"},
		{BootRetry, []string{"imges"}, 2, `no stage "imges"; did you mean "images"? (there are: mounts `},
		{BootRetry, []string{"network"}, 2, "stage network is yet to come: the boot is at images"},
		{BootRetry, []string{"a", "b"}, 2, `"b": one argument too many`},
		{BootReport, []string{"x"}, 2, `"x": it takes no arguments`},
		{BootReport, []string{"-idm", "-o", "f"}, 2, "give -o or -idm, not both"},
	}
	for _, tt := range tests {
		status, stdout, stderr := call(t, tt.command, tt.args...)
		if status != tt.status || !strings.Contains(stdout+stderr, tt.want) {
			t.Errorf("%s %q = %d, %q, %q, want %d and %q", tt.command.Name, tt.args, status, stdout, stderr, tt.status, tt.want)
		}
	}
}

// TestBootReport: the report is JSON, in a file or not, and has this machine.
func TestBootReport(t *testing.T) {
	file := t.TempDir() + "/report.json"
	_, stdout, _ := call(t, BootReport) // the kernel's log may be closed to this user
	_, printed, _ := call(t, BootReport, "-o", file)
	written, err := os.ReadFile(file)
	must(t, err)
	for _, text := range []string{stdout, string(written)} {
		var got fullReport
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Boot != nil || got.Machine.Kernel == "" || got.Log == nil {
			t.Errorf("boot-report = %+v, %v, want this machine and no boot", got, err)
		}
	}
	_, said, _ := call(t, BootReport, "-n", "-o", file+".none")
	if _, err := os.Stat(file + ".none"); err == nil || !strings.HasSuffix(said, " bytes to "+file+".none\n") {
		t.Errorf("boot-report -n printed %q, and its file: %v, want none", said, err)
	}
	if printed != "" {
		t.Errorf("boot-report -o printed %q", printed)
	}
}
