package hostcmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func idmPing(c *idmCall) func(ctx context.Context, args []string) error {
	return func(ctx context.Context, args []string) error {
		if err := c.wantArgs(args); err != nil {
			return err
		}
		return c.ask(ctx, c.openAny, func(ctx context.Context, guest *client.Client) error {
			began := time.Now()
			if err := guest.Ping(ctx); err != nil {
				return err
			}
			_, err := fmt.Fprintf(c.Stdout, "guest answers in %s\n", shortDuration(time.Since(began)))
			return err
		})
	}
}

func idmSignal(c *idmCall) func(ctx context.Context, args []string) error {
	all := c.flags.Bool("all", false, "")
	return func(ctx context.Context, args []string) error {
		if err := c.wantArgs(args, "signal, such as TERM or 15"); err != nil {
			return err
		}
		request := &idmpb.SignalRequest{Name: args[0], All: *all}
		if n, err := strconv.ParseUint(args[0], 10, 32); err == nil {
			request.Name, request.Number = "", uint32(n)
		}
		if err := c.needsVersion2(); err != nil {
			return err
		}
		return c.ask(ctx, c.open, func(ctx context.Context, guest *client.Client) error {
			return guest.Signal(ctx, request)
		})
	}
}

func idmStop(c *idmCall) func(ctx context.Context, args []string) error {
	grace := c.flags.Duration("grace", 0, "")
	now := c.flags.Bool("now", false, "")
	wait := c.flags.Bool("wait", false, "")
	return func(ctx context.Context, args []string) error {
		if err := c.wantArgs(args); err != nil {
			return err
		}
		switch {
		case *grace < 0 || *grace != 0 && *grace < time.Millisecond:
			return usagef("stop -grace %v: want at least 1ms; -now kills at once", *grace)
		case *grace > 0 && *now:
			return usagef("stop: -grace and -now exclude each other")
		}
		if err := c.needsVersion2(); err != nil {
			return err
		}
		request := &idmpb.StopRequest{GraceMilliseconds: uint64(grace.Milliseconds()), Now: *now} //nolint:gosec // G115: not negative
		return c.stop(ctx, request, *wait)
	}
}

// stop asks the guest to stop, and with wait prints its end.
func (c *idmCall) stop(ctx context.Context, request *idmpb.StopRequest, wait bool) error {
	guest, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer guest.Close()
	var watch *client.Watch
	err = c.limited(ctx, func(ctx context.Context) (err error) {
		if wait {
			if watch, err = guest.Watch(ctx); err != nil {
				return err
			}
		}
		return guest.Stop(ctx, request)
	})
	if watch == nil || err != nil {
		return err
	}
	defer watch.Close()
	return printEvents(ctx, watch, func(e event) error {
		if e.Event != "ended" && e.Event != "exit" {
			return nil
		}
		_, err := fmt.Fprintln(c.Stdout, e)
		return err
	})
}

func idmReport(c *idmCall) func(ctx context.Context, args []string) error {
	asJSON := c.flags.Bool("json", false, "")
	return func(ctx context.Context, args []string) error {
		if err := c.wantArgs(args); err != nil {
			return err
		}
		if err := c.needsVersion2(); err != nil {
			return err
		}
		return c.ask(ctx, c.open, func(ctx context.Context, guest *client.Client) error {
			got, err := guest.BootReport(ctx)
			if err != nil {
				return err
			}
			if *asJSON {
				return writeJSON(c.Stdout, reportOf(got))
			}
			return printBoot(c.Stdout, reportOf(got))
		})
	}
}

// bootReport is the boot report as -json prints it. Times are in microseconds.
type bootReport struct {
	State  string      `json:"state"`
	Kernel uint64      `json:"kernelMicroseconds"`
	Init   uint64      `json:"initMicroseconds"`
	Stages []bootStage `json:"stages"`
}

type bootStage struct {
	Name  string `json:"name"`
	Took  uint64 `json:"microseconds"`
	Error string `json:"error,omitempty"`
}

func reportOf(m *idmpb.BootReport) bootReport {
	r := bootReport{State: stateName(m.State), Kernel: m.KernelMicroseconds, Init: m.InitMicroseconds, Stages: []bootStage{}}
	for _, s := range m.Stages {
		r.Stages = append(r.Stages, bootStage{Name: s.Name, Took: s.DurationMicroseconds, Error: s.Error})
	}
	return r
}

func stateName(s idmpb.BootState) string {
	switch s {
	case idmpb.BootStateBooting:
		return "booting"
	case idmpb.BootStateReady:
		return "ready"
	case idmpb.BootStateFailed:
		return "failed"
	case idmpb.BootStateEnding:
		return "ending"
	default:
		return "state " + strconv.Itoa(int(s))
	}
}

// printBoot prints names to the left, times to the right, and what failed.
func printBoot(w io.Writer, r bootReport) error {
	rows := []bootStage{{Name: "kernel", Took: r.Kernel}, {Name: "init", Took: r.Init}}
	for _, s := range r.Stages {
		rows = append(rows, bootStage{"  " + printable(s.Name), s.Took, printable(s.Error)})
	}
	width := 0
	for _, row := range rows {
		width = max(width, utf8.RuneCountInString(row.Name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "state %s\n", r.State)
	for _, row := range rows {
		took := "unknown"
		if row.Took > 0 {
			took = shortDuration(time.Duration(row.Took) * time.Microsecond) //nolint:gosec // G115: an odd guest's is printed oddly
		}
		line := fmt.Sprintf("%-*s  %8s  %s", width, row.Name, took, row.Error)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}
