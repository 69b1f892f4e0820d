package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// fields are in order and broken, one of each kind.
func fields() []string {
	return []string{
		"", "\x08\x01", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", "\x08\x80", "\x08",
		"\x09\x01\x02\x03\x04\x05\x06\x07\x08", "\x09\x01", "\x0d\x01\x02\x03\x04", "\x0d", "\x12\x03abc", "\x12\x04abc", "\x12",
		"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x0b\x0c", "\x0b\x14", "\x0b\x08\x01\x0b\x12\x01x\x0c\x0c\x08", "\x0b\x0b\x0c", "\x0c", "\x0e", "\x0f",
		"\x00\x01", "\xf8\xff\xff\xff\x0f\x01", "\xf8\xff\xff\xff\x3f\x01", "\xf8\xff\xff\xff\x7f\x01", "\x80", strings.Repeat("\xff", 10), strings.Repeat("\xff", 9), "\x0b\x0e", "\x0b\x00",
	}
}

// oracle returns the size of a field and its error as protowire has them.
func oracle(b []byte) (int, error) {
	_, _, n := protowire.ConsumeField(b)
	return max(n, 0), protowire.ParseError(n)
}

// read returns the size of the field that b begins with.
func read(b []byte) (int, error) {
	number, kind, tag, err := ReadTag(b)
	if err != nil {
		return 0, err
	}
	size, err := Size(number, kind, b[tag:])
	if err != nil {
		return 0, err
	}
	return tag + size, nil
}

func FuzzField(f *testing.F) {
	for _, text := range fields() {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := read(b)
		want, werr := oracle(b)
		if got != want || (err == nil) != (werr == nil) || errors.Is(err, Cut) != errors.Is(werr, io.ErrUnexpectedEOF) {
			t.Errorf("size of field %x = %d, %v, want %d, %v", b, got, err, want, werr)
		}
		if err != nil && !strings.HasSuffix(strings.ReplaceAll(werr.Error(), "\u00a0", " "), err.Error()) {
			t.Errorf("error of field %x = %v, want %v", b, err, werr)
		}
		v, n, err := ReadBytes(b)
		wantBytes, wantN := protowire.ConsumeBytes(b)
		if !bytes.Equal(v, wantBytes) || n != max(wantN, 0) || (err == nil) != (wantN >= 0) {
			t.Errorf("ReadBytes(%x) = %x, %d, %v, want %x, %d", b, v, n, err, wantBytes, wantN)
		}
		bits, n, err := ReadFixed64(b)
		wantBits, wantN := protowire.ConsumeFixed64(b)
		if bits != wantBits || n != max(wantN, 0) || (err == nil) != (wantN >= 0) {
			t.Errorf("ReadFixed64(%x) = %x, %d, %v, want %x, %d", b, bits, n, err, wantBits, wantN)
		}
		if got, want := AppendBytes([]byte("x"), b), protowire.AppendBytes([]byte("x"), b); !bytes.Equal(got, want) {
			t.Errorf("AppendBytes(%x) = %x, want %x", b, got, want)
		}
	})
}

func TestKey(t *testing.T) {
	for _, number := range []uint64{1, 15, 16, MaxNumber} {
		if got, want := Key(number, Bytes), protowire.EncodeTag(protowire.Number(number), protowire.BytesType); got != want {
			t.Errorf("Key(%d, Bytes) = %d, want %d", number, got, want)
		}
	}
}

// TestTooDeep: groups in each other end with an error, not with the stack.
func TestTooDeep(t *testing.T) {
	deep := bytes.Repeat([]byte{0x0b}, maxGroups)
	deep = append(deep, bytes.Repeat([]byte{0x0c}, maxGroups)...)
	if n, err := read(deep); n != len(deep) || err != nil {
		t.Errorf("size of %d groups = %d, %v, want %d", maxGroups, n, err, len(deep))
	}
	if n, err := read(append([]byte{0x0b}, deep...)); !errors.Is(err, TooDeep) {
		t.Errorf("size of one group more = %d, %v, want %v", n, err, TooDeep)
	}
}
