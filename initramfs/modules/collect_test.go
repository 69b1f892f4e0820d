package modules

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/initramfs/kconfig"
)

const (
	lax    = "CONFIG_X86_64=y\nCONFIG_64BIT=y\nCONFIG_MODULES=y\n"
	strict = lax + "CONFIG_MODULE_SIG_FORCE=y\n"
)

func config(t *testing.T, text string) *kconfig.Config {
	t.Helper()
	c, err := kconfig.Parse("/boot/config", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// moduleWithInfo is one whose only section of that name is of info.
func moduleWithInfo(info string) string {
	return string(sign(moduleFile(x86, part{name: ".BTF", data: []byte("types")}, part{name: ".modinfo", data: []byte(info)}), []byte("signature")))
}

func netKernel(t *testing.T) string {
	t.Helper()
	return kernel(t, map[string]string{
		"modules.dep":     "kernel/net.ko.xz: kernel/lib.ko\nkernel/lib.ko:\n",
		"modules.builtin": "kernel/ext4.ko\n",
		"kernel/lib.ko":   moduleWithInfo(""),
		"kernel/net.ko.xz": pack(t, ".xz", []byte(moduleWithInfo(
			"depends=lib,ext4\x00parmtype=napi_weight:int\x00parmtype=csum:bool\x00firmware=a/b.bin\x00firmware=gone.bin\x00firmware=many/*.bin\x00"))),
	})
}

func TestCollect(t *testing.T) {
	conf := confDir(t, map[string]string{"a.conf": "options net napi-weight=1 csum\noptions ext4 x=1 y\noptions absent z=1\n"})
	r := Request{Dir: netKernel(t), Arch: "amd64", Asks: asksOf("net ext4"), ModprobeDirs: []string{conf}}
	s, err := Collect(r)
	if err != nil {
		t.Fatal(err)
	}
	const folder = "lib/modules/6.1.0-test/kernel/"
	if got, want := string(s.Order), "/"+folder+"lib.ko\n/"+folder+"net.ko napi-weight=1 csum\n"; got != want {
		t.Errorf("Order = %q, want %q", got, want)
	}
	want := []File{
		{folder + "lib.ko", r.Dir + "/kernel/lib.ko", nil, "-modules, needed by net", []string{folder + "net.ko"}},
		{folder + "net.ko", r.Dir + "/kernel/net.ko.xz", nil, "-modules", nil},
	}
	for i := range s.Files {
		if !signed(s.Files[i].Data) {
			t.Errorf("%s has no signature", s.Files[i].Guest)
		}
		s.Files[i].Data = nil
	}
	if diff := cmp.Diff(want, s.Files); diff != "" {
		t.Errorf("Files (-want +got):\n%s", diff)
	}
	wantWarnings := []string{conf + "/a.conf:2: module ext4 is built in, so its options go on the kernel's command line: ext4.x=1 ext4.y"}
	if diff := cmp.Diff(wantWarnings, s.Warnings); diff != "" {
		t.Errorf("Warnings (-want +got):\n%s", diff)
	}
}

func TestCollectSignatures(t *testing.T) {
	tests := []struct {
		name, config string
		keep, cut    bool
		want         string
	}{
		{"not enforced", lax, false, true, "cut, with BTF and what only tracers read, as the kernel does not enforce them (/boot/config)"},
		{"asked", lax, true, false, "kept, as asked"},
		{"enforced", strict, false, false, "kept, as the kernel enforces them (CONFIG_MODULE_SIG_FORCE in /boot/config)"},
		{"not known", "", false, false, "kept, as it is not known whether the kernel enforces them; -kernel-config FILE tells"},
	}
	dir := netKernel(t)
	whole := moduleWithInfo("")
	for _, tt := range tests {
		r := Request{Dir: dir, Arch: "amd64", Asks: asksOf("lib"), KeepSignatures: tt.keep}
		if tt.config != "" {
			r.Config = config(t, tt.config)
		}
		s, err := Collect(r)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(s.Signatures, tt.want) {
			t.Errorf("%s: Signatures = %q, want %q", tt.name, s.Signatures, tt.want)
		}
		data := s.Files[0].Data
		if tt.cut && (signed(data) || bytes.Contains(data, []byte("types"))) || !tt.cut && string(data) != whole {
			t.Errorf("%s: the module has %d bytes of %d", tt.name, len(data), len(whole))
		}
	}
}

func TestCollectFirmware(t *testing.T) {
	fw := kernel(t, map[string]string{
		"a/b.bin.xz": pack(t, ".xz", []byte("packed")), "updates/a/b.bin": "update",
		"many/1.bin": "1", "many/2.bin.zst": pack(t, ".zst", []byte("2")), "many/2.bin": "2", "other": "x",
	})
	plain := kernel(t, map[string]string{"a/b.bin.xz": pack(t, ".xz", []byte("packed"))})
	tests := []struct {
		dirs     []string
		files    map[string]string
		warnings []string
	}{
		{nil, map[string]string{}, nil},
		{
			[]string{fw},
			map[string]string{"a/b.bin": "update", "many/1.bin": "1", "many/2.bin": "2"},
			[]string{"module net may need firmware that is not in " + fw + ": gone.bin"},
		},
		{
			[]string{plain, fw},
			map[string]string{"a/b.bin": "packed", "many/1.bin": "1", "many/2.bin": "2"},
			[]string{"module net may need firmware that is not in " + plain + ", " + fw + ": gone.bin"},
		},
		{
			[]string{plain},
			map[string]string{"a/b.bin": "packed"},
			[]string{"module net may need firmware that is not in " + plain + ": gone.bin many/*.bin"},
		},
	}
	dir := netKernel(t)
	for _, tt := range tests {
		s, err := Collect(Request{Dir: dir, Arch: "amd64", Asks: asksOf("net"), FirmwareDirs: tt.dirs})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, f := range s.Files {
			if name, ok := strings.CutPrefix(f.Guest, "lib/firmware/"); ok {
				got[name] = string(f.Data)
				if want := []string{"lib/modules/6.1.0-test/kernel/net.ko"}; !cmp.Equal(f.NeededBy, want) {
					t.Errorf("%s is needed by %q, want %q", f.Guest, f.NeededBy, want)
				}
			}
		}
		if diff := cmp.Diff(tt.files, got); diff != "" {
			t.Errorf("firmware of %v (-want +got):\n%s", tt.dirs, diff)
		}
		if diff := cmp.Diff(tt.warnings, s.Warnings); diff != "" {
			t.Errorf("warnings of %v (-want +got):\n%s", tt.dirs, diff)
		}
	}
}

func TestCollectNone(t *testing.T) {
	off := config(t, "CONFIG_X86_64=y\n# CONFIG_MODULES is not set\n")
	all := kernel(t, map[string]string{"modules.builtin": "kernel/squashfs.ko\nkernel/overlay.ko\n"})
	preset := asksOf("squashfs@ overlay@")
	tests := []struct {
		name string
		r    Request
		want string
	}{
		{"nothing asked", Request{Arch: "amd64"}, ""},
		{"nothing asked, CONFIG_MODULES", Request{Arch: "amd64", Config: off}, ""},
		{"CONFIG_MODULES", Request{Arch: "amd64", Asks: preset, Config: off}, "the kernel loads no modules (CONFIG_MODULES is not set in /boot/config)"},
		{"built in", Request{Arch: "amd64", Asks: preset, Dir: all}, "kernel 6.1.0-test has built in what was asked for"},
	}
	for _, tt := range tests {
		s, err := Collect(tt.r)
		if err != nil || s.None != tt.want || len(s.Files) > 0 || s.Signatures != "" {
			t.Errorf("%s: Collect = %+v, %v, want none: %q", tt.name, s, err, tt.want)
		}
	}
}

func TestCollectErrors(t *testing.T) {
	dir := netKernel(t)
	conf := func(text string) []string { return []string{confDir(t, map[string]string{"a.conf": text})} }
	spaced := filepath.Join(t.TempDir(), "6.1 test")
	if err := os.Rename(netKernel(t), spaced); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		r    Request
		want string
	}{
		{"folder", Request{Dir: "/no/such", Asks: asksOf("net")}, "open modules folder: "},
		{"space", Request{Dir: spaced, Asks: asksOf("lib")}, "a kernel's release has no spaces"},
		{"config of another architecture", Request{Dir: dir, Config: config(t, "CONFIG_ARM64=y\n")}, "/boot/config is for arm64, and the image is for amd64"},
		{"no modules", Request{Asks: asksOf("net"), Config: config(t, "CONFIG_X86_64=y\n")}, "-modules: module net: the kernel loads none (CONFIG_MODULES is not set in /boot/config)"},
		{"modules of another kernel", Request{Dir: dir, Config: config(t, "CONFIG_X86_64=y\n")}, "/boot/config has no modules (CONFIG_MODULES is not set), and " + dir + " has 2; give those of one kernel"},
		{"option", Request{Dir: dir, Asks: asksOf("net"), ModprobeDirs: conf("\noptions net napi-weigth=1")}, `a.conf:2: module net has no parameter napi-weigth; did you mean "napi_weight"?`},
		{"modprobe.d", Request{Dir: dir, Asks: asksOf("net"), ModprobeDirs: conf("bad")}, "a.conf:1: "},
		{"firmware", Request{Dir: dir, Asks: asksOf("net"), FirmwareDirs: []string{"/no/such"}}, "open firmware folder: stat /no/such"},
		{"module", Request{Dir: kernel(t, map[string]string{"modules.dep": "a.ko:", "a.ko": moduleWithInfo("")[:200]}), Asks: asksOf("a")}, "a.ko: section headers at"},
		{"signature", Request{Dir: kernel(t, map[string]string{"modules.dep": "a.ko:", "a.ko": string(elfFor(x86)) + marker}), Asks: asksOf("a"), Config: config(t, lax)}, "cut module"},
		{"firmware's path", Request{
			Dir:  kernel(t, map[string]string{"modules.dep": "a.ko:", "a.ko": moduleWithInfo("firmware=../../etc/shadow\x00")}),
			Asks: asksOf("a"), FirmwareDirs: []string{t.TempDir()},
		}, `names the firmware "../../etc/shadow", which is no path below`},
	}
	for _, tt := range tests {
		tt.r.Arch = "amd64"
		s, err := Collect(tt.r)
		if s != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Collect = %v, %v, want an error with %q", tt.name, s, err, tt.want)
		}
	}
}

