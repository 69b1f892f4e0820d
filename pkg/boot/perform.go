package boot

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/kguest/kguest/pkg/hook"
	"github.com/kguest/kguest/pkg/metrics"
	"github.com/kguest/kguest/pkg/rescue"
)

// boot runs the stages and waits for the workload.
func (m *Machine) boot(ctx context.Context) Exit {
	m.current = m.stages[0].name
	m.paramsErr = m.readParams()
	if m.rest {
		m.alone()
	} else {
		m.findHooks()
	}
	for at := 0; at < len(m.stages); {
		if m.ends.Load() { // after a panic on another goroutine, which ends the machine
			select {}
		}
		wish, exit := m.attend(ctx, m.stages[at])
		switch wish.Do {
		case rescue.Continue:
			at++
		case rescue.Retry:
			at = m.index(wish.Stage)
		case rescue.End:
			return exit
		}
	}
	return m.wait()
}

func (m *Machine) stageNames() []string {
	var names []string
	for _, s := range m.stages {
		names = append(names, s.name)
	}
	return names
}

// index is of a stage that the boot has.
func (m *Machine) index(name string) int {
	return slices.IndexFunc(m.stages, func(s stage) bool { return s.name == name })
}

// attend runs a stage, with a shell before it where one was asked for, and one
// after a failure until it is mended or given up. The Exit goes with rescue.End.
func (m *Machine) attend(ctx context.Context, s stage) (rescue.Wish, Exit) {
	m.current, m.progress = s.name, progress{}
	if wish := m.breakpoint(s.name); wish.Do != rescue.Continue {
		return wish, Exit{Code: CodeBoot, Stage: s.name, Reason: "ended at the breakpoint before it"}
	}
	for {
		err := m.perform(ctx, s)
		if err == nil {
			return rescue.Wish{Do: rescue.Continue}, Exit{}
		}
		exit := Exit{Code: ExitCode(err), Stage: s.name, Reason: err.Error()}
		wish := m.rescue(exit)
		switch {
		case wish.Do == rescue.Continue:
			m.progress.goOn(s.name)
		case wish.Do == rescue.Retry && wish.Stage == s.name:
			m.progress = progress{}
		default:
			m.guest.failed()
			return wish, exit
		}
	}
}

// progress is how far a stage has come.
type progress struct {
	passed []string // scripts, by their names
	mended bool     // what a script could do of the stage itself was done, by hand
	done   bool     // the stage itself was
	failed string   // the script, or the stage's name
	script string   // path of the script that failed; empty for none
}

// goOn takes what failed for done.
func (p *progress) goOn(stageName string) {
	if p.failed == stageName {
		p.mended = true
		return
	}
	p.passed = append(p.passed, p.failed)
}

// perform does what is left of a stage: scripts, the stage, scripts.
func (m *Machine) perform(ctx context.Context, s stage) error {
	if err := m.scripts(s.name, hook.Before); err != nil {
		return err
	}
	if !m.progress.done {
		if err := m.step(s.name, func() error { return m.body(ctx, s) }); err != nil {
			return err
		}
		m.progress.done = true
	}
	if s.last {
		return nil
	}
	return m.scripts(s.name, hook.After)
}

func (m *Machine) body(ctx context.Context, s stage) error {
	if !m.progress.mended {
		if err := m.bodyOrScript(ctx, s); err != nil {
			return err
		}
	}
	if s.own == nil {
		return nil
	}
	return s.own(ctx, m)
}

func (m *Machine) bodyOrScript(ctx context.Context, s stage) error {
	if m.hooks != nil && !s.last {
		scripts, err := hook.List(kinitPath, s.name, hook.Instead)
		if err != nil {
			return err
		}
		if len(scripts) > 0 {
			return m.script(scripts[0])
		}
	}
	if s.run == nil {
		return nil
	}
	return s.run(ctx, m)
}

// scripts runs those of a stage that have not run yet.
func (m *Machine) scripts(stageName string, when hook.When) error {
	if m.hooks == nil || stageName == runStage {
		return nil
	}
	list, err := hook.List(kinitPath, stageName, when)
	if err != nil {
		return err
	}
	for _, s := range list {
		if slices.Contains(m.progress.passed, s.Name()) {
			continue
		}
		m.log.write(LevelDebug, m.current, "script begins", []detail{{"path", s.Path}})
		err := m.step(s.Name(), func() error { return m.script(s) })
		if err != nil && !s.Optional() {
			return err
		}
		m.warn(err)
		m.progress.passed = append(m.progress.passed, s.Name())
	}
	return nil
}

func (m *Machine) script(s hook.Script) error {
	err := m.hooks.Run(s)
	if err != nil {
		m.progress.script = s.Path
	}
	return err
}

// step runs a part of a stage, under its own name in the report.
func (m *Machine) step(name string, do func() error) error {
	m.progress.failed, m.progress.script = name, ""
	began := time.Now()
	err := do()
	took := time.Since(began)
	m.guest.stepDone(metrics.Stage{Name: name, Duration: took}, err)
	if err == nil && m.log.writes(LevelInfo) {
		m.log.write(LevelInfo, name, "done", []detail{{"took", took.String()}})
	}
	return err
}

// alone has a boot that a script began do without kinit's own scripts and
// shells, and adopt what that script left running.
func (m *Machine) alone() {
	m.params.Breaks, m.params.Rescue = nil, false
	m.warn(m.paramsErr, adoptOrphans())
}

// findHooks looks once for scripts: a boot without them pays no more.
func (m *Machine) findHooks() {
	if !hook.Present(kinitPath) {
		return
	}
	m.warn(hook.Strays(kinitPath, hookStages(), envName, noShellName)...)
	m.hooks = &hook.Runner{
		Sup: &m.sup, Files: m.files, Env: scriptEnv(), EnvFile: envPath,
		Timeout: m.params.HookTimeout, TimeoutName: hookTimeoutName,
	}
}

// scriptEnv is what every script and shell sees. The terminal is the kernel's
// parameter TERM, which it hands to init.
func scriptEnv() []string {
	return []string{
		"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/root", "TERM=" + os.Getenv("TERM"),
		"KINIT_ROOT=" + RootPath, "KINIT_IMAGE=" + ImagePath, "KINIT_CONFIG=" + ConfigPath,
	}
}

// exported returns the variables that scripts hand on to the workload.
func exported() (map[string]string, error) {
	vars, err := hook.ReadEnv(envPath)
	if err != nil {
		return nil, fmt.Errorf("variables for the workload: %w", err)
	}
	env := map[string]string{}
	for _, v := range vars {
		if v.Exported {
			env[v.Name] = v.Value
		}
	}
	return env, nil
}
