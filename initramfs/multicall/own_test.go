package multicall

import "testing"

// TestIsOwn: kguest's commands are the first process's program, but for the shell,
// which would make it more than twice as large.
func TestIsOwn(t *testing.T) {
	for name, want := range map[string]bool{
		"kinit": true, "boot-retry": true, Module + "/cmds/kmount": true,
		OwnShell: false, Module + "/cmds/" + OwnShell: false, "ls": false, "example.com/cmds/kinit": false,
	} {
		if got := isOwn(name); got != want {
			t.Errorf("isOwn(%s) = %t, want %t", name, got, want)
		}
	}
}
