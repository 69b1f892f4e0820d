package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/peterh/liner"
	"golang.org/x/term"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// session is a shell with a person at its terminal.
type session struct {
	Streams
	jobs     *table
	runner   *interp.Runner
	editor   *liner.State
	cooked   *term.State // the terminal as commands get it
	raw      *term.State // as the editor wants it
	terminal int
	status   int
	warned   bool // that there are jobs
}

func interactive(ctx context.Context, s Streams) (int, error) {
	lead()
	t := terminal{fd: int(s.Stdin.Fd())}
	t.size()
	before, err := t.front()
	c := &session{Streams: s, jobs: newTable(t), terminal: t.fd}
	if err != nil {
		fmt.Fprintf(s.Stderr, "%s: no jobs: the terminal is not this session's (%v)\n", Name, err)
	} else {
		t.give(c.jobs.own)
		defer t.give(before)
	}
	if c.cooked, err = term.GetState(t.fd); err != nil {
		return 1, err
	}
	c.runner, err = interp.New(interp.StdIO(s.Stdin, s.Stdout, s.Stderr),
		interp.CallHandler(rename), interp.ExecHandlers(c.middleware))
	if err != nil {
		return 1, err
	}
	c.runner.Reset()
	c.editor = liner.NewLiner()
	defer c.editor.Close()
	c.editor.SetCtrlCAborts(true)
	c.editor.SetTabCompletionStyle(liner.TabPrints)
	c.editor.SetWordCompleter(c.complete)
	t.ignoreKeys() // that are signals: the editor does so only some time after its prompt
	if c.raw, err = term.GetState(t.fd); err != nil {
		return 1, err
	}
	defer c.followInterrupts()()
	fmt.Fprintf(s.Stdout, "%s has jobs (ctrl-Z, fg, bg) and completes with tab; help prints its manual\n", Name)
	c.loop(ctx)
	c.jobs.hangUp()
	return c.status, nil
}

// followInterrupts has ctrl-C end a statement that runs in the shell itself, and
// keeps the terminal's other signals from the shell: ignored, they would be so in
// every command. The function that it returns ends this.
func (c *session) followInterrupts() func() {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for sig := range interrupts {
			switch s, _ := sig.(syscall.Signal); s {
			case syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP:
				c.jobs.pass(s)
			default: // of the background, and nothing to hand on
			}
		}
	}()
	return func() {
		signal.Stop(interrupts)
		close(interrupts)
		<-over
	}
}

// loop runs lines until the shell is left.
func (c *session) loop(ctx context.Context) {
	for {
		for _, line := range c.jobs.news() {
			fmt.Fprintln(c.Stdout, line)
		}
		program, err := c.read()
		switch {
		case errors.Is(err, liner.ErrPromptAborted):
			c.status = signalled + int(syscall.SIGINT)
			continue
		case errors.Is(err, io.EOF): // ctrl-D
			if c.mayLeave() {
				fmt.Fprintln(c.Stdout)
				return
			}
			continue
		case err != nil:
			fmt.Fprintf(c.Stderr, "%s: %v\n", Name, err)
			c.status = statusUsage
			continue
		}
		if c.runLine(ctx, program) && c.mayLeave() {
			return
		}
	}
}

// mayLeave warns once of jobs that the end of the shell would end.
func (c *session) mayLeave() bool {
	c.jobs.news()
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	if len(c.jobs.list) == 0 || c.warned {
		return true
	}
	c.warned = true
	fmt.Fprintf(c.Stdout, "%s: there are jobs (jobs lists them), which end with the shell; leave it again to have it so\n", Name)
	return false
}

// read reads one line, and more where a command goes on.
func (c *session) read() (*program, error) {
	prompt := "# "
	if stage := os.Getenv("KINIT_STAGE"); stage != "" {
		prompt = stage + " # "
	}
	var text strings.Builder
	for {
		line, err := c.editor.Prompt(prompt)
		if err != nil {
			return nil, err
		}
		text.WriteString(line + "\n")
		file, err := syntax.NewParser(syntax.KeepComments(false)).Parse(strings.NewReader(text.String()), "")
		if err == nil {
			if strings.TrimSpace(line) != "" {
				c.editor.AppendHistory(strings.TrimSuffix(text.String(), "\n"))
			}
			return &program{file.Stmts, text.String()}, nil
		}
		if !syntax.IsIncomplete(err) {
			c.editor.AppendHistory(strings.TrimSuffix(text.String(), "\n"))
			return nil, err
		}
		prompt = "> "
	}
}

