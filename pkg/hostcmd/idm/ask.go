package idm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func ping(c *call, _ *verb.Flags) action {
	return func(ctx context.Context, args verb.Args) error {
		if err := args.Exactly(); err != nil {
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

func signalWorkload(c *call, f *verb.Flags) action {
	var all bool
	f.Bool(&all, "all", "every process of its cgroup")
	return func(ctx context.Context, args verb.Args) error {
		if err := args.Exactly("signal, such as TERM or 15"); err != nil {
			return err
		}
		request := &idmpb.SignalRequest{Name: args.Operands[0], All: all}
		if n, err := strconv.ParseUint(args.Operands[0], 10, 32); err == nil {
			request.Name, request.Number = "", uint32(n)
		}
		if err := c.needsVersion2(); err != nil {
			return err
		}
		return c.insist(ctx, func(ctx context.Context, guest *client.Client) error {
			return guest.Signal(ctx, request)
		})
	}
}

func stop(c *call, f *verb.Flags) action {
	var grace time.Duration
	var now, wait bool
	f.Duration(&grace, "grace", "TIME", "such as 5s; the default is the guest's own")
	f.Bool(&now, "now", "SIGKILL at once")
	f.Bool(&wait, "wait", "waits for the end of the workload, and prints how it was; the machine ends after it")
	return func(ctx context.Context, args verb.Args) error {
		if err := args.Exactly(); err != nil {
			return err
		}
		switch {
		case grace < 0 || grace != 0 && grace < time.Millisecond:
			return verb.Usagef("-grace %v: want at least 1ms; -now kills at once", grace)
		case grace > 0 && now:
			return verb.Usagef("-grace and -now exclude each other")
		}
		if err := c.needsVersion2(); err != nil {
			return err
		}
		request := &idmpb.StopRequest{GraceMilliseconds: uint64(grace.Milliseconds()), Now: now} //nolint:gosec // G115: not negative
		return c.stop(ctx, request, wait)
	}
}

// stop asks the guest to stop, and with wait prints its end, which may take longer
// than an answer.
func (c *call) stop(ctx context.Context, request *idmpb.StopRequest, wait bool) error {
	var ended error
	err := c.insist(ctx, func(limited context.Context, guest *client.Client) error {
		if !wait {
			return guest.Stop(limited, request)
		}
		watch, err := guest.Watch(limited)
		if err != nil {
			return err
		}
		defer watch.Close()
		if err := guest.Stop(limited, request); err != nil {
			return err
		}
		ended = printEvents(ctx, watch, c.printEnd)
		return nil
	})
	if err != nil {
		return err
	}
	return ended
}

func (c *call) printEnd(e event) error {
	if e.Event != "ended" && e.Event != "exit" {
		return nil
	}
	_, err := fmt.Fprintln(c.Stdout, e)
	return err
}

func report(c *call, f *verb.Flags) action {
	var asJSON bool
	f.Bool(&asJSON, "json", "as JSON; numbers are in their base unit")
	return func(ctx context.Context, args verb.Args) error {
		if err := args.Exactly(); err != nil {
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
			if asJSON {
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
