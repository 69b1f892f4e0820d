package boot

import (
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/ociproc"
)

// DefaultGrace is the time from the stop signal to SIGKILL where launch.json
// gives none.
const DefaultGrace = 10 * time.Second

// Setup is what the config disk says: how the image wants to be run, and how
// the host wants it run.
type Setup struct {
	Image  ociproc.ImageConfig
	Launch launch.Config
	Env    map[string]string // what scripts hand on, over both

	stop syscall.Signal // 0 where nothing was read
}

// ReadSetup reads image/config.json and launch.json below dir. The error names
// file, field and value; a warning is of a field that was ignored.
func ReadSetup(dir string) (s Setup, warnings []error, err error) {
	image, err := ociproc.ReadImage(filepath.Join(dir, imageConfigFile))
	if err != nil {
		return s, nil, fmt.Errorf("read image config: %w", err)
	}
	path := filepath.Join(dir, launchConfigFile)
	config, warnings, err := launch.Read(path)
	if err != nil {
		return s, warnings, fmt.Errorf("read launch config: %w", err)
	}
	stop, err := stopSignal(image.Config.StopSignal, config.Stop.Signal)
	if err != nil {
		return s, warnings, fmt.Errorf("read launch config: %s: %w", path, err)
	}
	return Setup{Image: image.Config, Launch: *config, stop: stop}, warnings, nil
}

// stopSignal returns what launch.json says, else the image, which was checked
// when it was read.
func stopSignal(image, launched string) (syscall.Signal, error) {
	switch {
	case launched != "":
		sig, err := ociproc.ParseSignal(launched)
		if err != nil {
			return 0, fmt.Errorf("stop.signal: %.100q: %w", launched, err)
		}
		return sig, nil
	case image != "":
		return ociproc.ParseSignal(image)
	}
	return syscall.SIGTERM, nil
}

// StopSignal is the signal that asks the workload to stop.
func (s Setup) StopSignal() syscall.Signal {
	if s.stop == 0 {
		return syscall.SIGTERM
	}
	return s.stop
}

// Grace is how long the workload has to stop.
func (s Setup) Grace() time.Duration {
	if seconds := s.Launch.Stop.GraceSeconds; seconds != nil {
		return time.Duration(*seconds * float64(time.Second))
	}
	return DefaultGrace
}
