package idm

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// port is a virtio port: at its end while no host has it open.
type port struct {
	net.Conn
	mu   sync.Mutex
	open bool
}

func (p *port) Read(b []byte) (int, error) {
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	if !open {
		return 0, io.EOF
	}
	return p.Conn.Read(b)
}

func TestPersistent(t *testing.T) {
	bubble(t, "port", func(t *testing.T) {
		guest, host := net.Pipe()
		p := &port{Conn: guest}
		c := New(p, Config{Persistent: true})
		defer c.Close()
		go func() {
			time.Sleep(time.Hour)
			p.mu.Lock()
			p.open = true
			p.mu.Unlock()
			write(t, host, mustFrame(t, ping(6), Version2))
		}()
		began := time.Now()
		m := receive(t, c)
		if took := time.Since(began); m.ID != 6 || took > time.Hour+lastRetry {
			t.Errorf("message %d after %v, want 6 after an hour", m.ID, took)
		}
		p.mu.Lock()
		p.open = false
		p.mu.Unlock()
	})
}

// fifo is a port of the kernel's: without a writer it has its end, and hangs up.
type fifo struct {
	*os.File
	reads atomic.Int64
}

func (f *fifo) SyscallConn() (syscall.RawConn, error) {
	raw, err := f.File.SyscallConn()
	return countedConn{raw, &f.reads}, err
}

type countedConn struct {
	syscall.RawConn
	reads *atomic.Int64
}

func (c countedConn) Read(f func(fd uintptr) bool) error {
	return c.RawConn.Read(func(fd uintptr) bool {
		c.reads.Add(1)
		return f(fd)
	})
}

// TestPersistentWaits: a port that no host has open is waited at, not asked again
// and again.
func TestPersistentWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "port")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	guest, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	port := &fifo{File: guest}
	c := New(port, Config{Persistent: true})
	const hosts = 20
	for id := range uint64(hosts) {
		host, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := host.Write(mustFrame(t, ping(id), Version2)); err != nil {
			t.Error(err)
		}
		if m := receive(t, c); m.ID != id {
			t.Errorf("message %d, want %d", m.ID, id)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	}
	idle, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if m, err := c.Receive(idle); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Receive without a host = %v, %v, want %v", m, err, context.DeadlineExceeded)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	// A host comes, writes and goes: each wakes at most once, and finds nothing more once.
	if got := port.reads.Load(); got > 6*hosts {
		t.Errorf("%d reads for %d hosts, want at most %d", got, hosts, 6*hosts)
	}
}
