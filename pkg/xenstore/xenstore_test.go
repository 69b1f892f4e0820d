package xenstore

import (
	"bytes"
	"strings"
	"testing"
)

// bus is XenStore's end: what was asked, and what it answers.
type bus struct {
	asked  bytes.Buffer
	answer *strings.Reader
}

func (b *bus) Write(p []byte) (int, error) { return b.asked.Write(p) }
func (b *bus) Read(p []byte) (int, error)  { return b.answer.Read(p) }

func TestWrite(t *testing.T) {
	b := &bus{answer: strings.NewReader("\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00OK\x00")}
	if err := Write(b, "a/b", "42"); err != nil {
		t.Fatalf("Write() = %v", err)
	}
	const want = "\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x06\x00\x00\x00a/b\x0042"
	if got := b.asked.String(); got != want {
		t.Errorf("Write() asked %q, want %q", got, want)
	}
}

func TestWriteErrors(t *testing.T) {
	for _, tt := range []struct{ name, key, answer, want string }{
		{"refused", "a", "\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00EACCES\x00", "EACCES"},
		{"hung up", "a", "", "read reply: EOF"},
		{"truncated", "a", "\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00O", "read reply: unexpected EOF"},
		{"too long", "a", "\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff", "over the limit"},
		{"another", "a", "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "reply of type 2"},
		{"long key", strings.Repeat("k", 5000), "", "the bus takes 4096"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := Write(&bus{answer: strings.NewReader(tt.answer)}, tt.key, "1")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Write() = %v, want %q", err, tt.want)
			}
		})
	}
}
