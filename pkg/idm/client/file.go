package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// chunkSize is the most bytes of a file in one message; window the most that
// may be on their way to the guest.
const (
	chunkSize = 64 << 10
	window    = 16 * chunkSize
)

// ReadFile copies a file of the guest to w and returns how many bytes it were.
// After an error so many are good: a request from there on continues.
func (c *Client) ReadFile(ctx context.Context, file *idmpb.FileReadRequest, w io.Writer) (int64, error) {
	to := c.open(idm.ExtensionChannel, false)
	defer c.close(to)
	n, err := c.readFile(ctx, to, file, w)
	if err != nil {
		c.closeStream(ctx, to)
		return n, fmt.Errorf("read %s of guest: %w", file.Path, err)
	}
	return n, nil
}

func (c *Client) readFile(ctx context.Context, to *call, file *idmpb.FileReadRequest, w io.Writer) (int64, error) {
	request := &idmpb.ExtensionRequest{Request: file}
	if err := c.send(ctx, to, idm.FormStreamRequest, request); err != nil {
		return 0, err
	}
	var read int64
	for {
		piece, err := nextOf[*idmpb.FileReadResponse](ctx, c, to)
		if err != nil {
			return read, err
		}
		if want := file.Offset + uint64(read); piece.Offset != want {
			return read, fmt.Errorf("the channel lost a piece: offset %d, want %d: read it again, or give the guest a virtio port (README), which loses none", piece.Offset, want)
		}
		n, err := w.Write(piece.Data)
		read += int64(n)
		if err != nil || piece.End {
			return read, err
		}
	}
}

// nextOf waits for a T on a stream of the extension.
func nextOf[T idmpb.ExtensionResponseOneof](ctx context.Context, c *Client, to *call) (T, error) {
	m, err := c.next(ctx, to)
	if err == nil && m.Form == idm.FormStreamResponseClosed {
		err = errStreamClosed
	}
	if err != nil {
		var none T
		return none, err
	}
	return answer[T](m.Body)
}

// WriteFile writes what r has to a file of the guest. It returns when the file
// is in its place, or with an error that leaves the old one there, unless it is
// written in place.
func (c *Client) WriteFile(ctx context.Context, file *idmpb.FileWriteStart, r io.Reader) error {
	to := c.open(idm.ExtensionChannel, false)
	defer c.close(to)
	if err := c.writeFile(ctx, to, file, r); err != nil {
		c.closeStream(ctx, to)
		return fmt.Errorf("write %s of guest: %w", file.Path, err)
	}
	return nil
}

func (c *Client) writeFile(ctx context.Context, to *call, file *idmpb.FileWriteStart, r io.Reader) error {
	send := func(form idm.Form, update idmpb.FileWriteRequestOneof) error {
		request := &idmpb.FileWriteRequest{Update: update}
		return c.send(ctx, to, form, &idmpb.ExtensionRequest{Request: request})
	}
	if err := send(idm.FormStreamRequest, file); err != nil {
		return err
	}
	var sent, written uint64
	buffer := make([]byte, chunkSize)
	for {
		n, err := io.ReadFull(r, buffer)
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		chunk := &idmpb.FileWriteChunk{Offset: sent, Data: buffer[:n], Last: last}
		if err := send(idm.FormStreamRequestUpdate, chunk); err != nil {
			return err
		}
		sent += uint64(n) //nolint:gosec // G115: not negative
		for last || sent-written > window {
			response, err := nextOf[*idmpb.FileWriteResponse](ctx, c, to)
			if err != nil {
				return err
			}
			if response.Done {
				return nil
			}
			written = max(written, min(response.Written, sent))
		}
	}
}
