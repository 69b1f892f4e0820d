//go:build vm

package vmtest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/kguest/kguest/pkg/hostcmd"
	"github.com/kguest/kguest/pkg/vm"
)

// modulesScenario has a workload that tells what became of the modules.
const modulesScenario = `machine: q35
net: user
append: loglevel=4
-- script --
report napi cat /sys/module/virtio_net/parameters/napi_weight
report depth cat /sys/module/virtio_blk/parameters/queue_depth
report tainted cat /proc/sys/kernel/tainted
report taint cat /sys/module/virtio_blk/taint
report log sh -c 'dmesg | grep -E "module verification failed|missing module BTF|Unknown symbol" || echo nothing'
report modules cut -d' ' -f1 /proc/modules
-- want napi --
33
-- want depth --
17
-- has modules --
virtio_net
nf_conntrack
nf_nat
tcp_bbr
tcp_dctcp
dummy
xfs
btrfs
-- lacks log --
missing module BTF
-- lacks modules --
tcp_diag
-- lacks console --
load module
`

// manyModules are asked for besides the preset: file systems by alias, and
// modules with functions for BPF programs (nf_conntrack, tcp_bbr), which need
// their BTF.
const manyModules = "fs-*,tcp_*,nf_conntrack,nf_nat,dummy,-tcp_diag,-efivarfs,-xenfs"

// TestModules boots a stock kernel with the modules' signatures cut, and, told
// to enforce them, with them kept: the options of modprobe.d have arrived in both, and every module
// is loaded.
func TestModules(t *testing.T) {
	tests := []struct {
		name, flag string
		append     []string
		want       string
	}{
		{"cut", "", nil, `
-- want tainted --
8192
-- want taint --
E
-- has log --
.*module verification failed: signature and/or required key missing - tainting kernel
`},
		{"kept", "-keep-module-signatures", []string{"module.sig_enforce=1"}, `
-- want tainted --
0
-- want log --
nothing
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := parseScenario(txtar.Parse([]byte(modulesScenario + strings.TrimPrefix(tt.want, "\n"))))
			if err != nil {
				t.Fatal(err)
			}
			s.Append = append(s.Append, tt.append...)
			bootModules(t, s, tt.flag)
		})
	}
}

// bootModules boots s with an initramfs of manyModules, made with that flag.
func bootModules(t *testing.T, s *Scenario, flag string) {
	t.Helper()
	dir := t.TempDir()
	own := *lab
	own.initramfs = filepath.Join(dir, "modules.cpio")
	buildModules(t, own.initramfs, dir, flag)
	config, err := own.Prepare(t.Context(), s, vm.MachineQ35, dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := own.Boot(t.Context(), config, nil, "")
	if err != nil {
		t.Errorf("boot: %v", err)
	}
	wrong := s.Exit.Check(got.Console, got.IDM)
	reports := Reports(string(got.Console))
	for _, want := range s.Wants {
		wrong = append(wrong, want.Check(reports)...)
	}
	if len(wrong) > 0 {
		t.Errorf("%s", strings.Join(wrong, "\n"))
	}
	if t.Failed() || *showConsole {
		t.Logf("console:\n%s", got.Console)
	}
}

func buildModules(t *testing.T, out, dir, flag string) {
	t.Helper()
	conf := filepath.Join(dir, "modprobe.d")
	if err := os.MkdirAll(conf, 0o755); err != nil {
		t.Fatal(err)
	}
	options := "options virtio-net napi_weight=33\noptions virtio_blk queue_depth=17 \\\n  num_request_queues=1\n"
	if err := os.WriteFile(filepath.Join(conf, "test.conf"), []byte(options), 0o644); err != nil {
		t.Fatal(err)
	}
	unpacked, err := lab.script(t.Context(), "kernel")
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := vm.FindKernel(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"build", "-o", out, "-kernel", kernel.Image, "-modules-dir", kernel.Modules, "-vmm", "qemu", "-modules", manyModules, "-modprobe-d", conf}
	if flag != "" {
		args = append(args, flag)
	}
	var words bytes.Buffer
	if status := hostcmd.Main(t.Context(), args, hostcmd.Streams{Stdout: io.Discard, Stderr: &words}); status != 0 {
		t.Fatalf("build initramfs: %s", words.Bytes())
	}
}
