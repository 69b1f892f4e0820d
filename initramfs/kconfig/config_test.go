package kconfig

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const debian = `#
# Automatically generated file; DO NOT EDIT.
# Linux/x86 6.1.192 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc-12 (Debian) = 12"
CONFIG_64BIT=y
CONFIG_X86_64=y
CONFIG_BLK_DEV_INITRD=y
CONFIG_RD_GZIP=y
# CONFIG_RD_XZ is not set
CONFIG_MODULES=y
CONFIG_MODULE_SIG=y
# CONFIG_MODULE_SIG_FORCE is not set
CONFIG_FW_LOADER_COMPRESS=y
CONFIG_FW_LOADER_COMPRESS_XZ=y
CONFIG_LOG_BUF_SHIFT=17
CONFIG_EXT4_FS=m
`

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse("config", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestValue(t *testing.T) {
	c := parse(t, debian)
	tests := []struct {
		name, want string
		ok         bool
	}{
		{"CONFIG_MODULES", "y", true},
		{"MODULES", "y", true},
		{"EXT4_FS", "m", true},
		{"RD_XZ", "n", true},
		{"RD_ZSTD", "", false},
		{"LOG_BUF_SHIFT", "17", true},
		{"CC_VERSION_TEXT", `"gcc-12 (Debian) = 12"`, true},
	}
	for _, tt := range tests {
		if got, ok := c.Value(tt.name); got != tt.want || ok != tt.ok {
			t.Errorf("Value(%s) = %q, %v, want %q, %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseArch(t *testing.T) {
	tests := []struct{ text, want string }{
		{"CONFIG_X86_64=y\nCONFIG_64BIT=y", "amd64"},
		{"CONFIG_ARM64=y", "arm64"},
		{"CONFIG_RISCV=y\nCONFIG_64BIT=y\n", "riscv64"},
		{"CONFIG_RISCV=y\n# CONFIG_64BIT is not set\n", ""},
		{"CONFIG_X86_32=y\n# CONFIG_64BIT is not set\n", ""},
		{"CONFIG_MMU=y", ""},
	}
	for _, tt := range tests {
		if got := parse(t, tt.text).Arch; got != tt.want {
			t.Errorf("Parse(%q).Arch = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", "config: names no architecture"},
		{"CONFIG_VIRTIO=y\n", "config: names no architecture"},
		{"CONFIG_64BIT=y\nhello\n", `config:2: "hello": want CONFIG_NAME=VALUE`},
		{"MODULES=y\n", "config:1: "},
		{"CONFIG_=y\n", "config:1: "},
		{"CONFIG_A B=y\n", "config:1: "},
		{"\n\x7fELF\x00\n", "config:2: "},
	}
	for _, tt := range tests {
		c, err := Parse("config", []byte(tt.text))
		if c != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q) = %v, %v, want an error with %q", tt.text, c, err, tt.want)
		}
	}
}

func TestEnforces(t *testing.T) {
	if option, ok := parse(t, debian).Enforces(); ok {
		t.Errorf("Enforces = %s, want none", option)
	}
	for _, want := range []string{
		"CONFIG_MODULE_SIG_FORCE", "CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY", "CONFIG_LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY",
		"CONFIG_IMA_APPRAISE_REQUIRE_MODULE_SIGS",
	} {
		if got, ok := parse(t, debian+want+"=y\n").Enforces(); got != want || !ok {
			t.Errorf("Enforces(%s=y) = %q, %v, want it", want, got, ok)
		}
	}
}

func TestCheckInitramfs(t *testing.T) {
	tests := []struct{ text, compression, want string }{
		{debian, "none", ""},
		{debian, "gzip", ""},
		{debian, "xz", "kernel does not unpack xz: CONFIG_RD_XZ is not set in config; use none, gzip"},
		{debian, "zstd", "kernel does not unpack zstd: CONFIG_RD_ZSTD is not set in config; use none, gzip"},
		{debian + "CONFIG_RD_LZO=y\nCONFIG_RD_BZIP2=y\n", "lz4", "kernel does not unpack lz4: CONFIG_RD_LZ4 is not set in config; use none, gzip"},
		{"CONFIG_ARM64=y\nCONFIG_RD_GZIP=y", "none", "kernel unpacks no initramfs: CONFIG_BLK_DEV_INITRD is not set in config; give another kernel"},
	}
	for _, tt := range tests {
		got := ""
		if err := parse(t, tt.text).CheckInitramfs(tt.compression); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("CheckInitramfs(%s) = %q, want %q", tt.compression, got, tt.want)
		}
	}
}

func TestCheckArch(t *testing.T) {
	if err := parse(t, debian).CheckArch("amd64"); err != nil {
		t.Errorf("CheckArch(amd64) = %v", err)
	}
	for text, want := range map[string]string{debian: "config is for amd64, and", "CONFIG_MMU=y": "config is for another architecture, and"} {
		if err := parse(t, text).CheckArch("arm64"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckArch(arm64) = %v, want %q", err, want)
		}
	}
}

func write(t *testing.T, file, data string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestReadGzip(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(debian)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := Read(write(t, filepath.Join(t.TempDir(), "config.gz"), b.String()))
	if err != nil || !c.Modules() {
		t.Errorf("Read(config.gz) = %v, %v, want it with modules", c, err)
	}
}

func TestReadErrors(t *testing.T) {
	dir := t.TempDir()
	big := write(t, filepath.Join(dir, "big"), "")
	if err := os.Truncate(big, maxConfig+1); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ file, want string }{
		{dir, "not a regular file"},
		{filepath.Join(dir, "none"), "none: no such file"},
		{big, "more than 16777216 bytes"},
		{write(t, filepath.Join(dir, "cut.gz"), "\x1f\x8b\x08"), "EOF"},
		{write(t, filepath.Join(dir, "text"), "hello\n"), "text:1: "},
	}
	for _, tt := range tests {
		if c, err := Read(tt.file); c != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Read(%s) = %v, %v, want an error with %q", tt.file, c, err, tt.want)
		}
	}
}

func TestFind(t *testing.T) {
	const config = "CONFIG_64BIT=y\n"
	tests := []struct{ name, kernel, modules, config string }{
		{"beside the kernel", "boot/vmlinuz-6.1-a", "", "boot/config-6.1-a"},
		{"build folder", "linux/vmlinux", "", "linux/.config"},
		{"build folder, image", "linux/arch/x86/boot/bzImage", "", "linux/.config"},
		{"in the modules folder", "", "lib/modules/6.1", "lib/modules/6.1/config"},
		{"build link", "", "lib/modules/6.1", "lib/modules/6.1/build/.config"},
		{"boot of the root", "", "lib/modules/6.1", "boot/config-6.1"},
		{"boot of the root, usr", "", "usr/lib/modules/6.1", "boot/config-6.1"},
		{"kernel without one", "k/bzImage", "lib/modules/6.1", "boot/config-6.1"},
	}
	for _, tt := range tests {
		root := t.TempDir()
		in := func(path string) string {
			if path == "" {
				return ""
			}
			return filepath.Join(root, path)
		}
		want := write(t, in(tt.config), config)
		c, err := Find(in(tt.kernel), in(tt.modules))
		if err != nil || c == nil || c.File != want {
			t.Errorf("%s: Find = %v, %v, want %s", tt.name, c, err, want)
		}
	}
	if c, err := Find(filepath.Join(t.TempDir(), "vmlinuz-1"), t.TempDir()); c != nil || err != nil {
		t.Errorf("Find(none) = %v, %v, want neither", c, err)
	}
	dir := t.TempDir()
	bad := write(t, filepath.Join(dir, "config"), "bad\n")
	if c, err := Find("", dir); c != nil || err == nil || !strings.Contains(err.Error(), bad+":1: ") {
		t.Errorf("Find(bad) = %v, %v, want an error", c, err)
	}
}

// FuzzParse holds that a configuration gives a value or an error, and that the
// lines it took are there to be asked for.
func FuzzParse(f *testing.F) {
	f.Add(debian)
	f.Add("CONFIG_MMU=y\n# CONFIG_A is not set\nCONFIG_A=y")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Parse("f", []byte(text))
		if (c == nil) == (err == nil) {
			t.Fatalf("Parse = %v, %v, want one of the two", c, err)
		}
		if err != nil {
			return
		}
		for name, want := range values(text) {
			if got, ok := c.Value(name); !ok || got != want {
				t.Errorf("Value(%q) = %q, %t, want %q, the last", name, got, ok, want)
			}
		}
		again, err := Parse("f", []byte(text+"\nCONFIG_FUZZ_LAST=y\n"))
		if err != nil || !again.Is("FUZZ_LAST") {
			t.Errorf("with a line more: %v, %v", again, err)
		}
	})
}

// values returns the options of a configuration that Parse takes.
func values(text string) map[string]string {
	last := make(map[string]string)
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		comment, off := strings.CutPrefix(line, "#")
		if name, ok := strings.CutSuffix(strings.TrimSpace(comment), " is not set"); off && ok && strings.HasPrefix(name, "CONFIG_") {
			last[name] = "n"
		} else if name, value, ok := strings.Cut(line, "="); ok && !off {
			last[name] = value
		}
	}
	return last
}
