package boot

import (
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/kguest/kguest/pkg/console"
)

// TestTellXen has a pseudoterminal for the bus: what is written comes out at the
// other end, which answers.
func TestTellXen(t *testing.T) {
	host, path := openPTY(t)
	bus, err := console.Open(path)
	must(t, err)
	defer bus.Close()
	must(t, console.SetRaw(bus))
	asked := make(chan string, 1)
	go func() {
		head := make([]byte, 16)
		_, herr := io.ReadFull(host, head)
		payload := make([]byte, binary.LittleEndian.Uint32(head[12:]))
		_, perr := io.ReadFull(host, payload)
		binary.LittleEndian.PutUint32(head[12:], 3)
		_, werr := host.WriteString(string(head) + "OK\x00")
		if herr != nil || perr != nil || werr != nil {
			payload = []byte("no request")
		}
		asked <- string(payload)
	}()
	must(t, tellXen(path, 42))
	if got, want := <-asked, "krata/guest/exit-code\x0042"; got != want {
		t.Errorf("XenStore was asked for %q, want %q", got, want)
	}
}

// TestTellXenAbsent: most machines have no XenStore; of one that cannot be
// opened there is an error.
func TestTellXenAbsent(t *testing.T) {
	dir := t.TempDir()
	if err := tellXen(filepath.Join(dir, "xenbus"), 1); err != nil {
		t.Errorf("tellXen without a bus = %v, want nothing", err)
	}
	must(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	if err := tellXen(filepath.Join(dir, "folder"), 1); err == nil {
		t.Error("tellXen on a folder = nil, want an error")
	}
}
