package modules

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
		{folder + "lib.ko", r.Dir + "/kernel/lib.ko", nil, "-modules, needed by net", []string{folder + "net.ko"}, nil},
		{folder + "net.ko", r.Dir + "/kernel/net.ko.xz", nil, "-modules", nil, nil},
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

// A module is unpacked and cut once, and a damaged or outdated copy is as none.
func TestCache(t *testing.T) {
	for _, tt := range []struct {
		name   string
		file   string // the module whose copy is damaged
		config string
		kept   int
	}{
		{"unpacked", "kernel/net.ko.xz", "", 1},
		{"cut", "kernel/net.ko.xz", lax, 2},
		{"cut, not packed", "kernel/lib.ko", lax, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := keptModules{dir: netKernel(t), cache: filepath.Join(t.TempDir(), "cache"), file: tt.file}
			if tt.config != "" {
				k.config = config(t, tt.config)
			}
			want := k.collect(t)
			k.testDamage(t, want, tt.kept)
			k.testEdited(t)
			k.testOld(t)
		})
	}
}

// keptModules is a cache, and what is collected with it.
type keptModules struct {
	dir, cache string
	file       string
	config     *kconfig.Config
}

// collect returns the module of k.file as an image has it, whose digest is not a
// wrong one.
func (k keptModules) collect(t *testing.T) []byte {
	t.Helper()
	s, err := Collect(Request{Dir: k.dir, Arch: "amd64", Asks: asksOf("net"), Config: k.config, CacheDir: k.cache, Builder: "test"})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(s.Files, func(f File) bool { return f.Host == filepath.Join(k.dir, k.file) })
	f := s.Files[i]
	if f.Kept == nil {
		return f.Data
	}
	data, err := readKept(f.Kept)
	if sum := fmt.Sprintf("%x", sha256.Sum256(data)); err != nil || f.Kept.SHA256() != sum {
		t.Errorf("%s: %v, SHA256 %s, want %s", f.Guest, err, f.Kept.SHA256(), sum)
	}
	return data
}

func readKept(k *Kept) ([]byte, error) {
	r, size, err := k.Open()
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err == nil && int64(len(data)) != size {
		err = fmt.Errorf("%d bytes, not %d", len(data), size)
	}
	return data, errors.Join(err, r.Close())
}

// TestKeptChanged: what happens to a kept module after it was found whole does not
// get into an image.
func TestKeptChanged(t *testing.T) {
	c := cacheIn(t.TempDir(), "test")
	c.store("a", []byte("first"))
	k, mem, ok := c.load("a")
	if !ok {
		t.Fatal("what was kept is not there")
	}
	mem.release()
	if got, err := readKept(k); err != nil || string(got) != "first" {
		t.Errorf("read %q, %v, want first", got, err)
	}
	file := filepath.Join(c.dir, "a")
	c.store("b", []byte("other"))
	for name, change := range map[string]func(){
		"another program's": func() { c.store("a", []byte("other")) },
		"another's":         func() { _ = os.WriteFile(file, readAll(t, filepath.Join(c.dir, "b")), 0o600) },
		"cut short":         func() { _ = os.WriteFile(file, readAll(t, file)[:sealSize], 0o600) },
		"gone":              func() { _ = os.Remove(file) },
	} {
		c.store("a", []byte("first"))
		change()
		if got, err := readKept(k); !errors.Is(err, errChanged) {
			t.Errorf("%s: read %q, %v, want %v", name, got, err, errChanged)
		}
	}
}

// files returns the files of the cache.
func (k keptModules) files(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(k.cache, "modules", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (k keptModules) testDamage(t *testing.T, want []byte, kept int) {
	t.Helper()
	files := k.files(t)
	if len(files) != kept {
		t.Fatalf("the cache has %q, want %d files", files, kept)
	}
	copies := make(map[string][]byte)
	for _, file := range files {
		copies[file] = readAll(t, file)
	}
	if !bytes.Equal(k.collect(t), want) || !slices.Equal(k.files(t), files) {
		t.Error("another module comes from the cache")
	}
	damages := map[string]func(file string) []byte{
		"empty":     func(string) []byte { return nil },
		"no copy":   func(string) []byte { return bytes.Repeat([]byte("x"), 100) },
		"cut short": func(file string) []byte { return copies[file][:len(copies[file])-1] },
		"a bit":     func(file string) []byte { b := bytes.Clone(copies[file]); b[len(b)-1] ^= 1; return b },
		"another's": func(file string) []byte { return copies[files[len(files)-1-slices.Index(files, file)]] },
	}
	for name, damage := range damages {
		for _, file := range files {
			if err := os.WriteFile(file, damage(file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(k.collect(t), want) {
			t.Errorf("%s: a damaged copy was taken", name)
		}
	}
}

// testEdited edits the module, and neither its size nor its time.
func (k keptModules) testEdited(t *testing.T) {
	t.Helper()
	file := filepath.Join(k.dir, k.file)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	content := readAll(t, file)
	for _, mark := range []string{"one", "two"} {
		edited := moduleWithInfo("license=" + mark + "\x00")
		if strings.HasSuffix(k.file, ".xz") {
			edited = pack(t, ".xz", []byte(edited))
		}
		if err := os.WriteFile(file, []byte(edited), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
			t.Fatal(err)
		}
		if got := k.collect(t); !bytes.Contains(got, []byte("license="+mark)) {
			t.Errorf("edited to %q: an outdated copy was taken", mark)
		}
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// testOld has a copy that nobody took for long.
func (k keptModules) testOld(t *testing.T) {
	t.Helper()
	unused := filepath.Join(k.cache, "modules", "unused")
	used := k.files(t)
	old := time.Now().Add(-maxAge - time.Hour)
	if err := os.WriteFile(unused, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, file := range append(used, unused) {
		if err := os.Chtimes(file, old, old); err != nil {
			t.Fatal(err)
		}
	}
	k.collect(t)
	cacheIn(k.cache, "test").store("new", nil)
	if _, err := os.Stat(unused); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a copy that nobody took for long is still there: %v", err)
	}
	if left := k.files(t); len(left) < 2 {
		t.Errorf("left: %q, want the copies that were taken", left)
	}
}

func readAll(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
