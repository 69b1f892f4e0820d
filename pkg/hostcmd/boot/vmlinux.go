package boot

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// unpackedKernel returns the kernel at path as an ELF file: itself, or what the
// bzImage holds, written into dir.
func unpackedKernel(ctx context.Context, path, dir string) (string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		return path, nil
	}
	packed, err := payload(data)
	if err != nil {
		return "", fmt.Errorf("unpack kernel %s: %w", path, err)
	}
	program, err := unpack(ctx, packed)
	if err == nil && !bytes.HasPrefix(program, []byte(elf.ELFMAG)) {
		err = errors.New("what it holds is no ELF file")
	}
	if err != nil {
		return "", fmt.Errorf("unpack kernel %s: %w; give its vmlinux as -kernel", path, err)
	}
	out := filepath.Join(dir, "vmlinux")
	_, err = verb.WriteFile(out, func(w io.Writer) error {
		_, err := w.Write(program)
		return err
	})
	return out, err
}

// Where a bzImage has what (Documentation/arch/x86/boot.rst of the kernel).
const (
	setupSectorsAt  = 0x1f1
	setupMagicAt    = 0x202
	payloadOffsetAt = 0x248 // from the end of the setup
	payloadLengthAt = 0x24c
	setupEnd        = 0x250
	sectorSize      = 512
)

// payload returns the packed kernel in a bzImage.
func payload(image []byte) ([]byte, error) {
	if len(image) < setupEnd || string(image[setupMagicAt:setupMagicAt+4]) != "HdrS" {
		return nil, errors.New("not a bzImage")
	}
	sectors := uint64(image[setupSectorsAt])
	if sectors == 0 {
		sectors = 4
	}
	begin := (sectors+1)*sectorSize + uint64(binary.LittleEndian.Uint32(image[payloadOffsetAt:]))
	end := begin + uint64(binary.LittleEndian.Uint32(image[payloadLengthAt:]))
	if end > uint64(len(image)) {
		return nil, errors.New("cut short")
	}
	return image[begin:end], nil
}

// maxKernel bounds an unpacked kernel, in bytes.
const maxKernel = 512 << 20

// unpack unpacks a kernel. That of xz has a filter that Go's libraries lack, so
// that xz does it.
func unpack(ctx context.Context, packed []byte) ([]byte, error) {
	var r io.Reader = bytes.NewReader(packed)
	var err error
	switch {
	case bytes.HasPrefix(packed, []byte("\x1f\x8b")):
		r, err = gzip.NewReader(r)
	case bytes.HasPrefix(packed, []byte("\x28\xb5\x2f\xfd")):
		r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	case bytes.HasPrefix(packed, []byte("\x02\x21\x4c\x18")):
		r = lz4.NewReader(r)
	case bytes.HasPrefix(packed, []byte("\xfd7zXZ\x00")):
		cmd := exec.CommandContext(ctx, "xz", "--decompress", "--stdout", "--single-stream")
		cmd.Stdin = r
		out, err := cmd.Output()
		if err != nil && len(out) == 0 { // what stands after the stream is an error too
			return nil, fmt.Errorf("xz (Debian package xz-utils): %w", err)
		}
		return out, nil
	default:
		return nil, errors.New("packed in a way that is not known here")
	}
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxKernel))
	if len(out) > 0 {
		return out, nil // the kernel's size stands after the stream
	}
	return nil, err
}
