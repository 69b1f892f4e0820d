package initramfs

import (
	"strings"
	"testing"
)

func TestClip(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{strings.Repeat("x", 163), strings.Repeat("x", 163)},
		{strings.Repeat("x", 100) + "mid" + "1" + strings.Repeat("y", 60), strings.Repeat("x", 100) + "..." + strings.Repeat("y", 60)},
		{strings.Repeat("☃", 1000), strings.Repeat("☃", 33) + "..." + strings.Repeat("☃", 20)},
	}
	for _, tt := range tests {
		if got := Clip(tt.in); got != tt.want {
			t.Errorf("Clip(%d bytes) = %q, want %q", len(tt.in), got, tt.want)
		}
	}
}
