package modules

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// kernel makes a modules folder from the contents of its files.
func kernel(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lib", "modules", "6.1.0-test")
	for name, data := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// elfFor returns a module for that machine, of sections without contents, and
// a tail that packs well.
func elfFor(machine elf.Machine) []byte {
	return moduleFile(machine, part{name: ".data", data: make([]byte, 4096), align: 8})
}

const (
	x86   = elf.EM_X86_64
	arm64 = elf.EM_AARCH64
	riscv = elf.EM_RISCV
)

// part is one section of a file to be made.
type part struct {
	name  string
	kind  elf.SectionType // SHT_PROGBITS where 0
	flags elf.SectionFlag
	data  []byte
	link  uint32
	info  uint32
	align uint64
}

// moduleFile makes a relocatable ELF file: number 0, the parts, the names.
func moduleFile(machine elf.Machine, parts ...part) []byte {
	names := []byte{0}
	file := append([]byte(nil), make([]byte, 64)...)
	headers := []section{{}}
	for _, p := range append(parts, part{name: ".shstrtab", kind: elf.SHT_STRTAB}) {
		h := section{nameAt: uint32(len(names)), kind: p.kind, flags: p.flags, link: p.link, info: p.info, align: p.align}
		if h.kind == 0 {
			h.kind = elf.SHT_PROGBITS
		}
		names = append(append(names, p.name...), 0)
		if p.name == ".shstrtab" {
			p.data = names
		}
		file = pad(file, p.align)
		h.off, h.size = uint64(len(file)), uint64(len(p.data))
		if p.kind != elf.SHT_NOBITS {
			file = append(file, p.data...)
		}
		headers = append(headers, h)
	}
	file = pad(file, 8)
	copy(file, "\x7fELF\x02\x01\x01")
	le := binary.LittleEndian
	le.PutUint16(file[16:], uint16(elf.ET_REL))
	le.PutUint16(file[18:], uint16(machine))
	le.PutUint32(file[20:], 1)
	le.PutUint64(file[40:], uint64(len(file)))
	le.PutUint16(file[52:], 64)
	le.PutUint16(file[58:], 64)
	le.PutUint16(file[60:], uint16(len(headers)))
	le.PutUint16(file[62:], uint16(len(headers)-1))
	for _, h := range headers {
		file = append(file, make([]byte, 64)...)
		h.encode(file[len(file)-64:])
	}
	return file
}

// sign appends a signature as scripts/sign-file does.
func sign(data, signature []byte) []byte {
	data = slices.Concat(data, signature, make([]byte, 8))
	data = binary.BigEndian.AppendUint32(data, uint32(len(signature)))
	data[len(data)-10] = 2 // PKEY_ID_PKCS7
	return append(data, marker...)
}

// pack compresses data as a module's suffix says.
func pack(t testing.TB, suffix string, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch suffix {
	case ".gz":
		w = gzip.NewWriter(&b)
	case ".xz":
		w, err = xz.WriterConfig{CheckSum: xz.CRC32, DictCap: 1 << 20}.NewWriter(&b)
	case ".zst":
		w, err = zstd.NewWriter(&b)
	default:
		return string(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func open(t *testing.T, files map[string]string) *Index {
	t.Helper()
	x, err := Open(kernel(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return x
}
