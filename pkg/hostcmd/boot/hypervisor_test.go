package boot

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/vm"
)

// odd is a path with all that a configuration could stumble on.
const odd = `/a b/it's "x"\n,=#$(y)`

func oddMachine() (*options, vm.Config) {
	o := newOptions()
	o.name, o.memoryMiB, o.cpus, o.append = "web", 512, 2, []string{"foo=bar baz"}
	return o, vm.Config{
		Kernel: odd, Initramfs: "/initramfs.cpio",
		Disks: []vm.Disk{{Path: "/image.squashfs"}, {Path: odd}, {Path: "/data", Writable: true}},
	}
}

// TestXenConfig has Xen's own parser read what is printed. xl itself does
// nothing without a hypervisor, not even a dry run.
func TestXenConfig(t *testing.T) {
	if err := exec.Command("python3", "-c", `import ctypes; ctypes.CDLL("libxlutil.so")`).Run(); err != nil {
		t.Skip("needs python3 and libxlutil.so (Debian package libxen-dev)")
	}
	o, c := oddMachine()
	var text bytes.Buffer
	if err := o.printXen(&text, c); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "testdata/xl.py")
	cmd.Stdin = bytes.NewReader(text.Bytes())
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("xl's parser: %v: %s\n%s", err, words.Bytes(), text.Bytes())
	}
	var got any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"name": "web", "type": "pvh", "kernel": odd, "ramdisk": "/initramfs.cpio",
		"extra":  "console=hvc0 panic=-1 cryptomgr.notests random.trust_cpu=on quiet kinit.log=warn foo=bar baz",
		"memory": 512.0, "vcpus": 2.0,
		"disk": []any{
			[]any{"xvda", "/image.squashfs", "ro"}, []any{"xvdb", odd, "ro"}, []any{"xvdc", "/data", "rw"},
		},
		"channel":     []any{"name=idm,connection=socket,path=/run/kguest-web.sock"},
		"on_poweroff": "destroy", "on_reboot": "destroy", "on_crash": "destroy",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("as xl reads it (-want +got):\n%s", diff)
	}
	// xl passes over keys that it does not know.
	for line := range strings.Lines(text.String()) {
		key, _, ok := strings.Cut(line, " = ")
		if _, known := want[key]; ok && !known {
			t.Errorf("key %q is not checked here", key)
		}
	}
}

// field is a field of Firecracker's API, in JSON.
type field struct {
	kind     string // of encoding/json
	required bool
}

// firecrackerSchema has, of src/firecracker/swagger/firecracker.yaml, what is used
// here: FullVmConfiguration, which -config-file reads, and below it BootSource,
// Drive and MachineConfiguration. Firecracker refuses fields that it does not know.
var firecrackerSchema = map[string]map[string]field{
	"": {
		"boot-source": {"object", true}, "drives": {"array", true}, "machine-config": {"object", true},
		"network-interfaces": {"array", false}, "vsock": {"object", false}, "logger": {"object", false},
		"metrics": {"object", false}, "balloon": {"object", false}, "mmds-config": {"object", false},
		"entropy": {"object", false}, "cpu-config": {"object", false},
	},
	"boot-source": {"kernel_image_path": {"string", true}, "initrd_path": {"string", false}, "boot_args": {"string", false}},
	"drives": {
		"drive_id": {"string", true}, "is_root_device": {"bool", true}, "path_on_host": {"string", true}, "is_read_only": {"bool", true},
		"partuuid": {"string", false}, "cache_type": {"string", false}, "rate_limiter": {"object", false}, "io_engine": {"string", false},
	},
	"machine-config": {
		"vcpu_count": {"number", true}, "mem_size_mib": {"number", true}, "smt": {"bool", false},
		"track_dirty_pages": {"bool", false}, "cpu_template": {"string", false}, "huge_pages": {"string", false},
	},
}

func kindOf(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case bool:
		return "bool"
	case float64:
		return "number"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "null"
}

// violations are what is wrong with the object of that name.
func violations(name string, object map[string]any) []string {
	var list []string
	schema := firecrackerSchema[name]
	for _, key := range slices.Sorted(maps.Keys(object)) {
		f, known := schema[key]
		if !known || kindOf(object[key]) != f.kind {
			list = append(list, fmt.Sprintf("%s.%s: %s, want %q", name, key, kindOf(object[key]), f.kind))
		}
	}
	for key, f := range schema {
		if _, there := object[key]; f.required && !there {
			list = append(list, name+"."+key+": missing")
		}
	}
	return list
}

func TestFirecrackerConfig(t *testing.T) {
	o, c := oddMachine()
	var text bytes.Buffer
	if err := o.printFirecracker(&text, c); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text.Bytes(), &got); err != nil {
		t.Fatalf("%v:\n%s", err, text.Bytes())
	}
	wrong := violations("", got)
	for name, value := range got {
		parts, ok := value.([]any)
		if !ok {
			parts = []any{value}
		}
		for _, part := range parts {
			object, _ := part.(map[string]any)
			wrong = append(wrong, violations(name, object)...)
		}
	}
	if len(wrong) > 0 {
		t.Errorf("not as the API has it: %q", wrong)
	}
	drive := func(id, path string, readOnly bool) any {
		return map[string]any{"drive_id": id, "path_on_host": path, "is_root_device": false, "is_read_only": readOnly}
	}
	want := map[string]any{
		"boot-source": map[string]any{
			"kernel_image_path": odd, "initrd_path": "/initramfs.cpio",
			"boot_args": "console=ttyS0 reboot=k pci=off kinit.end=reboot kinit.idm=none panic=-1 cryptomgr.notests random.trust_cpu=on quiet kinit.log=warn foo=bar baz",
		},
		"drives":         []any{drive("vda", "/image.squashfs", true), drive("vdb", odd, true), drive("vdc", "/data", false)},
		"machine-config": map[string]any{"vcpu_count": 2.0, "mem_size_mib": 512.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-want +got):\n%s", diff)
	}
}

// What the other hypervisor does not have is refused.
func TestHypervisorRefuses(t *testing.T) {
	tests := []struct {
		set  func(*options)
		want string
	}{
		{func(o *options) { o.firecracker, o.cpus = true, 33 }, "-cpus 33: Firecracker takes 1 or an even number, at most 32"},
		{func(o *options) { o.firecracker, o.cpus = true, 3 }, "-cpus 3: Firecracker takes 1 or an even number, at most 32"},
		{func(o *options) { o.firecracker, o.cpus = true, 32 }, ""},
		{func(o *options) { o.xen, o.cpus = true, 3 }, ""},
		{func(o *options) { o.xen, o.publish = true, []vm.Forward{{}} }, "-publish and -xen-config: its disks and ports are not QEMU's"},
		{func(o *options) { o.firecracker, o.publish = true, []vm.Forward{{}} }, "-publish and -firecracker-config: its disks and ports are not QEMU's"},
	}
	for _, tt := range tests {
		o := newOptions()
		tt.set(o)
		if err := o.checkHypervisor(); said(err) != tt.want {
			t.Errorf("checkHypervisor = %v, want %q", err, tt.want)
		}
	}
}
