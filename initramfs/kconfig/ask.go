package kconfig

import (
	"fmt"
	"strings"
)

// Modules reports whether the kernel can load modules.
func (c *Config) Modules() bool { return c.Is("MODULES") }

// Enforces returns the option for which the kernel refuses modules that are
// not signed, and whether there is one. The command line
// (module.sig_enforce, lockdown) and secure boot can make any kernel do so.
func (c *Config) Enforces() (option string, ok bool) {
	for _, name := range []string{
		"MODULE_SIG_FORCE",
		"LOCK_DOWN_KERNEL_FORCE_INTEGRITY",
		"LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY",
		"IMA_APPRAISE_REQUIRE_MODULE_SIGS",
	} {
		if c.Is(name) {
			return "CONFIG_" + name, true
		}
	}
	return "", false
}

// CheckInitramfs returns an error where the kernel cannot unpack an initramfs
// with that compression: "none", "gzip", "bzip2", "lzma", "xz", "lzo", "lz4" or
// "zstd".
func (c *Config) CheckInitramfs(compression string) error {
	if !c.Is("BLK_DEV_INITRD") {
		return fmt.Errorf("kernel unpacks no initramfs: CONFIG_BLK_DEV_INITRD is not set in %s; give another kernel", c.File)
	}
	option := "RD_" + strings.ToUpper(compression)
	if compression == "none" || c.Is(option) {
		return nil
	}
	return fmt.Errorf("kernel does not unpack %s: CONFIG_%s is not set in %s; use %s", compression, option, c.File, c.unpacks())
}

// unpacks lists the compressions that the kernel takes, of those that a build
// writes.
func (c *Config) unpacks() string {
	names := []string{"none"}
	for _, name := range []string{"lz4", "zstd", "gzip", "xz"} {
		if c.Is("RD_" + strings.ToUpper(name)) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// CheckArch returns an error where the kernel is not for GOARCH arch.
func (c *Config) CheckArch(arch string) error {
	if c.Arch == arch {
		return nil
	}
	have := c.Arch
	if have == "" {
		have = "another architecture"
	}
	return fmt.Errorf("kernel configuration %s is for %s, and the image is for %s (-arch)", c.File, have, arch)
}
