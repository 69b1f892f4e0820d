package launch

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	maxHostname     = 64 // bytes, __NEW_UTS_LEN
	maxGraceSeconds = 24 * 60 * 60
)

// Check returns the first thing in c that could not be acted on, naming the
// field as launch.json does, and its value. [Decode] has done it.
func (c *Config) Check() error {
	return first(
		c.checkHostname,
		c.checkEnv,
		c.checkCommand,
		c.checkStop,
		c.checkResources,
		c.checkRlimits,
		c.checkSysctls,
		c.checkRoot,
		func() error {
			if c.Network == nil {
				return nil
			}
			return c.Network.Check()
		},
	)
}

func first(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func missing(path, name string) error {
	return fmt.Errorf("%s: missing", join(path, name))
}

func (c *Config) checkHostname() error {
	if c.Hostname == nil {
		return nil
	}
	name := *c.Hostname
	switch {
	case name == "":
		return wrong("hostname", name, "empty; leave it out to keep the machine's name")
	case len(name) > maxHostname:
		return wrong("hostname", name, fmt.Sprintf("longer than %d bytes", maxHostname))
	case hasSpaceOrControl(name) || strings.ContainsAny(name, "#;/"):
		return wrong("hostname", name, "has a space, a control character, a comment sign or a slash")
	}
	return nil
}

func (c *Config) checkEnv() error {
	for name, value := range c.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			return wrong("env", name, "not a name of a variable: empty, or has = or a NUL")
		}
		if strings.Contains(value, "\x00") {
			return wrong(join("env", name), value, "has a NUL")
		}
	}
	return nil
}

func (c *Config) checkCommand() error {
	for i, arg := range c.Run {
		if strings.Contains(arg, "\x00") {
			return wrong("run["+strconv.Itoa(i)+"]", arg, "has a NUL")
		}
	}
	for i, arg := range c.Entrypoint {
		if strings.Contains(arg, "\x00") {
			return wrong("entrypoint["+strconv.Itoa(i)+"]", arg, "has a NUL")
		}
	}
	if hasSpaceOrControl(c.User) {
		return wrong("user", c.User, "has a space or a control character")
	}
	if strings.Contains(c.WorkingDir, "\x00") {
		return wrong("workingDir", c.WorkingDir, "has a NUL")
	}
	return nil
}

func (c *Config) checkStop() error {
	if s := c.Stop.GraceSeconds; s != nil && !validGrace(*s) {
		return wrong("stop.graceSeconds", *s, fmt.Sprintf("not a number of seconds from 0 to %d", maxGraceSeconds))
	}
	return nil
}

func validGrace(seconds float64) bool {
	return seconds >= 0 && seconds <= maxGraceSeconds
}

// leastMemory is what a program needs to be started at all, in bytes.
const leastMemory = 1 << 20

func (c *Config) checkResources() error {
	if v := c.Resources.MemoryMax; v != 0 && v < leastMemory {
		return wrong("resources.memoryMax", v, "less than 1M, in which no program starts")
	}
	if v := c.Resources.CPUMax; v != (CPUMax{}) && !v.valid() {
		return wrong("resources.cpuMax", fmt.Sprintf("%d %d", v.QuotaMicros, v.PeriodMicros), "not what cpu.max takes")
	}
	return nil
}

func (c *Config) checkRlimits() error {
	for i, limit := range c.Rlimits {
		path := "rlimits[" + strconv.Itoa(i) + "]"
		if _, ok := limit.Resource(); !ok {
			return wrong(path+".type", limit.Type, "not a resource limit, such as RLIMIT_NOFILE")
		}
		if limit.Soft > limit.Hard {
			return wrong(path+".soft", limit.Soft, fmt.Sprintf("above the hard limit %d", limit.Hard))
		}
		for _, other := range c.Rlimits[:i] {
			if other.Type == limit.Type {
				return wrong(path+".type", limit.Type, "given twice")
			}
		}
	}
	return nil
}

func (c *Config) checkSysctls() error {
	for name, value := range c.Sysctls {
		if !validSysctl(name) {
			return wrong("sysctls", name, "not a name, such as net.ipv4.ip_forward")
		}
		if strings.ContainsAny(value, "\n\x00") {
			return wrong(join("sysctls", name), value, "has a newline or a NUL")
		}
	}
	return nil
}

// validSysctl holds a name below /proc/sys, whichever of dot and slash divides it.
func validSysctl(name string) bool {
	slashed := "/" + strings.ReplaceAll(name, ".", "/") + "/"
	return !strings.Contains(slashed, "//") && !hasSpaceOrControl(name)
}

func (c *Config) checkRoot() error {
	if c.Root == nil {
		return nil
	}
	switch c.Root.Format {
	case "", "squashfs", "Squashfs", "erofs", "Erofs", "ext4": // krata writes them as Rust names them
		return nil
	}
	return wrong("root.format", c.Root.Format, "not squashfs, erofs or ext4")
}

func hasSpaceOrControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7f })
}
