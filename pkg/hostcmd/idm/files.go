package idm

import (
	"context"
	"errors"
	"strconv"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/idm/client"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func read(c *call, _ *verb.Flags) action {
	return func(ctx context.Context, args verb.Args) error {
		if err := args.Exactly("path in the guest"); err != nil {
			return err
		}
		if err := c.needsVersion2(); err != nil {
			return err
		}
		defer catchPipe()()
		err := c.transfer(ctx, func(ctx context.Context, guest *client.Client, local pause) error {
			request := &idmpb.FileReadRequest{Path: []byte(args.Operands[0])}
			_, err := guest.ReadFile(ctx, request, writerFunc(func(b []byte) (int, error) {
				return local(func() (int, error) { return c.Stdout.Write(b) })
			}))
			return err
		})
		if errors.Is(err, syscall.EPIPE) {
			return &verb.ExitError{Status: codePipe}
		}
		return err
	}
}

func write(c *call, f *verb.Flags) action {
	start := new(idmpb.FileWriteStart)
	f.Func("mode", "MODE", "permission bits such as 0644", func(text string) error {
		mode, err := strconv.ParseUint(text, 8, 32)
		if err != nil || mode > 0o777 {
			return errors.New("want permission bits such as 0644")
		}
		start.Mode = uint32(mode)
		return nil
	})
	return func(ctx context.Context, args verb.Args) error {
		if err := args.Exactly("path in the guest"); err != nil {
			return err
		}
		if err := c.needsVersion2(); err != nil {
			return err
		}
		start.Path = []byte(args.Operands[0])
		return c.transfer(ctx, func(ctx context.Context, guest *client.Client, local pause) error {
			return guest.WriteFile(ctx, start, readerFunc(func(b []byte) (int, error) {
				return local(func() (int, error) { return c.Stdin.Read(b) })
			}))
		})
	}
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

type readerFunc func(b []byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// pause calls f, in which no time counts.
type pause func(f func() (int, error)) (int, error)

// transfer calls do with a client. Of the timeout only the time counts that the
// guest is silent.
func (c *call) transfer(ctx context.Context, do func(ctx context.Context, guest *client.Client, local pause) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	guest, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer guest.Close()
	silent := time.AfterFunc(c.timeout, func() { cancel(&noAnswer{call: c}) })
	defer silent.Stop()
	return explain(ctx, do(ctx, guest, func(f func() (int, error)) (int, error) {
		silent.Stop()
		defer silent.Reset(c.timeout)
		return f()
	}))
}
