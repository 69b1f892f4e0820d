package inspect

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/kguest/kguest/initramfs/manifest"
)

// marks tell a builder by a path that it leaves in its images.
var marks = []struct{ path, builder string }{
	{"lib/modules/kguest.order", "kguest"},
	{"usr/lib/dracut/build-parameter.txt", "dracut"},
	{"lib/dracut/build-parameter.txt", "dracut"},
	{"usr/lib/dracut/dracut-lib.sh", "dracut"},
	{"lib/dracut-lib.sh", "dracut"},
	{"conf/initramfs.conf", "initramfs-tools"},
	{"etc/booster.init.yaml", "booster"},
	{"init_functions", "mkinitcpio"},
	{"bbin/kguest", "kguest"},
	{"bin/kinit", "kguest"},
	{"bbin/bb", "mkuimage (u-root)"},
	{"bin/busybox", "buildroot or by hand, with busybox"},
}

// builder tells which program made the image and what tells it.
func (im *Image) builder() (name, evidence string) {
	m, err := im.Manifest()
	switch {
	case err != nil:
		return "kguest", err.Error()
	case m != nil:
		return m.Builder, manifest.Path
	}
	for _, mark := range marks {
		if im.tree.lookup(mark.path) != nil {
			return mark.builder, mark.path
		}
	}
	return "", ""
}

// maxInterpreters bounds the scripts and interpreters from /init to a program.
const maxInterpreters = 4

// initProgram returns the way from /init to the program that it is, and that
// program's architecture.
func (im *Image) initProgram() (way []string, arch string, err error) {
	name := "init"
	for range maxInterpreters {
		if way, name = im.follow(way, name); name == "" {
			return way, "", nil
		}
		f, err := im.Stat(name)
		if err != nil || f.Type != manifest.Regular || f.Size == 0 {
			return way, "", nil //nolint:nilerr // a broken link is shown as it is
		}
		head, err := im.head(f, 256)
		if err != nil {
			return nil, "", err
		}
		if arch := elfArch(head); arch != "" {
			return way, arch, nil
		}
		if name = interpreter(head); name == "" {
			return way, "", nil
		}
	}
	return way, "", nil
}

// follow adds name and the links that it leads along to way, and returns what
// it leads to, which is empty where it leads nowhere.
func (im *Image) follow(way []string, name string) (list []string, last string) {
	for range maxLinks {
		f, err := im.Lstat(name)
		if err != nil {
			return way, ""
		}
		if f.Type != manifest.Symlink {
			return append(way, "/"+f.Path), name
		}
		way = append(way, "/"+f.Path)
		if name = f.Target; !strings.HasPrefix(name, "/") {
			name = f.Path[:strings.LastIndexByte(f.Path, '/')+1] + name
		}
	}
	return way, ""
}

// interpreter returns the program in a script's first line, "" for none.
func interpreter(head []byte) string {
	line, ok := bytes.CutPrefix(head, []byte("#!"))
	if !ok {
		return ""
	}
	line, _, _ = bytes.Cut(line, []byte("\n"))
	if fields := strings.Fields(string(line)); len(fields) > 0 {
		return fields[0]
	}
	return ""
}

// elfArch returns the GOARCH of an ELF program by its header (elf(5)), "" for
// what is none.
func elfArch(head []byte) string {
	const machineAt, headSize = 18, 20
	if len(head) < headSize || !bytes.HasPrefix(head, []byte("\x7fELF")) {
		return ""
	}
	is64 := head[4] == 2
	order := binary.ByteOrder(binary.LittleEndian)
	if head[5] == 2 {
		order = binary.BigEndian
	}
	switch machine := order.Uint16(head[machineAt:]); {
	case machine == 3:
		return "386"
	case machine == 40:
		return "arm"
	case machine == 62:
		return "amd64"
	case machine == 183:
		return "arm64"
	case machine == 243 && is64:
		return "riscv64"
	case machine == 258:
		return "loong64"
	case machine == 22:
		return "s390x"
	case machine == 21 && head[5] == 1:
		return "ppc64le"
	}
	return "an unknown machine"
}
