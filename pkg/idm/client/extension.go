package client

import (
	"context"
	"fmt"
	"syscall"

	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

// Error is what the guest says went wrong.
type Error struct {
	Message string
	// Errno is the system call's in the guest; 0 for none. errors.Is finds it.
	Errno syscall.Errno
}

func (e *Error) Error() string { return "guest: " + e.Message }

// Unwrap returns the error number.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// Signal sends a signal to the workload. A guest that is not kguest's does not
// answer this nor the calls below: ctx needs a deadline.
func (c *Client) Signal(ctx context.Context, signal *idmpb.SignalRequest) error {
	if _, err := extension[*idmpb.SignalResponse](ctx, c, signal); err != nil {
		return fmt.Errorf("signal workload: %w", err)
	}
	return nil
}

// Stop ends the workload, then the machine. It returns when the stop has begun.
func (c *Client) Stop(ctx context.Context, stop *idmpb.StopRequest) error {
	if _, err := extension[*idmpb.StopResponse](ctx, c, stop); err != nil {
		return fmt.Errorf("stop guest: %w", err)
	}
	return nil
}

// Resize sets the size of the workload's terminal.
func (c *Client) Resize(ctx context.Context, size Size) error {
	if _, err := extension[*idmpb.ResizeResponse](ctx, c, &idmpb.ResizeRequest{Rows: size.Rows, Columns: size.Columns}); err != nil {
		return fmt.Errorf("resize the workload's terminal: %w", err)
	}
	return nil
}

// BootReport asks how the boot went.
func (c *Client) BootReport(ctx context.Context) (*idmpb.BootReport, error) {
	report, err := extension[*idmpb.BootReport](ctx, c, new(idmpb.BootReportRequest))
	if err != nil {
		return nil, fmt.Errorf("ask for boot report: %w", err)
	}
	return report, nil
}

// extension makes a request on the extension's channel, to which a T is the
// answer.
func extension[T idmpb.ExtensionResponseOneof](ctx context.Context, c *Client, request idmpb.ExtensionRequestOneof) (T, error) {
	body, err := c.ask(ctx, idm.ExtensionChannel, &idmpb.ExtensionRequest{Request: request})
	if err != nil {
		var none T
		return none, err
	}
	return answer[T](body)
}

func answer[T idmpb.ExtensionResponseOneof](body idm.Body) (T, error) {
	var none T
	response, ok := body.(*idmpb.ExtensionResponse)
	if !ok {
		return none, errAnswer(body)
	}
	if e := response.Error; e != nil {
		return none, &Error{Message: e.Message, Errno: syscall.Errno(e.Errno)}
	}
	got, ok := response.Response.(T)
	if !ok {
		return none, errAnswer(body)
	}
	return got, nil
}

// Watch is a row of events. It must be closed.
type Watch struct {
	client *Client
	call   *call
}

// Watch asks for events. With version 1 there is nothing to ask for: the exit
// event comes anyway.
func (c *Client) Watch(ctx context.Context) (*Watch, error) {
	w := &Watch{c, c.open(idm.ExtensionChannel, true)}
	if c.version == idm.Version1 {
		return w, nil
	}
	request := &idmpb.ExtensionRequest{Request: new(idmpb.WatchRequest)}
	if err := c.send(ctx, w.call, idm.FormRequest, request); err != nil {
		w.Close()
		return nil, fmt.Errorf("watch guest: %w", err)
	}
	return w, nil
}

// Next waits for the next event: *idmpb.ExitEvent, which every guest sends, and
// also if it came before Watch; from kguest *idmpb.BootStateEvent, first for the
// state there is, *idmpb.OomEvent and *idmpb.ExitDetailEvent.
func (w *Watch) Next(ctx context.Context) (idm.Body, error) {
	for {
		m, err := w.client.next(ctx, w.call)
		if err != nil {
			return nil, fmt.Errorf("watch guest: %w", err)
		}
		switch body := m.Body.(type) {
		case *idmpb.Event:
			if exit, ok := body.Event.(*idmpb.ExitEvent); ok {
				return exit, nil
			}
		case *idmpb.ExtensionEvent:
			if event, ok := body.Event.(idm.Body); ok {
				return event, nil
			}
		case *idmpb.ExtensionResponse:
			response, err := answer[*idmpb.WatchResponse](body)
			if err != nil {
				return nil, fmt.Errorf("watch guest: %w", err)
			}
			return &idmpb.BootStateEvent{State: response.State}, nil
		}
	}
}

// Close ends the watch.
func (w *Watch) Close() { w.client.close(w.call) }
