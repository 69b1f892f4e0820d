package erofs

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	reader "github.com/erofs/go-erofs"
	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/pack/flatten"
)

// streamLayer is a layer that is made when it is read.
type streamLayer func(w *tar.Writer) error

func (streamLayer) Name() string { return "layer" }

func (streamLayer) Size() int64 { return 1 << 40 }

func (l streamLayer) Open(context.Context) (io.ReadCloser, error) {
	r, w := io.Pipe()
	go func() {
		archive := tar.NewWriter(w)
		err := l(archive)
		if err == nil {
			err = archive.Close()
		}
		w.CloseWithError(err) // it returns nil
	}()
	return r, nil
}

// write writes the files of a layer, and returns the image's path.
func write(t testing.TB, l flatten.Layer) string {
	t.Helper()
	tree, err := flatten.Flatten(t.Context(), []flatten.Layer{l}, flatten.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "image"))
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(t.Context(), f, tree); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// checkImage has erofs-utils look at an image.
func checkImage(t testing.TB, image string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "fsck.erofs", "--extract", image).CombinedOutput(); err != nil {
		t.Fatalf("fsck.erofs: %v\n%s", err, out)
	}
}

// read describes what another reader finds in an image.
func read(t testing.TB, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := reader.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]string{}
	err = fs.WalkDir(img, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st, ok := info.Sys().(*reader.Stat)
		if !ok {
			return fmt.Errorf("%s: no stat", p)
		}
		line := fmt.Sprintf("%v %d:%d %d.%d %d", info.Mode(), st.UID, st.GID, int64(st.Mtime), st.MtimeNs, st.Nlink)
		if info.Mode().IsRegular() {
			data, err := fs.ReadFile(img, p)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %q", data)
		}
		if len(st.Xattrs) > 0 {
			line += fmt.Sprintf(" %q", st.Xattrs)
		}
		list[p] = line
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func entry(w *tar.Writer, h tar.Header, content string) error {
	h.Size, h.Format = int64(len(content)), tar.FormatPAX
	if err := w.WriteHeader(&h); err != nil {
		return err
	}
	_, err := io.WriteString(w, content)
	return err
}

// Contents of every size about the limits of inline content and of blocks.
func TestSizes(t *testing.T) {
	content := func(n int) string { return strings.Repeat("0123456789abcdef", n/16+1)[:n] }
	want := map[string]string{}
	img := write(t, streamLayer(func(w *tar.Writer) error {
		for i, n := range []int{0, 1, 2047, 2048, 2049, 4032, 4095, 4096, 4097, 6143, 6144, 6145, 8192, 65536, 65537, 200000} {
			name := fmt.Sprintf("%d", n)
			attrs := map[string]string{}
			for range i % 3 {
				attrs["SCHILY.xattr.user.a"] = content(500 * i)
			}
			if err := entry(w, tar.Header{Name: name, Mode: 0o644, PAXRecords: attrs}, content(n)); err != nil {
				return err
			}
			want[name] = fmt.Sprintf("-rw-r--r-- 0:0 0.0 1 %q", content(n))
			if len(attrs) > 0 {
				want[name] += fmt.Sprintf(" %q", map[string]string{"user.a": content(500 * i)})
			}
		}
		return nil
	}))
	checkImage(t, img)
	got := read(t, img)
	delete(got, ".")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%.3000s", diff)
	}
}

