package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Offsets and sizes in a PE file (Microsoft PE/COFF specification, "File
// Headers" and "Section Table").
const (
	peOffsetAt    = 0x3c
	coffSize      = 4 + 20 // signature and header
	sectionSize   = 40
	maxSections   = 96 // the loader's limit
	sectionsAt    = 6  // NumberOfSections, from the signature
	optionalAt    = 20 // SizeOfOptionalHeader
	sectionNameSz = 8
)

// ukiSections are those that the stub hands to the kernel as its initramfs, in
// that order (Unified Kernel Image specification).
var ukiSections = []string{".ucode", ".initrd"}

// findExtents returns the parts of the file that are initramfs: all of it, or
// sections of a unified kernel image.
func findExtents(src io.ReaderAt, size int64) ([]extent, error) {
	if size == 0 {
		return nil, &Error{Err: errEmpty}
	}
	head := make([]byte, min(size, 64))
	if _, err := src.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(head) < 64 || string(head[:2]) != "MZ" {
		return []extent{{"", 0, size}}, nil
	}
	sections, err := peSections(src, int64(binary.LittleEndian.Uint32(head[peOffsetAt:])), size)
	if err != nil {
		return nil, err
	}
	var list []extent
	for _, name := range ukiSections {
		for _, s := range sections {
			if s.section == name {
				list = append(list, s)
			}
		}
	}
	if len(list) == 0 {
		return nil, &Error{Err: errors.New("not an initramfs: this is an EFI program or a kernel, without a section .initrd")}
	}
	return list, nil
}

// peSections reads the section table of the PE header at offset at.
func peSections(src io.ReaderAt, at, size int64) ([]extent, error) {
	coff := make([]byte, coffSize)
	if _, err := src.ReadAt(coff, at); err != nil {
		return nil, &Error{Offset: at, Err: fmt.Errorf("PE header: %w", cut(err))}
	}
	if string(coff[:4]) != "PE\x00\x00" {
		return nil, &Error{Offset: at, Err: errors.New("not an initramfs: starts with MZ and has no PE header")}
	}
	count := binary.LittleEndian.Uint16(coff[sectionsAt:])
	if count > maxSections {
		return nil, &Error{
			Offset: at + sectionsAt, Field: "PE header field NumberOfSections", Value: fmt.Sprint(count),
			Err: fmt.Errorf("want at most %d", maxSections),
		}
	}
	at += coffSize + int64(binary.LittleEndian.Uint16(coff[optionalAt:]))
	table := make([]byte, int(count)*sectionSize)
	if _, err := src.ReadAt(table, at); err != nil && len(table) > 0 {
		return nil, &Error{Offset: at, Err: fmt.Errorf("PE section table: %w", cut(err))}
	}
	var list []extent
	for i, row := range slices.Collect(slices.Chunk(table, sectionSize)) {
		s, err := peSection(row, size)
		if err != nil {
			return nil, &Error{Offset: at + int64(i)*sectionSize, Err: err}
		}
		list = append(list, s)
	}
	return list, nil
}

// peSection reads a row of the section table. The file holds a section padded
// to the alignment, the row its size without.
func peSection(row []byte, size int64) (extent, error) {
	virtual := int64(binary.LittleEndian.Uint32(row[8:]))
	raw := int64(binary.LittleEndian.Uint32(row[16:]))
	start := int64(binary.LittleEndian.Uint32(row[20:]))
	s := extent{text(row[:sectionNameSz]), start, start + min(virtual, raw)}
	if raw > 0 && s.end > size {
		return s, fmt.Errorf("section %q is from %d to %d in a file of %d bytes", s.section, s.start, s.end, size)
	}
	return s, nil
}
