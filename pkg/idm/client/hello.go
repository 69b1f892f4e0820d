package client

import (
	"context"
	"fmt"
	"time"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// helloEvery is how long a guest has to answer before it is asked again.
const helloEvery = time.Second

// Hello waits until the guest answers, and with version 2 has kguest end what
// earlier hosts left open in it. It asks again and again: a guest that does not
// listen yet loses what it is asked, and one whose last host was flooded comes to
// it late. Any answer will do. A host calls it first: it ends this client's own
// streams, too.
func (c *Client) Hello(ctx context.Context) error {
	ping := c.open(idm.InternalChannel, false)
	defer c.close(ping)
	hello := c.open(idm.ExtensionChannel, false)
	defer c.close(hello)
	again := time.NewTicker(helloEvery)
	defer again.Stop()
	for {
		if err := c.askHello(ctx, ping, hello); err != nil {
			return fmt.Errorf("greet guest: %w", err)
		}
		select {
		case <-hello.in:
			return nil
		case <-ping.in: // it comes second, where a guest knows of both
			return nil
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("greet guest: %w", ctx.Err())
		case <-c.done:
			return fmt.Errorf("greet guest: %w", c.end())
		}
	}
}

// askHello sends both questions, in version 1 the one there is.
func (c *Client) askHello(ctx context.Context, ping, hello *call) error {
	if c.version == idm.Version2 {
		request := &idmpb.ExtensionRequest{Request: new(idmpb.HelloRequest)}
		if err := c.send(ctx, hello, idm.FormRequest, request); err != nil {
			return err
		}
	}
	request := &idmpb.Request{Request: new(idmpb.PingRequest)}
	return c.send(ctx, ping, idm.FormRequest, request)
}

// flushTimeout bounds the wait for a hypervisor to take a last word.
const flushTimeout = time.Second

// closeStream tells the guest that nobody listens to the call any more, and waits
// until that is on its way: the connection may be closed next. Where it does not
// get through, the next host's hello has the same effect.
func (c *Client) closeStream(ctx context.Context, to *call) {
	if c.conn.Send(idm.Message{ID: to.address.id, Channel: to.address.channel, Form: idm.FormStreamRequestClosed}) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	_ = c.conn.Flush(ctx) // see above
}
