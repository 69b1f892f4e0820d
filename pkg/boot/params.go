package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kguest/kguest/pkg/block"
	"github.com/kguest/kguest/pkg/cmdline"
	"github.com/kguest/kguest/pkg/hook"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/nearest"
	"github.com/kguest/kguest/pkg/rootfs"
)

// Params are the kernel parameters of the guest.
type Params struct {
	Image    block.Ref
	Config   block.Ref
	Timeout  time.Duration // of each wait for a device
	IDM      IDMParam
	End      End
	LogLevel Level
	Size     string // of the upper layer
	Threaded bool   // the workload's cgroup is threaded
	Stdio    StdioParam

	HookTimeout time.Duration // of each script; 0 for none
	Breaks      []string      // stages with a shell before them
	Rescue      bool          // a boot that failed ends in a shell
}

// IDMParam says where the channel to the host is and whether a boot without it
// goes on.
type IDMParam struct {
	Path     string // empty: there is to be none
	Required bool
	Version  idm.Version // Auto: the host's
}

// End is what becomes of the machine when all is done.
type End string

// The ends (reboot(2)).
const (
	PowerOff End = "poweroff"
	Reboot   End = "reboot"
	Halt     End = "halt"
)

// hookTimeoutName is the parameter that bounds a script.
const hookTimeoutName = "kinit.hook.timeout"

// DefaultTimeout bounds the wait for a device.
const DefaultTimeout = 10 * time.Second

// DefaultParams returns the parameters of an empty command line.
func DefaultParams() Params {
	image, config := DefaultDisks()
	return Params{
		Image: image, Config: config, Timeout: DefaultTimeout, IDM: IDMParam{Path: idmPath},
		End: PowerOff, LogLevel: LevelWarn, Size: DefaultSize,
		HookTimeout: hook.DefaultTimeout,
	}
}

// Parameter is one kernel parameter, for the parser and the manual.
type Parameter struct {
	Name    string
	Values  string
	Default string
	Help    string

	set func(p *Params, value string) error
}

// Parameters returns the table of kernel parameters.
func Parameters() []Parameter {
	return []Parameter{
		{
			"kinit.image", "DEVICE|auto", "auto",
			"disk with the image: /dev/NAME, serial:NUMBER or label:NAME (squashfs has no label); " +
				"auto is /dev/xvda, else /dev/vda", setImage,
		},
		{
			"kinit.config", "DEVICE|auto", "auto",
			"disk with image/config.json and launch.json; auto is /dev/xvdb, else /dev/vdb", setConfig,
		},
		{
			"kinit.timeout", "SECONDS", "10",
			"longest wait for a disk, a link or a required IDM channel; 0 does not wait", setTimeout,
		},
		{
			"kinit.idm", "DEVICE|auto|required|none", "auto",
			"channel to the host; auto is /dev/hvc1 where it is there, required ends the boot without it, " +
				"as does a DEVICE that is named", setIDM,
		},
		{
			"kinit.idm.version", "auto|1|2", "auto",
			"version of the protocol; auto is the host's, and 1 until it has spoken", setVersion,
		},
		{
			"kinit.end", "poweroff|reboot|halt", "poweroff",
			"what the machine does at the end; Firecracker ends only by reboot", setEnd,
		},
		{
			"kinit.log", "debug|info|warn|error", "warn",
			"least level of kinit's lines on the console; without it the kernel's own quiet stands for error " +
				"and debug for debug; the exit line is always there", setLog,
		},
		{
			"kinit.terminal", "DEVICE[,ROWSxCOLUMNS]|auto", "auto",
			"the workload's terminal, and its size; auto is the kernel's console", setTerminal,
		},
		{
			"kinit.output", "DEVICE[,DEVICE]|auto", "auto",
			"in place of a terminal the workload gets empty input, and these devices its output and its errors", setOutput,
		},
		{
			"kinit.overlay.size", "SIZE", DefaultSize,
			"size of the writable layer in memory: a percentage, or a number with k, m or g", setSize,
		},
		{
			"kinit.cgroup", "domain|threaded", "domain",
			"type of the workload's cgroup; threaded has no memory limit and no cgroup.kill", setCgroup,
		},
		{
			hookTimeoutName, "SECONDS", "60",
			"longest run of each script in /etc/kinit, which is then ended; 0 sets no limit", setHookTimeout,
		},
		{
			"kinit.break", "STAGE[,STAGE]...|none", "none",
			"opens a shell before each of these stages, where the image has one; leaving it goes on", setBreak,
		},
		{
			"kinit.rescue", "off|shell", "off",
			"what a boot that failed does: it ends the machine, or opens a shell first, where the image has one", setRescue,
		},
	}
}

