package modules

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestName(t *testing.T) {
	tests := []struct{ file, want string }{
		{"kernel/drivers/block/xen-blkfront.ko", "xen_blkfront"},
		{"kernel/fs/squashfs/squashfs.ko.xz", "squashfs"},
		{"a.ko.zst", "a"},
		{"snd-hda-codec.ko.gz", "snd_hda_codec"},
	}
	for _, tt := range tests {
		if got := Name(tt.file); got != tt.want {
			t.Errorf("Name(%q) = %q, want %q", tt.file, got, tt.want)
		}
	}
}

func TestParseDep(t *testing.T) {
	got, err := parseDep("# made by hand\n\nkernel/a-b.ko.xz: kernel/c.ko extra/d.ko\nkernel/c.ko:\nextra/d.ko:")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]dep{
		"a_b": {path: "kernel/a-b.ko.xz", needs: []string{"c", "d"}},
		"c":   {path: "kernel/c.ko"},
		"d":   {path: "extra/d.ko"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(dep{})); diff != "" {
		t.Errorf("parseDep (-want +got):\n%s", diff)
	}
}

func TestParseDepErrors(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"no colon", "a.ko:\nkernel/b.ko\n", `line 2: "kernel/b.ko": want a module's file and a colon`},
		{"colon apart", "a.ko : b.ko", `line 1: "a.ko"`},
		{"binary", "\x00\xff:", `line 1`},
		{"parent", "../../etc/shadow.ko:", `"../../etc/shadow.ko": not a clean path`},
		{"parent inside", "a/../../b.ko:", `not a clean path`},
		{"parent as a need", "a.ko: ../b.ko", `"../b.ko": not a clean path`},
		{"absolute", "/lib/modules/6.1/a.ko:", `not a clean path`},
		{"no module", "kernel/passwd:", `not a module`},
		{"no name", "kernel/.ko:", `without a name`},
		{"twice", "a/x-y.ko:\nb/x_y.ko:", `line 2: module x_y is in both a/x-y.ko and b/x_y.ko`},
		{"need without a line", "a.ko: b.ko", `a.ko needs module b, which has no line`},
	}
	for _, tt := range tests {
		_, err := parseDep(tt.in)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: parseDep(%q) = %v, want an error with %q", tt.name, tt.in, err, tt.want)
		}
	}
}

func TestParseSoftdep(t *testing.T) {
	in := `# Soft dependencies extracted from modules themselves.
softdep cifs gcm
softdep btrfs pre: xxhash64
softdep btrfs pre: crypto-crc32c post: zstd
softdep act_mpls post: mpls_gso
`
	got, err := parseSoftdep(in)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]softdep{
		"cifs":     {},
		"btrfs":    {pre: []string{"xxhash64", "crypto_crc32c"}, post: []string{"zstd"}},
		"act_mpls": {post: []string{"mpls_gso"}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(softdep{})); diff != "" {
		t.Errorf("parseSoftdep (-want +got):\n%s", diff)
	}
	for _, bad := range []string{"softdep", "hard a pre: b"} {
		if _, err := parseSoftdep(bad); err == nil {
			t.Errorf("parseSoftdep(%q) = nil, want an error", bad)
		}
	}
}

