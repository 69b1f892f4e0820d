package ociproc

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"strings"

	"github.com/kguest/kguest/pkg/rawfile"
)

// interpreters looks for what the kernel runs for the file at a path: a
// script's interpreter, and that one's if it is a script as well, or a program's
// loader. A missing one would be a bare ENOENT, as if the file were not there. The
// codes are those of execve(2) in a shell: 127 for a missing one, 126 for one
// that cannot be executed.
func (s search) interpreters(name, at string) *Error {
	const deepest = 5 // scripts in scripts, exec_binprm of the kernel's fs/exec.c
	for range deepest {
		kind, next := s.interpreter(at)
		if next == "" {
			return nil
		}
		next = s.absolute(next)
		if err := s.file(next, next); err != nil {
			return failure(err.Code, "%s: its %s %w", described(name, at), kind, err.Err)
		}
		if kind == "loader" {
			return nil
		}
		name, at = next, next
	}
	return nil
}

// interpreter returns the path that is written in the file, "" where there is
// none or the file cannot be read: execve(2) has the last word.
func (s search) interpreter(at string) (kind, path string) {
	f, err := s.tree.openRegular(at)
	if err != nil {
		return "", ""
	}
	defer f.Close()
	head, err := readHead(f)
	if err != nil {
		return "", ""
	}
	if path = scriptInterpreter(head.bytes); path != "" {
		return "interpreter", path
	}
	return "loader", elfLoader(head)
}

// head is a file of which the first bytes have been read: in most there is all that
// is asked for.
type head struct {
	io.ReaderAt
	bytes []byte
}

func readHead(f content) (head, error) {
	const size = 1024
	b, err := rawfile.HeadFD(int(f.descriptor), f.path, size)
	return head{f, b}, err
}

// ReadAt is io.ReaderAt's.
func (h head) ReadAt(b []byte, offset int64) (int, error) {
	if offset >= 0 && offset <= int64(len(h.bytes)-len(b)) {
		return copy(b, h.bytes[offset:]), nil
	}
	return h.ReaderAt.ReadAt(b, offset)
}

// scriptInterpreter reads the "#!" line as the kernel's fs/binfmt_script.c.
func scriptInterpreter(head []byte) string {
	const size = 256 // BINPRM_BUF_SIZE
	buf := head[:min(size, len(head))]
	line, ok := bytes.CutPrefix(buf, []byte("#!"))
	if !ok {
		return ""
	}
	if end := bytes.IndexAny(line, "\n\x00"); end >= 0 {
		line = line[:end]
	}
	line = bytes.TrimLeft(line, " \t")
	end := bytes.IndexAny(line, " \t")
	if end >= 0 {
		return string(line[:end])
	}
	if len(buf) == size && len(line) > 0 && !bytes.ContainsAny(buf, "\n\x00") {
		return "" // cut off: the kernel refuses it with ENOEXEC
	}
	return string(line)
}

// elfLoader returns PT_INTERP of a program of this machine, see elf(5).
func elfLoader(f io.ReaderAt) string {
	const (
		headerSize32, headerSize64 = 52, 64
		class32, class64           = 1, 2
	)
	header := make([]byte, headerSize64)
	if n, _ := f.ReadAt(header, 0); n < headerSize32 || !bytes.HasPrefix(header, []byte("\x7fELF")) {
		return ""
	}
	le := binary.LittleEndian
	if header[5] != 1 || !nativeMachine(le.Uint16(header[18:])) {
		return ""
	}
	switch header[4] {
	case class64:
		return segments{f, le.Uint64(header[32:]), le.Uint16(header[54:]), le.Uint16(header[56:]), true}.loader()
	case class32:
		return segments{f, uint64(le.Uint32(header[28:])), le.Uint16(header[42:]), le.Uint16(header[44:]), false}.loader()
	}
	return ""
}

// farthest bounds an offset, so that sums of it with what 16 bits hold do not overflow.
const farthest = 1 << 62

// segments is the program header table of an ELF file.
type segments struct {
	file        io.ReaderAt
	offset      uint64 // bytes
	size, count uint16
	wide        bool // 64 bits
}

func (s segments) loader() string {
	const interp = 3 // PT_INTERP
	le := binary.LittleEndian
	least := uint16(32)
	if s.wide {
		least = 56
	}
	if s.size < least || s.offset > farthest {
		return ""
	}
	entry := make([]byte, least)
	at := int64(s.offset)
	for range s.count {
		if _, err := s.file.ReadAt(entry, at); err != nil {
			return ""
		}
		switch {
		case le.Uint32(entry) != interp:
		case s.wide:
			return s.text(le.Uint64(entry[8:]), le.Uint64(entry[32:]))
		default:
			return s.text(uint64(le.Uint32(entry[4:])), uint64(le.Uint32(entry[16:])))
		}
		at += int64(s.size)
	}
	return ""
}

func (s segments) text(offset, size uint64) string {
	const longest = 4096 // PATH_MAX
	if size < 2 || size > longest || offset > farthest {
		return ""
	}
	buf := make([]byte, size)
	if _, err := s.file.ReadAt(buf, int64(offset)); err != nil {
		return ""
	}
	path, _, ended := strings.Cut(string(buf), "\x00")
	if !ended {
		return ""
	}
	return path
}

// nativeMachine knows the e_machine values that the kernel of this machine runs.
func nativeMachine(machine uint16) bool {
	const x86, arm, amd64, arm64, riscv = 3, 40, 62, 183, 243
	switch runtime.GOARCH {
	case "amd64":
		return machine == amd64 || machine == x86
	case "arm64":
		return machine == arm64 || machine == arm
	case "riscv64":
		return machine == riscv
	}
	return false
}
