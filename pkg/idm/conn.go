package idm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// Config is how a connection behaves. The zero value is a guest's, which finds
// out the version.
type Config struct {
	// Version is Auto for that of the peer's frames.
	Version Version
	// Host is set at the host's end, which may speak first on any channel.
	Host bool
	// MaxFrame bounds a packet both ways, in bytes; 0 means MaxFrame.
	MaxFrame int
	// Silence is how long a frame may stand incomplete while nothing comes; 0
	// means DefaultSilence.
	Silence time.Duration
	// QueueFrames and QueueBytes bound the replies that wait to be written; 0
	// means DefaultQueueFrames and DefaultQueueBytes. One frame always fits.
	QueueFrames, QueueBytes int
	// StreamBytes bounds the pieces of streams that wait to be written, which is
	// what a reply may stand behind; 0 means DefaultStreamBytes. One frame always
	// fits.
	StreamBytes int
	// Persistent is set where the end of the stream is not the end: a virtio
	// port ends whenever no host has it open. The port is tried again then.
	Persistent bool
	// Go runs f on a goroutine; nil stands for the go statement.
	Go func(f func())
}

// What a Config's zeros mean.
const (
	DefaultSilence     = 500 * time.Millisecond
	DefaultQueueFrames = 1024
	DefaultQueueBytes  = 4 << 20
	DefaultStreamBytes = 64 << 10
)

// requestElements bounds the messages and list values in what a host sends, the
// arguments and the environment of a command above all: a frame of MaxFrame
// bytes could be ten million.
const requestElements = 1 << 16

func (c Config) orDefault() Config {
	if c.MaxFrame == 0 {
		c.MaxFrame = MaxFrame
	}
	if c.Silence == 0 {
		c.Silence = DefaultSilence
	}
	if c.QueueFrames == 0 {
		c.QueueFrames = DefaultQueueFrames
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = DefaultQueueBytes
	}
	if c.StreamBytes == 0 {
		c.StreamBytes = DefaultStreamBytes
	}
	return c
}

// Conn sends and receives messages on a stream of bytes. Its methods may be
// called from any goroutine, Receive from one at a time.
type Conn struct {
	stream  io.ReadWriteCloser
	config  Config
	count   counters
	version atomic.Uint32 // of the last frame that was known
	asked   atomic.Bool   // the host has asked on ExtensionChannel, since its hello
	queue   *queue

	scanner *scanner   // of who calls Receive
	head    headWait   // likewise
	ended   error      // likewise: how the stream ended
	chunks  chan chunk // from reader to Receive

	closing chan struct{}
	close   func() error
	running sync.WaitGroup
}

// chunk is what one read gave.
type chunk struct {
	data []byte // valid until the next but one is received
	err  error
}

// New makes a connection of stream, which belongs to it from then on. A Close
// of stream must end its Read and Write.
func New(stream io.ReadWriteCloser, config Config) *Conn {
	config = config.orDefault()
	c := &Conn{
		stream:  stream,
		config:  config,
		queue:   newQueue(config),
		chunks:  make(chan chunk),
		closing: make(chan struct{}),
	}
	c.scanner = &scanner{fixed: config.Version, limit: config.MaxFrame, elements: requestElements, count: &c.count}
	if config.Host {
		c.scanner.elements = idmpb.MaxElements
	}
	c.close = sync.OnceValue(c.shut)
	c.spawn(c.read)
	c.spawn(c.write)
	return c
}

// spawn runs f on a goroutine that Close waits for.
func (c *Conn) spawn(f func()) {
	c.running.Add(1)
	counted := func() {
		defer c.running.Done()
		f()
	}
	if c.config.Go != nil {
		c.config.Go(counted)
		return
	}
	go counted()
}

// Close closes the stream and waits until nothing runs any more. What has not
// been written is lost: Flush comes first.
func (c *Conn) Close() error { return c.close() }

func (c *Conn) shut() error {
	close(c.closing)
	c.queue.close()
	err := c.stream.Close()
	c.running.Wait()
	return err
}

// Stats returns what the connection did so far.
func (c *Conn) Stats() Stats { return c.count.stats() }

// Version returns the version that Auto stands for now.
func (c *Conn) Version() Version {
	if c.config.Version != Auto {
		return c.config.Version
	}
	if v := c.version.Load(); v != 0 {
		return Version(v) //nolint:gosec // G115: was one
	}
	return Version1
}

// Send queues m and does not wait. For want of room it takes the place of the
// oldest replies that were sent so; ErrQueueFull says that an event other than
// the exit event found no room and is dropped; ErrNotAsked that a host which
// may not know the extension was spared an event; ErrVersion that version 1 has no
// such message; ErrTooLarge and ErrClosed.
func (c *Conn) Send(m Message) error {
	frame, err := c.frame(m)
	if err == nil {
		var dropped int
		dropped, err = c.queue.put(frame, classOf(m))
		c.count.repliesDropped.Add(uint64(dropped)) //nolint:gosec // a number of frames
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrQueueFull):
		c.count.eventsDropped.Add(1)
	}
	return fmt.Errorf("send %v: %w", m.Form, err)
}

// SendWait is Send that waits for room in the queue: for a stream of much data,
// never for whoever reaps. Its error is ctx's as well.
func (c *Conn) SendWait(ctx context.Context, m Message) error {
	frame, err := c.frame(m)
	if err == nil {
		err = c.queue.putWait(ctx, frame, classOf(m))
	}
	if err != nil {
		return fmt.Errorf("send %v: %w", m.Form, err)
	}
	return nil
}

// SendPiece is SendWait that does not wait: a piece of a stream that finds no room
// is ErrQueueFull.
func (c *Conn) SendPiece(m Message) error {
	frame, err := c.frame(m)
	if err == nil {
		err = c.queue.putPiece(frame, classOf(m))
	}
	if err != nil {
		return fmt.Errorf("send %v: %w", m.Form, err)
	}
	return nil
}

// Waiting is how many bytes of the pieces of streams wait to be written.
func (c *Conn) Waiting() int { return c.queue.pieces() }

// Forget drops what waits to be written, but for events: the host that it was
// for is gone. What a SendWait whose context has ended was to send is not sent
// afterwards.
func (c *Conn) Forget() {
	c.count.repliesDropped.Add(uint64(c.queue.forget())) //nolint:gosec // a number of frames
}

// Flush waits until everything that is queued has been written. Its error is
// that of the last write, ctx's, or ErrClosed. What a terminal still holds is
// the caller's to drain.
func (c *Conn) Flush(ctx context.Context) error { return c.queue.flush(ctx) }

func (c *Conn) frame(m Message) ([]byte, error) {
	if m.Channel == ExtensionChannel && m.Form == FormEvent && !c.config.Host && !c.asked.Load() {
		return nil, ErrNotAsked
	}
	return appendFrame(nil, m, c.versionOf(m), c.config.MaxFrame)
}

func (c *Conn) versionOf(m Message) Version {
	switch {
	case c.config.Version != Auto:
		return c.config.Version
	case m.Channel != InternalChannel:
		return Version2
	case m.Version != Auto:
		return m.Version
	default:
		return c.Version()
	}
}

func classOf(m Message) class {
	switch body := m.Body.(type) {
	case *idmpb.Event:
		if _, ok := body.Event.(*idmpb.ExitEvent); ok {
			return exit
		}
	case *idmpb.ExtensionResponse:
		if _, ok := body.Response.(*idmpb.WatchResponse); ok {
			return event // the first: those that follow must not overtake it
		}
	}
	if m.Form != FormEvent {
		return reply
	}
	return event
}
