package modules

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kguest/kguest/initramfs/kconfig"
	"github.com/kguest/kguest/pkg/nearest"
)

// Request is what an image asks of a kernel's modules.
type Request struct {
	Dir            string          // the modules folder; empty for none
	Arch           string          // GOARCH of the guest
	Asks           []Ask           // of presets and lists
	ModprobeDirs   []string        // folders as /etc/modprobe.d, or files; none for no options
	FirmwareDirs   []string        // folders as /lib/firmware, the first first; none for no firmware
	Config         *kconfig.Config // the kernel's; nil where it is not known
	KeepSignatures bool
	CacheDir       string // modules are kept as images have them in its folder modules; empty for no cache
	Builder        string // tells this program from others, for what is kept; empty for no cache
}

// Set is what an image has of a kernel's modules.
type Set struct {
	Plan
	Files      []File   // modules in load order, then the firmware
	Order      []byte   // for the guest's loader: lines of PATH PARAMETERS
	Uses       []byte   // likewise: what each is loaded for
	Probe      []File   // what a modprobe in the guest reads, where there is one
	Signatures string   // "cut" or "kept", and why, after a comma; empty without modules
	None       string   // why there is no module, where modules were asked for
	Warnings   []string // one line each
}

// File is one file for the image.
type File struct {
	Guest    string // path in the image, without a leading slash
	Host     string // what it was made of
	Data     []byte // of a file that is not kept
	Reason   string
	NeededBy []string // paths, as Guest, of the modules that need it
	Kept     *Kept    // the module in place of Data, where it was kept
}

// Collect resolves what is asked and reads it. What cannot be had is an error;
// firmware that is not there is a warning, since modules name far more than
// one machine needs.
func Collect(r Request) (*Set, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if r.Dir == "" {
		return &Set{None: r.withoutModules()}, nil
	}
	x, err := Open(r.Dir)
	if err != nil {
		return nil, err
	}
	if r.Config != nil && !r.Config.Modules() && len(x.deps) > 0 {
		return nil, fmt.Errorf("kernel configuration %s has no modules (CONFIG_MODULES is not set), and %s has %d; give those of one kernel",
			r.Config.File, x.Dir, len(x.deps))
	}
	mp, err := ReadModprobe(r.ModprobeDirs)
	if err != nil {
		return nil, err
	}
	plan, err := x.Resolve(r.Asks, mp)
	if err != nil {
		return nil, err
	}
	c := collector{Request: r, x: x, mp: mp, set: &Set{Plan: plan}}
	if err := c.collect(); err != nil {
		return nil, err
	}
	return c.set, nil
}

// check refuses what the kernel's configuration says cannot be.
func (r *Request) check() error {
	if r.Config == nil {
		return nil
	}
	if err := r.Config.CheckArch(r.Arch); err != nil {
		return err
	}
	if r.Config.Modules() {
		return nil
	}
	for _, ask := range r.Asks {
		if !ask.Preset && !strings.HasPrefix(ask.Name, "-") && r.Dir == "" {
			return fmt.Errorf("%s: module %s: the kernel loads none (CONFIG_MODULES is not set in %s); leave it out", ask.From, ask.Name, r.Config.File)
		}
	}
	return nil
}

// withoutModules says why nothing is loaded where there is no folder.
func (r *Request) withoutModules() string {
	if len(r.Asks) > 0 && r.Config != nil && !r.Config.Modules() {
		return "the kernel loads no modules (CONFIG_MODULES is not set in " + r.Config.File + ")"
	}
	return ""
}

type collector struct {
	Request
	x   *Index
	mp  *Modprobe
	set *Set
}

