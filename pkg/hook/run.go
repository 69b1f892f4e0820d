package hook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/ociproc"
	"github.com/kguest/kguest/pkg/supervise"
)

// Runner runs scripts one after the other.
type Runner struct {
	Sup     *supervise.Supervisor
	Files   [3]*os.File   // standard streams
	Env     []string      // of every script
	EnvFile string        // KINIT_ENV: where they hand variables on
	Timeout time.Duration // of each; 0 for none

	// TimeoutName is how an error calls Timeout: the setting's name.
	TimeoutName string
}

// DefaultTimeout bounds a script.
const DefaultTimeout = time.Minute

// killDelay is from SIGTERM to SIGKILL, and from there to giving up.
const killDelay = 2 * time.Second

// Run runs s and waits until its process has ended; what that leaves behind is
// not waited for, though it may hold the streams. The error has the script's
// path, and of one that ran how it ended and after what time; it is never an
// *ociproc.Error. Of a script that fails, the variables do not count.
func (r *Runner) Run(s Script) error {
	before, err := os.ReadFile(r.EnvFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: read variables: %w", s.Path, err)
	}
	err = r.run(s)
	if err == nil {
		_, err = ReadEnv(r.EnvFile)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", s.Path, err)
	if werr := r.restore(before); werr != nil {
		err = errors.Join(err, werr)
	}
	return err
}

// restore puts back the variables that were there before.
func (r *Runner) restore(before []byte) error {
	if before == nil {
		err := os.Remove(r.EnvFile)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.WriteFile(r.EnvFile, before, 0o644)
}

func (r *Runner) run(s Script) error {
	if err := checkExecutable(s.Path); err != nil {
		return err
	}
	vars, err := ReadEnv(r.EnvFile)
	if err != nil {
		return err
	}
	began := time.Now()
	p, err := r.Sup.Start(&supervise.Command{
		Path: s.Path, Args: []string{s.Path}, Env: r.env(s, vars), Dir: "/", Files: r.Files,
	})
	if err != nil {
		return explain(s.Path, err)
	}
	err = r.wait(p)
	if err == nil {
		err = failure(p.Status())
	}
	if err != nil {
		return fmt.Errorf("%w after %v", err, time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// checkExecutable says what execve(2) would as EACCES.
func checkExecutable(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("a link to nothing")
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return errors.New("not a regular file")
	case fi.Mode()&0o111 == 0:
		return errors.New("not executable: make it so (chmod +x), or begin its name with a dot to leave it out")
	}
	return nil
}

func (r *Runner) env(s Script, vars []Var) []string {
	env := slices.Concat(r.Env, []string{"KINIT_STAGE=" + s.Stage, "KINIT_ENV=" + r.EnvFile})
	for _, v := range vars {
		env = slices.DeleteFunc(env, func(e string) bool { return len(e) > len(v.Name) && e[:len(v.Name)+1] == v.Name+"=" })
		env = append(env, v.Name+"="+v.Value)
	}
	return env
}

// explain names what execve(2) did not find: the interpreter or the loader.
func explain(path string, err error) error {
	_, rerr := ociproc.Resolve("/", ociproc.ImageConfig{Entrypoint: []string{path}, User: "0:0"}, ociproc.Overrides{})
	if rerr != nil {
		return errors.New(rerr.Error()) // without its exit code: the boot failed
	}
	if errors.Is(err, syscall.ENOEXEC) {
		return fmt.Errorf("%w (a program of another machine, or a script without #!)", syscall.ENOEXEC)
	}
	if cause, ok := errors.AsType[syscall.Errno](err); ok {
		return cause
	}
	return err
}

// wait waits for the end of p, which it brings about when time is up.
func (r *Runner) wait(p *supervise.Process) error {
	var late <-chan time.Time
	if r.Timeout > 0 {
		timer := time.NewTimer(r.Timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-p.Done():
		return nil
	case <-late:
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := r.Sup.Signal(p, sig, true); err != nil {
			return err
		}
		select {
		case <-p.Done():
			return fmt.Errorf("over the time limit (%s=%d): ended by %s",
				r.TimeoutName, int(r.Timeout.Seconds()), signalName(sig))
		case <-time.After(killDelay):
		}
	}
	return fmt.Errorf("over the time limit (%s=%d), and SIGKILL did not end it", r.TimeoutName, int(r.Timeout.Seconds()))
}

func signalName(sig syscall.Signal) string {
	if sig == syscall.SIGTERM {
		return "SIGTERM"
	}
	return "SIGKILL"
}

func failure(s supervise.Status) error {
	switch {
	case s.Signal != 0:
		return fmt.Errorf("killed by signal %d (%v)", int(s.Signal), s.Signal)
	case s.Code != 0:
		return fmt.Errorf("exit status %d", s.Code)
	}
	return nil
}
