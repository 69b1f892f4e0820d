//go:build vm

package vmtest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/kguest/kguest/pkg/vm"
)

const persistentScenario = `example: persistent
disk: image
disk: config
disk: data writable
-- launch.json --
{"hostname": null, "network": null, "env": {}, "run": null, "stop": {"graceSeconds": 1}}
-- script --
echo line >>/etc/boots
report boots cat /etc/boots
report passwd ls /etc/passwd
rm -f /etc/passwd
report mounts cat /proc/self/mounts
setsid sh -c 'trap "" TERM; exec 5>>/open; while :; do echo open >&5; [ -e /writing ] || : >/writing; sleep 0.1; done' &
until [ -e /writing ]; do sleep 0.1; done
exit 7
`

const persistentWants = `-- exit --
code 7
-- has mounts --
layer / overlay rw,noatime,lowerdir=/image,upperdir=/run/layer/upper,workdir=/run/layer/work 0 0
/dev/vdc /run/layer ext4 rw,noatime 0 0
-- want disk2 --
changed
clean
-- lacks console --
^kinit: .*warning
^root:
`

// TestExamplePersistent boots examples/persistent twice: what the first boot wrote
// and removed is so in the second. Each leaves its disk clean, though a process
// writes to the end. A third boot, of another image, does not touch the layer.
func TestExamplePersistent(t *testing.T) {
	const first = persistentWants + `-- want boots --
line
-- want passwd --
/etc/passwd
-- want disk2:/upper/etc/boots --
line
`
	const second = persistentWants + `-- want boots --
line
line
-- has passwd --
ls: /etc/passwd: No such file or directory
-- want disk2:/upper/etc/boots --
line
line
`
	const other = `-- config.json --
{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}, "config": {"Entrypoint": ["/bin/true"]}}
-- exit --
code 125
stage root
reason /etc/kinit/root: exit status 1 after .*
-- has console --
root: /dev/vdc was written over another image
-- want disk2 --
changed
clean
-- want disk2:/upper/etc/boots --
line
line
`
	s := example(t, persistentScenario+first)
	config, before := prepared(t, s)
	playOnce(t, s, config, before)
	playOnce(t, example(t, persistentScenario+second), config, before)
	s = example(t, persistentScenario+other)
	changed, _ := prepared(t, s)
	config.Disks[1] = changed.Disks[1]
	playOnce(t, s, config, before)
}

// TestExampleHello runs what make run does: README shows its output.
func TestExampleHello(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), filepath.Join(lab.repo, "examples/hello/run")).CombinedOutput()
	want := regexp.MustCompile(`^Hello from hello, Linux .*
I am pid [0-9]+, guest, in /home/guest, cgroup 0::/krata-guest-task
My root:    overlayfs:/overlay / overlay rw,noatime,lowerdir=/overlay/image,upperdir=/overlay/upper,workdir=/overlay/work 0 0
My network: address 10\.0\.2\.15/24 dev eth0
boot ended with 42
$`)
	if err != nil || !want.Match(out) {
		t.Errorf("examples/hello/run: %v, %s", err, out)
	}
}

const (
	veritySecret   = "a file of the image that somebody changes later"
	verityScenario = `example: verity
disk: image format=ext4
disk: config
disk: blank
disk: blank
-- image/secret --
` + veritySecret + `
-- script --
report names cat /sys/block/dm-0/dm/name /sys/block/dm-1/dm/name
report passwd cat /etc/passwd
report secret cat /secret
exit 7
`
)

// TestExampleVerity boots examples/verity from disks that were changed after their
// hash trees were made: a file cannot be read, and then the configuration not at
// all.
func TestExampleVerity(t *testing.T) {
	const file = `-- exit --
code 7
-- want names --
image
config
-- has passwd --
root:.*
-- has secret --
cat: read error: Input/output error
\(status 1\)
`
	const configuration = `-- exit --
code 125
stage images
reason /etc/kinit/images: exit status 1 after .*
-- has console --
verity: /dev/vdb with /dev/vdd: its first block is not what the root hash [0-9a-f]{64} vouches for
images: verity\.config=[0-9a-f]{64}
-- lacks console --
@@@
`
	s := example(t, verityScenario+file)
	config, _ := prepared(t, s)
	for i, name := range []string{"image", "config"} {
		config.Append = append(config.Append, "verity."+name+"="+hashTree(t, config.Disks[i].Path, config.Disks[i+2].Path))
	}
	change(t, config.Disks[0].Path, veritySecret)
	playOnce(t, s, config, nil)
	change(t, config.Disks[1].Path, "hsqs") // the superblock's magic
	playOnce(t, example(t, verityScenario+configuration), config, nil)
}

// example parses the text of a scenario.
func example(t *testing.T, text string) *Scenario {
	t.Helper()
	s, err := parseScenario(txtar.Parse([]byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// prepared returns the machine of s and the checksums of its writable disks.
func prepared(t *testing.T, s *Scenario) (vm.Config, map[int]string) {
	t.Helper()
	config, err := lab.Prepare(t.Context(), s, vm.MachineQ35, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	before, err := checksums(config.Disks)
	if err != nil {
		t.Fatal(err)
	}
	return config, before
}

// hashTree writes the hash tree of a disk and returns its root hash.
func hashTree(t *testing.T, disk, tree string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/usr/sbin/veritysetup", "format", disk, tree).Output()
	root := regexp.MustCompile(`Root hash: *\t*([0-9a-f]+)`).FindSubmatch(out)
	if err != nil || root == nil {
		t.Fatalf("veritysetup: %v, %s", err, out)
	}
	return string(root[1])
}

// change makes another letter of the first one of text, on a disk that has it
// once.
func change(t *testing.T, disk, text string) {
	t.Helper()
	content, err := os.ReadFile(disk)
	if n := bytes.Count(content, []byte(text)); err != nil || n != 1 {
		t.Fatalf("%q is %d times on the disk, want once: %v", text, n, err)
	}
	f, err := os.OpenFile(disk, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{text[0] ^ 1}, int64(bytes.Index(content, []byte(text))))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}
