package ociproc

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/moby/sys/user"
)

type identity struct {
	UID, GID uint32
	Groups   []uint32
	Home     string
}

func identify(root, spec string) (identity, error) {
	i := ImageConfig{Entrypoint: []string{"/run"}, User: spec}
	p, err := Resolve(root, i, Overrides{})
	if err != nil {
		return identity{}, err
	}
	return identity{p.UID, p.GID, p.Groups, p.Home}, nil
}

func TestUser(t *testing.T) {
	root := newRoot(t, map[string]string{"/etc/passwd": passwd, "/etc/group": group, "/run": "x "})
	for spec, want := range map[string]identity{
		"":           {0, 0, []uint32{0, 10}, "/root"},
		"root":       {0, 0, []uint32{0, 10}, "/root"},
		"0":          {0, 0, []uint32{0, 10}, "/root"},
		"app":        {1000, 1000, []uint32{1000, 10, 44}, "/home/app"},
		"1000":       {1000, 1000, []uint32{1000, 10, 44}, "/home/app"},
		"app:":       {1000, 1000, []uint32{1000, 10, 44}, "/home/app"},
		"app:users":  {1000, 100, []uint32{100}, "/home/app"},
		"app:100":    {1000, 100, []uint32{100}, "/home/app"},
		"app:7777":   {1000, 7777, []uint32{7777}, "/home/app"},
		"1000:44":    {1000, 44, []uint32{44}, "/home/app"},
		"4321":       {4321, 0, []uint32{0}, "/"},
		"4321:1234":  {4321, 1234, []uint32{1234}, "/"},
		"bare":       {1001, 1001, []uint32{1001}, "/"},
		"1001:app":   {},
		"oops":       {},
		"short":      {},
		"minus":      {},
		"huge":       {},
		"app:broken": {},
		"# comment":  {},
		"a:b:c":      {},
	} {
		got, err := identify(root, spec)
		if want.Home == "" {
			var e *Error
			if !errors.As(err, &e) || e.Code != CodeConfig {
				t.Errorf("user %q = %+v, %v, want an error of code 125", spec, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("user %q: %v", spec, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("user %q (-want +got):\n%s", spec, diff)
		}
	}
}

func TestUserOfHost(t *testing.T) {
	root := newRoot(t, map[string]string{"/etc/passwd": passwd, "/run": "x "})
	p, err := Resolve(root, ImageConfig{Entrypoint: []string{"/run"}, User: "nobody"}, Overrides{User: "app"})
	if err != nil || p.UID != 1000 {
		t.Errorf("Resolve with a user of the host = %+v, %v, want uid 1000", p, err)
	}
	if home := "HOME=/home/app"; err == nil && !strings.Contains(strings.Join(p.Env, "\n"), home) {
		t.Errorf("Env = %q, want %s", p.Env, home)
	}
}

// Numbers need no files; names fail with the reason that they cannot be read.
func TestUserHostileFiles(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "passwd")
	check(t, os.WriteFile(outside, []byte("spy:x:666:666::/spy:\n"), 0o644))
	for name, test := range map[string]struct {
		passwd string
		want   string
	}{
		"none":             {"", "open /etc/passwd: no such file or directory"},
		"link to the host": {"-> " + outside, "open /etc/passwd: no such file or directory"},
		"link upwards":     {"-> ../../../../../../../../../../.." + outside, "open /etc/passwd: no such file or directory"},
		"loop":             {"-> passwd", "open /etc/passwd: too many levels of symbolic links"},
		"fifo":             {"fifo", "open /etc/passwd: not a regular file"},
		"folder":           {"dir", "open /etc/passwd: not a regular file"},
		"device":           {"-> /dev/zero", "open /etc/passwd: no such file or directory"},
		"huge":             {strings.Repeat("\n", maxUserFile) + "spy:x:666:666::/spy:\n", "read /etc/passwd: larger than 16777216 bytes"},
		"long line":        {"spy:x:666:666:" + strings.Repeat("x", 100<<10) + ":/spy:\n", "not in the image's /etc/passwd"},
		"not text":         {"\x00\xff:::::\n\x00", "not in the image's /etc/passwd"},
	} {
		entries := map[string]string{"/run": "x ", "/etc/shadow": ""}
		if test.passwd != "" {
			entries["/etc/passwd"] = test.passwd
		}
		root := newRoot(t, entries)
		_, err := identify(root, "spy")
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: user spy: error %v, want %q", name, err, test.want)
		}
		got, err := identify(root, "666")
		if diff := cmp.Diff(identity{666, 0, []uint32{0}, "/"}, got); err != nil || diff != "" {
			t.Errorf("%s: user 666: %v (-want +got):\n%s", name, err, diff)
		}
	}
}

func TestGroups(t *testing.T) {
	if got, err := groups(1, []uint32{5, 1, 3, 5}); err != nil || cmp.Diff([]uint32{1, 3, 5}, got) != "" {
		t.Errorf("groups = %v, %v, want [1 3 5]", got, err)
	}
	many := make([]uint32, 70000)
	for i := range many {
		many[i] = uint32(i)
	}
	if got, err := groups(1, many); err == nil {
		t.Errorf("groups of %d = %d of them, want an error", len(many), len(got))
	}
}

// FuzzUser holds the user that is found to what moby/sys/user finds in the
// well-formed lines of the same files.
func FuzzUser(f *testing.F) {
	for _, spec := range []string{"", "root", "app", "app:users", "1000", "1000:44", "4321:1234", "bare", "app:", "+1", "-1", "99999999999", ":10"} {
		f.Add(spec, passwd, group)
	}
	f.Fuzz(func(t *testing.T, spec, passwd, group string) {
		if strings.Contains(passwd+group, "\r") || len(passwd) > 4000 || len(group) > 4000 {
			return
		}
		p := new(Process)
		name, err := p.findUser([]byte(passwd), first(spec))
		_, wantGroup, _ := strings.Cut(spec, ":")
		if err == nil && wantGroup != "" {
			err = p.findGroup([]byte(group), wantGroup)
		}
		oracle, oracleErr := user.GetExecUser(spec, &user.ExecUser{Home: "/"},
			strings.NewReader(kept(passwd, uidColumn, gidColumn)), strings.NewReader(kept(group, idColumn)))
		if (err == nil) != (oracleErr == nil) {
			t.Fatalf("user %q in %q, %q: %v, want %v", spec, passwd, group, err, oracleErr)
		}
		if err != nil {
			return
		}
		got := []any{int(p.UID), int(p.GID), p.Home}
		if diff := cmp.Diff([]any{oracle.Uid, oracle.Gid, choose(oracle.Home, "/")}, got); diff != "" {
			t.Fatalf("user %q in %q, %q (-want +got):\n%s", spec, passwd, group, diff)
		}
		if wantGroup != "" || name == "" {
			return
		}
		var gids []int
		for _, gid := range groupsOf([]byte(group), name) {
			gids = append(gids, int(gid))
		}
		if diff := cmp.Diff(oracle.Sgids, gids, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("groups of %q in %q (-want +got):\n%s", name, group, diff)
		}
	})
}

func first(spec string) string {
	name, _, _ := strings.Cut(spec, ":")
	return name
}

// kept is the well-formed lines of a file.
func kept(data string, columns ...int) string {
	var b strings.Builder
	for fields := range wellFormed([]byte(data), 4000, columns...) {
		b.Write(append(bytes.Join(fields, []byte(":")), '\n'))
	}
	return b.String()
}
