package agent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// pieceSize is that of the pieces a file is read in, in bytes.
const pieceSize = 32 << 10

// extensionError is err as the wire has it.
func extensionError(err error) *idmpb.ExtensionError {
	var errno syscall.Errno
	errors.As(err, &errno)
	return &idmpb.ExtensionError{Message: err.Error(), Errno: uint32(errno)}
}

// answer sends a file stream's answer.
func (s *stream) answer(result idmpb.ExtensionResponseOneof, err error) error {
	return s.reply(extensionResult(result, err))
}

// path returns where the guest finds a path of the workload's.
func (a *Agent) path(path []byte) (string, error) {
	root, err := a.Guest.Root()
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(string(path)) {
		return "", fmt.Errorf("%w: path %q: not absolute", syscall.EINVAL, path)
	}
	return filepath.Join(root, filepath.Clean(string(path))), nil // above the root there is nothing
}

// runRead serves a stream that reads a file.
func runRead(s *stream) {
	defer s.close()
	if err := s.read(); err != nil {
		_ = s.answer(nil, err) // nobody is there to read it
	}
}

func (s *stream) read() error {
	body, err := s.next()
	if err != nil {
		return err
	}
	r, ok := extensionRequest(body).(*idmpb.FileReadRequest)
	if !ok {
		return fmt.Errorf("%w: not a request to read a file", syscall.EINVAL)
	}
	path, err := s.agent.path(r.Path)
	if err != nil {
		return err
	}
	f, err := openRegular(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.sendPart(f, r)
}

// sendPart sends the part of f that r asks for.
func (s *stream) sendPart(f *os.File, r *idmpb.FileReadRequest) error {
	const most = 1<<63 - 1
	length := uint64(most)
	if r.Length > 0 {
		length = min(r.Length, most)
	}
	if r.Offset > most {
		return fmt.Errorf("%w: offset %d", syscall.EINVAL, r.Offset)
	}
	part := io.NewSectionReader(f, int64(r.Offset), int64(min(length, most-r.Offset)))
	buf := make([]byte, pieceSize)
	for at := r.Offset; ; {
		n, err := io.ReadFull(part, buf)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		if err := s.answer(&idmpb.FileReadResponse{Offset: at, Data: buf[:n], End: last}, nil); err != nil {
			return err
		}
		if last {
			return nil
		}
		at += uint64(n) //nolint:gosec // a length
	}
}

// openRegular opens a regular file. It looks before it opens one of another
// kind: that could block, or do things, as a watchdog does. What changes in
// between is found out by the second look.
func openRegular(path string, flags int, mode fs.FileMode) (*os.File, error) {
	if _, err := statRegular(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	f, err := os.OpenFile(path, flags|syscall.O_NONBLOCK|syscall.O_NOCTTY, mode)
	if err != nil {
		return nil, err
	}
	fi, err := f.Stat()
	if err == nil {
		err = regular(path, fi)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func statRegular(path string) (fs.FileInfo, error) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return fi, regular(path, fi)
}

func regular(path string, fi fs.FileInfo) error {
	switch {
	case fi.Mode().IsRegular():
		return nil
	case fi.IsDir():
		return fmt.Errorf("%s: %w", path, syscall.EISDIR)
	}
	return fmt.Errorf("%s: %w: not a regular file", path, syscall.EINVAL)
}

func extensionRequest(body idm.Body) idmpb.ExtensionRequestOneof {
	if r, ok := body.(*idmpb.ExtensionRequest); ok {
		return r.Request
	}
	return nil
}

// runWrite serves a stream that writes a file.
func runWrite(s *stream) {
	defer s.close()
	if err := s.write(); err != nil {
		_ = s.answer(nil, err) // nobody is there to read it
	}
}

func (s *stream) write() error {
	body, err := s.next()
	if err != nil {
		return err
	}
	start, ok := writeUpdate(body).(*idmpb.FileWriteStart)
	if !ok {
		return fmt.Errorf("%w: the stream's first message names no file", syscall.EINVAL)
	}
	path, err := s.agent.path(start.Path)
	if err != nil {
		return err
	}
	target, err := openTarget(path, start)
	if err != nil {
		return renamed(err, path)
	}
	if err := s.receive(target); err != nil {
		return errors.Join(renamed(err, path), target.abandon())
	}
	return nil
}

// renamed has an error of a file beside path name path, which is what the host
// knows.
func renamed(err error, path string) error {
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: file.Op, Path: path, Err: file.Err}
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return &fs.PathError{Op: link.Op, Path: path, Err: link.Err}
	}
	return err
}

// receive writes the chunks to target, answers each, and finishes it. With an
// error it is not finished.
func (s *stream) receive(target *target) error {
	if err := s.answer(&idmpb.FileWriteResponse{}, nil); err != nil {
		return err
	}
	for written := uint64(0); ; {
		body, err := s.next()
		if err != nil {
			return err
		}
		chunk, ok := writeUpdate(body).(*idmpb.FileWriteChunk)
		if !ok || chunk.Offset != written {
			return fmt.Errorf("%w: after %d bytes there is no chunk of that offset: something was lost", syscall.EPROTO, written)
		}
		if _, err := target.file.Write(chunk.Data); err != nil {
			return err
		}
		written += uint64(len(chunk.Data))
		if chunk.Last {
			if err := target.finish(); err != nil {
				return err
			}
			_ = s.answer(&idmpb.FileWriteResponse{Written: written, Done: true}, nil) // nobody is there to read it
			return nil
		}
		if err := s.answer(&idmpb.FileWriteResponse{Written: written}, nil); err != nil {
			return err
		}
	}
}

func writeUpdate(body idm.Body) idmpb.FileWriteRequestOneof {
	if w, ok := extensionRequest(body).(*idmpb.FileWriteRequest); ok {
		return w.Update
	}
	return nil
}
