package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

// written is the head of a tree that veritysetup 2.6.1 wrote over 74 blocks of data.
func written(t testing.TB) []byte {
	t.Helper()
	head, err := hex.DecodeString("7665726974790000" + "01000000" + "01000000" + "68410c3f6bd746e79b64a07ff8e6566f" +
		hex.EncodeToString([]byte("sha256")) + strings.Repeat("00", 26) + "00100000" + "00100000" + "4a00000000000000" +
		"2000" + "3362667b21e8" + salt)
	if err != nil {
		t.Fatal(err)
	}
	return append(head, make([]byte, superblockSize-len(head))...)
}

const salt = "3362667b21e8b007027aa0025cb57acafca528e25abde565587b5315680ff1ca"

func TestTable(t *testing.T) {
	s, err := parseSuperblock(written(t))
	if err != nil {
		t.Fatal(err)
	}
	v := volume{Name: "image", Disk: "/dev/vda", Tree: "/dev/vdc", RootHash: "6952"}
	if got, want := s.table(v), "1 /dev/vda /dev/vdc 4096 4096 74 1 sha256 6952 "+salt; got != want {
		t.Errorf("table = %s, want %s", got, want)
	}
	if got, want := s.sectors(), uint64(74*8); got != want {
		t.Errorf("sectors = %d, want %d", got, want)
	}
	s.SaltSize, s.HashBlockSize, s.DataBlockSize = 0, 512, 1024
	if got, want := s.table(v), "1 /dev/vda /dev/vdc 1024 512 74 1 sha256 6952 -"; got != want {
		t.Errorf("table without salt = %s, want %s", got, want)
	}
}

func TestSuperblockErrors(t *testing.T) {
	const sizes = "not powers of 2 from 512 to 65536"
	tests := []struct {
		at, value int // a byte
		want      string
	}{
		{0, 'V', "no hash tree: veritysetup format makes one"},
		{8, 2, "superblock version 2, want 1"},
		{32, 0, `hash algorithm "": not a name`},
		{35, ' ', `hash algorithm "sha 56": not a name`},
		{64, 1, "block sizes 4097 and 4096: " + sizes},
		{70, 2, "block sizes 4096 and 135168: " + sizes},
		{72, 0, "0 data blocks: want 1 to 281474976710656"},
		{79, 1, "72057594037928010 data blocks: want 1 to 281474976710656"},
		{81, 2, "salt of 544 bytes, over 256"},
	}
	for _, tt := range tests {
		head := written(t)
		head[tt.at] = byte(tt.value)
		if _, err := parseSuperblock(head); err == nil || err.Error() != tt.want {
			t.Errorf("parseSuperblock with %d at %d = %v, want %s", tt.value, tt.at, err, tt.want)
		}
	}
	if _, err := parseSuperblock(written(t)[:511]); err == nil || err.Error() != "superblock of 511 bytes, want 512" {
		t.Errorf("parseSuperblock of 511 bytes = %v", err)
	}
}

func TestVolumeCheck(t *testing.T) {
	tests := []struct{ name, hash, want string }{
		{"image", "00ff", ""},
		{"", "00ff", `name "": give 1 to 127 characters without a slash`},
		{"a/b", "00ff", `name "a/b": give 1 to 127 characters without a slash`},
		{"image", "", `root hash "": give the hexadecimal digits that veritysetup format printed`},
		{"image", "00 1", `root hash "00 1": give the hexadecimal digits that veritysetup format printed`},
	}
	for _, tt := range tests {
		got := ""
		if err := (volume{Name: tt.name, RootHash: tt.hash}).check(); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("check of %q, %q = %s, want %s", tt.name, tt.hash, got, tt.want)
		}
	}
}

// FuzzSuperblock: what is taken makes a table of ten words, and sectors that did not
// overflow.
func FuzzSuperblock(f *testing.F) {
	f.Add(written(f))
	f.Add(bytes.Repeat([]byte{0xff}, superblockSize))
	f.Fuzz(func(t *testing.T, head []byte) {
		s, err := parseSuperblock(head)
		if err != nil {
			return
		}
		table := s.table(volume{Disk: "/dev/vda", Tree: "/dev/vdb", RootHash: "00"})
		if words := strings.Fields(table); len(words) != 10 || len(table) >= maxParameters {
			t.Errorf("table of %x = %q", head, table)
		}
		if s.sectors()/uint64(s.DataBlockSize/512) != s.DataBlocks {
			t.Errorf("sectors of %x = %d", head, s.sectors())
		}
	})
}

func TestStructSizes(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  int
	}{{superblock{}, superblockSize}, {header{}, 312}, {target{}, 40}} {
		if got := binary.Size(tt.value); got != tt.want {
			t.Errorf("size of %T = %d, want %d", tt.value, got, tt.want)
		}
	}
}