func TestParseBuiltin(t *testing.T) {
	got, err := parseBuiltin("kernel/fs/ext4/ext4.ko\nkernel/drivers/xen-blkfront.ko\n")
	if diff := cmp.Diff(map[string]bool{"ext4": true, "xen_blkfront": true}, got); diff != "" || err != nil {
		t.Errorf("parseBuiltin, %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"kernel/a.ko kernel/b.ko", "../a.ko", "a"} {
		if _, err := parseBuiltin(bad); err == nil {
			t.Errorf("parseBuiltin(%q) = nil, want an error", bad)
		}
	}
}

func TestParseAlias(t *testing.T) {
	got, err := parseAlias("alias pci:v00001AF4d* virtio_pci\nalias crypto-crc32c crc32c_intel\nalias crypto-crc32c crc32c_generic\n")
	want := []alias{{"pci:v00001AF4d*", "virtio_pci"}, {"crypto_crc32c", "crc32c_intel"}, {"crypto_crc32c", "crc32c_generic"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(alias{})); diff != "" || err != nil {
		t.Errorf("parseAlias, %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"alias a", "alias a b c", "a b c"} {
		if _, err := parseAlias(bad); err == nil {
			t.Errorf("parseAlias(%q) = nil, want an error", bad)
		}
	}
}

func TestParseBuiltinAlias(t *testing.T) {
	got, err := parseBuiltinAlias("crc32c-generic.alias=crypto-crc32c\x00crc32c_generic.license=GPL\x00a.alias=pci:[0-9]*\x00\n")
	want := []alias{{"crypto_crc32c", "crc32c_generic"}, {"pci:[0-9]*", "a"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(alias{})); diff != "" || err != nil {
		t.Errorf("parseBuiltinAlias, %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"odd", "alias=b", "a.alias"} {
		if _, err := parseBuiltinAlias(bad); err == nil {
			t.Errorf("parseBuiltinAlias(%q) = nil, want an error", bad)
		}
	}
}

func TestMatch(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"virtio_net", "virtio_net", true},
		{"virtio_net", "virtio_ne", false},
		{"virtio_*", "virtio_net", true},
		{"virtio_*", "virti", false},
		{"virtio-[bn]*", "virtio_net", true},
		{"a[!b]", "ac", true},
		{"a[!b]", "ab", false},
		{"a[0-2]", "a1", true},
		{"of:N*T*Cx,y/z", "of:Na/bT(null)Cx,y/z", true},
		{"pci:v00001AF4d*sv*sd*bc*sc*i*", "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00", true},
		{"pci:v00008086d*sv*", "pci:v00001AF4d00001000sv0", false},
		{"broken[", "broken[", true},
		{"broken[", "broken", false},
	}
	for _, tt := range tests {
		if got := match(foldAlias(tt.pattern), foldAlias(tt.name)); got != tt.want {
			t.Errorf("match(%q, %q) = %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
}

// FuzzParseDep holds that every path taken from modules.dep stays below the
// modules folder, and that whatever parses can be resolved or refused.
func FuzzParseDep(f *testing.F) {
	f.Add([]byte("kernel/a.ko: kernel/b.ko\nkernel/b.ko:\n"))
	f.Add([]byte("a.ko: b.ko\nb.ko: a.ko\n"))
	f.Add([]byte("../a.ko:\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		deps, err := parseDep(string(data))
		if err != nil {
			if deps != nil {
				t.Errorf("parseDep gave both %d modules and %v", len(deps), err)
			}
			return
		}
		x := &Index{Dir: "/m", Version: "m", deps: deps, aliases: noAliases}
		var asks []Ask
		for name, d := range deps {
			if !fs.ValidPath(d.path) {
				t.Errorf("path %q leaves the modules folder", d.path)
			}
			asks = append(asks, Ask{Name: name, From: "fuzz"})
		}
		plan, err := x.Resolve(asks, nil)
		if err == nil {
			checkOrder(t, x, plan)
		}
	})
}

// checkOrder checks that every module is there once and after what it needs.
func checkOrder(t *testing.T, x *Index, plan Plan) {
	t.Helper()
	loaded := make(map[string]bool)
	for _, m := range plan.Modules {
		for _, need := range x.deps[m.Name].needs {
			if !loaded[need] {
				t.Errorf("%s is loaded before %s, which it needs", m.Name, need)
			}
		}
		if loaded[m.Name] {
			t.Errorf("%s is loaded twice", m.Name)
		}
		loaded[m.Name] = true
	}
}

func noAliases() (aliasTable, error) { return aliasTable{}, nil }

// FuzzParseText holds that the other text files give a value or an error.
func FuzzParseText(f *testing.F) {
	f.Add([]byte("softdep a pre: b post: c\n"))
	f.Add([]byte("weakdep a b c\n"))
	f.Add([]byte("kernel/a.ko\n"))
	f.Add([]byte("alias a b\n"))
	f.Add([]byte("a.alias=b\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		builtin, err := parseBuiltin(string(data))
		checkNames(t, "parseBuiltin", builtin, err, "/-\n ")
		soft, err := parseSoftdep(string(data))
		checkNames(t, "parseSoftdep", soft, err, "-\n ")
		weak, err := parseWeakdep(string(data))
		checkNames(t, "parseWeakdep", weak, err, "-\n ")
		aliases, err := parseAlias(string(data))
		checkAliases(t, "parseAlias", aliases, err)
		aliases, err = parseBuiltinAlias(string(data))
		checkAliases(t, "parseBuiltinAlias", aliases, err)
	})
}

// checkNames checks that a parser gave names without the bytes in not, or an
// error.
func checkNames[V any](t *testing.T, parser string, got map[string]V, err error, not string) {
	t.Helper()
	if (err == nil) != (got != nil) {
		t.Errorf("%s gave %v and %v, want one of the two", parser, got, err)
	}
	for name := range got {
		if name == "" || strings.ContainsAny(name, not) {
			t.Errorf("%s gave the name %q", parser, name)
		}
	}
}

// checkAliases checks that a parser gave aliases of folded modules, each of
// which has its own pattern where that is none, or an error.
func checkAliases(t *testing.T, parser string, got []alias, err error) {
	t.Helper()
	if (err == nil) != (got != nil) {
		t.Errorf("%s gave %v and %v, want one of the two", parser, got, err)
	}
	for _, a := range got {
		if strings.Contains(a.module, "-") {
			t.Errorf("%s gave the module %q", parser, a.module)
		}
		if !strings.ContainsAny(a.pattern, wild) && !match(a.pattern, a.pattern) {
			t.Errorf("%s gave %q, which has not itself", parser, a.pattern)
		}
	}
}
