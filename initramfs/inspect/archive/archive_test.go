package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// put appends an entry to an archive: a header with these fields, a name and a
// body, padded.
func put(b []byte, e Entry, body string) []byte {
	magic := "070701"
	if e.Format == CRC {
		magic = "070702"
	}
	b = fmt.Appendf(b, "%s%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08X%08x%s\x00", magic,
		e.Inode, e.Mode, e.UID, e.GID, e.Links, e.ModTime, len(body), e.Major, e.Minor, e.RMajor, e.RMinor,
		len(e.Name)+1, e.Checksum, e.Name)
	b = append(b, make([]byte, padding(headerSize+int64(len(e.Name))+1))...)
	b = append(b, body...)
	return append(b, make([]byte, padding(int64(len(body))))...)
}

// one is an archive with one file.
func one(name, body string) []byte {
	return put(put(nil, Entry{Name: name, Mode: TypeReg | 0o644, Links: 1}, body), Entry{Name: trailer, Links: 1}, "")
}

// pack packs b with a program.
func pack(t testing.TB, b []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = bytes.NewReader(b)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", program, err)
	}
	return out
}

// packers are the programs whose output the kernel reads, and lz4's own frame.
var packers = []struct {
	compression Compression
	cmd         []string
}{
	{Gzip, []string{"gzip", "-n"}},
	{Bzip2, []string{"bzip2"}},
	{LZMA, []string{"xz", "--format=lzma"}},
	{XZ, []string{"xz", "--check=crc32"}},
	{LZ4Legacy, []string{"lz4", "-l", "-c"}},
	{LZ4, []string{"lz4", "-c"}},
	{Zstd, []string{"zstd", "-q", "-c"}},
}

// read returns what a Reader finds: "name=body" of each entry, and the
// segments.
func read(image []byte) ([]string, []Segment, error) {
	return readLimited(image, Limits{})
}

func readLimited(image []byte, limits Limits) ([]string, []Segment, error) {
	r, err := NewReader(bytes.NewReader(image), int64(len(image)), limits)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	var list []string
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, r.Segments(), nil
		}
		if err != nil {
			return list, nil, err
		}
		body, err := io.ReadAll(r)
		if err != nil {
			return list, nil, err
		}
		list = append(list, e.Name+"="+string(body)+e.Target)
	}
}

func TestEveryCompression(t *testing.T) {
	raw := one("file", strings.Repeat("content ", 5000))
	want, _, err := read(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packers {
		for _, pad := range []int{0, 1, 4, 512} {
			packed := pack(t, raw, p.cmd[0], p.cmd[1:]...)
			image := append(bytes.Clone(packed), make([]byte, pad)...)
			got, segs, err := read(image)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s, %d zeros behind: %v (-want +got):\n%s", p.compression, pad, err, diff)
				continue
			}
			wantSegs := []Segment{{
				Size: int64(len(packed)), RawSize: int64(len(raw)), Compression: p.compression, Format: Newc, Archives: 1, Entries: 1,
			}}
			if diff := cmp.Diff(wantSegs, segs); diff != "" {
				t.Errorf("%s, %d zeros behind: segments (-want +got):\n%s", p.compression, pad, diff)
			}
		}
	}
}

// Each kind of segment before each other: the second archive must not be lost.
func TestTwoSegments(t *testing.T) {
	first, second := one("first", "1"), one("second", strings.Repeat("2", 3000))
	kinds := append(slices.Clip(packers), struct {
		compression Compression
		cmd         []string
	}{None, []string{"cat"}})
	for _, a := range kinds {
		for _, b := range kinds {
			image := pack(t, first, a.cmd[0], a.cmd[1:]...)
			at := (len(image) + 3) &^ 3
			image = append(image, make([]byte, at-len(image))...)
			image = append(image, pack(t, second, b.cmd[0], b.cmd[1:]...)...)
			got, segs, err := read(image)
			want := []string{"first=1", "second=" + strings.Repeat("2", 3000)}
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("%s, then %s: %v (-want +got):\n%s", a.compression, b.compression, err, diff)
				continue
			}
			if len(segs) != 2 || segs[1].Offset != int64(at) || segs[1].Compression != b.compression {
				t.Errorf("%s, then %s: segments %+v, want the second at %d", a.compression, b.compression, segs, at)
			}
		}
	}
}

