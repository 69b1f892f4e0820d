//go:build vm

package main

import (
	"slices"
	"testing"

	"github.com/kguest/kguest/bench/rig"
	"github.com/kguest/kguest/initramfs/linker"
)

// TestCalled: programs are laid out by what a boot calls today. Where this fails,
// `make order` has to be run again.
func TestCalled(t *testing.T) {
	r, err := rig.Debian(t.Context(), kernel(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	m := measurer{rig: r, progress: t.Output()}
	called, err := m.called(t.Context(), rig.Kguest, rig.Guest{}, rig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	called = unique(called)
	if len(called) == 0 || called[0] != "_rt0_amd64_linux" || !slices.Contains(called, "github.com/kguest/kguest/pkg/rootfs.Transfer.Switch") {
		t.Fatalf("%d functions are called, want those from the program's entry to Transfer.Switch and after: %.100q", len(called), called)
	}
	order, missing := linker.Order(), []string{}
	for _, name := range called {
		if !slices.Contains(order, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) > len(called)/20 {
		t.Errorf("%d of %d functions are not in order, want 5 %% at most: %q", len(missing), len(called), missing)
	}
}
