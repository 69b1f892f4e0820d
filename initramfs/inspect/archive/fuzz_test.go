package archive

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fuzzLimits keep what a fuzzed header claims small.
var fuzzLimits = Limits{Entries: 1000, Text: 1 << 20, Window: 1 << 20}

// entriesOf reads all entries, and bodies up to a bound where they are wanted.
func entriesOf(r *Reader, bodies bool) ([]Entry, error) {
	defer r.Close()
	var list []Entry
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		list = append(list, e)
		if !bodies {
			continue
		}
		if _, err := io.CopyN(io.Discard, r, 1<<20); err != nil && !errors.Is(err, io.EOF) {
			return list, err
		}
	}
}

// FuzzReader holds, of any file: there are entries or an error, never a panic;
// the entries are the same whether bodies are read or passed over; the
// segments are within the file, in order, and give the same entries alone.
func FuzzReader(f *testing.F) {
	raw := append(one("file", "body"), one("second", strings.Repeat("x", 5000))...)
	f.Add(raw)
	f.Add(put(nil, Entry{Format: CRC, Name: "a", Mode: TypeReg, Checksum: 'x'}, "x"))
	f.Add(put(one("a", ""), Entry{Name: "l", Mode: TypeSymlink, Links: 1}, "target"))
	for _, p := range packers {
		packed := pack(f, raw, p.cmd[0], p.cmd[1:]...)
		f.Add(packed)
		f.Add(append(append(one("early", "code"), packed...), packed...))
	}
	f.Add(ukiOf(section{".ucode", one("ucode", "")}, section{".initrd", raw}))
	f.Fuzz(func(t *testing.T, image []byte) {
		src, size := bytes.NewReader(image), int64(len(image))
		r, err := NewReader(src, size, fuzzLimits)
		if err != nil {
			return
		}
		all, err := entriesOf(r, false)
		if again, err2 := NewReader(src, size, fuzzLimits); err2 != nil {
			t.Fatalf("the second NewReader: %v", err2)
		} else if read, _ := entriesOf(again, true); len(read) < len(all) && err == nil {
			t.Errorf("%d entries with their bodies read, %d without", len(read), len(all))
		}
		if err == nil {
			checkSegments(t, src, r.Segments(), all)
		}
	})
}

func checkSegments(t *testing.T, src *bytes.Reader, segs []Segment, all []Entry) {
	t.Helper()
	for _, seg := range segs {
		if seg.Offset < 0 || seg.Size <= 0 || seg.Offset+seg.Size > src.Size() {
			t.Errorf("segment %+v is not in a file of %d bytes", seg, src.Size())
		}
		got, err := entriesOf(OpenSegment(src, seg, fuzzLimits), false)
		if err != nil {
			t.Errorf("segment %+v alone: %v", seg, err)
		}
		want := all[seg.First : seg.First+seg.Entries]
		for i := range got {
			got[i].Segment, got[i].Archive = want[i].Segment, want[i].Archive
		}
		if diff := cmp.Diff(want, got); len(want)+len(got) > 0 && diff != "" {
			t.Errorf("segment %+v alone (-want +got):\n%s", seg, diff)
		}
	}
}
