package multicall

import (
	"os/exec"
	"runtime"
	"testing"
)

func TestBuildTry(t *testing.T) {
	src, err := Find(t.Context(), ".")
	if err != nil {
		t.Fatal(err)
	}
	cmds, err := src.Resolve(t.Context(), runtime.GOARCH, []Ask{{"ls", "-cmd ls"}, {"echo", "-cmd echo"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(src, cmds)
	p, err := src.Build(t.Context(), t.TempDir(), runtime.GOARCH, cmds)
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(p, "echo", "hi").CombinedOutput()
	t.Logf("%s %v", out, err)
	out, err = exec.Command("sha256sum", p).CombinedOutput()
	t.Logf("%s %v", out, err)
}
