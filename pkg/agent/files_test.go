package agent

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// content is what a file stream gave: data, or the error.
type content struct {
	Data  string
	Error string
	Errno syscall.Errno
}

func (h *host) readFile(t testing.TB, r *idmpb.FileReadRequest) (got content) {
	t.Helper()
	x := h.open(t, idm.ExtensionChannel, &idmpb.ExtensionRequest{Request: r})
	end := false
	for _, m := range x.all(t) {
		e, ok := m.Body.(*idmpb.ExtensionResponse)
		if !ok || end {
			t.Fatalf("message of a file stream = %v, after the end: %v", m.Body, end)
		}
		if e.Error != nil {
			return content{Error: e.Error.Message, Errno: syscall.Errno(e.Error.Errno)}
		}
		piece, ok := e.Response.(*idmpb.FileReadResponse)
		if !ok || piece.Offset != r.Offset+uint64(len(got.Data)) {
			t.Fatalf("piece after %d bytes = %v", len(got.Data), e.Response)
		}
		got.Data += string(piece.Data)
		end = piece.End
	}
	if !end {
		t.Fatalf("a file stream has no end")
	}
	return got
}

func TestFileRead(t *testing.T) {
	root := t.TempDir()
	much := strings.Repeat("0123456789", 100_000)
	must(t, os.WriteFile(filepath.Join(root, "much"), []byte(much), 0o600))
	must(t, os.WriteFile(filepath.Join(root, "piece"), []byte(much[:2*pieceSize]), 0o600))
	must(t, os.WriteFile(filepath.Join(root, "empty"), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(root, "dir"), 0o700))
	must(t, unix.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	must(t, os.Symlink("much", filepath.Join(root, "link")))
	must(t, os.Symlink("/dev/null", filepath.Join(root, "device")))
	h := newHost(t, &fakeGuest{root: root})
	for _, tt := range []struct {
		path           string
		offset, length uint64
		want           content
	}{
		{"/much", 0, 0, content{Data: much}},
		{"/link", 0, 0, content{Data: much}},
		{"/much", 0, 1, content{Data: "0"}},
		{"/much", 999_995, 3, content{Data: "567"}},
		{"/much", 999_995, 1 << 40, content{Data: "56789"}},
		{"/much", 1_000_000, 0, content{}},
		{"/much", 1 << 40, 7, content{}},
		{"/much", 1<<63 - 1, 1<<64 - 1, content{}},
		{"/much", 1 << 63, 0, content{Error: "invalid argument: offset 9223372036854775808", Errno: syscall.EINVAL}},
		{"/piece", 0, 0, content{Data: much[:2*pieceSize]}},
		{"/piece", 0, pieceSize, content{Data: much[:pieceSize]}},
		{"/empty", 0, 0, content{}},
		{"/../../much", 5, 2, content{Data: "56"}}, // there is nothing above the root
		{"/missing", 0, 0, content{Error: "open ROOT/missing: no such file or directory", Errno: syscall.ENOENT}},
		{"/much/x", 0, 0, content{Error: "stat ROOT/much/x: not a directory", Errno: syscall.ENOTDIR}},
		{"/dir", 0, 0, content{Error: "ROOT/dir: is a directory", Errno: syscall.EISDIR}},
		{"/fifo", 0, 0, content{Error: "ROOT/fifo: invalid argument: not a regular file", Errno: syscall.EINVAL}},
		{"/device", 0, 0, content{Error: "ROOT/device: invalid argument: not a regular file", Errno: syscall.EINVAL}},
		{"much", 0, 0, content{Error: `invalid argument: path "much": not absolute`, Errno: syscall.EINVAL}},
		{"", 0, 0, content{Error: `invalid argument: path "": not absolute`, Errno: syscall.EINVAL}},
		{"/much\x00", 0, 0, content{Error: "stat ROOT/much\x00: invalid argument", Errno: syscall.EINVAL}},
	} {
		tt.want.Error = strings.ReplaceAll(tt.want.Error, "ROOT", root)
		got := h.readFile(t, &idmpb.FileReadRequest{Path: []byte(tt.path), Offset: tt.offset, Length: tt.length})
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("read %q at %d, %d bytes (-want +got):\n%.1000s", tt.path, tt.offset, tt.length, diff)
		}
	}
}

