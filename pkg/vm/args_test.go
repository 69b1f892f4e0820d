package vm

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestArgs(t *testing.T) {
	disks := []Disk{
		{Path: "image.squashfs", Serial: "image,1"},
		{Path: "a,b.squashfs", Writable: true},
	}
	tests := []struct {
		name string
		in   Config
	}{
		{"q35", Config{Kernel: "vmlinuz"}},
		{"q35-all", Config{
			Kernel: "vmlinuz", Initramfs: "initramfs", Append: []string{"quiet", "kinit.end=reboot"}, Accel: AccelKVM,
			MemoryMiB: 256, CPUs: 2, Disks: disks, Net: NetUser, Forwards: []Forward{{HostPort: 2222, GuestPort: 22}, {8080, 80, "udp", "0.0.0.0"}}, IDM: IDMPort,
		}},
		{"late", Config{Kernel: "vmlinuz", Disks: []Disk{{Path: "a"}, {Path: "b", Serial: "s", Late: true}}, QMP: "/tmp/a,b"}},
		{"microvm", Config{
			Kernel: "vmlinuz", Initramfs: "initramfs", Machine: MachineMicroVM, Accel: AccelTCG, TSCkHz: 2500000,
			Disks: disks, Net: NetUser,
		}},
		{"terminal", Config{Kernel: "vmlinuz", Stdio: StdioTerminal, Rows: 24, Columns: 80, IDM: IDMPort}},
		{"pipes", Config{Kernel: "vmlinuz", Stdio: StdioPipes, IDM: IDMPort, Machine: MachineMicroVM}},
		{"alone", Config{
			Kernel: "vmlinuz", Stdio: StdioPipes, IDM: IDMPort,
			Alone: &Alone{IDM: "/run/a,b", Log: "/dev/null", Output: "/dev/stdout", Errors: "/dev/stderr"},
		}},
		{"icount", Config{Kernel: "vmlinuz", Machine: MachineMicroVM, Accel: AccelTCG, Icount: true, TSCkHz: 1000000, IDM: IDMNone}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := strings.Join(Args(tt.in), "\n") + "\n"
			golden := filepath.Join("testdata", tt.name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("Args(%s): -want +got (go test -update rewrites)\n%s", tt.name, diff)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		in   Config
		want string // "" for no error
	}{
		{Config{Kernel: "k"}, ""},
		{Config{}, "vm: no kernel given"},
		{Config{Kernel: "k", Machine: "pc"}, `vm: unknown machine "pc" (known: q35 microvm)`},
		{Config{Kernel: "k", Accel: "hvf"}, `vm: unknown accel "hvf" (known: auto kvm tcg)`},
		{
			Config{Kernel: "k", Machine: MachineMicroVM, Disks: []Disk{{Path: "d", Late: true}}},
			"vm: disk d: a late disk needs machine q35, not microvm",
		},
		{Config{Kernel: "k", Net: "tap"}, `vm: unknown net "tap" (known: none user)`},
		{Config{Kernel: "k", IDM: "vsock"}, `vm: unknown idm "vsock" (known: hvc port none)`},
		{Config{Kernel: "k", Accel: AccelKVM, Icount: true}, "vm: instruction counting needs accel tcg, not kvm"},
		{
			Config{Kernel: "k", Disks: []Disk{{Path: "d", Serial: "123456789012345678901"}}},
			`vm: disk d: serial "123456789012345678901" has 21 bytes; virtio-blk takes at most 20`,
		},
	}
	for _, tt := range tests {
		got := ""
		if err := tt.in.Check(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%+v.Check() = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParseTSCkHz(t *testing.T) {
	tests := []struct {
		in   string
		want int
	}{
		{"processor\t: 0\ncpu MHz\t\t: 2596.152\n\nprocessor\t: 1\ncpu MHz\t\t: 1.5\n", 2596152},
		{"cpu MHz: 0.000\n", 0},
		{"cpu MHz: fast\n", 0},
		{"cpu MHz: NaN\n", 0},
		{"cpu MHz: 1e300\n", 0},
		{"model name: x\n", 0},
		{"", 0},
	}
	for _, tt := range tests {
		if got := parseTSCkHz([]byte(tt.in)); got != tt.want {
			t.Errorf("parseTSCkHz(%q) = %d, want %d", tt.in, got, tt.want)
		}
	}
}
