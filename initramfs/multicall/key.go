package multicall

import (
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// key names the program that is kept for what was asked, for all that is known
// of it before anything is read that a program is made of. It is empty where
// that cannot be told.
func (m Maker) key(ctx context.Context, name, arch string, asks []Ask) string {
	tool, err := m.toolchain(ctx)
	if err != nil {
		return ""
	}
	self := BuilderID()
	if self == "" {
		return ""
	}
	names := make([]string, 0, len(asks))
	for _, ask := range asks {
		names = append(names, ask.Name)
	}
	slices.Sort(names)
	h := sha256.New()
	fmt.Fprintf(h, "%q\n%q\n%q\n%q\n%q\n%q\n%t\n", self, tool, m.Dir, name, arch, slices.Compact(names), m.KeepTracebacks)
	fmt.Fprintf(h, "%q\n%q\n", goVariables(os.Environ()), compiledFrom())
	return hex.EncodeToString(h.Sum(nil))
}

// goVariables returns what go commands are told by the environment, sorted.
func goVariables(environ []string) []string {
	var list []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "GO") || strings.HasPrefix(name, "CGO_") || name == "HOME" || name == "XDG_CONFIG_HOME" {
			list = append(list, v)
		}
	}
	slices.Sort(list)
	return list
}

// toolchain names the go command on PATH. A script in its place is asked which
// toolchain it stands for.
func (m Maker) toolchain(ctx context.Context) (string, error) {
	tool, err := exec.LookPath("go")
	if err != nil {
		return "", err
	}
	if tool, err = filepath.EvalSymlinks(tool); err != nil {
		return "", err
	}
	info, err := os.Stat(tool)
	if err != nil {
		return "", err
	}
	id := fmt.Sprintf("%s %d %d", tool, info.Size(), info.ModTime().UnixNano())
	program, err := isELF(tool)
	if err != nil || program {
		return id, err
	}
	out, err := runGo(ctx, "go", m.Dir, nil, "env", "GOROOT", "GOVERSION")
	return id + " " + string(out), err
}

func isELF(file string) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, len(elf.ELFMAG))
	if _, err := io.ReadFull(f, head); err != nil {
		return false, err
	}
	return string(head) == elf.ELFMAG, nil
}

// BuilderID tells this program from others: Go's build ID ends in a digest of
// the program's content. It is empty where that cannot be told.
func BuilderID() string { return builderID() }

var builderID = sync.OnceValue(func() string {
	exe, err := os.Executable()
	if err != nil {
		return ""
	}
	f, err := elf.Open(exe)
	if err != nil {
		return ""
	}
	defer f.Close()
	if note := f.Section(".note.go.buildid"); note != nil {
		if id, err := note.Data(); err == nil && len(id) > 40 {
			return string(id)
		}
	}
	sum, err := hostfile.SHA256(exe)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(sum[:])
})