// TestFileReadClosed: a host that closes a stream, or sends what is no request
// of it, ends that and no more.
func TestFileReadClosed(t *testing.T) {
	root := t.TempDir()
	must(t, os.Truncate(touch(t, root, "endless"), 1<<40))
	h := newHost(t, &fakeGuest{root: root})
	x := h.open(t, idm.ExtensionChannel, &idmpb.ExtensionRequest{Request: &idmpb.FileReadRequest{Path: []byte("/endless")}})
	x.until(t, "first piece", func(got []idm.Message) bool { return len(got) > 0 })
	x.send(t, idm.FormStreamRequestUpdate, &idmpb.ExtensionRequest{})
	x.close(t)
	budgetIsWhole(t, h.agent)
	h.ping(t)
}

func touch(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.WriteFile(path, []byte("old"), 0o600))
	return path
}

func (h *host) openWrite(t testing.TB, start *idmpb.FileWriteStart) *exchange {
	t.Helper()
	return h.open(t, idm.ExtensionChannel, &idmpb.ExtensionRequest{Request: &idmpb.FileWriteRequest{Update: start}})
}

func (x *exchange) chunk(t testing.TB, offset int, data string, last bool) {
	t.Helper()
	chunk := &idmpb.FileWriteChunk{Offset: uint64(offset), Data: []byte(data), Last: last}
	x.send(t, idm.FormStreamRequestUpdate, &idmpb.ExtensionRequest{Request: &idmpb.FileWriteRequest{Update: chunk}})
}

// written returns how the write of a file came out: bytes of each answer, and
// whether it is done; or the error.
func (x *exchange) written(t testing.TB) string {
	t.Helper()
	var all []string
	for _, m := range x.all(t) {
		e, ok := m.Body.(*idmpb.ExtensionResponse)
		if !ok {
			t.Fatalf("message of a file stream = %v", m.Body)
		}
		if e.Error != nil {
			all = append(all, fmt.Sprint(syscall.Errno(e.Error.Errno), "!"))
			continue
		}
		w, ok := e.Response.(*idmpb.FileWriteResponse)
		if !ok {
			t.Fatalf("answer of a file stream = %v", e.Response)
		}
		word := fmt.Sprint(w.Written)
		if w.Done {
			word += " done"
		}
		all = append(all, word)
	}
	return strings.Join(all, ", ")
}

// listing returns the files of dir with their modes and content.
func listing(t testing.TB, dir string) string {
	t.Helper()
	var b bytes.Buffer
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		fi, err := e.Info()
		must(t, err)
		data := []byte{}
		if fi.Mode().IsRegular() && fi.Size() < 1<<20 {
			data, err = os.ReadFile(filepath.Join(dir, e.Name()))
			must(t, err)
		}
		fmt.Fprintf(&b, "%s %v %q\n", e.Name(), fi.Mode(), data)
	}
	return b.String()
}

