package ociproc

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestMayExecute(t *testing.T) {
	for _, test := range []struct {
		mode   uint32
		uid    uint32
		groups []uint32
		want   bool
	}{
		{0o755, 0, nil, true},
		{0o001, 0, nil, true},
		{0o010, 0, nil, true},
		{0o644, 0, nil, false},
		{0o100, 1000, nil, true},
		{0o077, 1000, nil, false}, // the owner's class decides
		{0o010, 7, []uint32{50}, true},
		{0o010, 7, []uint32{9, 50}, true},
		{0o707, 7, []uint32{9, 50}, false}, // and the group's
		{0o010, 7, []uint32{9}, false},
		{0o001, 7, []uint32{9}, true},
		{0o770, 7, nil, false},
		{0o4755, 7, nil, true},
	} {
		s := search{process: &Process{UID: test.uid, Groups: test.groups}}
		if len(test.groups) > 0 {
			s.process.GID = test.groups[0]
		} else {
			s.process.GID = test.uid
		}
		if got := s.mayExecute(file{mode: test.mode, uid: 1000, gid: 50}); got != test.want {
			t.Errorf("mayExecute(%04o of 1000:50) by %d, %v = %v, want %v", test.mode, test.uid, test.groups, got, test.want)
		}
	}
}

// Programs outside of the root are not there, whichever link leads to them.
func TestResolveConfined(t *testing.T) {
	outside := t.TempDir()
	program := filepath.Join(outside, "program")
	check(t, os.WriteFile(program, nil, 0o755))
	root := newRoot(t, map[string]string{
		"/absolute": "-> " + program,
		"/upwards":  "-> ../../../../../../../../../../../.." + program,
		"/dir":      "-> " + outside,
		"/script":   "x #!" + program + "\n",
		"/proc":     "-> /proc/self/root",
	})
	for _, command := range []string{
		"/absolute", "/upwards", "/dir/program", "/script", program, "/.." + program, "../../.." + program,
		"/proc" + program,
	} {
		p, err := Resolve(root, ImageConfig{Entrypoint: []string{command}}, Overrides{})
		var e *Error
		if !errors.As(err, &e) || e.Code == CodeConfig {
			t.Errorf("Resolve(%q) = %+v, %v, want not found", command, p, err)
		}
	}
}
