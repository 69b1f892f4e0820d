package flatten

import (
	"context"
	"fmt"
	"io"
)

// bounded is an open layer that ends with an error where it grows out of
// proportion, or ctx is done.
type bounded struct {
	io.ReadCloser
	ctx   context.Context
	read  int64
	most  int64
	ratio int
}

// open opens layer within limits.
func (l Limits) open(ctx context.Context, layer Layer) (io.ReadCloser, error) {
	r, err := layer.Open(ctx)
	if err != nil {
		return nil, err
	}
	return &bounded{ReadCloser: r, ctx: ctx, most: l.most(layer), ratio: l.Ratio}, nil
}

// most is how many bytes may come out of layer.
func (l Limits) most(layer Layer) int64 {
	return max(l.free, layer.Size()*int64(l.Ratio))
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if b.read > b.most {
		return n, tooLarge(b.ratio)
	}
	return n, err
}

func tooLarge(ratio int) error {
	return fmt.Errorf("content is more than 1 GiB and more than %d times as large as its archive; where that is right, raise -max-ratio", ratio)
}
