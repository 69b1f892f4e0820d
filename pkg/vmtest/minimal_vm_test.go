//go:build vm

package vmtest

import (
	"regexp"
	"strings"
	"testing"
)

// TestMinimalHasNoShell gives the image of the profile minimal every kernel parameter
// by which a person could hope for a shell: the boot goes on without one, or the
// machine ends.
func TestMinimalHasNoShell(t *testing.T) {
	const scenario = `append: kinit.timeout=1 `
	const rest = `
-- script --
echo "@@@ booted"
echo "pid 1 is $(tr '\0' ' ' </proc/1/cmdline)"
echo "@@@ end"
exit 7
`
	// What each is expected to end in: the exit line, or the kernel's panic where the
	// first process is missing or ends.
	const boots, panics = `code 7\n-- want booted --\npid 1 is /init `, `none\n-- has console --\n.*Kernel panic - not syncing: .*`
	for _, tt := range []struct{ append, want string }{
		{"kinit.rescue=shell kinit.break=mounts,console,modules,idm,images,config,root,hostname,network,switch,run", boots},
		{"init=/bin/sh single 1 S emergency rescue rd.break break=premount", boots},
		{"rdinit=/bin/sh", panics},
		{"rdinit=/bin/gosh init=/bin/sh", panics},
		{"rdinit=/bbin/kguest", panics},
		{"rdinit=/bin/kroot -- -switch /bin/sh", panics},
		{"rdinit=/bin/kexec-guest -- /bin/sh", `code 125\nstage run\nreason .*takes no other option and no command`},
	} {
		t.Run(strings.Fields(tt.append)[0], func(t *testing.T) {
			t.Parallel()
			text := scenario + tt.append + rest + "-- exit --\n" + strings.ReplaceAll(tt.want, `\n`, "\n") + "\n"
			s := example(t, text)
			config, before := prepared(t, s)
			got := playOnce(t, s, config, before)
			if prompt := regexp.MustCompile(`(?m)^(.* )?[#$>] ?$`).Find(got.Console); prompt != nil {
				t.Errorf("a shell's prompt: %q", prompt)
			}
		})
	}
}