func TestAttributes(t *testing.T) {
	when := time.Unix(-5, 250)
	img := write(t, streamLayer(func(w *tar.Writer) error {
		for _, h := range []tar.Header{
			{Typeflag: tar.TypeDir, Name: "./", Mode: 0o711, Uid: 7, Gid: 8, ModTime: time.Unix(9, 0), PAXRecords: map[string]string{"SCHILY.xattr.user.root": "x"}},
			{Typeflag: tar.TypeChar, Name: "c", Mode: 0o600, Devmajor: 4095, Devminor: 1<<20 - 1},
			{Typeflag: tar.TypeFifo, Name: "p", Mode: 0o4777, Uid: 1<<32 - 2, Gid: 70000, ModTime: when},
			{Typeflag: tar.TypeSymlink, Name: "s", Mode: 0o777, Linkname: strings.Repeat("long/", 800)},
			{Typeflag: tar.TypeLink, Name: "d/s2", Linkname: "s"},
			{Typeflag: tar.TypeLink, Name: "p2", Linkname: "p"},
			{Typeflag: tar.TypeReg, Name: "x", PAXRecords: map[string]string{
				"SCHILY.xattr.security.capability": "\x01\x00", "SCHILY.xattr.trusted.t": "", "SCHILY.xattr.user." + strings.Repeat("n", 250): "v",
				"SCHILY.xattr.system.posix_acl_access": "left out",
			}},
		} {
			if err := entry(w, h, ""); err != nil {
				return err
			}
		}
		return nil
	}))
	checkImage(t, img)
	want := map[string]string{
		".":    `drwx--x--x 7:8 9.0 3 map["user.root":"x"]`,
		"c":    "Dcrw------- 0:0 0.0 1",
		"d":    "drwxr-xr-x 0:0 0.0 2",
		"d/s2": "Lrwxrwxrwx 0:0 0.0 2",
		"s":    "Lrwxrwxrwx 0:0 0.0 2",
		"x":    fmt.Sprintf(`---------- 0:0 0.0 1 "" %q`, map[string]string{"security.capability": "\x01\x00", "trusted.t": "", "user." + strings.Repeat("n", 250): "v"}),
	}
	got := read(t, img)
	want["p"], want["p2"] = got["p2"], got["p"] // the same inode
	if !strings.HasSuffix(got["p"], "rwxrwxrwx 4294967294:70000 -5.250 2") {
		t.Errorf("FIFO is %s", got["p"])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

// A directory of many blocks, in which the kernel searches by name.
func TestLargeDirectory(t *testing.T) {
	const count = 20000
	img := write(t, streamLayer(func(w *tar.Writer) error {
		for i := range count {
			name := fmt.Sprintf("%x%s", i*7919%count, strings.Repeat("n", i%200))
			if err := entry(w, tar.Header{Typeflag: tar.TypeReg, Name: "d/" + name}, ""); err != nil {
				return err
			}
		}
		return nil
	}))
	checkImage(t, img)
	if got := len(read(t, img)); got != count+2 {
		t.Errorf("%d files, want %d", got, count+2)
	}
}

// A file of more than 4 GiB, which takes no room where it is zeros.
func TestLargeFile(t *testing.T) {
	const size = 1<<32 + 12345
	img := write(t, streamLayer(func(w *tar.Writer) error {
		if err := w.WriteHeader(&tar.Header{Name: "large", Size: size, Format: tar.FormatPAX}); err != nil {
			return err
		}
		if _, err := io.CopyN(w, zeros{}, size-4); err != nil {
			return err
		}
		_, err := io.WriteString(w, "last")
		return err
	}))
	f, err := os.Open(img)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fsys, err := reader.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	info, err := fs.Stat(fsys, "large")
	if err != nil || info.Size() != size {
		t.Fatalf("size %v, %v, want %d", info, err, int64(size))
	}
	// Its end, of less than half a block, is behind its inode.
	inodes := make([]byte, blockSize)
	if _, err := f.ReadAt(inodes, inodesOffset); err != nil || !bytes.Contains(inodes, []byte("\x00last\x00")) {
		t.Errorf("the end is not where the inodes are: %v", err)
	}
	if image, err := f.Stat(); err != nil || image.Size() != 2*blockSize+size/blockSize*blockSize {
		t.Errorf("image has %d bytes, %v, want two blocks and those of the file", image.Size(), err)
	}
}

// Whatever tree it is, another reader finds the same in its image.
func FuzzWrite(f *testing.F) {
	f.Add([]byte("a0b1c2/d3"), uint16(3000))
	f.Add([]byte{1, 200, 3, 77, 5, 6, 7, 90, 9}, uint16(40))
	f.Fuzz(func(t *testing.T, data []byte, seed uint16) {
		want := map[string]string{}
		img := write(t, streamLayer(func(w *tar.Writer) error {
			clear(want)
			for i, b := range data {
				size := int(b) * int(seed) % 10000
				name := path.Join(fmt.Sprintf("d%d", b%5), strings.Repeat("n", 1+int(b))+fmt.Sprint(i))
				content := string(bytes.Repeat([]byte{b}, size))
				if len(name) > 250 {
					continue
				}
				if err := entry(w, tar.Header{Name: name, Mode: 0o600, Uid: i}, content); err != nil {
					return err
				}
				want[name] = fmt.Sprintf("-rw------- %d:0 0.0 1 %q", i, content)
			}
			return nil
		}))
		got := read(t, img)
		for name, line := range want {
			if got[name] != line {
				t.Errorf("%s is %.200s, want %.200s", name, got[name], line)
			}
		}
		for name, line := range got {
			if want[name] == "" && line[0] != 'd' {
				t.Errorf("%s is there", name)
			}
		}
	})
}