func TestFileWrite(t *testing.T) {
	type chunk struct {
		at   int
		data string
		last bool
	}
	some := []chunk{{0, "new ", false}, {4, "content", true}}
	for _, tt := range []struct {
		name   string
		start  idmpb.FileWriteStart
		chunks []chunk
		told   string
		files  string // after it; there is old -rw-r-x--- "0123456789"
	}{
		{
			name: "new file", start: idmpb.FileWriteStart{Path: []byte("/new")}, chunks: some,
			told: "0, 4, 11 done", files: "new -rw-r--r-- \"new content\"\nold -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "mode", start: idmpb.FileWriteStart{Path: []byte("/new"), Mode: 0o7765}, chunks: some,
			told: "0, 4, 11 done", files: "new -rwxrw-r-x \"new content\"\nold -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "over another", start: idmpb.FileWriteStart{Path: []byte("/old")}, chunks: some,
			told: "0, 4, 11 done", files: "old -rw-r-x--- \"new content\"\n",
		}, {
			name: "over another with mode", start: idmpb.FileWriteStart{Path: []byte("/old"), Mode: 0o600}, chunks: some,
			told: "0, 4, 11 done", files: "old -rw------- \"new content\"\n",
		}, {
			name: "empty", start: idmpb.FileWriteStart{Path: []byte("/old")}, chunks: []chunk{{0, "", true}},
			told: "0, 0 done", files: "old -rw-r-x--- \"\"\n",
		}, {
			name: "long name", start: idmpb.FileWriteStart{Path: []byte("/" + strings.Repeat("n", 255))}, chunks: some,
			told: "0, 4, 11 done", files: strings.Repeat("n", 255) + " -rw-r--r-- \"new content\"\nold -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "in place", start: idmpb.FileWriteStart{Path: []byte("/old"), InPlace: true}, chunks: []chunk{{0, "abc", true}},
			told: "0, 3 done", files: "old -rw-r-x--- \"abc3456789\"\n",
		}, {
			name: "in place at an offset, with mode", start: idmpb.FileWriteStart{Path: []byte("/old"), InPlace: true, Offset: 4, Mode: 0o604},
			chunks: []chunk{{0, "ab", false}, {2, "cd", true}},
			told:   "0, 2, 4 done", files: "old -rw----r-- \"0123abcd89\"\n",
		}, {
			name: "in place, cut", start: idmpb.FileWriteStart{Path: []byte("/old"), InPlace: true, Offset: 4, Truncate: true},
			chunks: []chunk{{0, "ab", true}},
			told:   "0, 2 done", files: "old -rw-r-x--- \"0123ab\"\n",
		}, {
			name: "in place, beyond the end", start: idmpb.FileWriteStart{Path: []byte("/old"), InPlace: true, Offset: 12},
			chunks: []chunk{{0, "ab", true}},
			told:   "0, 2 done", files: "old -rw-r-x--- \"0123456789\\x00\\x00ab\"\n",
		}, {
			name: "in place, new", start: idmpb.FileWriteStart{Path: []byte("/new"), InPlace: true}, chunks: some,
			told: "0, 4, 11 done", files: "new -rw-r--r-- \"new content\"\nold -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "chunk lost", start: idmpb.FileWriteStart{Path: []byte("/old")},
			chunks: []chunk{{0, "new ", false}, {5, "content", true}},
			told:   "0, 4, protocol error!", files: "old -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "chunk twice", start: idmpb.FileWriteStart{Path: []byte("/old")},
			chunks: []chunk{{0, "new ", false}, {0, "new ", true}},
			told:   "0, 4, protocol error!", files: "old -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "far offset", start: idmpb.FileWriteStart{Path: []byte("/old"), InPlace: true, Offset: 1 << 63},
			told: "invalid argument!", files: "old -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "root", start: idmpb.FileWriteStart{Path: []byte("/")}, told: "is a directory!", files: "old -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "no such folder", start: idmpb.FileWriteStart{Path: []byte("/dir/new")},
			told: "no such file or directory!", files: "old -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "below a file", start: idmpb.FileWriteStart{Path: []byte("/old/new"), InPlace: true},
			told: "not a directory!", files: "old -rw-r-x--- \"0123456789\"\n",
		}, {
			name: "relative", start: idmpb.FileWriteStart{Path: []byte("old")},
			told: "invalid argument!", files: "old -rw-r-x--- \"0123456789\"\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			must(t, os.WriteFile(filepath.Join(root, "old"), []byte("0123456789"), 0o600))
			must(t, os.Chmod(filepath.Join(root, "old"), 0o650))
			h := newHost(t, &fakeGuest{root: root})
			x := h.openWrite(t, &tt.start)
			for _, c := range tt.chunks {
				x.chunk(t, c.at, c.data, c.last)
			}
			if got := x.written(t); got != tt.told {
				t.Errorf("answers = %q, want %q", got, tt.told)
			}
			if got := listing(t, root); got != tt.files {
				t.Errorf("files:\n%swant:\n%s", got, tt.files)
			}
			budgetIsWhole(t, h.agent)
		})
	}
}

// TestFileWriteOther: what is no regular file is neither replaced nor opened.
func TestFileWriteOther(t *testing.T) {
	root := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	must(t, os.Symlink("/dev/null", filepath.Join(root, "device")))
	must(t, os.Mkdir(filepath.Join(root, "dir"), 0o700))
	before := listing(t, root)
	h := newHost(t, &fakeGuest{root: root})
	for path, want := range map[string]string{"/fifo": "invalid argument!", "/device": "invalid argument!", "/dir": "is a directory!"} {
		for _, inPlace := range []bool{false, true} {
			x := h.openWrite(t, &idmpb.FileWriteStart{Path: []byte(path), InPlace: inPlace})
			if got := x.written(t); got != want {
				t.Errorf("write of %s, in place %v = %q, want %q", path, inPlace, got, want)
			}
		}
	}
	if got := listing(t, root); got != before {
		t.Errorf("files:\n%swant:\n%s", got, before)
	}
}

