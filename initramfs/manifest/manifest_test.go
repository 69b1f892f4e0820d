package manifest

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sample() *Manifest {
	return &Manifest{
		Format: Format, Builder: "kguest test", Arch: "amd64", Kernel: "6.1.0",
		Files: []File{
			{Path: "bin", Type: Directory, Mode: 0o755, Reason: "-cmd ls"},
			{
				Path: "bin/a<b>&", Type: Regular, Mode: 0o4755, UID: 1, GID: 2, Size: 3, SHA256: strings.Repeat("ab", 32),
				Source: "/host/a", Reason: "-file /host/a:/bin/a", Also: []string{"-cmd a"}, NeededBy: []string{"init"},
			},
			{Path: "dev/console", Type: Char, Mode: 0o600, Major: 5, Minor: 1, Reason: "the kernel opens it"},
			{Path: "init", Type: Symlink, Mode: 0o777, Target: "bin/bb", Reason: "\x00\n"},
		},
	}
}

func TestWriteRead(t *testing.T) {
	for name, want := range map[string]*Manifest{
		"sample": sample(),
		"empty":  {Format: Format, Files: []File{}},
	} {
		var b bytes.Buffer
		if err := Write(&b, want); err != nil {
			t.Fatal(err)
		}
		got, err := Read(&b)
		if err != nil {
			t.Errorf("%s: Read(Write) = %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: Read(Write) (-want +got):\n%s", name, diff)
		}
	}
}

func TestOneFileALine(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	if got, want := bytes.Count(b.Bytes(), []byte("\n")), len(sample().Files)+2; got != want {
		t.Errorf("%d lines, want %d:\n%s", got, want, b.Bytes())
	}
}

func TestReadErrors(t *testing.T) {
	file := func(fields string) string { return `{"format":1,"files":[{` + fields + `}]}` }
	tests := []struct{ in, want string }{
		{``, `unexpected end`},
		{`[]`, `cannot unmarshal array`},
		{`{"format":2}`, `format 2; this program knows 1`},
		{file(`"path":"../a","type":"file"`), `files[0]: path "../a" is not a clean path`},
		{file(`"path":"/a","type":"file"`), `not a clean path`},
		{file(`"path":"a","type":"door"`), `files[0] ("a"): unknown type "door"`},
		{file(`"path":"a","type":"file","mode":"10000"`), `mode "10000"`},
		{file(`"path":"a","type":"file","mode":"9"`), `mode "9"`},
		{file(`"path":"a","type":"file","size":-1`), `size -1`},
		{file(`"path":"a","type":"file","sha256":"ab"`), `sha256 is not 64`},
		{file(`"path":"a","type":"dir"},{"path":"a","type":"dir"`), `files[1]: path "a" is there twice`},
		{strings.Repeat(" ", MaxSize+1), `more than 67108864 bytes`},
	}
	for _, tt := range tests {
		_, err := Read(strings.NewReader(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Read(%.80q) = %v, want an error with %q", tt.in, err, tt.want)
		}
	}
}

func TestLookup(t *testing.T) {
	m := sample()
	if got := m.Lookup("init"); got == nil || got.Target != "bin/bb" {
		t.Errorf("Lookup(init) = %+v, want the link to bin/bb", got)
	}
	if got := m.Lookup("bin/c"); got != nil {
		t.Errorf("Lookup(bin/c) = %+v, want none", got)
	}
}

// FuzzRead holds that what Read takes is the same when written and read again.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"format":1,"files":[{"path":"a","type":"dir","mode":"1777"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := Write(&first, m); err != nil {
			t.Fatalf("Write(Read(%q)) = %v", data, err)
		}
		again, err := Read(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("Read(Write(Read(%q))) = %v", data, err)
		}
		if err := Write(&second, again); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("written twice: %v\n%s\n%s", err, first.Bytes(), second.Bytes())
		}
	})
}
