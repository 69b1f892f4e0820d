package modules

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/kguest/kguest/initramfs/hostfile"
)

const (
	// maxModule bounds a module file, packed or not, in bytes. The largest in
	// the field, graphics drivers with debug data, have less than 100 MB.
	maxModule = 128 << 20
	// maxWindow bounds what a zstd module may make its reader allocate;
	// the kernel's own build uses 8 MiB at most.
	maxWindow = 128 << 20
)

// errTooBig ends the unpacking of a module beyond maxModule.
var errTooBig = fmt.Errorf("more than %d bytes unpacked", int64(maxModule))

// packing returns the compression suffix of a module's file: "", ".gz", ".xz"
// or ".zst".
func packing(file string) (string, error) {
	base := filepath.Base(file)
	for _, s := range []string{"", ".gz", ".xz", ".zst"} {
		if strings.HasSuffix(base, ".ko"+s) {
			return s, nil
		}
	}
	return "", fmt.Errorf("%q: not a module (.ko, .ko.gz, .ko.xz or .ko.zst)", file)
}

// GuestPath returns the path of m in the guest: below VERSION, unpacked.
func (x *Index) GuestPath(m Module) string {
	file := m.Path
	if s, err := packing(file); err == nil {
		file = strings.TrimSuffix(file, s)
	}
	return "lib/modules/" + x.Version + "/" + file
}

// file returns the path of m on the host.
func (x *Index) file(m Module) string { return filepath.Join(x.Dir, filepath.FromSlash(m.Path)) }

// content is a module as an image has it.
type content struct {
	data []byte
	kept *Kept    // nil where it was not kept
	mem  *scratch // of data, where it was
}

// release ends the use of data where it is that of a kept module.
func (c content) release() {
	if c.mem != nil {
		c.mem.release()
	}
}

// read returns the contents of m, an ELF file for the guest, in the form f. They
// are to be released.
func (x *Index) read(m Module, f form) (content, error) {
	file := x.file(m)
	suffix, err := packing(file)
	if err != nil {
		return content{}, x.readError(file, err)
	}
	keep := f.kept.dir != "" && (f.cut || suffix != "")
	if keep {
		// A file that cannot be read is so below, too.
		if sum, err := hostfile.SHA256(file); err == nil {
			if k, mem, ok := f.kept.load(f.kept.key(f, suffix, sum)); ok {
				return content{mem.data, k, mem}, nil
			}
		}
	}
	packed, err := hostfile.Read(file, maxModule)
	if err != nil {
		return content{}, x.readError(file, err)
	}
	data, err := x.form(file, packed, suffix, f)
	if err != nil {
		return content{}, err
	}
	if keep {
		f.kept.store(f.kept.key(f, suffix, sha256.Sum256(packed)), data)
	}
	return content{data: data}, nil
}

// form returns what becomes of data, the contents of a file with that suffix.
func (x *Index) form(file string, data []byte, suffix string, f form) (_ []byte, err error) {
	if suffix != "" {
		if data, err = unpack(bytes.NewReader(data), suffix); err != nil {
			return nil, x.readError(file, err)
		}
	}
	if err := checkELF(data, f.arch); err != nil {
		return nil, fmt.Errorf("read module %s: %w", file, err)
	}
	if !f.cut {
		return data, nil
	}
	if data, err = Cut(data); err != nil {
		return nil, fmt.Errorf("cut module %s: %w%s", file, err, again)
	}
	return data, nil
}

func (x *Index) readError(file string, err error) error {
	return fmt.Errorf("read module %s: %w%s", file, cause(err), x.readRemedy(err))
}

// cause returns what is in a PathError, for a message that has the path.
func cause(err error) error {
	if perr, ok := errors.AsType[*fs.PathError](err); ok {
		return perr.Err
	}
	return err
}

// readRemedy says what to do about a module of modules.dep that cannot be read.
func (x *Index) readRemedy(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		remedy := "; modules.dep names it: install all of this kernel's package (Debian: linux-image-" + x.Version + ")"
		if cmd, ok := depmod(x.Dir); ok {
			remedy += ", or make modules.dep anew with: " + cmd
		}
		return remedy
	case errors.Is(err, fs.ErrPermission):
		return "; make it readable to you"
	}
	return again
}

// again is the remedy for a damaged module.
const again = "; install this kernel's package again"

// readUnpacked returns what the file holds, compressed as the suffix says.
func readUnpacked(file, suffix string) ([]byte, error) {
	if suffix == "" {
		return hostfile.Read(file, maxModule)
	}
	f, _, err := hostfile.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return unpack(f, suffix)
}

// unpack returns what r holds, compressed as suffix s says.
func unpack(r io.Reader, s string) ([]byte, error) {
	switch s {
	case ".gz":
		gz, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		return readBounded(gz)
	case ".xz":
		br := bufio.NewReader(r)
		if err := checkDict(br); err != nil {
			return nil, err
		}
		xr, err := xz.NewReader(br)
		if err != nil {
			return nil, err
		}
		return readBounded(xr)
	case ".zst":
		zr, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(maxModule), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		defer zr.Close()
		return readBounded(zr)
	}
	return readBounded(r)
}

// checkDict refuses an xz file whose first block asks for a dictionary beyond
// maxWindow: the decoder allocates it, up to 4 GiB, before it unpacks a byte.
// The block header, of (first byte + 1) * 4 bytes, is at offset 12; its last
// filter is LZMA2: 0x21, one byte of properties, 2^(n/2) * (2 or 3) << 11.
func checkDict(r *bufio.Reader) error {
	const streamHeader, lzma2, maxBlockHeader = 12, "\x21\x01", 1024
	head, err := r.Peek(streamHeader + maxBlockHeader)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if len(head) <= streamHeader {
		return io.ErrUnexpectedEOF
	}
	block := head[streamHeader:min(len(head), streamHeader+(int(head[streamHeader])+1)*4)]
	i := bytes.LastIndex(block, []byte(lzma2))
	if i < 0 || i+len(lzma2) >= len(block) {
		return errors.New("xz file without an LZMA2 filter")
	}
	n := uint64(block[i+len(lzma2)] & 0x3f)
	if dict := (2 | n&1) << (n/2 + 11); dict > maxWindow {
		return fmt.Errorf("xz dictionary of %d bytes, more than %d", dict, int64(maxWindow))
	}
	return nil
}

func readBounded(r io.Reader) ([]byte, error) {
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(r, maxModule+1))
	if err != nil {
		return nil, err
	}
	if n > maxModule {
		return nil, errTooBig
	}
	return b.Bytes(), nil
}

// checkELF refuses what is no ELF file for arch.
func checkELF(data []byte, arch string) error {
	if len(data) < 20 || string(data[:4]) != elf.ELFMAG {
		return errors.New("not an ELF file" + again)
	}
	want := machine(arch)
	if got := elf.Machine(binary.LittleEndian.Uint16(data[18:])); got != want {
		return fmt.Errorf("made for %v, and the image is for %v (-arch %s)", got, want, arch)
	}
	return nil
}

func machine(arch string) elf.Machine {
	switch arch {
	case "amd64":
		return elf.EM_X86_64
	case "arm64":
		return elf.EM_AARCH64
	case "riscv64":
		return elf.EM_RISCV
	}
	return elf.EM_NONE
}
