//go:build vm

package modules

import (
	"debug/elf"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCutDebian cuts every module of Debian's kernel: what stays means what it
// did, nothing that can be traced is left, and binutils reads the result.
func TestCutDebian(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "../../.ci/kernel").Output()
	if err != nil {
		t.Fatalf(".ci/kernel: %v", err)
	}
	var before, after, files int64
	file := filepath.Join(t.TempDir(), "cut.ko")
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(out)), "lib", "modules"), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".ko") {
			return err
		}
		in, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		cut := checkCutModule(t, path, in)
		before, after, files = before+int64(len(in)), after+int64(len(cut)), files+1
		if files%50 != 1 {
			return nil
		}
		if err := os.WriteFile(file, cut, 0o600); err != nil {
			return err
		}
		if words, err := exec.CommandContext(t.Context(), "readelf", "-aW", file).CombinedOutput(); err != nil || strings.Contains(string(words), "Warning") {
			t.Errorf("%s: readelf of what is cut: %v\n%s", path, err, words)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d modules, %d bytes of %d", files, after, before)
	if files < 100 {
		t.Errorf("%d modules, want a kernel's", files)
	}
}

func checkCutModule(t *testing.T, path string, in []byte) []byte {
	t.Helper()
	cut, err := Cut(in)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return nil
	}
	checkKept(t, in, cut)
	o, err := parseObject(cut)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return nil
	}
	for _, name := range []string{"__mcount_loc", ".orc_unwind", ".orc_unwind_ip"} {
		if i := o.index(name); i >= 0 && o.sections[i].kind != elf.SHT_NULL {
			t.Errorf("%s: %s is still there", path, name)
		}
	}
	symbols := o.symbols()
	for i, s := range o.sections {
		if s.kind != relocating {
			continue
		}
		for _, r := range o.relocations(i) {
			if symbols[r.symbol].name == "__fentry__" {
				t.Errorf("%s: a call of __fentry__ is left at %#x of section %d", path, r.at, i)
			}
		}
	}
	return cut
}
