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

	mu       sync.Mutex
	children map[int]*Process
	reaping  bool
	idle     chan struct{} // closed when no child is left; nil where nobody asked
}

// Start starts c with default signal dispositions and no signal blocked.
// The error is the kernel's, from chroot(2), chdir(2) or execve(2).
func (s *Supervisor) Start(c *Command) (*Process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pid, err := forkLimited(c)
	if err != nil {
		if pid > 0 { // it runs, without a limit it was to have
			err = errors.Join(err, syscall.Kill(pid, syscall.SIGKILL))
			s.reap()
		}
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	p := &Process{PID: pid, done: make(chan struct{})}
	if s.children == nil {
		s.children = make(map[int]*Process)
	}
	s.children[pid] = p
	s.reap()
	return p, nil
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
// on. A child that Start has just made is in the table: Start holds the lock
// meanwhile.
func (s *Supervisor) deliver(pid int, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		status, err := reapChild(pid)
		if p := s.children[pid]; p != nil && err == nil {
			delete(s.children, pid)
			p.status = status
			close(p.done)
		}
		return true
	}
	if len(s.children) > 0 { // started after the wait found no child
		return true
	}
	s.reaping = false
	if s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
	return false
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
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}