// TestFileWriteNames: an error names the file that was asked for, not the one
// beside it.
func TestFileWriteNames(t *testing.T) {
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "dir"), 0o700))
	h := newHost(t, &fakeGuest{root: root})
	message := func(x *exchange) string {
		got := x.all(t)
		response, _ := got[len(got)-1].Body.(*idmpb.ExtensionResponse)
		if response == nil || response.Error == nil {
			t.Fatalf("last answer %v, want an error", got[len(got)-1].Body)
		}
		return response.Error.Message
	}
	missing := filepath.Join(root, "none/new")
	x := h.openWrite(t, &idmpb.FileWriteStart{Path: []byte("/none/new")})
	if got, want := message(x), "open "+missing+": no such file or directory"; got != want {
		t.Errorf("write to a missing folder: %q, want %q", got, want)
	}
	x = h.openWrite(t, &idmpb.FileWriteStart{Path: []byte("/dir/new")})
	x.until(t, "an answer", func(got []idm.Message) bool { return len(got) == 1 })
	must(t, os.RemoveAll(filepath.Join(root, "dir")))
	x.chunk(t, 0, "new", true)
	if got, want := message(x), "rename "+filepath.Join(root, "dir/new")+": no such file or directory"; got != want {
		t.Errorf("write to a folder that goes: %q, want %q", got, want)
	}
}

// TestFileWriteAbandoned: nothing is left of a write that has not come to its
// end, however that is.
func TestFileWriteAbandoned(t *testing.T) {
	for name, abandon := range map[string]func(t *testing.T, h *host, x *exchange){
		"closed by the host": func(t *testing.T, _ *host, x *exchange) { x.close(t) },
		"something else": func(t *testing.T, _ *host, x *exchange) {
			x.send(t, idm.FormStreamRequestUpdate, &idmpb.ExtensionRequest{})
		},
		"another start":         func(t *testing.T, h *host, x *exchange) { h.openAs(t, x.key.id, x.key.channel, fileRead("/old")) },
		"end of the connection": func(t *testing.T, h *host, _ *exchange) { must(t, h.conn.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			touch(t, root, "old")
			before := listing(t, root)
			h := newHost(t, &fakeGuest{root: root})
			x := h.openWrite(t, &idmpb.FileWriteStart{Path: []byte("/old")})
			x.chunk(t, 0, "new", false)
			x.until(t, "two answers", func(got []idm.Message) bool { return len(got) == 2 })
			if got := listing(t, root); got == before {
				t.Errorf("nothing is written beside the file:\n%s", got)
			}
			abandon(t, h, x)
			budgetIsWhole(t, h.agent)
			if got := listing(t, root); got != before {
				t.Errorf("files:\n%swant:\n%s", got, before)
			}
		})
	}
}

func fileRead(path string) idm.Body {
	return &idmpb.ExtensionRequest{Request: &idmpb.FileReadRequest{Path: []byte(path)}}
}

// TestFileWriteHostGone: the same where the host is gone while an answer waits
// for room.
func TestFileWriteHostGone(t *testing.T) {
	root := t.TempDir()
	touch(t, root, "old")
	before := listing(t, root)
	gone := &fullConn{messages: []idm.Message{
		{Channel: idm.ExtensionChannel, Form: idm.FormStreamRequest, Body: &idmpb.ExtensionRequest{
			Request: &idmpb.FileWriteRequest{Update: &idmpb.FileWriteStart{Path: []byte("/old")}},
		}},
		{Channel: idm.ExtensionChannel, Form: idm.FormStreamRequestUpdate, Body: &idmpb.ExtensionRequest{
			Request: &idmpb.FileWriteRequest{Update: &idmpb.FileWriteChunk{Data: []byte("new")}},
		}},
	}, room: 1, stuck: make(chan struct{})}
	noLeaks(t)
	a := &Agent{Conn: gone, Guest: &fakeGuest{root: root}}
	if err := a.Serve(t.Context()); err != errGone { //nolint:errorlint // it is that
		t.Errorf("Serve() = %v, want %v", err, errGone)
	}
	if got := listing(t, root); got != before {
		t.Errorf("files:\n%swant:\n%s", got, before)
	}
}
