//go:build vm

package vmtest

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

// TestMinimalHasNoShell gives the image of the profile minimal every kernel parameter
// by which a person could hope for a shell: the boot goes on without one, or the
// machine ends.
func TestMinimalHasNoShell(t *testing.T) {
	const scenario = `
-- script --
report first sh -c "tr '\0' ' ' </proc/1/cmdline; echo"
exit 7
-- exit --
`
	const boots, panics = "code 7\n-- has first --\n/(init|bbin/kguest) .*\n", ""
	for _, tt := range []struct{ parameters, want string }{
		{"kinit.rescue=shell kinit.break=mounts,console,modules,idm,images,config,root,hostname,network,switch,run", boots},
		{"init=/bin/sh single 1 S emergency rescue rd.break break=premount", boots},
		{"rdinit=/bbin/kguest", boots},
		{"rdinit=/bin/sh", panics},
		{"rdinit=/bin/gosh init=/bin/sh", panics},
		{"rdinit=/bin/kroot -- -switch /bin/sh", panics},
		{"rdinit=/bin/kexec-guest -- /bin/sh", "code 125\nidm none\nstage run\nreason .*takes no other option and no command\n"},
	} {
		t.Run(strings.Fields(tt.parameters)[0], func(t *testing.T) {
			t.Parallel()
			s := example(t, "append: "+tt.parameters+scenario+tt.want)
			config, before := prepared(t, s)
			var got Result
			if tt.want == panics {
				got, _ = lab.Boot(t.Context(), config, nil, "") // the panic is its error
				if !bytes.Contains(got.Console, []byte("Kernel panic - not syncing: ")) {
					t.Errorf("no panic of the kernel:\n%s", got.Console)
				}
			} else {
				got = playOnce(t, s, config, before)
			}
			if prompt := regexp.MustCompile(`(?m)^(.* )?[#$>] ?$`).Find(got.Console); prompt != nil {
				t.Errorf("a shell's prompt, %q:\n%s", prompt, got.Console)
			}
		})
	}
}
