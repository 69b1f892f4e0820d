package metrics

import (
	"strings"
	"testing"
	"testing/quick"
)

// TestKeeper holds that what is kept stays as it was, however much follows.
func TestKeeper(t *testing.T) {
	k := new(keeper)
	var texts, want []string
	buf := make([]byte, 0, MaxText+1)
	keep := func(s string) bool {
		s = strings.Repeat(s+"z", 1+len(s)%30)
		buf = append(buf[:0], s[:min(len(s), MaxText+1)]...)
		texts, want = append(texts, k.text(buf)), append(want, text(buf))
		nodes := k.nodes()
		fresh := nodes.used == 0
		nodes.used = 1
		clear(buf) // the next is read into it
		return fresh
	}
	if err := quick.Check(keep, &quick.Config{MaxCount: 2000}); err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if texts[i] != want[i] {
			t.Fatalf("text %d = %q, want %q", i, texts[i], want[i])
		}
	}
}
