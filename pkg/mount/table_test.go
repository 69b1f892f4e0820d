package mount

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseTable(t *testing.T) {
	const root = "1 0 8:1 / / rw,relatime - ext4 /dev/root rw\n"
	rootEntry := Entry{Target: "/", Options: "rw,relatime", FSType: "ext4", Source: "/dev/root"}
	tests := []struct {
		name, in string
		want     []Entry
		err      string
	}{
		{"nothing", "", nil, ""},
		{"one", root, []Entry{rootEntry}, ""},
		{"no newline at the end", strings.TrimSuffix(root, "\n"), []Entry{rootEntry}, ""},
		{"empty lines", "\n" + root + "\n", []Entry{rootEntry}, ""},
		{
			"no, one and two optional fields",
			"36 35 98:0 /mnt1 /mnt2 rw,noatime - ext3 /dev/root rw\n" +
				"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw\n" +
				"36 35 98:0 /mnt1 /mnt2 rw,noatime shared:2 master:1 - ext3 /dev/root rw,errors=continue\n",
			slices.Repeat([]Entry{{"/mnt2", "rw,noatime", "ext3", "/dev/root"}}, 3), "",
		},
		{
			"escapes", `2 1 0:9 / /a\040b\011c\012d\134e rw - fuse.x host:\134\040s rw` + "\n",
			[]Entry{{"/a b\tc\nd\\e", "rw", "fuse.x", `host:\ s`}},
			"",
		},
		{"not an escape", `2 1 0:9 / /a\40b\ rw - tmpfs \9 rw`, []Entry{{`/a\40b\`, "rw", "tmpfs", `\9`}}, ""},
		{"an escaped backslash begins no escape", `2 1 0:9 / /a\134040 rw - tmpfs t rw`, []Entry{{`/a\040`, "rw", "tmpfs", "t"}}, ""},
		{"over a byte", `2 1 0:9 / /a\777 rw - tmpfs t rw`, []Entry{{`/a\777`, "rw", "tmpfs", "t"}}, ""},
		{"no source", "2 1 0:9 / /a rw - tmpfs  rw", []Entry{{"/a", "rw", "tmpfs", ""}}, ""},
		{"no dash", root + "1 0 8:1 / / rw ext4 /dev/root rw", nil, `mount table line 2: "1 0 8:1 / / rw ext4 /dev/root rw": not mountinfo`},
		{"short before the dash", "1 0 8:1 / / - ext4 /dev/root rw", nil, `mount table line 1: "1 0 8:1 / / - ext4 /dev/root rw": not mountinfo`},
		{"short after the dash", "1 0 8:1 / / rw - ext4", nil, `mount table line 1: "1 0 8:1 / / rw - ext4": not mountinfo`},
		{"binary", "\x00\xff\n", nil, `mount table line 1: "\x00\xff": not mountinfo`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseTable([]byte(tt.in))
			if text(err) != tt.err {
				t.Errorf("ParseTable(%q) error = %q, want %q", tt.in, text(err), tt.err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseTable(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestReadTable(t *testing.T) {
	if _, err := ReadTable(filepath.Join(t.TempDir(), "none")); err == nil || !strings.HasPrefix(err.Error(), "read mount table: open ") {
		t.Errorf("ReadTable(none) error = %v, want one that names the file", err)
	}
	table, err := ReadTable("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(table, func(e Entry) bool { return e.Target == "/proc" && e.FSType == "proc" }) {
		t.Errorf("ReadTable(/proc/self/mountinfo) = %+v, want /proc in it", table)
	}
}

func FuzzParseTable(f *testing.F) {
	if own, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		f.Add(own)
	}
	f.Add([]byte(`36 35 98:0 /mnt1 /a\040b rw,noatime master:1 - ext3 a\134 rw` + "\n"))
	f.Add([]byte("1 0 8:1 / / rw - ext4\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := ParseTable(data)
		if err != nil && table != nil {
			t.Fatalf("ParseTable(%q) = %v and %v, want only one", data, table, err)
		}
		if err != nil {
			return
		}
		if lines := strings.Count(string(data), "\n") + 1; len(table) > lines {
			t.Fatalf("ParseTable(%q) = %d entries of %d lines", data, len(table), lines)
		}
		for _, e := range table {
			checkEntry(t, e)
		}
	})
}

// checkEntry holds that an entry says the same when the kernel writes it again.
func checkEntry(t *testing.T, e Entry) {
	t.Helper()
	line := "1 0 8:1 / " + kernelEscape(e.Target) + " " + e.Options + " - " + e.FSType + " " + kernelEscape(e.Source) + " rw"
	if strings.ContainsAny(e.Options+e.FSType, " \n") {
		t.Fatalf("%+v: a space in a field that has none", e)
	}
	again, err := ParseTable([]byte(line))
	if err != nil || len(again) != 1 || again[0] != e {
		t.Fatalf("ParseTable(%q) = %+v, %v, want %+v", line, again, err, e)
	}
}

// kernelEscape is mangle_path with the set of proc_namespace.c: " \t\n\\".
func kernelEscape(s string) string {
	return strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`).Replace(s)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
