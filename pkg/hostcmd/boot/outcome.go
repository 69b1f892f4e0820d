package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm/idmpb"
	"github.com/kguest/kguest/pkg/vm"
)

// outcome is what the guest said of its end over IDM.
type outcome struct {
	mu     sync.Mutex
	detail *vm.Exit
	code   *int
}

// watch notes the guest's end.
func (s *session) watch(ctx context.Context) {
	watch, err := s.guest.Watch(ctx)
	if err != nil {
		return // the machine has ended, and its log says how
	}
	defer watch.Close()
	for {
		event, err := watch.Next(ctx)
		if err != nil {
			return // likewise
		}
		s.end.note(event)
		if _, last := event.(*idmpb.ExitEvent); last {
			s.out.hurry()
			s.errs.hurry()
		}
	}
}

func (o *outcome) note(event any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch e := event.(type) {
	case *idmpb.ExitDetailEvent:
		o.detail = &vm.Exit{Code: int(e.Code), Signal: int(e.Signal), Stage: e.Stage, Reason: e.Reason}
	case *idmpb.ExitEvent:
		code := int(e.Code)
		o.code = &code
	}
}

// exit returns how the guest ended: as it said over IDM, else on its console.
func (s *session) exit() (vm.Exit, bool) {
	s.end.mu.Lock()
	defer s.end.mu.Unlock()
	if s.end.detail != nil {
		return *s.end.detail, true
	}
	exit, err := vm.ParseExit(s.log.bytes())
	if err != nil && s.end.code != nil {
		return vm.Exit{Code: *s.end.code, Stage: stageRun, Reason: reasonExited}, true
	}
	return exit, err == nil
}

// What kinit says of a command that ended by itself.
const (
	stageRun     = "run"
	reasonExited = "exited"
)

// status is the program's end for that of the machine, of which QEMU's error is
// err.
func (s *session) status(err error) error {
	var timeout *vm.TimeoutError
	exit, ended := s.exit()
	switch {
	case errors.As(err, &timeout):
		return &verb.ExitError{Status: statusTimeout, Err: fmt.Errorf("killed: the guest did not end within %v, as -timeout has it", timeout.After)}
	case errors.Is(err, errKilled):
		return &verb.ExitError{Status: statusKilled, Err: errors.New("killed")}
	case ended:
		return exitError(exit)
	case err != nil:
		return explain(s.options, err)
	}
	s.showLog()
	return &verb.ExitError{Status: statusNoBoot, Err: s.silent()}
}

// exitError is nil for 0, and tells the reason where that is not the command's
// own end.
func exitError(e vm.Exit) error {
	plain := e.Reason == reasonExited || e.Signal != 0 && !strings.Contains(e.Reason, ";")
	switch {
	case e.Stage != stageRun, e.Code == statusNoBoot && !plain:
		return &verb.ExitError{Status: e.Code, Err: fmt.Errorf("the guest did not boot: stage %s: %s", e.Stage, e.Reason)}
	case !plain:
		return &verb.ExitError{Status: e.Code, Err: errors.New(e.Reason)}
	case e.Code != 0:
		return &verb.ExitError{Status: e.Code}
	}
	return nil
}

// logLines is how many of the guest's last lines are shown where nothing else
// tells its end.
const logLines = 12

// showLog shows the last lines of the kernel and of kinit, unless they were.
func (s *session) showLog() {
	if s.options.verbose {
		return
	}
	lines := bytes.Split(bytes.TrimSpace(bytes.ReplaceAll(s.log.bytes(), []byte("\r"), nil)), []byte("\n"))
	for _, line := range lines[max(0, len(lines)-logLines):] {
		if len(line) > 0 {
			fmt.Fprintf(s.Stderr, "guest: %s\n", printable(line))
		}
	}
}

// printable keeps what a guest says from driving this terminal.
func printable(line []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(string(line), "?"))
}

// smallMemoryMiB is what a distribution's kernel may be too large for.
const smallMemoryMiB = 128

// silent says what became of a guest that did not say it itself.
func (s *session) silent() error {
	log := string(s.log.bytes())
	_, why, panicked := strings.Cut(log, "Kernel panic - not syncing: ")
	why, _, _ = strings.Cut(why, "\n")
	why = printable([]byte(strings.TrimSpace(why)))
	memory := fmt.Sprintf("the machine has too little memory (%d MiB); give more with -memory", s.config.MemoryMiB)
	switch {
	case strings.Contains(why, "out of memory"), strings.Contains(why, "deadlocked on memory"), strings.Contains(log, "Initramfs unpacking failed: write error"):
		return errors.New("the guest did not boot: " + memory)
	case panicked && strings.Contains(why, "No working init found"), strings.Contains(why, "Unable to mount root fs"):
		return fmt.Errorf("the guest did not boot: kernel panic: %s: the initramfs is none that this kernel can unpack, or %s", why, memory)
	case panicked:
		return fmt.Errorf("the guest did not boot, or did not end: kernel panic: %s", why)
	case len(s.log.bytes()) == 0 && s.config.MemoryMiB < smallMemoryMiB:
		return errors.New("the guest did not boot: the kernel did not say a word; " + memory)
	case len(s.log.bytes()) == 0:
		return errors.New("the guest did not boot: the kernel did not say a word; is it one for this machine?")
	}
	return errors.New("the machine ended and did not say how; its last lines are above")
}
