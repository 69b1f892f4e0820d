package rig

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// port is the host's end of a serial port: QEMU's chardev "pipe". It reads
// idm.in, which must never end, as that would be a host that leaves, and writes
// idm.out.
type port struct {
	in      *os.File
	out     string
	sending sync.WaitGroup
	err     error
}

// openPort makes the files in dir, and says what is given. With nil it does
// nothing.
func openPort(dir string, say []byte) (*port, error) {
	p := &port{out: filepath.Join(dir, "idm.out")}
	if say == nil {
		return p, nil
	}
	in := filepath.Join(dir, "idm.in")
	if err := errors.Join(syscall.Mkfifo(in, 0o600), os.WriteFile(p.out, nil, 0o600)); err != nil {
		return nil, err
	}
	var err error
	if p.in, err = os.OpenFile(in, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	p.sending.Go(func() { _, p.err = p.in.Write(say) })
	return p, nil
}

// end returns what the guest said, once QEMU has ended.
func (p *port) end() ([]byte, error) {
	if p.in == nil {
		return nil, nil
	}
	err := p.in.Close() // ends a write that nobody takes
	p.sending.Wait()
	said, errRead := os.ReadFile(p.out)
	return said, errors.Join(err, p.err, errRead)
}
