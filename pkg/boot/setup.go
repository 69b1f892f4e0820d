package boot

import (
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/kguest/kguest/pkg/launch"
	"github.com/kguest/kguest/pkg/ociproc"
)

// DefaultGrace is the time from the stop signal to SIGKILL where launch.json
// gives none.
const DefaultGrace = 10 * time.Second

// Setup is what the config disk says: how the image wants to be run, and how
// the host wants it run.
type Setup struct {
	Image  v1.ImageConfig
	Launch launch.Config
}

// ReadSetup reads image/config.json and launch.json below dir. The error names
// file, field and value; a warning is of a field that was ignored.
func ReadSetup(dir string) (s Setup, warnings []error, err error) {
	image, err := ociproc.ReadImage(filepath.Join(dir, imageConfigFile))
	if err != nil {
		return s, nil, fmt.Errorf("read image config: %w", err)
	}
	config, warnings, err := launch.Read(filepath.Join(dir, launchConfigFile))
	if err != nil {
		return s, warnings, fmt.Errorf("read launch config: %w", err)
	}
	return Setup{Image: image.Config, Launch: *config}, warnings, nil
}

// StopSignal is the signal that asks the workload to stop.
func (s Setup) StopSignal() syscall.Signal {
	for _, name := range []string{s.Launch.Stop.Signal, s.Image.StopSignal} {
		if name == "" {
			continue
		}
		if sig, err := ociproc.ParseSignal(name); err == nil {
			return sig
		}
	}
	return syscall.SIGTERM
}

// Grace is how long the workload has to stop.
func (s Setup) Grace() time.Duration {
	if seconds := s.Launch.Stop.GraceSeconds; seconds != nil {
		return time.Duration(*seconds * float64(time.Second))
	}
	return DefaultGrace
}
