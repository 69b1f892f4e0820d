package shell

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/term"
)

// job is a statement, or what is left of one: processes of one group.
type job struct {
	table  *table
	number int // 0 where it is not in the list
	text   string
	inline bool // the statement runs in the shell itself, which waits for it
	cancel context.CancelFunc

	// What follows is guarded by the table's mu.
	group    int // of its processes; 0 before the first
	members  []*member
	front    bool        // has the terminal
	running  bool        // its statement
	told     state       // what the person was told last
	terminal *term.State // as it was when the job stopped
}

// member is a process of a job.
type member struct {
	pid     int
	stopped bool
	reaped  bool
	ended   bool // and its output is written
	status  int
	signal  syscall.Signal // that stopped or ended it
	early   bool           // it wanted the terminal before it had it
}

// state of a job.
type state int

const (
	running state = iota
	stopped
	done
)

func (j *job) state() state {
	s := done
	for _, m := range j.members {
		switch {
		case m.ended:
		case m.stopped:
			s = stopped
		default:
			return running
		}
	}
	if s == done && j.running {
		return running
	}
	return s
}

// alive reports a process, if only to be reaped, that keeps the group in being.
func (j *job) alive() bool {
	for _, m := range j.members {
		if !m.reaped {
			return true
		}
	}
	return false
}

// last returns the process that the job's status is of; nil for none.
func (j *job) last() *member {
	if len(j.members) == 0 {
		return nil
	}
	return j.members[len(j.members)-1]
}

// start starts a process in the job's group, and gives that the terminal where the
// job is in front. Of a statement that was ended it starts nothing more.
func (j *job) start(ctx context.Context, cmd *exec.Cmd) (*member, error) {
	j.table.mu.Lock()
	defer j.table.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !j.alive() {
		j.group = 0
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: j.group}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m := &member{pid: cmd.Process.Pid}
	if j.group == 0 {
		j.group = m.pid
	}
	j.members = append(j.members, m)
	if j.front {
		j.table.giveTerminal(j.group)
	}
	go j.watch(m, cmd)
	return m, nil
}

// watch follows the process of cmd to its end.
func (j *job) watch(m *member, cmd *exec.Cmd) {
	for !m.reaped { // this goroutine alone sets it
		waitChange(m.pid)
		j.table.mu.Lock()
		if ws, ok := changeOf(m.pid); ok {
			j.changed(m, ws)
		}
		j.table.mu.Unlock()
	}
	_ = cmd.Wait() // for what copies its output; its status is had
	j.table.mu.Lock()
	defer j.table.mu.Unlock()
	m.ended = true
	if j.front && !j.alive() {
		j.table.giveTerminal(j.table.own)
	}
	j.table.change.Broadcast()
}

// changed notes what became of m.
func (j *job) changed(m *member, ws syscall.WaitStatus) {
	switch {
	case ws.Exited():
		m.reaped, m.status = true, ws.ExitStatus()
	case ws.Signaled():
		m.reaped, m.signal = true, ws.Signal()
		m.status = signalled + int(m.signal)
		if j.front && m.signal == syscall.SIGINT {
			j.cancel() // ctrl-C is for all of the statement
		}
	case ws.Continued():
		m.stopped = false
	case ws.Stopped():
		m.signal = ws.StopSignal()
		wantsTerminal := m.signal == syscall.SIGTTIN || m.signal == syscall.SIGTTOU
		if j.front && wantsTerminal && !m.early {
			m.early = true
			continueGroup(j.group)
			return
		}
		m.stopped, m.status = true, signalled+int(m.signal)
	}
	j.table.change.Broadcast()
}

// signalled and the number of a signal is the status of what it ended or stopped.
const signalled = 128

// wait waits for m to end, or, in an inline job, to stop, and returns its status.
func (j *job) wait(m *member) int {
	j.table.mu.Lock()
	defer j.table.mu.Unlock()
	for !m.ended && (!j.inline || !m.stopped) {
		j.table.change.Wait()
	}
	if !m.ended {
		j.cancel() // the rest of the statement is left
	}
	return m.status
}

// line tells the job to a person.
func (j *job) line(current bool) string {
	mark := " "
	if current {
		mark = "+"
	}
	return fmt.Sprintf("[%d]%s %-8s  %s", j.number, mark, j.word(), j.text)
}

func (j *job) word() string {
	m := j.last()
	switch j.state() {
	case running:
		return "Running"
	case stopped:
		return "Stopped"
	default:
	}
	switch {
	case m == nil || m.status == 0:
		return "Done"
	case m.signal != 0 && m.status > signalled:
		return fmt.Sprintf("Signal %d (%v)", int(m.signal), m.signal)
	}
	return fmt.Sprintf("Exit %d", m.status)
}

// table has the jobs of a shell.
type table struct {
	terminal terminal
	own      int // the shell's process group

	mu     sync.Mutex
	change *sync.Cond
	list   []*job
	front  *job               // that has the terminal, or would
	line   context.CancelFunc // ends the line that is run; nil for none
}

func newTable(t terminal) *table {
	s := &table{terminal: t, own: ownGroup()}
	s.change = sync.NewCond(&s.mu)
	return s
}

func (s *table) giveTerminal(group int) { s.terminal.give(group) }

// add gives j the next number.
func (s *table) add(j *job) {
	if n := len(s.list); n > 0 {
		j.number = s.list[n-1].number + 1
	} else {
		j.number = 1
	}
	s.list = append(s.list, j)
}

// pass hands on a signal of the terminal's that came while the shell itself had it:
// between two commands, or before the one that began had it.
func (s *table) pass(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sig == syscall.SIGINT && s.line != nil {
		s.line()
	}
	if s.front == nil {
		return
	}
	if sig == syscall.SIGINT {
		s.front.cancel()
	}
	if s.front.alive() {
		signalGroup(s.front.group, sig)
	}
}

// news returns a line for each job that has ended or stopped since, and forgets
// those that have ended.
func (s *table) news() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	kept := s.list[:0:0]
	for i, j := range s.list {
		now := j.state()
		if now != j.told && now != running {
			lines = append(lines, j.line(i == len(s.list)-1))
		}
		j.told = now
		if now != done {
			kept = append(kept, j)
		}
	}
	s.list = kept
	return lines
}

// hangUp ends what jobs there are, when the shell is left.
func (s *table) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.list {
		if j.alive() {
			signalGroup(j.group, syscall.SIGHUP)
			continueGroup(j.group)
		}
	}
}
