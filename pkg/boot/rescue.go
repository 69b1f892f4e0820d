package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/dirnames"
	"github.com/kguest/kguest/pkg/rescue"
	"github.com/kguest/kguest/pkg/supervise"
)

// breakpoint opens a shell before a stage where kinit.break names it, once.
func (m *Machine) breakpoint(name string) rescue.Wish {
	goOn := rescue.Wish{Do: rescue.Continue}
	i := slices.Index(m.params.Breaks, name)
	if i < 0 {
		return goOn
	}
	m.params.Breaks = slices.Delete(slices.Clone(m.params.Breaks), i, i+1)
	sh, err := m.findShell()
	if err != nil {
		m.log.error("no shell before stage " + name + ": " + err.Error())
		return goOn
	}
	wish, err := m.shell(sh, rescue.Situation{Stage: name, Advice: breakAdvice})
	if err != nil {
		m.log.error("shell before stage " + name + ": " + err.Error())
		return goOn
	}
	if wish.Do == "" {
		return goOn
	}
	return wish
}

// rescue opens a shell after a failure, where kinit.rescue says so, and returns
// what it wishes.
func (m *Machine) rescue(e Exit) rescue.Wish {
	end := rescue.Wish{Do: rescue.End}
	if !m.params.Rescue || m.ends.Load() {
		return end
	}
	sh, err := m.findShell()
	if err != nil {
		m.log.error("no rescue shell: " + err.Error())
		return end
	}
	wish, err := m.shell(sh, rescue.Situation{Stage: e.Stage, Reason: e.Reason, Advice: m.advice(e.Stage)})
	if err != nil {
		m.log.error("rescue shell: " + err.Error())
	}
	if wish.Do == "" {
		return end
	}
	return wish
}

// shell is a shell of this image.
type shell struct {
	path string
	name string // argv[0]
}

// shellPaths are looked at in this order.
func shellPaths() []string { return []string{"/bin/sh", "/bin/boot-shell", "/bin/gosh"} }

// findShell returns the shell that the image has for a person. After the switch
// it is the one found before.
func (m *Machine) findShell() (shell, error) {
	if m.left.initramfs {
		return m.left.shell, m.left.err
	}
	if _, err := os.Stat(noShellPath); err == nil {
		return shell{}, errors.New("the image was built without one (" + noShellPath + ")")
	}
	for _, path := range shellPaths() {
		if fi, err := os.Stat(path); err == nil && fi.Mode().IsRegular() && fi.Mode()&0o111 != 0 {
			return shell{path: path, name: filepath.Base(path)}, nil
		}
	}
	return shell{}, errors.New("the image has none (" + strings.Join(shellPaths(), ", ") + ")")
}

// left is what is kept of the initramfs when it is deleted.
type left struct {
	initramfs bool // is gone
	shell     shell
	err       error
	commands  []command
	programs  []*os.File // held open: they outlive their files
}

// command is a command of the initramfs, and a path of its program that leads
// there when the program's own is gone.
type command struct{ name, program string }

// leave keeps what a shell after the switch will need: the programs of the
// initramfs's commands outlive their files.
func (m *Machine) leave() left {
	l := left{initramfs: true}
	if !m.params.Rescue && !slices.Contains(m.params.Breaks, runStage) {
		return l
	}
	if l.shell, l.err = m.findShell(); l.err != nil {
		return l
	}
	names, _ := dirnames.Read(binPath) // none: nothing to link
	for _, name := range names {
		if program := l.keep(filepath.Join(binPath, name)); program != "" {
			l.commands = append(l.commands, command{name, program})
		}
	}
	if program := l.keep(l.shell.path); program != "" {
		l.shell.path = program
	}
	return l
}

// keep returns a path that leads to the program of the command at path when
// that is gone. It is empty for what is no command of the image's programs.
func (l *left) keep(path string) string {
	file, err := OpenProgram(path)
	if err != nil {
		return ""
	}
	for _, have := range l.programs {
		if have.Name() == file.Name() {
			_ = file.Close() // it was only read
			return openPath(have)
		}
	}
	l.programs = append(l.programs, file)
	return openPath(file)
}

func openPath(file *os.File) string {
	return initFilesPath + "/" + strconv.FormatUint(uint64(file.Fd()), 10)
}

// OpenProgram opens the program of the command at path, a link to one of the
// initramfs's multicall programs.
func OpenProgram(path string) (*os.File, error) {
	program, err := filepath.EvalSymlinks(path)
	if err == nil && filepath.Dir(program) != programPath {
		err = &os.PathError{Op: "open", Path: path, Err: errors.New("not a link to a program in " + programPath)}
	}
	if err != nil {
		return nil, err
	}
	return os.Open(program)
}

