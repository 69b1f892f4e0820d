package multicall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/u-root/gobusybox/src/pkg/golang"
)

// Module is the path of the module that holds kguest's own commands.
const Module = "github.com/kguest/kguest"

// Source is where the commands' import paths are looked up.
type Source struct {
	Dir    string // a folder inside the main module
	GoRoot string // of the toolchain that Dir's go.mod selects
	mod    golang.ModBehavior
	env    goEnv
	cache  string // folder that linkers are kept in, absolute; empty keeps none
}

// goEnv is what `go env` says of a folder.
type goEnv struct{ GOROOT, GOVERSION, GOFLAGS, GOMODCACHE, GOMOD, GOWORK, GOENV string }

func readGoEnv(ctx context.Context, dir string) (goEnv, error) {
	var e goEnv
	out, err := runGo(ctx, "go", dir, nil, "env", "-json", "GOROOT", "GOVERSION", "GOFLAGS", "GOMODCACHE", "GOMOD", "GOWORK", "GOENV")
	if err != nil {
		return e, fmt.Errorf("find the settings of go: %w", err)
	}
	if err := json.Unmarshal(out, &e); err != nil {
		return e, fmt.Errorf("find the settings of go: decode its answer: %w", err)
	}
	return e, nil
}

// Find returns the Source for a builder that runs in the folder wd: wd itself
// where its module is kguest or requires it, else the checkout or the module
// cache folder that this program was compiled from.
func Find(ctx context.Context, wd string) (Source, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return Source{}, fmt.Errorf("find the go command: %w; install Go and put its bin folder on PATH", err)
	}
	env, err := readGoEnv(ctx, wd)
	if err != nil {
		return Source{}, err
	}
	s := Source{mod: modBehavior(env.GOFLAGS)}
	if s.Dir, err = findDir(ctx, wd, s.mod); err != nil {
		return Source{}, err
	}
	if s.Dir != wd {
		if env, err = readGoEnv(ctx, s.Dir); err != nil {
			return Source{}, err
		}
	}
	s.GoRoot, s.env = env.GOROOT, env
	return s, nil
}

// within returns the Source of the module in dir, which need not know kguest.
func within(ctx context.Context, dir string) (Source, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return Source{}, fmt.Errorf("find the go command: %w; install Go and put its bin folder on PATH", err)
	}
	env, err := readGoEnv(ctx, dir)
	if err != nil {
		return Source{}, err
	}
	return Source{Dir: dir, GoRoot: env.GOROOT, mod: modBehavior(env.GOFLAGS), env: env}, nil
}

// modBehavior keeps -mod=mod in GOFLAGS from rewriting the user's go.mod.
func modBehavior(flags string) golang.ModBehavior {
	for flag := range strings.FieldsSeq(flags) {
		if strings.TrimLeft(flag, "-") == "mod=mod" {
			return golang.ModReadonly
		}
	}
	return golang.ModNone
}

// listArgs returns the arguments of a `go list`.
func listArgs(mod golang.ModBehavior, args ...string) []string {
	list := []string{"list"}
	if mod != golang.ModNone {
		list = append(list, "-mod="+string(mod))
	}
	return append(list, args...)
}

func findDir(ctx context.Context, wd string, mod golang.ModBehavior) (string, error) {
	if _, err := runGo(ctx, "go", wd, nil, listArgs(mod, "-m", Module)...); err == nil {
		return wd, nil
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if dir := compiledFrom(); dir != "" {
		return dir, nil
	}
	return "", fmt.Errorf("%w: %s is not in that module nor in one that requires it, "+
		"and this program's own sources are gone; run it in a checkout of kguest", errNoSources, wd)
}

// compiledFrom returns the root of the module that this file was compiled
// from, or "" where it is no longer there or -trimpath has cut it.
func compiledFrom() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	root := filepath.Join(filepath.Dir(file), "..", "..")
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil || !bytes.Contains(b, []byte("module "+Module+"\n")) {
		return ""
	}
	return root
}

// goTool is the go command of s's toolchain.
func (s Source) goTool() string { return filepath.Join(s.GoRoot, "bin", "go") }

// run runs the toolchain's go command in s.Dir with modules on.
func (s Source) run(ctx context.Context, env []string, args ...string) ([]byte, error) {
	return runGo(ctx, s.goTool(), s.Dir, env, args...)
}

// moduleDir returns the folder with the sources of the module named path,
// fetching them if need be.
func (s Source) moduleDir(ctx context.Context, path string) (string, error) {
	out, err := s.run(ctx, nil, "mod", "download", "-json", path)
	if err != nil {
		return "", fmt.Errorf("find module %s: %w", path, err)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", fmt.Errorf("find module %s: decode go's answer: %w", path, err)
	}
	return m.Dir, nil
}

// goWait is how long an interrupted go command may take to remove its
// temporary files before it is killed.
const goWait = 5 * time.Second

// runGo runs a go command in dir and returns its standard output. The error
// holds the first line of its complaint.
func runGo(ctx context.Context, tool, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "GO111MODULE=on"), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = goWait
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.Bytes(), nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, complaint(err, stderr.String())
}

// complaint turns what a go command wrote into an error of one line.
func complaint(err error, stderr string) error {
	var lines []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, "go: downloading ") {
			lines = append(lines, line)
		}
	}
	if len(lines) > 1 && strings.HasSuffix(lines[0], ":") {
		lines = append([]string{lines[0] + " " + lines[1]}, lines[2:]...)
	}
	switch len(lines) {
	case 0:
		return err
	case 1:
		return errors.New(lines[0])
	default:
		return fmt.Errorf("%s (and %d more lines)", lines[0], len(lines)-1)
	}
}
