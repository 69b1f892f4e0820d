package idm

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func watch(c *call, f *verb.Flags) action {
	var asJSON bool
	f.Bool(&asJSON, "json", "as JSON; numbers are in their base unit")
	return func(ctx context.Context, args verb.Args) error {
		if err := args.Exactly(); err != nil {
			return err
		}
		return c.watch(ctx, func(e event) error {
			if !asJSON {
				_, err := fmt.Fprintln(c.Stdout, e)
				return err
			}
			encoder := json.NewEncoder(c.Stdout)
			encoder.SetEscapeHTML(false)
			return encoder.Encode(e)
		})
	}
}

// event is what happened in a guest, as -json prints it.
type event struct {
	// Event is state, oom, ended (the workload or the boot, and why) or exit, the
	// last one.
	Event    string  `json:"event"`
	State    string  `json:"state,omitempty"`
	Kills    *uint64 `json:"kills,omitempty"` // since the boot
	Workload *bool   `json:"workload,omitempty"`
	Code     *int32  `json:"code,omitempty"`
	Signal   *uint32 `json:"signal,omitempty"`
	Stage    string  `json:"stage,omitempty"`
	Reason   string  `json:"reason,omitempty"`
}

func eventOf(body idm.Body) (event, bool) {
	switch body := body.(type) {
	case *idmpb.BootStateEvent:
		return event{Event: "state", State: stateName(body.State)}, true
	case *idmpb.OomEvent:
		return event{Event: "oom", Kills: &body.Kills, Workload: &body.Workload}, true
	case *idmpb.ExitDetailEvent:
		return event{Event: "ended", Code: &body.Code, Signal: &body.Signal, Stage: body.Stage, Reason: body.Reason}, true
	case *idmpb.ExitEvent:
		return event{Event: "exit", Code: &body.Code}, true
	default:
		return event{}, false
	}
}

// String is the event as one line of name=value.
func (e event) String() string {
	b := new(strings.Builder)
	b.WriteString(e.Event)
	if e.State != "" {
		b.WriteString(" " + e.State)
	}
	if e.Kills != nil {
		fmt.Fprintf(b, " kills=%d workload=%t", *e.Kills, *e.Workload)
	}
	if e.Code != nil {
		fmt.Fprintf(b, " code=%d", *e.Code)
	}
	if e.Signal != nil {
		fmt.Fprintf(b, " signal=%d stage=%s reason=%q", *e.Signal, printable(e.Stage), e.Reason)
	}
	return b.String()
}

// watch hands events to show until the exit event.
func (c *call) watch(ctx context.Context, show func(event) error) error {
	guest, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer guest.Close()
	watch, err := guest.Watch(ctx)
	if err != nil {
		return err
	}
	defer watch.Close()
	return printEvents(ctx, watch, show)
}

// printEvents shows events up to the exit event.
func printEvents(ctx context.Context, watch *client.Watch, show func(event) error) error {
	for {
		body, err := watch.Next(ctx)
		if err != nil {
			return err
		}
		e, ok := eventOf(body)
		if !ok {
			continue // of a newer guest
		}
		if err := show(e); err != nil || e.Event == "exit" {
			return err
		}
	}
}
