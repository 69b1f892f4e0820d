package source

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// newHash returns the hash of d, which must be well formed.
func newHash(d digest.Digest) (hash.Hash, error) {
	algorithm, encoded, _ := strings.Cut(string(d), ":")
	var h hash.Hash
	switch algorithm {
	case "sha256":
		h = sha256.New()
	case "sha512":
		h = sha512.New()
	default:
		return nil, fmt.Errorf("digest %q: unknown algorithm; known are sha256 and sha512", clip(string(d)))
	}
	if sum, err := hex.DecodeString(encoded); err != nil || len(sum) != h.Size() || strings.ToLower(encoded) != encoded {
		return nil, fmt.Errorf("digest %q is malformed", clip(string(d)))
	}
	return h, nil
}

// checked is a reader that ends with an error where the content is not what d
// says. What it lacks is a size of -1.
type checked struct {
	r    io.Reader
	h    hash.Hash
	want digest.Digest
	size int64 // promised; -1 is any
	read int64
	err  error
	what string // of the content, for messages
}

func newChecked(r io.Reader, want digest.Digest, size int64, what string) (*checked, error) {
	h, err := newHash(want)
	if err != nil {
		return nil, err
	}
	return &checked{r: r, h: h, want: want, size: size, what: what}, nil
}

func (c *checked) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.read += int64(n)
	c.h.Write(p[:n])
	if c.size >= 0 && c.read > c.size {
		err = c.wrongSize("more than ")
	} else if errors.Is(err, io.EOF) {
		err = c.verdict()
	}
	c.err = err
	return n, err
}

// verdict is io.EOF, or what is wrong.
func (c *checked) verdict() error {
	if c.size >= 0 && c.read < c.size {
		return c.wrongSize("")
	}
	if sum := hex.EncodeToString(c.h.Sum(nil)); sum != c.want.Encoded() {
		return fmt.Errorf("%s is not what its digest says: it is %s:%s, and not %s", c.what, c.want.Algorithm(), sum, c.want)
	}
	return io.EOF
}

func (c *checked) wrongSize(more string) error {
	return fmt.Errorf("%s has %s%d bytes, where its size is given as %d", c.what, more, min(c.read, c.size), c.size)
}

// drain reads to the end and returns what is wrong.
func (c *checked) drain() error {
	_, err := io.Copy(io.Discard, c)
	return err
}

// store has blobs.
type store interface {
	// blob returns the content of d, unchecked.
	blob(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error)
}

// maxDocument is how many bytes a manifest or an index may have.
const maxDocument = 8 << 20

// readBlob returns all of a small blob, checked.
func readBlob(ctx context.Context, s store, d v1.Descriptor, most int64, what string) ([]byte, error) {
	if d.Size < 0 || d.Size > most {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", what, d.Size, most)
	}
	if _, err := newHash(d.Digest); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	r, err := s.blob(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer r.Close()
	c, err := newChecked(r, d.Digest, d.Size, what)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(c)
}

func clip(s string) string {
	const most = 200
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// short is a digest for messages.
func short(d digest.Digest) string {
	const most = len("sha256:") + 12
	if len(d) > most {
		return string(d[:most])
	}
	return string(d)
}
