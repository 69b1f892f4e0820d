package archive

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type section struct {
	name string
	data []byte
}

// ukiOf makes the least PE file with these sections, padded as linkers do.
func ukiOf(sections ...section) []byte {
	const peAt, optional = 0x80, 16
	le := binary.LittleEndian
	head := make([]byte, 1024)
	copy(head, "MZ")
	le.PutUint32(head[peOffsetAt:], peAt)
	copy(head[peAt:], "PE\x00\x00")
	le.PutUint16(head[peAt+sectionsAt:], uint16(len(sections)))
	le.PutUint16(head[peAt+optionalAt:], optional)
	image := head
	for i, s := range sections {
		row := head[peAt+coffSize+optional+i*sectionSize:]
		copy(row[:sectionNameSz], s.name)
		padded := (len(s.data) + 511) &^ 511
		le.PutUint32(row[8:], uint32(len(s.data)))
		le.PutUint32(row[16:], uint32(padded))
		le.PutUint32(row[20:], uint32(len(image)))
		image = append(image, s.data...)
		image = append(image, make([]byte, padded-len(s.data))...)
		copy(image, head)
	}
	return image
}

func TestUKI(t *testing.T) {
	image := ukiOf(
		section{".linux", []byte("a kernel")},
		section{".initrd", pack(t, one("main", "2"), "zstd", "-qc")},
		section{".ucode", one("microcode", "1")},
	)
	got, segs, err := read(image)
	if diff := cmp.Diff([]string{"microcode=1", "main=2"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if len(segs) != 2 || segs[0].Section != ".ucode" || segs[1].Section != ".initrd" || segs[1].Offset != 1536 {
		t.Errorf("segments %+v, want .ucode and .initrd, at 1536", segs)
	}
}

func TestUKIErrors(t *testing.T) {
	good := ukiOf(section{".initrd", one("main", "2")})
	change := func(at int, b byte) []byte {
		image := bytes.Clone(good)
		image[at] = b
		return image
	}
	tests := []struct {
		name  string
		image []byte
		want  string
	}{
		{"no section", ukiOf(section{".linux", []byte("x")}), `without a section .initrd`},
		{"no PE header", change(0x80, 'X'), `offset 128: not an initramfs: starts with MZ and has no PE header`},
		{"far header", change(peOffsetAt+3, 0xff), `PE header: ends too soon`},
		{"sections", change(0x80+sectionsAt, 97), `offset 134: PE header field NumberOfSections "97": want at most 96`},
		{"cut table", good[:0x80+coffSize+20], `PE section table: ends too soon`},
		{"far section", good[:1030], `offset 168: section ".initrd" is from 1024 to 1268 in a file of 1030 bytes`},
		{"only MZ", append([]byte("MZ"), make([]byte, 62)...), `offset 0: not an initramfs`},
	}
	for _, tt := range tests {
		if _, _, err := read(tt.image); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}
