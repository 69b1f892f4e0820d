package agent

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/pkg/console"
	"github.com/kguest/kguest/pkg/idm"
	"github.com/kguest/kguest/pkg/idm/idmpb"
)

func (h *host) extension(t testing.TB, request idmpb.ExtensionRequestOneof) *idmpb.ExtensionResponse {
	t.Helper()
	reply, ok := h.ask(t, idm.ExtensionChannel, &idmpb.ExtensionRequest{Request: request}).(*idmpb.ExtensionResponse)
	if !ok {
		t.Fatalf("answer to %v is none of the extension", request)
	}
	return reply
}

func refused(errno syscall.Errno, message string) *idmpb.ExtensionResponse {
	return &idmpb.ExtensionResponse{Error: &idmpb.ExtensionError{Message: message, Errno: uint32(errno)}}
}

func TestSignal(t *testing.T) {
	done := &idmpb.ExtensionResponse{Response: &idmpb.SignalResponse{}}
	guest := &fakeGuest{}
	h := newHost(t, guest)
	for _, tt := range []struct {
		request *idmpb.SignalRequest
		want    *idmpb.ExtensionResponse
		sent    string
	}{
		{&idmpb.SignalRequest{Number: 15}, done, "15 false"},
		{&idmpb.SignalRequest{Number: 1, All: true}, done, "1 true"},
		{&idmpb.SignalRequest{Number: 64}, done, "64 false"},
		{&idmpb.SignalRequest{Name: "SIGUSR1"}, done, "10 false"},
		{&idmpb.SignalRequest{Name: "KILL", All: true}, done, "9 true"},
		{&idmpb.SignalRequest{Name: "HUP", Number: 99}, done, "1 false"},
		{&idmpb.SignalRequest{Name: "SIGRTMIN+3"}, done, "37 false"},
		{&idmpb.SignalRequest{}, refused(syscall.EINVAL, "invalid argument: signal 0: not from 1 to 64"), ""},
		{&idmpb.SignalRequest{Number: 65}, refused(syscall.EINVAL, "invalid argument: signal 65: not from 1 to 64"), ""},
		{&idmpb.SignalRequest{Number: 1<<32 - 1}, refused(syscall.EINVAL, "invalid argument: signal 4294967295: not from 1 to 64"), ""},
		{&idmpb.SignalRequest{Name: "SIGNAL", Number: 9}, refused(syscall.EINVAL, `invalid argument: signal "SIGNAL": not a signal, such as SIGTERM, TERM, 15 or SIGRTMIN+3`), ""},
		{&idmpb.SignalRequest{Name: "SIG"}, refused(syscall.EINVAL, `invalid argument: signal "SIG": not a signal, such as SIGTERM, TERM, 15 or SIGRTMIN+3`), ""},
	} {
		guest.signals = nil
		if diff := cmp.Diff(tt.want, h.extension(t, tt.request)); diff != "" {
			t.Errorf("answer to %+v (-want +got):\n%s", tt.request, diff)
		}
		if got := strings.Join(guest.signals, ", "); got != tt.sent {
			t.Errorf("signal of %+v = %q, want %q", tt.request, got, tt.sent)
		}
	}
}

func TestStop(t *testing.T) {
	guest := &fakeGuest{}
	h := newHost(t, guest)
	for _, tt := range []struct {
		request *idmpb.StopRequest
		want    time.Duration
	}{
		{&idmpb.StopRequest{}, -1},
		{&idmpb.StopRequest{GraceMilliseconds: 1500}, 1500 * time.Millisecond},
		{&idmpb.StopRequest{Now: true}, 0},
		{&idmpb.StopRequest{Now: true, GraceMilliseconds: 5}, 0},
		{&idmpb.StopRequest{GraceMilliseconds: 1<<64 - 1}, 24 * time.Hour},
		{&idmpb.StopRequest{GraceMilliseconds: 1 << 63}, 24 * time.Hour},
	} {
		guest.stops = nil
		want := &idmpb.ExtensionResponse{Response: &idmpb.StopResponse{}}
		if diff := cmp.Diff(want, h.extension(t, tt.request)); diff != "" {
			t.Errorf("answer to %+v (-want +got):\n%s", tt.request, diff)
		}
		if diff := cmp.Diff([]time.Duration{tt.want}, guest.stops); diff != "" {
			t.Errorf("grace of %+v (-want +got):\n%s", tt.request, diff)
		}
	}
}

