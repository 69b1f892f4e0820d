package kconfig

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"debug/pe"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kguest/kguest/initramfs/hostfile"
)

// Image is what the header of a kernel image says.
type Image struct {
	File    string
	Arch    string // GOARCH, or the machine's name where Go has none
	Release string // uname -r; empty where the image does not say
}

const (
	// headSize is how much of an image is looked at for its header, in bytes.
	headSize = 64 << 10
	// maxScan bounds how much of an image is searched for its release, in
	// bytes; vmlinux with debug data is larger, and has it near its beginning.
	maxScan = 256 << 20
)

// ReadImage reads the header of the kernel image in file: x86's bzImage, an
// Image of arm64 or riscv64, an EFI program, or vmlinux; plain or gzip.
func ReadImage(file string) (Image, error) {
	f, _, err := hostfile.Open(file)
	if err != nil {
		return Image{}, fmt.Errorf("read kernel image: %w; give a kernel such as /boot/vmlinuz-RELEASE", err)
	}
	defer f.Close()
	k, err := readImage(f)
	if err != nil {
		return Image{}, fmt.Errorf("read kernel image %s: %w", file, err)
	}
	k.File = file
	return k, nil
}

func readImage(f io.Reader) (Image, error) {
	r := bufio.NewReaderSize(f, headSize)
	head, err := peek(r)
	if err != nil {
		return Image{}, err
	}
	packed := bytes.HasPrefix(head, []byte("\x1f\x8b"))
	if packed {
		gz, err := gzip.NewReader(r)
		if err != nil {
			return Image{}, err
		}
		r = bufio.NewReaderSize(gz, headSize)
		if head, err = peek(r); err != nil {
			return Image{}, err
		}
	}
	k, plain, err := parseImage(head)
	if err == nil && plain && !packed {
		k.Release, err = findRelease(io.LimitReader(r, maxScan))
	}
	return k, err
}

func peek(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head, nil
}

// parseImage parses the header at the beginning of an image. plain is whether
// the rest is the kernel as it runs, which has its release somewhere.
func parseImage(head []byte) (k Image, plain bool, err error) {
	switch {
	case at(head, 0x202, "HdrS"): // Documentation/x86/boot.rst
		k, err = parseBzImage(head)
		return k, false, err
	case at(head, 56, "ARM\x64"): // Documentation/arm64/booting.rst
		return Image{Arch: "arm64"}, true, nil
	case at(head, 48, "RISCV\x00\x00\x00"): // Documentation/riscv/boot-image-header.rst
		return Image{Arch: "riscv64"}, true, nil
	case at(head, 0, elf.ELFMAG) && len(head) >= 20:
		return Image{Arch: elfArch(elf.Machine(binary.LittleEndian.Uint16(head[18:])))}, true, nil
	case at(head, 0, "MZ"):
		arch, err := peArch(head)
		return Image{Arch: arch}, false, err
	}
	return Image{}, false, errors.New("not a kernel (bzImage, Image, vmlinux or an EFI program); give one such as /boot/vmlinuz-RELEASE")
}

func at(b []byte, offset int, want string) bool {
	return len(b) >= offset+len(want) && string(b[offset:offset+len(want)]) == want
}

// parseBzImage reads kernel_version (0x20e), which points at the release 0x200
// bytes before, and xloadflags (0x236) of the setup header.
func parseBzImage(head []byte) (Image, error) {
	const version, kernelVersion, flags = 0x206, 0x20e, 0x236
	if len(head) < flags+2 {
		return Image{}, io.ErrUnexpectedEOF
	}
	le := binary.LittleEndian
	k := Image{Arch: "386"}
	if le.Uint16(head[version:]) >= 0x20c && le.Uint16(head[flags:])&1 != 0 {
		k.Arch = "amd64"
	}
	offset := int(le.Uint16(head[kernelVersion:]))
	if offset == 0 {
		return k, nil
	}
	if offset+0x200 >= len(head) {
		return Image{}, fmt.Errorf("its release is said to be at byte %d, behind the header", offset+0x200)
	}
	release, ok := firstWord(head[offset+0x200:])
	if !ok {
		return Image{}, fmt.Errorf("no release at byte %d, where its header says it is", offset+0x200)
	}
	k.Release = release
	return k, nil
}

// firstWord returns what is before the first space of a release's text. The
// kernel's release has 64 bytes at most (__NEW_UTS_LEN).
func firstWord(b []byte) (string, bool) {
	word, _, ok := bytes.Cut(b[:min(len(b), 65)], []byte(" "))
	if !ok || len(word) == 0 || word[0] < '0' || word[0] > '9' {
		return "", false
	}
	for _, c := range word {
		if c <= ' ' || c > '~' || c == '/' {
			return "", false
		}
	}
	return string(word), true
}

func elfArch(m elf.Machine) string {
	switch m {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	case elf.EM_RISCV:
		return "riscv64"
	default:
		return m.String()
	}
}

// peArch returns the machine of a PE program, whose header is where byte 0x3c
// says.
func peArch(head []byte) (string, error) {
	if len(head) < 0x40 {
		return "", io.ErrUnexpectedEOF
	}
	offset := int64(binary.LittleEndian.Uint32(head[0x3c:]))
	if offset+6 > int64(len(head)) || string(head[offset:offset+4]) != "PE\x00\x00" {
		return "", errors.New("not a kernel: a DOS program without a PE header")
	}
	switch m := binary.LittleEndian.Uint16(head[offset+4:]); m {
	case pe.IMAGE_FILE_MACHINE_AMD64:
		return "amd64", nil
	case pe.IMAGE_FILE_MACHINE_ARM64:
		return "arm64", nil
	case pe.IMAGE_FILE_MACHINE_RISCV64:
		return "riscv64", nil
	default:
		return fmt.Sprintf("PE machine %#x", m), nil
	}
}

// findRelease searches r for the banner "Linux version RELEASE ".
func findRelease(r io.Reader) (string, error) {
	const chunk, overlap = 1 << 20, 128
	banner := []byte("Linux version ")
	buf := make([]byte, 0, chunk+overlap)
	for {
		n, err := io.ReadFull(r, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		for rest := buf; ; {
			i := bytes.Index(rest, banner)
			if i < 0 {
				break
			}
			rest = rest[i+len(banner):]
			if release, ok := firstWord(rest); ok {
				return release, nil
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		buf = buf[:copy(buf[:cap(buf)], buf[len(buf)-overlap:])]
	}
}

// CheckModules returns an error where the modules folder dir is another
// kernel's: the kernel refuses modules of another release.
func (k Image) CheckModules(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find modules folder: %w", err)
	}
	release, target := filepath.Base(abs), abs
	if linked, err := filepath.EvalSymlinks(abs); err == nil {
		target = linked
	}
	if k.Release == "" || k.Release == release || k.Release == filepath.Base(target) {
		return nil
	}
	remedy := "those of one kernel"
	if own := filepath.Join(filepath.Dir(abs), k.Release); isFolder(own) {
		remedy = "-modules-dir " + own
	}
	return fmt.Errorf("kernel %s is release %s, and the modules in %s are of %s; give %s", k.File, k.Release, abs, release, remedy)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// CheckArch returns an error where the kernel is not for GOARCH arch.
func (k Image) CheckArch(arch string) error {
	if k.Arch == arch {
		return nil
	}
	return fmt.Errorf("kernel %s is for %s, and the image is for %s (-arch)", k.File, strings.ToLower(k.Arch), arch)
}
