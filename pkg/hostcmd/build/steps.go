package build

import (
	"fmt"
	"io"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// steps shows what takes the time: on a terminal while it does and, where
// asked, for each step when it is over.
type steps struct {
	w       io.Writer
	verbose bool
	show    func(string)
	step    string // empty before the first
	start   time.Time
	first   time.Time
}

func newSteps(w io.Writer, verbose bool) *steps {
	return &steps{w: w, verbose: verbose, show: verb.Progress(w)}
}

// begin ends the step before and begins another.
func (s *steps) begin(step string) {
	s.over()
	s.step, s.start = step, time.Now()
	if s.first.IsZero() {
		s.first = s.start
	}
	s.show(step)
}

func (s *steps) over() {
	if s.step != "" && s.verbose {
		s.show("")
		fmt.Fprintf(s.w, "%8.3f s  %s\n", time.Since(s.start).Seconds(), s.step)
	}
	s.step = ""
}

// end ends the last step.
func (s *steps) end() {
	s.over()
	s.show("")
	if s.verbose && !s.first.IsZero() {
		fmt.Fprintf(s.w, "%8.3f s  in all\n", time.Since(s.first).Seconds())
	}
}