// A module is unpacked once, and a damaged or outdated copy is as none.
func TestCache(t *testing.T) {
	dir, cacheParent := netKernel(t), filepath.Join(t.TempDir(), "cache")
	collect := func() []byte {
		t.Helper()
		s, err := Collect(Request{Dir: dir, Arch: "amd64", Asks: asksOf("net"), CacheDir: cacheParent})
		if err != nil {
			t.Fatal(err)
		}
		return s.Files[1].Data
	}
	want := collect()
	cacheDir := filepath.Join(cacheParent, "modules")
	kept, err := os.ReadDir(cacheDir)
	if err != nil || len(kept) != 1 {
		t.Fatalf("the cache has %v, %v, want one file", kept, err)
	}
	file := filepath.Join(cacheDir, kept[0].Name())
	first, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(collect(), want) {
		t.Error("another module comes from the cache")
	}
	if again, err := os.Stat(file); err != nil || !os.SameFile(first, again) {
		t.Errorf("the kept file was written again: %v", err)
	}
	for _, damage := range []string{"", strings.Repeat("x", 100)} {
		if err := os.WriteFile(file, []byte(damage), 0o644); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(collect(), want) {
			t.Errorf("a damaged copy, %q, was taken", damage)
		}
	}
	newer := pack(t, ".xz", []byte(moduleWithInfo("license=new\x00")))
	if err := os.WriteFile(filepath.Join(dir, "kernel/net.ko.xz"), []byte(newer), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-maxAge - time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	if got := collect(); !bytes.Contains(got, []byte("license=new")) {
		t.Error("an outdated copy was taken")
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a copy that nobody took for long is still there: %v", err)
	}
}