func TestResizeWorkload(t *testing.T) {
	guest := &fakeGuest{}
	h := newHost(t, guest)
	want := &idmpb.ExtensionResponse{Response: &idmpb.ResizeResponse{}}
	for _, request := range []*idmpb.ResizeRequest{{Rows: 24, Columns: 80}, {Rows: 1 << 20, Columns: 1}} {
		if diff := cmp.Diff(want, h.extension(t, request)); diff != "" {
			t.Errorf("answer to %+v (-want +got):\n%s", request, diff)
		}
	}
	if diff := cmp.Diff([]console.Size{{Rows: 24, Columns: 80}, {Rows: 65535, Columns: 1}}, guest.sizes); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

func TestReport(t *testing.T) {
	onLines(t, func(t *testing.T, h *host) {
		want := &idmpb.ExtensionResponse{Response: h.guest.Report()}
		if diff := cmp.Diff(want, h.extension(t, &idmpb.BootReportRequest{})); diff != "" {
			t.Errorf("boot report (-want +got):\n%s", diff)
		}
	})
}

// tell sends an event as the boot does.
func (h *host) tell(event idmpb.ExtensionEventOneof) {
	_ = h.guestConn.Send(idm.ExtensionEvent(event)) // one that has not asked is told nothing
}

// TestWatch: a host is told of events once it has asked for them, not before.
func TestWatch(t *testing.T) {
	onLines(t, func(t *testing.T, h *host) {
		h.tell(&idmpb.BootStateEvent{State: idmpb.BootStateBooting})
		h.ping(t)
		want := &idmpb.ExtensionResponse{Response: &idmpb.WatchResponse{State: idmpb.BootStateReady}}
		if diff := cmp.Diff(want, h.extension(t, &idmpb.WatchRequest{})); diff != "" {
			t.Errorf("answer to watch (-want +got):\n%s", diff)
		}
		events := []idm.Body{
			&idmpb.ExtensionEvent{Event: &idmpb.BootStateEvent{State: idmpb.BootStateEnding}},
			&idmpb.ExtensionEvent{Event: &idmpb.OomEvent{Kills: 3, Workload: true}},
			&idmpb.ExtensionEvent{Event: &idmpb.ExitDetailEvent{Code: 137, Signal: 9, Stage: "run", Reason: "killed"}},
		}
		for _, e := range events {
			h.tell(e.(*idmpb.ExtensionEvent).Event) //nolint:errcheck // it is one
		}
		var got []idm.Body
		h.wait(t, "events", func() bool { return len(h.news) >= len(events) })
		for _, m := range h.news {
			got = append(got, m.Body)
		}
		if diff := cmp.Diff(events, got); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

// TestWatchWhileBooting: a host that asks while the state changes ends up with the
// new one, also where it was told of it before it had its answer.
func TestWatchWhileBooting(t *testing.T) {
	h := newHost(t, &fakeGuest{states: []idmpb.BootState{idmpb.BootStateBooting}})
	want := &idmpb.ExtensionResponse{Response: &idmpb.WatchResponse{State: idmpb.BootStateBooting}}
	if diff := cmp.Diff(want, h.extension(t, &idmpb.WatchRequest{})); diff != "" {
		t.Errorf("answer to watch (-want +got):\n%s", diff)
	}
	h.wait(t, "event", func() bool { return len(h.news) > 0 })
	event := &idmpb.ExtensionEvent{Event: &idmpb.BootStateEvent{State: idmpb.BootStateReady}}
	if diff := cmp.Diff(idm.Body(event), h.news[0].Body); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
}

func TestRefusedBeforeWorkload(t *testing.T) {
	h := newHost(t, &fakeGuest{booting: errBooting})
	want := refused(syscall.EAGAIN, errBooting.Error())
	if diff := cmp.Diff(want, h.extension(t, &idmpb.SignalRequest{Number: 15})); diff != "" {
		t.Errorf("answer to a signal (-want +got):\n%s", diff)
	}
	for _, request := range []idmpb.ExtensionRequestOneof{
		&idmpb.FileReadRequest{Path: []byte("/etc/passwd")},
		&idmpb.FileWriteRequest{Update: &idmpb.FileWriteStart{Path: []byte("/x")}},
	} {
		x := h.open(t, idm.ExtensionChannel, &idmpb.ExtensionRequest{Request: request})
		got := x.all(t)
		if len(got) != 1 {
			t.Fatalf("answers to %T: %d, want 1", request, len(got))
		}
		if diff := cmp.Diff(idm.Body(want), got[0].Body); diff != "" {
			t.Errorf("answer to %T (-want +got):\n%s", request, diff)
		}
	}
}

// TestUnknown: what is asked in vain on the extension's channel is answered, on
// krata's dropped, as there.
func TestUnknown(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	want := refused(syscall.ENOSYS, "function not implemented: this guest does not know the request")
	for _, request := range []idmpb.ExtensionRequestOneof{nil, &idmpb.FileReadRequest{}, &idmpb.FileWriteRequest{}} {
		if diff := cmp.Diff(want, h.extension(t, request)); diff != "" {
			t.Errorf("answer to %T (-want +got):\n%s", request, diff)
		}
	}
	for channel, body := range map[uint64]idm.Body{
		idm.InternalChannel: &idmpb.Request{Request: &idmpb.PingRequest{}}, idm.ExtensionChannel: &idmpb.ExtensionRequest{}, 9: idm.Raw("x"),
	} {
		if got := h.open(t, channel, body).all(t); len(got) != 0 {
			t.Errorf("stream %T on channel %d: %d messages, want it closed at once", body, channel, len(got))
		}
	}
	for _, m := range []idm.Message{
		{ID: 900, Form: idm.FormRequest, Body: &idmpb.Request{}},
		{ID: 900, Form: idm.FormRequest, Body: execRequest(&idmpb.ExecStreamRequestStart{Command: []string{"sh"}})},
		{ID: 900, Channel: 9, Form: idm.FormRequest, Body: idm.Raw("x")},
		{ID: 900, Form: idm.FormStreamRequestUpdate, Body: execRequest(&idmpb.ExecStreamRequestStdin{})},
		{ID: 900, Form: idm.FormStreamRequestClosed},
		{ID: 900, Form: idm.FormResponse, Body: &idmpb.Response{Response: &idmpb.PingResponse{}}},
		{ID: 900, Form: idm.FormEvent, Body: &idmpb.Event{Event: &idmpb.ExitEvent{Code: 1}}},
		{ID: 900, Form: idm.FormRaw, Body: idm.Raw("x")},
	} {
		h.send(t, m)
	}
	h.ping(t)
	if got := h.got[streamKey{0, 900}]; len(got) > 0 {
		t.Errorf("answers to what is no request: %v", got)
	}
}

func TestNumbers(t *testing.T) {
	h := newHost(t, &fakeGuest{})
	for _, id := range []uint64{0, 1, 1<<63 - 1, 1 << 63, 1<<64 - 1} {
		if _, ok := h.askAs(t, id, 0, &idmpb.Request{Request: &idmpb.PingRequest{}}).(*idmpb.Response); !ok {
			t.Errorf("no answer to ping %d", id)
		}
		x := h.openAs(t, id, 0, execRequest(&idmpb.ExecStreamRequestStart{Command: []string{"echo", "hi"}}))
		if got, want := x.outcome(t), (outcome{Stdout: "hi\n"}); got != want {
			t.Errorf("outcome of stream %d = %+v, want %+v", id, got, want)
		}
	}
}