func (c *collector) collect() error {
	if strings.ContainsAny(c.x.Version, " \t\n\\") {
		return fmt.Errorf("modules folder %q: a kernel's release has no spaces; give a folder like /lib/modules/VERSION", c.x.Dir)
	}
	if len(c.set.Modules) == 0 {
		c.set.None = c.noneLoaded()
	}
	cut := c.policy()
	var firmware firmwareList
	var order bytes.Buffer
	needs, aliases := make(map[string][]string), make(map[string][]string)
	for _, m := range c.set.Modules {
		f, says, err := c.module(m, cut)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Reason, err)
		}
		c.set.Files = append(c.set.Files, f)
		fmt.Fprintln(&order, strings.TrimSpace("/"+f.Guest+" "+m.Params))
		firmware.add(m, says.firmware)
		needs[m.Name], aliases[m.Name] = says.depends, says.aliases
	}
	c.set.Order = order.Bytes()
	c.warnBuiltinOptions()
	if err := c.firmware(firmware); err != nil {
		return err
	}
	c.chain(needs)
	c.set.Uses = c.uses(aliases)
	var err error
	c.set.Probe, err = c.probe(aliases)
	return err
}

// module returns the file as the image has it, and what it says.
func (c *collector) module(m Module, cut bool) (f File, says said, err error) {
	content, err := c.x.read(m, form{c.Arch, cut, cacheIn(c.CacheDir, c.Builder)})
	if err != nil {
		return File{}, said{}, err
	}
	defer content.release()
	o, err := parseObject(content.data)
	if err != nil {
		return File{}, said{}, fmt.Errorf("read module %s: %w%s", c.x.file(m), err, again)
	}
	info := o.named(".modinfo")
	if err := c.checkOptions(m, modinfo(info, "parmtype")); err != nil {
		return File{}, said{}, err
	}
	says.firmware = modinfo(info, "firmware")
	says.depends = depends(info)
	says.aliases = modinfo(info, "alias")
	f = File{Guest: c.x.GuestPath(m), Host: c.x.file(m), Reason: m.Reason, Kept: content.kept}
	if f.Kept == nil {
		f.Data = content.data
	}
	return f, says, nil
}

// policy decides whether modules are cut, and says why.
func (c *collector) policy() bool {
	const cost = "; checking them is most of a boot's cost"
	switch {
	case len(c.set.Modules) == 0:
		return false
	case c.KeepSignatures:
		c.set.Signatures = "kept, as asked" + cost
		return false
	case c.Config == nil:
		c.set.Signatures = "kept, as it is not known whether the kernel enforces them; -kernel-config FILE tells" + cost
		return false
	}
	if option, ok := c.Config.Enforces(); ok {
		c.set.Signatures = "kept, as the kernel enforces them (" + option + " in " + c.Config.File + ")"
		return false
	}
	c.set.Signatures = "cut, with BTF and what only tracers read, as the kernel does not enforce them (" + c.Config.File + "); modules without taint it (E)"
	return true
}

// noneLoaded says why there is nothing to load though there is a folder.
func (c *collector) noneLoaded() string {
	switch {
	case len(c.set.Builtin) > 0 && len(c.set.Missing) == 0:
		return "kernel " + c.x.Version + " has built in what was asked for"
	case len(c.x.deps) == 0:
		return "kernel " + c.x.Version + " has no modules"
	}
	return ""
}

// checkOptions refuses parameters that the module has not; types are its
// "NAME:TYPE". Every module takes those of the loader itself.
func (c *collector) checkOptions(m Module, types []string) error {
	have := []string{"dyndbg", "async_probe"}
	for _, t := range types {
		name, _, _ := strings.Cut(t, ":")
		have = append(have, fold(name))
	}
	var errs []error
	for _, opt := range c.mp.options[m.Name] {
		for _, name := range paramNames(opt.params) {
			if !slices.Contains(have, fold(name)) {
				errs = append(errs, fmt.Errorf("%s: module %s has no parameter %s%s", opt.at, m.Name, name, nearest.Hint(name, have)))
			}
		}
	}
	return errors.Join(errs...)
}

// warnBuiltinOptions tells of options that no file of the image can give.
func (c *collector) warnBuiltinOptions() {
	for _, name := range c.set.Builtin {
		for _, o := range c.mp.options[name] {
			c.set.Warnings = append(c.set.Warnings, fmt.Sprintf(
				"%s: module %s is built in, so its options go on the kernel's command line: %s", o.at, name, onCommandLine(name, o.params)))
		}
	}
}
