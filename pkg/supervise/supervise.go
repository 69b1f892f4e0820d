// Package supervise starts processes and is the only one to wait for them: in
// PID 1 a second waiter would steal statuses from the first.
package supervise

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Command is a process to start.
type Command struct {
	Path   string
	Args   []string // with argv[0]
	Env    []string
	Dir    string
	Root   string      // chroot, empty for none; Path and Dir are below it
	Files  [3]*os.File // standard streams
	Cgroup *os.File    // directory of the cgroup to start in, nil for the caller's
	UID    uint32
	GID    uint32
	Groups []uint32
	TTY    TTY
	Limits []Limit
}

// Limit is a resource limit (getrlimit(2)).
type Limit struct {
	Resource int // RLIMIT_...
	Soft     uint64
	Hard     uint64
}

// TTY is what a process has to do with the terminal on its standard input.
type TTY int

// The relations to a terminal (credentials(7), "Sessions and process groups").
const (
	Detached    TTY = iota // a new session without a controlling terminal
	Controlling            // a new session that the terminal is taken for
	Foreground             // a new process group, put in the terminal's foreground
	Shared                 // the caller's own session and process group, as of a shell's job
)

// Status is how a process ended.
type Status struct {
	Code   int // exit code, or 128+Signal
	Signal syscall.Signal
}

func newStatus(ws syscall.WaitStatus) Status {
	if ws.Signaled() {
		return Status{Code: 128 + int(ws.Signal()), Signal: ws.Signal()}
	}
	return Status{Code: ws.ExitStatus()}
}

// Process is a process that was started.
type Process struct {
	PID    int
	done   chan struct{}
	status Status
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Status returns how the process ended, once Done is closed.
func (p *Process) Status() Status { return p.status }

// Supervisor owns the children of this process, those it inherited included.
// Its zero value is ready.
type Supervisor struct {
	// Go runs the reaper on a goroutine of its own; nil stands for the go
	// statement.
	Go func(f func())

	forking sync.Mutex // one fork at a time, for as long as it takes

	mu       sync.Mutex // never held while something waits
	children map[int]*Process
	starting bool           // a fork is under way, whose child may already end
	strays   map[int]Status // of children that ended meanwhile and were not known
	reaping  bool
	idle     chan struct{} // closed when no child is left; nil where nobody asked
}

// Start starts c with default signal dispositions and no signal blocked.
// The error is the kernel's, from chroot(2), chdir(2) or execve(2). Where the
// kernel hangs in one of these, so does Start; what else runs goes on as long as
// the process has another CPU, since Go's fork does not give up its own.
func (s *Supervisor) Start(c *Command) (*Process, error) {
	s.forking.Lock()
	defer s.forking.Unlock()
	if err := c.ownStreams(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	s.setStarting(true)
	pid, err := forkLimited(c)
	if err != nil && pid > 0 { // it runs, without a limit it was to have
		err = errors.Join(err, kill(pid, syscall.SIGKILL))
	}
	p := &Process{PID: pid, done: make(chan struct{})}
	s.mu.Lock()
	if pid > 0 {
		s.adopt(p)
	}
	s.mu.Unlock()
	s.setStarting(false)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	yield()
	return p, nil
}

// setStarting begins or ends a fork, and has somebody wait for what came of it.
func (s *Supervisor) setStarting(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starting, s.strays = on, nil
	if !on {
		s.reap()
	}
}

// adopt makes p's status p's own, also where it was there first. s.mu is held.
func (s *Supervisor) adopt(p *Process) {
	if status, ok := s.strays[p.PID]; ok {
		p.status = status
		close(p.done)
		return
	}
	if s.children == nil {
		s.children = make(map[int]*Process)
	}
	s.children[p.PID] = p
}

// Idle returns a channel that is closed when this process has no child left.
func (s *Supervisor) Idle() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.reap()
	return idle
}

// reap starts the reaper where none runs. s.mu is held.
func (s *Supervisor) reap() {
	switch {
	case s.reaping:
		return
	case s.Go != nil:
		s.Go(s.loop)
	default:
		go s.loop()
	}
	s.reaping = true
}

// loop waits for children until there is none: it needs no other end. A child
// that has ended keeps its pid until deliver reaps it, under the lock, so that
// Signal cannot reach a stranger of the same number.
func (s *Supervisor) loop() {
	for {
		pid, err := ended()
		if !s.deliver(pid, err) {
			return
		}
	}
}

// deliver reaps pid, hands its status to its owner, and reports whether to wait
// on.
func (s *Supervisor) deliver(pid int, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.settle(pid, reapChild(pid))
		return true
	}
	if len(s.children) > 0 { // started after the wait found no child
		return true
	}
	s.reaping = false
	if s.idle != nil && !s.starting {
		close(s.idle)
		s.idle = nil
	}
	return false
}

// settle gives the status of pid to its owner, or keeps it for the one that is
// being made. s.mu is held.
func (s *Supervisor) settle(pid int, status Status) {
	switch p := s.children[pid]; {
	case p != nil:
		delete(s.children, pid)
		p.status = status
		close(p.done)
	case s.starting:
		if s.strays == nil {
			s.strays = make(map[int]Status)
		}
		s.strays[pid] = status
	}
}

// Signal sends sig to p, or with group to its process group. One that has ended
// is gone: that is no error.
func (s *Supervisor) Signal(p *Process, sig syscall.Signal, group bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.children[p.PID] != p {
		return nil
	}
	pid := p.PID
	if group {
		pid = -pid
	}
	if err := kill(pid, sig); err != nil {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}
