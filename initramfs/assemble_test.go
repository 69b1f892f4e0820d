package initramfs

import (
	"io"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/initramfs/modules"
	"github.com/kguest/kguest/initramfs/multicall"
)

// A modprobe in the image finds the modules that are there, and those only; an
// image without one has no such files.
func TestProbe(t *testing.T) {
	s := &Spec{Arch: runtime.GOARCH, ModulesDir: kernelDir(t), Modules: []modules.Ask{{Name: "b_1", From: "-modules"}}}
	set, err := s.kernelModules("")
	if err != nil {
		t.Fatal(err)
	}
	const dir = "lib/modules/6.1.0-test/"
	for command, want := range map[string]map[string]string{
		"ls": {},
		"modprobe": {
			dir + "modules.alias":   "",
			dir + "modules.builtin": "kernel/c.ko\n",
			dir + "modules.dep":     "kernel/a.ko:\nkernel/b-1.ko: kernel/a.ko\n",
		},
	} {
		list := []program{{multicall.OtherProgram, []multicall.Command{{Name: command, Path: "example.com/" + command}}, Bytes("x")}}
		tree, err := s.tree(list, set, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, name := range []string{"modules.alias", "modules.builtin", "modules.dep"} {
			e, ok := tree.entries[dir+name]
			if !ok {
				continue
			}
			r, _, err := e.Content.Open()
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			got[dir+name] = string(data)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with %s (-want +got):\n%s", command, diff)
		}
	}
}
