package boot

import (
	"context"
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/agent"
	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/hook"
	"github.com/kguest/kguest/pkg/mount"
	"github.com/kguest/kguest/pkg/rawfile"
)

// stage is a named part of the boot. An error ends it.
type stage struct {
	name string
	run  func(ctx context.Context, m *Machine) error // a script may take its place; nil for none
	own  func(ctx context.Context, m *Machine) error // follows it: what only this process can do
	rest bool                                        // part of RunRest
	last bool                                        // after it the initramfs is gone, and its scripts
}

// stages returns the boot in order.
func stages() []stage {
	return []stage{
		{name: "mounts", run: mounts, own: checkParams},
		{name: "console", run: openConsole, rest: true},
		{name: "modules", run: modules},
		{name: "idm", own: openChannel, rest: true},
		{name: "images", run: images},
		{name: "config", own: readConfig, rest: true},
		{name: "root", run: assembleRoot},
		{name: "hostname", run: hostname, rest: true},
		{name: "network", run: network},
		{name: switchStage, own: switchRoot, rest: true, last: true},
		{name: runStage, own: run, rest: true, last: true},
	}
}

// Stages returns the names of the stages in order.
func Stages() []string {
	var names []string
	for _, s := range stages() {
		names = append(names, s.name)
	}
	return names
}

// hookStages returns the stages as scripts may see them.
func hookStages() []hook.Stage {
	var list []hook.Stage
	for _, s := range stages() {
		list = append(list, hook.Stage{
			Name: s.name, Preceded: s.name != runStage, Replaced: !s.last, Followed: !s.last,
		})
	}
	return list
}

// The last stages; after switch the initramfs is gone.
const (
	switchStage = "switch"
	runStage    = "run"
)

func mounts(_ context.Context, m *Machine) error {
	warnings, err := MountKernel()
	m.warn(warnings...)
	return err
}

// maxCmdline is more than the kernel keeps of its command line, in bytes.
const maxCmdline = 1 << 20

// readParams reads the kernel's command line before the first stage, since what
// comes before that hangs on it.
func (m *Machine) readParams() error {
	m.paramsRead = mount.Apply(procMount()) == nil
	if !m.paramsRead { // the stage mounts says why
		return nil
	}
	line, err := rawfile.Read(cmdlinePath, maxCmdline)
	if err != nil {
		return fmt.Errorf("read kernel parameters: %w", err)
	}
	m.line = strings.TrimSpace(string(line))
	params, warnings, err := ParseParams(m.line)
	m.params = params
	m.log.setLevel(params.LogLevel)
	m.warn(warnings...)
	return err
}

// checkParams fails once for a wrong parameter: a boot that is continued by hand
// has its default.
func checkParams(_ context.Context, m *Machine) error {
	if !m.paramsRead {
		return m.readParams()
	}
	err := m.paramsErr
	m.paramsErr = nil
	return err
}

func openConsole(_ context.Context, m *Machine) error {
	tty, err := openBlocking(consolePath)
	if err != nil {
		m.warn(fmt.Errorf("open console: %w", err))
		return nil
	}
	defer tty.Close()
	if err := console.UseStandard(tty); err != nil {
		m.warn(err)
	}
	return nil
}

func openChannel(ctx context.Context, m *Machine) error {
	if m.params.IDM.Path == "" || m.channel.usable() { // a stage that is done again has it
		return nil
	}
	m.channel = newChannel(m.params.IDM.Path, m.params.IDM.Version)
	m.spawn(ctx, func() {
		m.channel.open(m.params.Timeout, m.sup.Go)
		if m.channel.err == nil {
			m.serve(ctx)
		}
	})
	if !m.params.IDM.Required {
		return nil
	}
	return m.channel.wait()
}

// serve answers the host until the machine ends.
func (m *Machine) serve(ctx context.Context) {
	a := agent.Agent{
		Conn: m.channel.conn, Guest: &m.guest, Sup: &m.sup, PTMX: ptmxPath,
		Go: func(f func()) { m.spawn(ctx, f) },
	}
	if err := a.Serve(ctx); err != nil {
		m.log.warn("IDM: " + err.Error())
	}
}

func images(_ context.Context, m *Machine) error {
	if err := MountDisk(m.modules, "image", m.params.Image, ImagePath, m.params.Timeout); err != nil {
		return err
	}
	return MountDisk(m.modules, "config", m.params.Config, ConfigPath, m.params.Timeout)
}

func readConfig(_ context.Context, m *Machine) error {
	setup, warnings, err := ReadSetup(ConfigPath)
	m.warn(warnings...)
	m.setup = setup
	return err
}

func assembleRoot(_ context.Context, m *Machine) error {
	m.warn(m.modules.FileSystem("overlay")...)
	return Layout(m.params.Size).Assemble()
}

func hostname(_ context.Context, m *Machine) error {
	m.warn(ApplySysctls(sysctlPath, m.setup.Launch.Sysctls)...)
	m.warn(SetHostname(RootPath, m.setup.Launch)...)
	return nil
}

func network(ctx context.Context, m *Machine) error {
	m.warn(Network(ctx, RootPath, m.setup.Launch.Network, m.params.Timeout)...)
	return nil
}

func switchRoot(_ context.Context, m *Machine) error {
	if m.hooks != nil {
		var err error
		if m.setup.Env, err = exported(); err != nil {
			return err
		}
	}
	kept := m.leave()
	initramfs, err := Transfer(RootPath).Switch()
	if err != nil {
		return err
	}
	m.left, m.initramfs = kept, initramfs
	if used := initramfs.Used(); used == 0 || used > mostKept {
		m.deleteInitramfs()
	}
	return nil
}
