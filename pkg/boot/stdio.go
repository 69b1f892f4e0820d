package boot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/console"
)

// StdioParam says what stands behind the workload's standard streams. The zero
// value is the kernel's console.
type StdioParam struct {
	Terminal string       // device that becomes the workload's terminal
	Size     console.Size // of Terminal

	// Output and Errors are the devices that get what the workload writes. It has
	// no terminal then, and empty input.
	Output, Errors string
}

// setTerminal parses DEVICE[,ROWSxCOLUMNS].
func setTerminal(p *Params, v string) error {
	device, size, sized := strings.Cut(v, ",")
	s := StdioParam{Terminal: device}
	rows, columns, ok := strings.Cut(size, "x")
	r, rerr := strconv.ParseUint(rows, 10, 16)
	c, cerr := strconv.ParseUint(columns, 10, 16)
	s.Size = console.Size{Rows: uint16(r), Columns: uint16(c)}
	switch {
	case v == "auto":
		p.Stdio = StdioParam{}
		return nil
	case !isDevice(device), sized && (!ok || rerr != nil || cerr != nil):
		return errors.New("give a terminal such as /dev/hvc0, with or without a size such as ,24x80")
	}
	p.Stdio = s
	return nil
}

// setOutput parses DEVICE[,DEVICE].
func setOutput(p *Params, v string) error {
	out, errs, two := strings.Cut(v, ",")
	if !two {
		errs = out
	}
	switch {
	case v == "auto":
		p.Stdio = StdioParam{}
		return nil
	case !isDevice(out) || !isDevice(errs):
		return errors.New("give a device such as /dev/vport0p2, or two for output and errors: /dev/vport0p2,/dev/vport0p3")
	}
	p.Stdio = StdioParam{Output: out, Errors: errs}
	return nil
}

func isDevice(path string) bool {
	return strings.HasPrefix(path, devPath+"/") && filepath.Clean(path) == path
}

// stdio is what the workload's standard streams lead to. The zero value is the
// kernel's console.
type stdio struct {
	files    [3]*os.File // the workload's ends
	terminal *os.File
	relays   []*relay
}

// openStdio opens what p names, and waits for each device up to timeout. Relays
// are started by spawn.
func openStdio(p StdioParam, timeout time.Duration, spawn func(f func())) (s stdio, err error) {
	switch {
	case p.Terminal != "":
		if s.terminal, err = openLate(p.Terminal, timeout); err != nil {
			return stdio{}, err
		}
		s.files = [3]*os.File{s.terminal, s.terminal, s.terminal}
		return s, s.resize(p.Size)
	case p.Output != "":
		return openRelays(p, timeout, spawn)
	}
	return stdio{}, nil
}

func openRelays(p StdioParam, timeout time.Duration, spawn func(f func())) (s stdio, err error) {
	if s.files[0], err = os.Open(os.DevNull); err != nil {
		return stdio{}, fmt.Errorf("open empty input: %w", err)
	}
	if s.files[1], err = s.relay(p.Output, timeout, spawn); err != nil {
		return stdio{}, err
	}
	s.files[2] = s.files[1]
	if p.Errors != p.Output {
		s.files[2], err = s.relay(p.Errors, timeout, spawn)
	}
	return s, err
}

// relay copies a pipe to a device.
type relay struct {
	done chan struct{} // closed when all writers of the pipe have gone
}

// relay opens a relay to device and returns what is to be written to.
func (s *stdio) relay(device string, timeout time.Duration, spawn func(f func())) (*os.File, error) {
	to, err := openLate(device, timeout)
	if err != nil {
		return nil, err
	}
	from, write, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make pipe: %w", err), to.Close())
	}
	r := &relay{done: make(chan struct{})}
	s.relays = append(s.relays, r)
	spawn(func() {
		defer close(r.done)
		_, _ = io.Copy(to, from) // a device that is gone has no reader who missed anything
		_, _ = io.Copy(io.Discard, from)
	})
	return write, nil
}

// given closes the workload's ends here, once it has them.
func (s *stdio) given() {
	if len(s.relays) == 0 {
		return
	}
	for _, f := range s.files {
		_ = f.Close() // one may be there twice
	}
}

// drain waits until all that the workload wrote has been taken, up to timeout.
func (s *stdio) drain(timeout time.Duration) error {
	return within(timeout, func() error {
		for _, r := range s.relays {
			<-r.done
		}
		if s.terminal != nil {
			_ = console.Drain(s.terminal) // one that was hung up has nothing left
		}
		return nil
	})
}

// resize sets the size of the terminal; the zero size leaves it.
func (s *stdio) resize(size console.Size) error {
	if s.terminal == nil || size == (console.Size{}) {
		return nil
	}
	return console.SetSize(s.terminal, size)
}

// openLate opens a device that may come some time after its driver.
func openLate(path string, timeout time.Duration) (*os.File, error) {
	began := time.Now()
	for pause := firstTry; ; pause = min(2*pause, lastTry) {
		f, err := openBlocking(path)
		if err == nil {
			return f, nil
		}
		if time.Since(began) >= timeout {
			return nil, fmt.Errorf("open the workload's streams: %w after %v", err, timeout)
		}
		<-time.After(pause)
	}
}
