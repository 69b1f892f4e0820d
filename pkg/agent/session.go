package agent

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/supervise"
)

// output is what a session writes to. An error means that nobody reads it any
// more.
type output interface {
	stdout(p []byte) error
	stderr(p []byte) error
}

// session is one command that the host runs beside the workload.
type session struct {
	sup     *supervise.Supervisor
	process *supervise.Process
	input   *os.File // write end of the pipe, or the pseudoterminal
	tty     bool
	ended   bool // no input follows
	outputs []*outlet
}

// ends are the descriptors of a session: those its process gets, and ours.
type ends struct {
	theirs [3]*os.File
	input  *os.File
	out    []*outlet
}

// closeFiles closes each of files once; none holds what this process wrote.
func closeFiles(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close() // a file twice in the list is closed already
		}
	}
}

func (e *ends) close() {
	closeFiles(e.theirs[:]...)
	closeFiles(e.input)
	for _, o := range e.out {
		closeFiles(o.file)
	}
}

// openPipes makes a pipe for each standard stream.
func openPipes(out output) (*ends, error) {
	var read, write [3]*os.File
	for i := range read {
		var err error
		if read[i], write[i], err = os.Pipe(); err != nil {
			closeFiles(read[:]...)
			closeFiles(write[:]...)
			return nil, err
		}
	}
	return &ends{
		theirs: [3]*os.File{read[0], write[1], write[2]},
		input:  write[0],
		out:    []*outlet{newOutlet(read[1], out.stdout), newOutlet(read[2], out.stderr)},
	}, nil
}

// openTerminal makes a pseudoterminal for all standard streams. Of size zero it
// is the kernel's default, 0x0.
func openTerminal(ptmx string, size console.Size, out output) (*ends, error) {
	master, tty, err := console.OpenPTY(ptmx)
	if err != nil {
		return nil, err
	}
	if size != (console.Size{}) {
		if err := console.SetSize(master, size); err != nil {
			closeFiles(master, tty)
			return nil, err
		}
	}
	return &ends{
		theirs: [3]*os.File{tty, tty, tty}, input: master,
		out: []*outlet{newOutlet(master, out.stdout)},
	}, nil
}

// give makes uid the owner of its standard streams, so that it can open them
// anew, as /dev/stdout or by the terminal's name. Of root they are already.
func (e *ends) give(uid uint32) error {
	if uid == 0 {
		return nil
	}
	for _, f := range e.theirs {
		if err := f.Chown(int(uid), -1); err != nil {
			return fmt.Errorf("give the standard streams to uid %d: %w", uid, err)
		}
	}
	return nil
}

func openEnds(c *supervise.Command, ptmx string, tty *console.Size, out output) (e *ends, err error) {
	if tty == nil {
		e, err = openPipes(out)
	} else {
		e, err = openTerminal(ptmx, *tty, out)
	}
	if err != nil {
		return nil, err
	}
	if err := e.give(c.UID); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// startSession starts c, whose Files and TTY it sets, with its output going to
// out: on a terminal of size tty, or on pipes where that is nil. The error is a
// startError where the command is to blame.
func (a *Agent) startSession(c supervise.Command, tty *console.Size, out output) (*session, error) {
	e, err := openEnds(&c, a.PTMX, tty, out)
	if err != nil {
		return nil, err
	}
	c.Files = e.theirs
	if tty != nil {
		c.TTY = supervise.Controlling
	}
	process, err := a.Sup.Start(&c)
	if err != nil {
		e.close()
		return nil, &startError{err}
	}
	closeFiles(e.theirs[:]...)
	s := &session{sup: a.Sup, process: process, input: e.input, tty: tty != nil, outputs: e.out}
	for _, o := range s.outputs {
		a.spawn(o.pump)
	}
	return s, nil
}

// write hands p to the command's standard input, and waits while the command
// does not read. What comes after the end is dropped.
func (s *session) write(p []byte) error {
	_, err := s.input.Write(p)
	for _, gone := range []error{syscall.EPIPE, syscall.EIO, os.ErrClosed, os.ErrDeadlineExceeded} {
		if errors.Is(err, gone) {
			return nil
		}
	}
	return err
}

// resize sets the size of the command's terminal; without one it does nothing.
func (s *session) resize(size console.Size) error {
	if !s.tty {
		return nil
	}
	return console.SetSize(s.input, size)
}

// killAfter kills the command and its process group when one of the channels is
// closed; it returns when the command has ended, too. What a command leaves
// behind when it ends by itself lives on, as after a login: a daemon may be what
// it was to start. On a terminal the kernel hangs up on what is in the
// foreground.
func (s *session) killAfter(over, gone <-chan struct{}) {
	select {
	case <-over:
	case <-gone:
	case <-s.process.Done():
		return
	}
	_ = s.sup.Signal(s.process, syscall.SIGKILL, true) // it has ended
}

// wait waits for the command to end, hands on what it had written by then, and
// returns its status. A grandchild that keeps the output open is not waited
// for.
func (s *session) wait() supervise.Status {
	<-s.process.Done()
	_ = s.input.SetWriteDeadline(longAgo()) // frees a write that nobody reads any more
	for _, o := range s.outputs {
		o.drain()
	}
	closeFiles(s.input)
	return s.process.Status()
}

// outlet is one of a session's outputs.
type outlet struct {
	file *os.File
	to   func(p []byte) error
	done chan struct{} // closed when pump has ended
}

func newOutlet(f *os.File, to func([]byte) error) *outlet {
	return &outlet{file: f, to: to, done: make(chan struct{})}
}

// bufferSize is that of one read, in bytes.
const bufferSize = 32 << 10

// pump reads the outlet until its end, or until drain.
func (o *outlet) pump() {
	defer close(o.done)
	buf := make([]byte, bufferSize)
	for {
		n, err := o.file.Read(buf)
		if n > 0 && o.to(buf[:n]) != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

// longAgo is a deadline that is over.
func longAgo() time.Time { return time.Unix(1, 0) }

// drain stops pump and takes what is left: all that a command wrote is in the
// kernel's buffer by the time it has ended. More than that is of a grandchild,
// which may go on writing.
func (o *outlet) drain() {
	defer closeFiles(o.file)
	_ = o.file.SetReadDeadline(longAgo()) // a file that takes none is closed
	<-o.done
	buf := make([]byte, bufferSize)
	for left := capacity(o.file); left > 0; {
		n, err := readNow(o.file, buf)
		if n <= 0 || err != nil || o.to(buf[:n]) != nil {
			return
		}
		left -= n
	}
}
