package compress

import (
	"io"
	"sync"
)

// blocks packs blocks of equal size side by side and writes them in order.
type blocks struct {
	w      io.Writer
	size   int // of a block before it is packed, in bytes
	pack   func(block []byte) ([]byte, error)
	finish func(w io.Writer) error // writes what follows the last block
	packed func(in, out int)       // told of each block in order; may be nil

	block  []byte
	queue  chan chan result // in the order of the blocks; its room bounds the work at hand
	done   sync.WaitGroup
	mu     sync.Mutex
	err    error // the first one
	closed bool
}

type result struct {
	data []byte
	in   int // bytes that it was packed from
	err  error
}

// start begins b, of which w, size and pack are set, with head, on so many
// processors.
func (b *blocks) start(head []byte, workers int) {
	b.queue = make(chan chan result, workers)
	b.done.Go(func() {
		b.fail(writeAll(b.w, head))
		for r := range b.queue {
			block := <-r
			b.fail(block.err)
			if b.failed() == nil {
				b.fail(writeAll(b.w, block.data))
			}
			if b.packed != nil {
				b.packed(block.in, len(block.data))
			}
		}
	})
}

func writeAll(w io.Writer, p []byte) error {
	_, err := w.Write(p)
	return err
}

func (b *blocks) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
}

func (b *blocks) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *blocks) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if err := b.failed(); err != nil {
			return written, err
		}
		if b.block == nil {
			b.block = make([]byte, 0, b.size)
		}
		n := min(b.size-len(b.block), len(p))
		b.block = append(b.block, p[:n]...)
		p, written = p[n:], written+n
		if len(b.block) == b.size {
			b.flush()
		}
	}
	return written, nil
}

// flush has the block at hand packed. It waits where all processors are busy.
func (b *blocks) flush() {
	block, r := b.block, make(chan result, 1)
	b.block = nil
	b.queue <- r
	go func() {
		data, err := b.pack(block)
		r <- result{data, len(block), err}
	}()
}

// Close packs what is left and waits until all is written.
func (b *blocks) Close() error {
	if b.closed {
		return b.failed()
	}
	b.closed = true
	if len(b.block) > 0 {
		b.flush()
	}
	close(b.queue)
	b.done.Wait()
	if err := b.failed(); err != nil || b.finish == nil {
		return err
	}
	return b.finish(b.w)
}
