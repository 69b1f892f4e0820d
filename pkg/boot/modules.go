package boot

import (
	"context"
	"fmt"
	"time"

	"github.com/kguest/kguest/pkg/kmod"
)

// Modules returns the image's modules, each to be loaded by load. An image
// without modules is for a kernel that needs none: nil.
func Modules(load func(kmod.Module) error) (*kmod.Loader, error) {
	l, err := kmod.Files{Order: ModulesPath, Uses: ModuleUsesPath, Sys: sysPath}.Open(load)
	if err != nil {
		return nil, fmt.Errorf("load modules: %w", err)
	}
	return l, nil
}

// ModuleLoaded reports whether the module in file is loaded.
func ModuleLoaded(file string) bool { return kmod.Loaded(sysPath, file) }

// modules loads what this machine needs. File systems come with the first mount,
// and the drivers of devices that come late when they come.
func modules(_ context.Context, m *Machine) error {
	var err error
	if m.modules, err = Modules(m.loadModule); err != nil {
		m.warn(err)
		return nil
	}
	m.warn(LoadNeeded(m.modules)...)
	return nil
}

// LoadNeeded loads the modules of the devices that are there, and those of every
// machine; each error is of one.
func LoadNeeded(l *kmod.Loader) []error {
	errs := append(l.Always(), l.Devices(kmod.Device)...)
	return append(errs, l.Devices(kmod.Network)...)
}

func (m *Machine) loadModule(mod kmod.Module) error {
	began := time.Now()
	err := mod.Load()
	if err == nil {
		m.log.write(LevelDebug, m.current, "loaded module", []detail{{"name", kmod.Name(mod.File)}, {"took", time.Since(began).String()}})
	}
	return err
}