// The kernel goes on in the same stream.
func TestTwoArchivesInOneStream(t *testing.T) {
	raw := append(one("first", "1"), make([]byte, 512)...)
	raw = append(raw, one("second", "2")...)
	got, segs, err := read(pack(t, raw, "gzip"))
	if diff := cmp.Diff([]string{"first=1", "second=2"}, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if len(segs) != 1 || segs[0].Archives != 2 {
		t.Errorf("segments %+v, want one with two archives", segs)
	}
}

func TestOpenSegment(t *testing.T) {
	image := one("a", "1")
	for _, p := range packers {
		image = append(image, make([]byte, -len(image)&3)...)
		image = append(image, pack(t, one(string(p.compression), "packed"), p.cmd[0], p.cmd[1:]...)...)
	}
	_, segs, err := read(image)
	if err != nil {
		t.Fatal(err)
	}
	for _, seg := range segs[1:] {
		r := OpenSegment(bytes.NewReader(image), seg, Limits{})
		e, err := r.Next()
		if err != nil || e.Name != string(seg.Compression) {
			t.Errorf("OpenSegment(%s): %+v, %v", seg.Compression, e, err)
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("OpenSegment(%s): second Next = %v, want EOF", seg.Compression, err)
		}
		r.Close()
	}
}

// A crc archive's sums are held whether the body is read or not.
func TestChecksum(t *testing.T) {
	good := put(nil, Entry{Format: CRC, Name: "a", Mode: TypeReg, Checksum: 'x' + 'y'}, "xy")
	bad := put(nil, Entry{Format: CRC, Name: "a", Mode: TypeReg, Checksum: 1}, "xy")
	end := put(nil, Entry{Format: CRC, Name: trailer}, "")
	if got, _, err := read(append(good, end...)); err != nil || len(got) != 1 {
		t.Errorf("right sum: %q, %v", got, err)
	}
	image := append(bad, end...)
	_, _, readErr := read(image)
	r, err := NewReader(bytes.NewReader(image), int64(len(image)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next()
	}
	for name, err := range map[string]error{"read": readErr, "passed over": err} {
		want := `offset 0: body of "a": sum of its bytes is 000000f1, and 00000001 in the header`
		if err == nil || err.Error() != want {
			t.Errorf("wrong sum, body %s: %v, want %s", name, err, want)
		}
	}
}

func TestErrors(t *testing.T) {
	file := one("file", "body")
	change := func(at int, s string) []byte {
		b := bytes.Clone(file)
		copy(b[at:], s)
		return b
	}
	link := put(nil, Entry{Name: "l", Mode: TypeSymlink | 0o777}, strings.Repeat("x", 4097))
	tests := []struct {
		name  string
		image []byte
		want  string
	}{
		{"empty", nil, `offset 0: not an initramfs: the file is empty, or zeros alone`},
		{"zeros", make([]byte, 100), `offset 0: not an initramfs: the file is empty, or zeros alone`},
		{"text", []byte("hello, world"), `offset 0: not an initramfs: starts with 68 65 6c 6c 6f 2c; want`},
		{"one byte", []byte("x"), `starts with 78;`},
		{"ELF", []byte("\x7fELF\x02\x01\x01"), `this is an ELF program`},
		{"odc", []byte("070707" + strings.Repeat("0", 104)), `offset 0: header field magic "070707": the odc format of cpio`},
		{"short header", file[:50], `offset 0: header: ends too soon`},
		{"short name", file[:112], `offset 0: name: ends too soon`},
		{"short body", file[:117], `offset 0: body of "file": ends too soon`},
		{"junk", append(bytes.Clone(file), "junk"...), `offset 244: junk after an archive: 6a 75 6e 6b; want zeros`},
		{"junk after zeros", append(append(bytes.Clone(file), 0, 0, 0), "junk"...), `offset 247: junk after`},
		{"unaligned", append(append(bytes.Clone(file), 0), file...), `offset 245: archive starts at no multiple of 4`},
		{"digit", change(14, "0000000g"), `offset 14: header field mode "0000000g": want 8 hexadecimal digits`},
		{"sign", change(14, "+0000001"), `offset 14: header field mode "+0000001": want 8`},
		{"huge name", change(94, "FFFFFFFF"), `offset 94: header field namesize "FFFFFFFF": want 1 to 4096 bytes`},
		{"no name", change(94, "00000000"), `offset 94: header field namesize "00000000"`},
		{"huge body", change(54, "FFFFFFFF"), `offset 0: body of "file": ends too soon`},
		{"no NUL", change(114, "x"), `offset 0: name "filex" does not end in NUL`},
		{"second magic", change(120, "1"), `offset 120: header field magic "170701": no cpio header`},
		{"long target", link, `offset 54: header field filesize "00001001": want a link target of at most 4096 bytes`},
		{"packed", pack(t, change(14, "0000000g"), "gzip"), `byte 14 of the gzip data at offset 0: header field mode`},
		{"packed junk", pack(t, append(bytes.Clone(file), 'j'), "zstd", "-qc"), `byte 244 of the zstd data at offset 0: junk after an archive: byte 6a`},
		{"packed nothing", pack(t, nil, "gzip"), `byte 0 of the gzip data at offset 0: no archive in it`},
		{"packed text", pack(t, []byte("text"), "xz"), `byte 0 of the xz data at offset 0: header: ends too soon`},
	}
	for _, tt := range tests {
		_, _, err := read(tt.image)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
	}
}

// Cut anywhere, a packed image is an error that says so, never a panic and
// never a success.
func TestCutAnywhere(t *testing.T) {
	raw := one("file", strings.Repeat("some content, ", 30))
	for _, p := range packers {
		packed := pack(t, raw, p.cmd[0], p.cmd[1:]...)
		for n := 1; n < len(packed); n++ {
			_, _, err := read(packed[:n])
			if err == nil {
				t.Errorf("%s: the first %d of %d bytes are read without an error", p.compression, n, len(packed))
			}
		}
	}
}

func TestLimits(t *testing.T) {
	image := append(one("aaaa", ""), one("bbbb", "")...)
	tests := []struct {
		limits Limits
		want   string
	}{
		{Limits{Entries: 1}, "more than 1 entries"},
		{Limits{Text: 7}, "more than 7 bytes of names"},
	}
	for _, tt := range tests {
		if _, _, err := readLimited(image, tt.limits); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("read with %+v: %v, want %q", tt.limits, err, tt.want)
		}
	}
	for _, cmd := range [][]string{{"xz", "-9"}, {"zstd", "-q", "-c", "--long=27"}, {"xz", "--format=lzma", "-9"}} {
		packed := pack(t, one("a", strings.Repeat("x", 2<<20)), cmd[0], cmd[1:]...)
		if _, _, err := readLimited(packed, Limits{Window: 1 << 20}); err == nil {
			t.Errorf("%q with a window of 1 MiB: no error", cmd)
		}
	}
}

// An archive whose trailer is missing is one to the kernel.
func TestNoTrailer(t *testing.T) {
	got, segs, err := read(put(nil, Entry{Name: "a", Mode: TypeReg}, "1"))
	if err != nil || len(got) != 1 || len(segs) != 1 || segs[0].Archives != 0 {
		t.Errorf("archive without trailer: %q, %+v, %v", got, segs, err)
	}
}

// What a header claims is not allocated before it is there.
func TestClaims(t *testing.T) {
	huge := func(at int, s string) []byte {
		b := one("file", "body")
		copy(b[at:], s)
		return b
	}
	claims := map[string][]byte{
		"body":        huge(54, "FFFFFFFF"),
		"name":        huge(94, "FFFFFFFF"),
		"lz4 block":   []byte("\x02\x21\x4c\x18\xff\xff\x7f\x00data"),
		"xz records":  []byte("\xfd7zXZ\x00\x00\x01\x69\x22\xde\x36\x00\xff\xff\xff\xff\xff\xff\xff\x7f"),
		"zstd window": []byte("\x28\xb5\x2f\xfd\x00\xff\x01\x00\x00"),
		"lzma window": []byte("\x5d\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"),
		"sections":    append(ukiOf(section{})[:0x80+coffSize], 0),
	}
	for name, image := range claims {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := read(image)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
			t.Errorf("%s: %d bytes allocated for an image of %d: %v", name, got, len(image), err)
		}
	}
}