// linkCommands makes links by which the commands of the initramfs can be called
// when it is gone.
func (l left) linkCommands() error {
	if len(l.commands) == 0 {
		return nil
	}
	if err := os.MkdirAll(shellBinPath, 0o755); err != nil {
		return err
	}
	for _, c := range l.commands {
		err := os.Symlink(c.program, filepath.Join(shellBinPath, c.name))
		if err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// shell runs a shell on the console until it is left, and returns the wish that
// it left behind, if any. A signal to PID 1, or the host, ends the boot.
func (m *Machine) shell(sh shell, s rescue.Situation) (rescue.Wish, error) {
	end := rescue.Wish{Do: rescue.End}
	m.greet(s)
	if err := errors.Join(m.left.linkCommands(), removeMissing(WishPath)); err != nil {
		m.warn(err)
	}
	restore := console.Keep(m.files[0])
	m.guest.shellOpen(true)
	defer m.guest.shellOpen(false)
	p, err := m.sup.Start(&supervise.Command{
		Path: sh.path, Args: []string{sh.name}, Env: m.shellEnv(s), Dir: "/", Files: m.files, TTY: terminal(m.files[0]),
	})
	if err != nil {
		return rescue.Wish{}, err
	}
	var ended bool
	select {
	case <-p.Done():
	case <-m.stopped.C():
		ended = true
	case <-m.stops:
		ended = true
	}
	if ended {
		m.log.error("asked to stop: the shell is ended")
		m.endShell(p)
	}
	restore()
	if m.hooks == nil {
		m.findHooks()
	}
	if ended {
		return end, nil
	}
	wish, err := m.wish()
	if err != nil { // a slip is no reason to end the machine
		m.log.error(err.Error())
		return m.shell(sh, s)
	}
	return wish, nil
}

// wish returns what a shell that was left has asked for.
func (m *Machine) wish() (rescue.Wish, error) {
	wish, found, err := rescue.ReadWish(WishPath)
	if err != nil || !found {
		return rescue.Wish{}, err
	}
	if wish.Do == rescue.Retry {
		switch at := m.index(wish.Stage); {
		case at < 0:
			return rescue.Wish{}, fmt.Errorf("retry: no stage %q", wish.Stage)
		case at > m.index(m.current):
			return rescue.Wish{}, fmt.Errorf("retry: stage %s comes after %s", wish.Stage, m.current)
		case m.left.initramfs && wish.Stage != runStage:
			return rescue.Wish{}, fmt.Errorf("retry: stage %s cannot be done again: the initramfs is gone", wish.Stage)
		}
	}
	return wish, nil
}

// shellKillDelay is from SIGHUP to SIGKILL.
const shellKillDelay = 2 * time.Second

func (m *Machine) endShell(p *supervise.Process) {
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGKILL} {
		m.warn(m.sup.Signal(p, sig, true))
		select {
		case <-p.Done():
			return
		case <-time.After(shellKillDelay):
		}
	}
}

func removeMissing(path string) error {
	err := os.Remove(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (m *Machine) shellEnv(s rescue.Situation) []string {
	env := append(scriptEnv(), "KINIT_STAGE="+s.Stage, "KINIT_REASON="+oneWord(s.Reason), rescue.Mark+"=1")
	if !m.left.initramfs { // of which the file is
		env = append(env, "KINIT_ENV="+envPath)
	}
	if len(m.left.commands) > 0 {
		env[0] = "PATH=" + shellBinPath + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	}
	return env
}

// oneWord is s without what execve(2) does not take.
func oneWord(s string) string { return strings.ReplaceAll(s, "\x00", "?") }

// greet says what happened, what the machine is like and what to try.
func (m *Machine) greet(s rescue.Situation) {
	s.Steps, s.Stages, s.Parameters = m.guest.steps(), m.stageNames(), m.line
	if m.left.initramfs {
		s.Stages = []string{runStage}
	}
	if err := s.Write(SituationPath); err != nil {
		m.warn(err)
	}
	fmt.Fprint(m.out, wrapLines)
	for _, line := range s.Lines(Surroundings().Read()) {
		fmt.Fprint(m.out, oneLine(line))
	}
}

// wrapLines has a terminal wrap long lines (DECAWM), which QEMU's firmware turns off:
// else the end of what to try is not seen.
const wrapLines = "\x1b[?7h"

// Surroundings says where a guest's state is read.
func Surroundings() rescue.Config {
	return rescue.Config{Sys: sysPath, Dev: devPath, Mounts: mountInfoPath, Release: releasePath, Order: ModulesPath, Aliases: aliasesPath}
}

// breakAdvice is what to try before a stage.
const breakAdvice = "Leave the shell (exit, ctrl-D, boot-continue) to go on with the stage."

// advice is what to try where a stage failed, or a script of it.
func (m *Machine) advice(stageName string) string {
	switch path := m.progress.script; {
	case path == "":
		return stageAdvice(stageName)
	case filepath.Dir(path) == kinitPath:
		return "Mend " + path + ", which is in the place of the stage, or do by hand what it is for. " +
			"boot-retry runs it again, boot-continue goes on after it."
	default:
		return "Mend " + path + ", or do by hand what it is for. " +
			"boot-retry does the stage again with its scripts, boot-continue goes on after this script."
	}
}

func stageAdvice(name string) string {
	const mended = " Then boot-retry, or boot-continue where it is done by hand."
	switch name {
	case "mounts":
		return "kmount -n kernel shows what is to be mounted. A wrong kernel parameter has its default after boot-continue."
	case "modules":
		return "kmount -n modules shows what is not loaded." + mended
	case "idm":
		return "The channel's device is missing: load its driver (kmount modules), or name another by kinit.idm=."
	case "images":
		return "Mount the disks: kmount images -image DEV -config DEV." + mended
	case "config":
		return "Correct the files below " + ConfigPath + ": copy them away, umount " + ConfigPath + ", and copy them back. Then boot-retry."
	case "root":
		return "kroot -n shows what is to be mounted; kroot does it." + mended
	case "network":
		return "knet -show, knet -n -config " + ConfigPath + "/launch.json -root " + RootPath + "." + mended
	case switchStage:
		return "kroot -n -switch /bin/sh shows what is to be done. Mend " + RootPath + ". Then boot-retry."
	case runStage:
		return "The root is the image's. Mend what the reason names. Then boot-retry."
	}
	return "Mend what the reason names." + mended
}
