// Package multicall compiles the Go commands of an image into two programs,
// each of which runs the command that argv[0] names: one of kguest's commands,
// which is the first process, and one of all others. What the first process
// links it keeps in memory, so that it has none of the others. The sources are
// rewritten by u-root's gobusybox and compiled with the build cache.
package multicall

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/u-root/gobusybox/src/pkg/bb"
	"github.com/u-root/gobusybox/src/pkg/bb/findpkg"
	"github.com/u-root/gobusybox/src/pkg/golang"
	"github.com/u-root/uio/ulog"

	"github.com/kguest/kguest/initramfs/linker"
)

// initCommand is what a program that has it runs as process 1 and when called
// init.
const initCommand = "kinit"

// Arches returns the GOARCH values that Build takes.
func Arches() []string { return []string{"amd64", "arm64", "riscv64"} }

// target returns the environment of go commands that compile for the guest.
func target(arch string) []string {
	return []string{"GOOS=linux", "GOARCH=" + arch, "CGO_ENABLED=0"}
}

// pinned returns the environment that a program's bytes would depend on: what
// the user has set, or has written by `go env -w`, does not count.
func pinned(goVersion string) []string {
	return []string{
		"GOENV=off", "GOTOOLCHAIN=local", "GOEXPERIMENT=" + experiments(goVersion), "GODEBUG=", "GOFIPS140=off",
		"GO_EXTLINK_ENABLED=", "GOAMD64=v1", "GOARM64=v8.0", "GORISCV64=rva20u64",
	}
}

// experiments leaves out what costs a small process memory at each start: a page of
// each span for the marks of a garbage collector that is for large heaps, and a heap
// that begins anywhere, which protects programs that link C. They can be left out in
// Go 1.26; other versions may not know their names.
func experiments(goVersion string) string {
	if goVersion == "go1.26" || strings.HasPrefix(goVersion, "go1.26.") {
		return "nogreenteagc,norandomizedheapbase64"
	}
	return ""
}

// Build compiles cmds, as Resolve returned them, for arch to one program and
// returns its path, which is name in the empty folder work. All that Build
// writes is there, besides Go's build cache. The same commands give the same
// bytes, whatever work is. A warning is why functions of kguest's own program are
// in another order than they should be.
func (s Source) Build(ctx context.Context, work, name, arch string, cmds []Command) (program, warning string, err error) {
	order := func() (string, error) { return "", nil }
	if name == OwnProgram && linker.Serves(arch) {
		order = start(func() (string, error) { return s.orderedLinker(ctx, work) })
	}
	gopath := filepath.Join(work, "gopath")
	err = s.generate(gopath, name, arch, cmds)
	toolexec, errOrder := order()
	switch {
	case err != nil:
		return "", "", fmt.Errorf("generate program: %w", err)
	case ctx.Err() != nil:
		return "", "", ctx.Err()
	case errOrder != nil && !errors.Is(errOrder, linker.ErrVersion):
		warning = "kguest's functions are in the linker's usual order, which costs a boot some page faults: " + errOrder.Error()
	}
	program = filepath.Join(work, name)
	if err := s.compile(ctx, gopath, work, arch, program, toolexec); err != nil {
		return "", "", fmt.Errorf("compile program: %w", err)
	}
	return program, warning, nil
}

// start runs do on the side, and returns what waits for it.
func start(do func() (string, error)) (wait func() (string, error)) {
	once := sync.OnceValues(do)
	go once() //nolint:errcheck // what waits has it
	return once
}

// ownTag is a build tag that no file has. Given to the go command, it takes the
// place of what GOFLAGS has, which would choose other files.
const ownTag = "kguest_initramfs"

// bbDir is where gobusybox puts the program's main package, below its GOPATH.
func bbDir(gopath string) string { return filepath.Join(gopath, "src", "bb.u-root.com", "bb") }

func (s Source) generate(gopath, name, arch string, cmds []Command) (err error) {
	// A source that it did not foresee makes gobusybox panic.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gobusybox cannot rewrite the commands: %v", p)
		}
	}()
	env := golang.Default(golang.DisableCGO(), golang.WithGOOS("linux"), golang.WithGOARCH(arch),
		golang.WithGOROOT(s.GoRoot), golang.WithGO111MODULE("on"), golang.WithMod(s.mod), golang.WithWorkingDir(s.Dir),
		golang.WithBuildTag(ownTag))
	paths := make([]string, len(cmds))
	for i, c := range cmds {
		paths[i] = c.Path
	}
	err = bb.BuildBusybox(ulog.Null, &bb.Opts{
		Env:          env,
		LookupEnv:    &findpkg.Env{},
		GenSrcDir:    gopath,
		CommandPaths: paths,
		GenerateOnly: true,
	})
	if err != nil {
		return errors.New(oneLine(err.Error()))
	}
	return os.WriteFile(filepath.Join(bbDir(gopath), "main.go"), mainSource(name, cmds), 0o600)
}

func (s Source) compile(ctx context.Context, gopath, tmp, arch, program, toolexec string) error {
	env := slices.Concat(target(arch), pinned(s.env.GOVERSION), []string{
		"GO111MODULE=off", "GOPATH=" + gopath, "GOROOT=" + s.GoRoot, "GOFLAGS=", "GOTMPDIR=" + tmp,
	})
	args, flags := []string{"build", "-trimpath", "-buildvcs=false", "-o", program}, linkerFlags(arch)
	if toolexec != "" {
		args, flags = append(args, "-toolexec", toolexec), flags+" "+linker.Flag()
	}
	_, err := runGo(ctx, s.goTool(), bbDir(gopath), env, append(args, "-ldflags", flags, ".")...)
	return err
}

// linkerFlags leave out symbols and DWARF, and set what GODEBUG sets where nobody
// does: the runtime keeps no profiles, which nobody reads, and gives its memory no
// names. That stands in the place of what go.mod or a directive of a command would
// set. On amd64 functions follow each other without gaps: what PID 1 links stays in
// memory, and nothing in it is so hot that its alignment counts.
func linkerFlags(arch string) string {
	flags := "-s -w -buildid= -X=runtime.godebugDefault=memprofilerate=0,profstackdepth=0,decoratemappings=0"
	if arch == "amd64" {
		flags += " -funcalign=1"
	}
	return flags
}
