package boot

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestStopSignal(t *testing.T) {
	for _, tt := range []struct {
		image, launch string
		want          syscall.Signal
	}{
		{"", "", syscall.SIGTERM},
		{"SIGQUIT", "", syscall.SIGQUIT},
		{"SIGQUIT", "INT", syscall.SIGINT},
		{"", "sigusr1", syscall.SIGUSR1},
		{"", "SIGRTMIN+3", 37},
	} {
		setup, warnings, err := ReadSetup(configDir(t, tt.image, tt.launch))
		if err != nil || len(warnings) > 0 || setup.StopSignal() != tt.want {
			t.Errorf("stop signal of %q, %q = %v, %v, %v, want %v", tt.image, tt.launch, setup.StopSignal(), warnings, err, tt.want)
		}
	}
	if got := (Setup{}).StopSignal(); got != syscall.SIGTERM {
		t.Errorf("stop signal before anything was read = %v, want %v", got, syscall.SIGTERM)
	}
}

func TestStopSignalErrors(t *testing.T) {
	const problem = "not a signal, such as SIGTERM, TERM, 15 or SIGRTMIN+3"
	for _, tt := range []struct{ image, launch, want string }{
		{"", "SIGFOO", `read launch config: DIR/launch.json: stop.signal: "SIGFOO": ` + problem},
		{"SIGQUIT", "65", `read launch config: DIR/launch.json: stop.signal: "65": ` + problem},
		{"SIGBAR", "TERM", `read image config: DIR/image/config.json: config.StopSignal: "SIGBAR": ` + problem},
	} {
		dir := configDir(t, tt.image, tt.launch)
		setup, _, err := ReadSetup(dir)
		if want := strings.Replace(tt.want, "DIR", dir, 1); err == nil || err.Error() != want {
			t.Errorf("ReadSetup with %q, %q = %+v, %v, want %s", tt.image, tt.launch, setup, err, want)
		}
	}
}

// configDir writes the config disk of an image and a launch.json with these
// stop signals.
func configDir(t *testing.T, image, launched string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "image"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		imageConfigFile:  `{"config": {"StopSignal": ` + strconv.Quote(image) + `}}`,
		launchConfigFile: `{"stop": {"signal": ` + strconv.Quote(launched) + `}}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
