package compress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// sample is text that packs and noise that does not, more than a block of lz4.
func sample() []byte {
	const half = 9 << 19
	b := bytes.Repeat([]byte("all work and no play "), half/21)
	noise := make([]byte, half)
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(noise)
	return append(b, noise...)
}

// some is a part of the sample that c packs in bearable time; xz:0 has several
// blocks of it.
func some(c Compression, data []byte) []byte {
	if c.Name() == "xz" || c == "zstd:11" {
		return data[len(data)/2-1<<19 : len(data)/2+1<<18]
	}
	return data
}

func packed(t *testing.T, c Compression, data []byte, pieces int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := c.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for rest := data; len(rest) > 0; {
		n := min(pieces, len(rest))
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tools() map[string][]string {
	return map[string][]string{
		"lz4": {"lz4", "-dc"}, "zstd": {"zstd", "-dc"}, "gzip": {"gzip", "-dc"}, "xz": {"xz", "-dc"}, "none": {"cat"},
	}
}

// The reference tools unpack each, at its least, default and highest level.
func TestToolsUnpack(t *testing.T) {
	data := sample()
	for _, c := range []Compression{
		None, LZ4, "lz4:1", Zstd, "zstd:1", "zstd:11", Gzip, "gzip:1", XZ, "xz:0", "xz:2",
	} {
		for _, in := range [][]byte{some(c, data), data[:100], nil} {
			cmd := exec.Command(tools()[c.Name()][0], tools()[c.Name()][1:]...)
			cmd.Stdin = bytes.NewReader(packed(t, c, in, 1<<20))
			out, err := cmd.Output()
			if err != nil || !bytes.Equal(out, in) {
				t.Errorf("%s of %d bytes: the tool gave %d bytes, %v", c, len(in), len(out), err)
			}
		}
	}
}

// The bytes depend on neither the processors nor how they were written.
func TestDeterministic(t *testing.T) {
	data := sample()
	for _, c := range []Compression{None, LZ4, Zstd, Gzip, "xz:0"} {
		data := some(c, data)
		was := runtime.GOMAXPROCS(1)
		one := packed(t, c, data, 1<<20)
		runtime.GOMAXPROCS(5)
		five := packed(t, c, data, 12345)
		runtime.GOMAXPROCS(was)
		if !bytes.Equal(one, five) {
			t.Errorf("%s: %d bytes with one processor, and other %d with five", c, len(one), len(five))
		}
	}
}

// What the kernel's decoders need, besides what the tools take.
func TestForKernel(t *testing.T) {
	for c, prefix := range map[Compression]string{
		LZ4:  "\x02\x21\x4c\x18",                 // the legacy frame
		XZ:   "\xfd7zXZ\x00\x00\x01",             // CRC32
		Zstd: "\x28\xb5\x2f\xfd",                 // one frame
		Gzip: "\x1f\x8b\x08\x00\x00\x00\x00\x00", // no name and no time
	} {
		got := packed(t, c, some(c, sample()), 1<<20)
		if !strings.HasPrefix(string(got), prefix) {
			t.Errorf("%s begins with %x, want %x", c, got[:len(prefix)], prefix)
		}
		if n := bytes.Count(got, []byte(prefix)); n != 1 {
			t.Errorf("%s has %d frames, want one", c, n)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, c := range []Compression{None, LZ4, "lz4:1", "lz4:6", Zstd, "zstd:7", Gzip, "gzip:9", XZ, "xz:0"} {
		if err := c.Check(); err != nil {
			t.Errorf("Check(%s) = %v", c, err)
		}
	}
	for c, want := range map[Compression]string{
		"":        `no compression ""`,
		"zst":     `did you mean "zstd"?`,
		"zstd:":   `want a level of 1, 3, 7 or 11`,
		"zstd:19": `want a level of 1, 3, 7 or 11`,
		"lz4:7":   `want a level of 1 to 6`,
		"gzip:-1": `want a level of 1 to 9`,
		"xz:1x":   `want a level of 0 to 2`,
		"none:1":  `none has no levels`,
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check(%q) = %v, want an error with %q", string(c), err, want)
		}
		if _, err := c.NewWriter(io.Discard); err == nil {
			t.Errorf("NewWriter(%q) = nil, want an error", string(c))
		}
	}
}

// A level that packed no smaller than the one below would be a name for nothing.
func TestLevels(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	data = data[:min(len(data), 5<<20)]
	for _, name := range Names() {
		last := len(data) + 1
		for _, level := range Levels(name) {
			c := Compression(fmt.Sprintf("%s:%d", name, level))
			got := len(packed(t, c, data, 1<<20))
			if got >= last {
				t.Errorf("%s: %d bytes, and %d at the level below", c, got, last)
			}
			last = got
		}
	}
}

// Each processor has a part of what xz packs, of a small image too: with one run
// a dictionary a 16 MB image had two.
func TestXZRuns(t *testing.T) {
	w, err := XZ.NewWriter(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if x, ok := w.(*xzWriter); !ok || x.size != 1<<20 {
		t.Errorf("xz packs %T, want runs of 1 MiB", w)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// full is a disk without space.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestDiskFull(t *testing.T) {
	for _, name := range Names() {
		data := some(Compression(name), sample())
		w, err := Compression(name).NewWriter(full{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(struct{ io.Writer }{w}, bytes.NewReader(data))
		if closeErr := w.Close(); err == nil {
			err = closeErr
		}
		if !errors.Is(err, errFull) {
			t.Errorf("%s: Write and Close = %v, want %v", name, err, errFull)
		}
	}
}
