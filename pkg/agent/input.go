package agent

import (
	"time"

	"github.com/kguest/kguest/pkg/console"
)

// controlD is what a user types to end the input of a program that edits the
// line itself, such as a shell.
const controlD = 4

// The looks at a terminal whose input has ended follow each other at growing
// distances.
const (
	firstLook = 5 * time.Millisecond
	lastLook  = time.Second
)

// endInput ends the command's standard input: what comes later is dropped. A pipe
// is closed; on a terminal spawn runs what types the end.
func (s *session) endInput(spawn func(f func())) {
	switch {
	case s.ended:
	case s.tty:
		spawn(s.typeEnd)
	default:
		closeFiles(s.input)
	}
	s.ended = true
}

// typeEnd types the end of file whenever the terminal's input has been read, until
// the command has ended. Once is not enough: in a line it only hands on what is
// there (termios(3), VEOF); a program that edits lines finds a NUL where it was
// typed before that program took the terminal over, as a shell does when it has
// started; and the next program that reads is to find the end, too, as on a pipe.
func (s *session) typeEnd() {
	tty, err := openPeer(s.input)
	if err != nil {
		return // the terminal is gone
	}
	defer closeFiles(tty)
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		if !unread(tty) && s.typeOnce() {
			pause = firstLook
		}
		select {
		case <-s.process.Done():
			return
		case <-time.After(pause):
		}
	}
}

// typeOnce types the end of file as the terminal's mode wants it, and reports
// whether the kernel makes the end of it. A program that edits lines makes of it
// what it likes, and is left more and more time.
func (s *session) typeOnce() bool {
	end := console.EndOfFile(s.input)
	ends := len(end) > 0
	if !ends {
		end = []byte{controlD}
	}
	_ = s.write(end) // a terminal that is gone has no end
	return ends
}
