package netconf

import (
	"errors"
	"io/fs"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testPort = 4711

// testFirst has the numbers of three requests wrap.
var testFirst uint32 = 1<<32 - 2

func result(i uint32, kind, flags uint16, body ...byte) []byte {
	return rawMessage(message{kind: kind, flags: flags, seq: testFirst + i, port: testPort, body: body}, 0)
}

// code is the kernel's, negative in the message.
func code(errno syscall.Errno) []byte { return native.AppendUint32(nil, -uint32(errno)) }

func TestAnswers(t *testing.T) {
	const failed, end, object = syscall.NLMSG_ERROR, syscall.NLMSG_DONE, syscall.RTM_NEWLINK
	repeated := rawMessage(message{kind: syscall.RTM_NEWADDR, body: []byte("12345")}, 0)
	reason := request{}.attr(2, []byte("skip")).attrString(ackAttrMessage, "Nexthop has invalid gateway.")
	for _, tt := range []struct {
		name      string
		datagrams [][]byte
		done      bool
		want      [3]string
		objects   []string
		err       string // the last read's
	}{
		{name: "the last is answered", datagrams: [][]byte{result(2, failed, 0, code(0)...)}, done: true},
		{name: "another is answered", datagrams: [][]byte{result(1, failed, 0, code(0)...)}},
		{
			name: "one refused, then the last",
			datagrams: [][]byte{
				result(0, failed, 0, slices.Concat(code(syscall.EEXIST), repeated)...),
				result(2, failed, flagCapped, slices.Concat(code(0), repeated[:headerSize])...),
			},
			done: true, want: [3]string{0: "file exists"},
		},
		{
			name: "reason, the request not repeated", done: true,
			datagrams: [][]byte{result(2, failed, flagCapped|flagAckAttributes,
				slices.Concat(code(syscall.EINVAL), repeated[:headerSize], reason)...)},
			want: [3]string{2: "invalid argument (Nexthop has invalid gateway)"},
		},
		{
			name: "reason, the request repeated", done: true,
			datagrams: [][]byte{result(2, failed, flagAckAttributes,
				slices.Concat(code(syscall.EINVAL), repeated, []byte("pad"), reason)...)},
			want: [3]string{2: "invalid argument (Nexthop has invalid gateway)"},
		},
		{
			name: "reason cut off", done: true,
			datagrams: [][]byte{result(2, failed, flagCapped|flagAckAttributes,
				slices.Concat(code(syscall.EINVAL), repeated[:headerSize], reason[:20])...)},
			want: [3]string{2: "invalid argument"},
		},
		{
			name: "repeated request cut off", done: true,
			datagrams: [][]byte{result(2, failed, flagAckAttributes, slices.Concat(code(syscall.EINVAL), repeated[:headerSize])...)},
			want:      [3]string{2: "invalid argument"},
		},
		{
			name:      "objects in parts",
			datagrams: [][]byte{slices.Concat(result(2, object, 2, []byte("one!")...), result(2, object, 2, []byte("two!")...)), result(2, end, 2, code(0)...)},
			done:      true, objects: []string{"one!", "two!"},
		},
		{
			name:      "list ends with an error and its reason",
			datagrams: [][]byte{result(2, end, flagAckAttributes, slices.Concat(code(syscall.EBUSY), reason)...)},
			done:      true, want: [3]string{2: "device or resource busy (Nexthop has invalid gateway)"},
		},
		{
			name:      "object that is not understood",
			datagrams: [][]byte{result(2, object, 2, []byte("bad!")...), result(2, object, 2, []byte("two!")...), result(2, end, 2, code(0)...)},
			done:      true, objects: []string{"two!"}, want: [3]string{2: "bad"},
		},
		{
			name: "of others",
			datagrams: [][]byte{
				rawMessage(message{kind: failed, seq: testFirst + 2, port: testPort + 1, body: code(syscall.EPERM)}, 0),
				rawMessage(message{kind: failed, seq: testFirst + 2, body: code(syscall.EPERM)}, 0),
				result(3, failed, 0, code(syscall.EPERM)...),
				rawMessage(message{kind: end, seq: testFirst - 1, port: testPort, body: code(syscall.EPERM)}, 0),
			},
		},
		{name: "nothing to say", datagrams: [][]byte{result(2, syscall.NLMSG_NOOP, 0)}},
		{name: "lost", datagrams: [][]byte{result(2, syscall.NLMSG_OVERRUN, 0)}, want: [3]string{2: "netlink message: data was lost"}},
		{name: "no code", datagrams: [][]byte{result(2, failed, 0, 1, 2, 3)}, done: true, want: [3]string{2: "netlink message: a result of 3 bytes"}},
		{name: "least errno", datagrams: [][]byte{result(2, failed, 0, 0, 0, 0, 0x80)}, done: true, want: [3]string{2: "errno 2147483648"}},
		{name: "cut off", datagrams: [][]byte{result(2, failed, 0, code(0)...)[:18]}, err: "netlink message: says that it has 20 bytes, of 18"},
	} {
		var objects []string
		a := answers{port: testPort, first: testFirst, errs: make([]error, 3), object: func(body []byte) error {
			if string(body) == "bad!" {
				return errors.New("bad")
			}
			objects = append(objects, string(body))
			return nil
		}}
		var err error
		for _, d := range tt.datagrams {
			err = a.read(d)
		}
		got := [3]string{errorText(a.errs[0]), errorText(a.errs[1]), errorText(a.errs[2])}
		if got != tt.want || a.done != tt.done || errorText(err) != tt.err || a.interrupted {
			t.Errorf("%s: errors = %q, done = %v, %v, want %q, %v, %q", tt.name, got, a.done, err, tt.want, tt.done, tt.err)
		}
		if diff := cmp.Diff(tt.objects, objects); diff != "" {
			t.Errorf("%s: objects (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestAnswersInterrupted(t *testing.T) {
	for _, kind := range []uint16{syscall.RTM_NEWLINK, syscall.NLMSG_DONE} {
		a := answers{port: testPort, first: testFirst, errs: make([]error, 1)}
		if err := a.read(result(0, kind, 2|flagDumpInterrupted, code(0)...)); err != nil || !a.interrupted {
			t.Errorf("message %d: interrupted = %v, %v, want true", kind, a.interrupted, err)
		}
	}
}

func TestRefusal(t *testing.T) {
	err := refusal{errno: syscall.EEXIST, reason: "address already assigned"}
	if !errors.Is(err, fs.ErrExist) || !errors.Is(err, syscall.EEXIST) {
		t.Errorf("errors.Is(%v, EEXIST) = false", err)
	}
	if got := withoutReason(err).Error(); got != "file exists" {
		t.Errorf("withoutReason(%v) = %q, want %q", err, got, "file exists")
	}
}

// FuzzAnswers compares with a walk over the same messages: only the last
// request's own result ends it, and nobody else's message leaves a trace.
func FuzzAnswers(f *testing.F) {
	f.Add(result(2, syscall.NLMSG_ERROR, 0, code(0)...))
	f.Add(slices.Concat(result(2, syscall.RTM_NEWLINK, 2, []byte("body")...), result(2, syscall.NLMSG_DONE, 2, code(0)...)))
	f.Add(result(1, syscall.NLMSG_ERROR, flagAckAttributes|flagCapped,
		slices.Concat(code(syscall.EINVAL), make([]byte, headerSize), request{}.attrString(ackAttrMessage, "no"))...))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		a := answers{port: testPort, first: testFirst, errs: make([]error, 3), object: func([]byte) error { return nil }}
		err := a.read(datagram)
		done := false
		var refused [3]bool
		rest := datagram
		for len(rest) > 0 {
			m, after, splitErr := splitMessage(rest)
			if splitErr != nil {
				break
			}
			i := m.seq - testFirst
			if m.port == testPort && i < 3 {
				isResult := m.kind == syscall.NLMSG_ERROR || m.kind == syscall.NLMSG_DONE
				done = done || isResult && i == 2
				refused[i] = refused[i] || isResult && len(m.body) >= 4 && native.Uint32(m.body) != 0
			}
			rest = after
		}
		if (err == nil) != (len(rest) == 0) || a.done != done {
			t.Errorf("read(%x) = %v, done %v, want all but %d bytes read, done %v", datagram, err, a.done, len(rest), done)
		}
		for i, want := range refused {
			if want && a.errs[i] == nil {
				t.Errorf("read(%x): no error of request %d", datagram, i)
			}
		}
	})
}

func TestUntilUnchanged(t *testing.T) {
	for _, tt := range []struct {
		interrupted int // so many times
		err         error
		calls       int
		want        string
	}{
		{calls: 1},
		{interrupted: 9, calls: 10},
		{interrupted: 10, calls: 10, want: "changed during each of 10 readings"},
		{interrupted: 10, err: syscall.EPERM, calls: 1, want: "operation not permitted"},
	} {
		calls := 0
		err := untilUnchanged(func() (interrupted bool, err error) {
			calls++
			return calls <= tt.interrupted, tt.err
		})
		if calls != tt.calls || errorText(err) != tt.want {
			t.Errorf("untilUnchanged, %d interrupted = %v after %d calls, want %q after %d", tt.interrupted, err, calls, tt.want, tt.calls)
		}
	}
}
