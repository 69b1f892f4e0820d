package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/metrics"
	"github.com/kguest/kguest/pkg/supervise"
)

// fakeGuest runs commands as they are, and keeps what it is asked.
type fakeGuest struct {
	root    string
	tree    *metrics.Node
	collect func()                                    // called in Metrics
	look    func(start *idmpb.ExecStreamRequestStart) // called in Command
	booting error                                     // why there is no workload
	refuse  bool                                      // commands
	keep    bool                                      // starts
	uid     uint32                                    // of commands; 0 for this process's
	states  []idmpb.BootState                         // that Report returns, one after the other; then ready

	mu      sync.Mutex
	starts  []*idmpb.ExecStreamRequestStart
	signals []string
	stops   []time.Duration
	sizes   []console.Size
	trees   int
}

type codedError struct {
	error
	code int
}

func (e codedError) ExitCode() int { return e.code }
func (e codedError) Unwrap() error { return e.error }

func (g *fakeGuest) Command(start *idmpb.ExecStreamRequestStart) (supervise.Command, error) {
	if g.keep {
		g.mu.Lock()
		g.starts = append(g.starts, start)
		g.mu.Unlock()
	}
	if g.look != nil {
		g.look(start)
	}
	if g.booting != nil {
		return supervise.Command{}, codedError{g.booting, 125}
	}
	if g.refuse {
		return supervise.Command{}, codedError{errors.New("refused"), 126}
	}
	path, err := lookUp(start.Command[0])
	if err != nil {
		return supervise.Command{}, err
	}
	c := supervise.Command{Path: path, Args: start.Command, Env: []string{"PATH=/usr/bin:/bin"}, Dir: "/"}
	if start.WorkingDirectory != "" {
		c.Dir = start.WorkingDirectory
	}
	for _, v := range start.Environment {
		c.Env = append(c.Env, v.Key+"="+v.Value)
	}
	c.UID, c.GID = uint32(os.Getuid()), uint32(os.Getgid())
	if g.uid != 0 {
		c.UID, c.GID = g.uid, g.uid
	}
	return c, nil
}

// lookUp leaves a name with a slash to the kernel.
func lookUp(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, dir := range []string{"/usr/bin", "/bin"} {
		if fi, err := os.Stat(filepath.Join(dir, name)); err == nil && fi.Mode()&0o111 != 0 {
			return filepath.Join(dir, name), nil
		}
	}
	return "", codedError{fmt.Errorf("%q: %w", name, fs.ErrNotExist), 127}
}

func (g *fakeGuest) Metrics() *metrics.Node {
	g.mu.Lock()
	g.trees++
	g.mu.Unlock()
	if g.collect != nil {
		g.collect()
	}
	return g.tree
}

func (g *fakeGuest) Report() *idmpb.BootReport {
	g.mu.Lock()
	defer g.mu.Unlock()
	state := idmpb.BootStateReady
	if len(g.states) > 0 {
		state, g.states = g.states[0], g.states[1:]
	}
	return &idmpb.BootReport{
		State:              state,
		Stages:             []*idmpb.BootStage{{Name: "mounts", DurationMicroseconds: 7}, {Name: "network", DurationMicroseconds: 8, Error: "no link"}},
		KernelMicroseconds: 1, InitMicroseconds: 2,
	}
}

func (g *fakeGuest) Signal(sig syscall.Signal, all bool) error {
	if g.booting != nil {
		return g.booting
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.signals = append(g.signals, fmt.Sprint(int(sig), " ", all))
	return nil
}

func (g *fakeGuest) Stop(grace time.Duration) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stops = append(g.stops, grace)
	return nil
}

func (g *fakeGuest) Resize(size console.Size) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sizes = append(g.sizes, size)
	return nil
}

func (g *fakeGuest) Root() (string, error) { return g.root, g.booting }

var errBooting = fmt.Errorf("%w: the workload does not run yet", syscall.EAGAIN)

var (
	_ Guest     = (*fakeGuest)(nil)
	_ ExitCoder = codedError{errors.New(""), 0}
)