// program is what a person typed.
type program struct {
	statements []*syntax.Stmt
	text       string
}

// words returns a statement as it was typed.
func (p *program) words(s *syntax.Stmt) string {
	return strings.TrimRight(p.text[s.Pos().Offset():s.End().Offset()], "; \t\n")
}

// runLine runs the statements of p, and reports whether the shell is to be left.
func (c *session) runLine(ctx context.Context, p *program) (leave bool) {
	if err := term.Restore(c.terminal, c.cooked); err != nil {
		fmt.Fprintf(c.Stderr, "%s: %v\n", Name, err)
	}
	defer func() { _ = term.Restore(c.terminal, c.raw) }() // as it was
	line, cancel := context.WithCancel(ctx)
	c.setLine(cancel)
	defer func() {
		c.setLine(nil)
		cancel()
	}()
	for _, s := range p.statements {
		if s.Background {
			c.background(ctx, s, p.words(s))
			continue
		}
		if !c.inline(line, s, p.words(s)) {
			c.remember(ctx)
			return false
		}
		if c.runner.Exited() {
			return true
		}
	}
	return false
}

// remember has $? be the shell's status: the interpreter, stopped between two
// commands, still has that of the first.
func (c *session) remember(ctx context.Context) {
	file, err := syntax.NewParser().Parse(strings.NewReader(fmt.Sprintf("(exit %d)", c.status)), "")
	if err == nil {
		_ = c.runner.Run(ctx, file) // its error is the status
	}
}

func (c *session) setLine(cancel context.CancelFunc) {
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	c.jobs.line = cancel
}

// inline runs a statement in the shell, and reports whether it was let run to its
// end.
func (c *session) inline(ctx context.Context, s *syntax.Stmt, text string) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	j := &job{table: c.jobs, text: text, inline: true, cancel: cancel, front: true, running: true}
	c.jobs.mu.Lock()
	c.jobs.front = j
	c.jobs.mu.Unlock()
	err := c.runner.Run(context.WithValue(ctx, jobKey{}, j), s)
	c.jobs.mu.Lock()
	defer c.jobs.mu.Unlock()
	c.jobs.front = nil
	j.running = false
	c.takeBack(j)
	interrupted := ctx.Err() != nil
	if m := j.last(); interrupted && m != nil {
		c.status = m.status
	} else if interrupted {
		c.status = signalled + int(syscall.SIGINT)
	} else if c.status, err = exitStatus(err); err != nil {
		fmt.Fprintf(c.Stderr, "%s: %v\n", Name, err)
	}
	if interrupted && j.state() != stopped {
		fmt.Fprintln(c.Stdout)
	}
	return !interrupted
}

// takeBack gives the shell the terminal again, as it had it. What is left of the
// job becomes one of the list.
func (c *session) takeBack(j *job) {
	j.front = false
	c.jobs.giveTerminal(c.jobs.own)
	now := j.state()
	if now == stopped {
		j.terminal, _ = term.GetState(c.terminal)
		fmt.Fprintln(c.Stdout)
	}
	if err := term.Restore(c.terminal, c.cooked); err != nil {
		fmt.Fprintf(c.Stderr, "%s: %v\n", Name, err)
	}
	if now != done && j.number == 0 {
		c.jobs.add(j)
	}
}

// background starts a statement as a job of the list.
func (c *session) background(ctx context.Context, s *syntax.Stmt, text string) {
	there := *s
	there.Background = false
	ctx, cancel := context.WithCancel(ctx)
	j := &job{table: c.jobs, text: text, cancel: cancel, running: true}
	c.jobs.mu.Lock()
	c.jobs.add(j)
	fmt.Fprintf(c.Stdout, "[%d]\n", j.number)
	c.jobs.mu.Unlock()
	sub := c.runner.Subshell()
	go func() {
		defer cancel()
		_ = sub.Run(context.WithValue(ctx, jobKey{}, j), &there) // its processes have the status
		c.jobs.mu.Lock()
		defer c.jobs.mu.Unlock()
		j.running = false
		c.jobs.change.Broadcast()
	}()
}