// ParseParams reads the guest's parameters from a kernel command line. A wrong
// value leaves the default and is the error; an unknown kinit parameter is a
// warning.
func ParseParams(line string) (p Params, warnings []error, err error) {
	p = DefaultParams()
	var table []Parameter
	args := cmdline.Parse(line)
	for _, arg := range args {
		switch arg.Name {
		case "quiet":
			p.LogLevel = LevelError
		case "debug":
			p.LogLevel = LevelDebug
		}
	}
	for _, arg := range args {
		if !strings.HasPrefix(arg.Name, "kinit.") {
			continue
		}
		if table == nil {
			table = Parameters()
		}
		i := slices.IndexFunc(table, func(e Parameter) bool { return e.Name == arg.Name })
		if i < 0 {
			warnings = append(warnings, unknownParameter(arg.Name, table))
			continue
		}
		if serr := table[i].set(&p, arg.Value); serr != nil && err == nil {
			err = fmt.Errorf("kernel parameter %s=%s: %w", arg.Name, arg.Value, serr)
		}
	}
	return p, warnings, err
}

// KernelParams returns the parameters on the kernel's command line: those that a
// boot of this machine goes by. Without /proc they are an empty line's. A wrong one
// has its default, and is the error.
func KernelParams() (Params, error) {
	line, err := os.ReadFile(cmdlinePath)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return DefaultParams(), nil
	case err != nil:
		return DefaultParams(), fmt.Errorf("read kernel parameters: %w", err)
	}
	p, _, err := ParseParams(strings.TrimSpace(string(line))) // of unknown ones kinit warns
	return p, err
}

func unknownParameter(name string, table []Parameter) error {
	var list []string
	for _, p := range table {
		list = append(list, p.Name)
	}
	return fmt.Errorf("kernel parameter %s: unknown, ignored%s (there are: %s)",
		name, nearest.Hint(name, list), strings.Join(list, " "))
}

func setImage(p *Params, v string) error {
	image, _ := DefaultDisks()
	return setDevice(&p.Image, v, image)
}

func setConfig(p *Params, v string) error {
	_, config := DefaultDisks()
	return setDevice(&p.Config, v, config)
}

func setDevice(ref *block.Ref, v string, auto block.Ref) error {
	if v == "auto" {
		*ref = auto
		return nil
	}
	r, err := block.ParseRef(v)
	if err == nil {
		*ref = r
	}
	return err
}

func setTimeout(p *Params, v string) error {
	return setSeconds(&p.Timeout, v, DefaultTimeout)
}

func setHookTimeout(p *Params, v string) error {
	return setSeconds(&p.HookTimeout, v, hook.DefaultTimeout)
}

func setSeconds(d *time.Duration, v string, such time.Duration) error {
	seconds, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return fmt.Errorf("give whole seconds, such as %d", int(such.Seconds()))
	}
	*d = time.Duration(seconds) * time.Second
	return nil
}

func setBreak(p *Params, v string) error {
	if v == "none" {
		p.Breaks = nil
		return nil
	}
	known := Stages()
	names := strings.Split(v, ",")
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("no stage %q%s (there are: %s)", name, nearest.Hint(name, known), strings.Join(known, " "))
		}
	}
	p.Breaks = names
	return nil
}

func setRescue(p *Params, v string) error {
	switch v {
	case "off", "shell":
		p.Rescue = v == "shell"
		return nil
	}
	return errors.New("give off or shell")
}

func setIDM(p *Params, v string) error {
	switch {
	case v == "auto", v == "required": // the last one counts: of a device before it nothing is left
		p.IDM.Path, p.IDM.Required = idmPath, v == "required"
	case v == "none":
		p.IDM.Path, p.IDM.Required = "", false
	case strings.HasPrefix(v, devPath+"/") && filepath.Clean(v) == v:
		p.IDM.Path, p.IDM.Required = v, true
	default:
		return fmt.Errorf("give a device such as %s, or auto, required or none", idmPath)
	}
	return nil
}

func setVersion(p *Params, v string) error {
	switch v {
	case "auto":
		p.IDM.Version = idm.Auto
	case "1":
		p.IDM.Version = idm.Version1
	case "2":
		p.IDM.Version = idm.Version2
	default:
		return errors.New("give auto, 1 or 2")
	}
	return nil
}

func setEnd(p *Params, v string) error {
	switch End(v) {
	case PowerOff, Reboot, Halt:
		p.End = End(v)
		return nil
	}
	return fmt.Errorf("give %s, %s or %s", PowerOff, Reboot, Halt)
}

func setLog(p *Params, v string) error {
	switch v {
	case "debug":
		p.LogLevel = LevelDebug
	case "info":
		p.LogLevel = LevelInfo
	case "warn":
		p.LogLevel = LevelWarn
	case "error":
		p.LogLevel = LevelError
	default:
		return errors.New("give debug, info, warn or error")
	}
	return nil
}

func setSize(p *Params, v string) error {
	err := rootfs.CheckSize(v)
	if err == nil {
		p.Size = v
	}
	return err
}

func setCgroup(p *Params, v string) error {
	switch v {
	case "domain", "threaded":
		p.Threaded = v == "threaded"
		return nil
	}
	return errors.New("give domain or threaded")
}
