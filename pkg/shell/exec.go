package shell

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/kguest/kguest/pkg/shell/page"
)

// jobKey is the context's key of the job that a command is of.
type jobKey struct{}

// The statuses of a command that cannot be run.
const (
	notExecutable = 126
	notFound      = 127
)

// rename hands the interpreter's own idea of jobs, which is none, to the shell's.
func rename(_ context.Context, args []string) ([]string, error) {
	switch args[0] {
	case "fg", "bg", "wait":
		return append([]string{jobPrefix + args[0]}, args[1:]...), nil
	}
	return args, nil
}

// jobPrefix is of the names of the shell's builtins that the interpreter has too;
// no file has such a name.
const jobPrefix = "jobs/"

// middleware runs the commands of jobs.
func (c *session) middleware(interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		hc := interp.HandlerCtx(ctx)
		j, ok := ctx.Value(jobKey{}).(*job)
		if !ok {
			return interp.ExitStatus(1)
		}
		status, known, err := c.builtin(args, hc)
		if !known {
			status, err = run(ctx, j, args, hc)
		}
		if err != nil {
			fmt.Fprintf(hc.Stderr, "%s: %v\n", strings.TrimPrefix(args[0], jobPrefix), err)
		}
		return interp.ExitStatus(uint8(status)) //nolint:gosec // an exit status
	}
}

// run runs a program as part of a job.
func run(ctx context.Context, j *job, args []string, hc interp.HandlerContext) (status int, err error) {
	path, err := interp.LookPathDir(hc.Dir, hc.Env, args[0])
	if err != nil {
		return notFound, errors.New("not found")
	}
	m, err := j.start(ctx, &exec.Cmd{
		Path: path, Args: args, Env: environment(hc.Env), Dir: hc.Dir, Stdin: hc.Stdin, Stdout: hc.Stdout, Stderr: hc.Stderr,
	})
	if errors.Is(err, context.Canceled) {
		return signalled + int(syscall.SIGINT), nil
	}
	if errors.Is(err, syscall.ENOEXEC) {
		err = fmt.Errorf("%w (a script without #!, or a program of another machine)", err)
	}
	if err != nil {
		return notExecutable, err
	}
	return j.wait(m), nil
}

// environment returns the variables that a command is to have.
func environment(vars expand.Environ) []string {
	var env []string
	vars.Each(func(name string, v expand.Variable) bool {
		if v.Exported && v.Kind == expand.String {
			env = append(env, name+"="+v.String())
		}
		return true
	})
	return env
}

// builtin runs what concerns jobs, and help; known is false for other commands.
func (c *session) builtin(args []string, hc interp.HandlerContext) (status int, known bool, err error) {
	words := args[1:]
	switch name := args[0]; {
	case name == "help":
		_, err = fmt.Fprint(hc.Stdout, page.Text)
	case name == "jobs":
		return 0, true, c.listJobs(hc)
	case name == jobPrefix+"fg":
		status, err = c.foreground(words, hc)
	case name == jobPrefix+"bg":
		err = c.goOn(words)
	case name == jobPrefix+"wait":
		status, err = c.wait(words)
	case name == "kill" && len(words) > 0 && strings.HasPrefix(words[len(words)-1], "%"):
		err = c.kill(words)
	default:
		return 0, false, nil
	}
	if err != nil {
		status = 1
	}
	return status, true, err
}

func (c *session) listJobs(hc interp.HandlerContext) error {
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	for i, j := range c.jobs.list {
		j.told = j.state()
		if _, err := fmt.Fprintln(hc.Stdout, j.line(i == len(c.jobs.list)-1)); err != nil {
			return err
		}
	}
	return nil
}

// find returns the job that words name, with mu held: %N, or the last without one.
func (s *table) find(words []string) (*job, error) {
	switch {
	case len(words) > 1:
		return nil, fmt.Errorf("%q: one argument too many", words[1])
	case len(s.list) == 0:
		return nil, errors.New("there are no jobs")
	case len(words) == 0:
		return s.list[len(s.list)-1], nil
	}
	number, err := strconv.Atoi(strings.TrimPrefix(words[0], "%"))
	for _, j := range s.list {
		if err == nil && j.number == number {
			return j, nil
		}
	}
	return nil, fmt.Errorf("%s: no such job (jobs lists them)", words[0])
}

// foreground continues a job with the terminal, and waits for it.
func (c *session) foreground(words []string, hc interp.HandlerContext) (status int, err error) {
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	j, err := c.jobs.find(words)
	if err != nil {
		return 1, err
	}
	fmt.Fprintln(hc.Stdout, j.text)
	outer := c.jobs.front
	c.jobs.front, j.front = j, true
	if j.terminal != nil {
		_ = term.Restore(c.terminal, j.terminal) // else it is the shell's
	}
	if j.alive() {
		c.jobs.giveTerminal(j.group)
	}
	j.goOn()
	for j.state() == running {
		c.jobs.change.Wait()
	}
	c.jobs.front = outer
	c.takeBack(j)
	if m := j.last(); m != nil {
		status = m.status
		if m.signal == syscall.SIGINT {
			fmt.Fprintln(hc.Stdout)
		}
	}
	if j.state() == done {
		j.told = done // the person has seen it
		c.jobs.forget(j)
	} else {
		j.told = running // news tells that it has stopped
	}
	return status, nil
}

// goOn continues what is stopped of j.
func (j *job) goOn() {
	for _, m := range j.members {
		m.stopped = false
	}
	if j.alive() {
		continueGroup(j.group)
	}
}

func (s *table) forget(j *job) {
	for i := range s.list {
		if s.list[i] == j {
			s.list = append(s.list[:i:i], s.list[i+1:]...)
			return
		}
	}
}

// goOn continues a job in the background.
func (c *session) goOn(words []string) error {
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	j, err := c.jobs.find(words)
	if err != nil {
		return err
	}
	j.goOn()
	j.told = running
	fmt.Fprintf(c.Stdout, "[%d] %s\n", j.number, j.text)
	return nil
}

// wait waits for a job, or for all, to end or to stop; ctrl-C ends the waiting.
func (c *session) wait(words []string) (status int, err error) {
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	list := c.jobs.list
	if len(words) > 0 {
		j, err := c.jobs.find(words)
		if err != nil {
			return notFound, err
		}
		list = []*job{j}
	}
	interrupted := false
	if outer := c.jobs.front; outer != nil {
		c.jobs.front = &job{cancel: func() {
			interrupted = true
			c.jobs.change.Broadcast()
		}}
		defer func() { c.jobs.front = outer }()
	}
	for _, j := range list {
		for j.state() == running && !interrupted {
			c.jobs.change.Wait()
		}
		if m := j.last(); m != nil && len(words) > 0 {
			status = m.status
		}
	}
	if interrupted {
		status = signalled + int(syscall.SIGINT)
	}
	return status, nil
}

// kill signals a job.
func (c *session) kill(words []string) error {
	sig := syscall.SIGTERM
	if name, ok := strings.CutPrefix(words[0], "-"); ok && len(words) > 1 {
		if sig, ok = signalOf(name); !ok {
			return fmt.Errorf("%s: no such signal", words[0])
		}
		words = words[1:]
	}
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	j, err := c.jobs.find(words)
	if err != nil {
		return err
	}
	switch sig {
	case syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL:
		j.cancel() // what of the statement is yet to come
	default:
	}
	if j.alive() {
		signalGroup(j.group, sig)
		if sig != syscall.SIGSTOP && sig != syscall.SIGTSTP {
			continueGroup(j.group) // else it would have the signal only when it is continued
		}
	}
	return nil
}
