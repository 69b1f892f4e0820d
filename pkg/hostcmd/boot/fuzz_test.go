package boot

import (
	"bytes"
	"testing"
)

func FuzzPayload(f *testing.F) {
	image := make([]byte, 4096)
	copy(image[setupMagicAt:], "HdrS")
	image[setupSectorsAt], image[payloadLengthAt] = 3, 16
	f.Add(image)
	f.Add([]byte("HdrS"))
	f.Fuzz(func(t *testing.T, image []byte) {
		got, err := payload(image)
		if err != nil && got != nil || err == nil && !bytes.Contains(image, got) {
			t.Errorf("payload = %d bytes, %v", len(got), err)
		}
	})
}

// However the keys are split, the guest gets the same.
func FuzzEscapes(f *testing.F) {
	f.Add([]byte("a\x1dxb\x1d\x1dc"), 3)
	f.Fuzz(func(t *testing.T, keys []byte, at int) {
		at = min(max(at, 0), len(keys))
		var one, two escapes
		want, stops := one.filter(keys)
		first, n := two.filter(keys[:at])
		second, m := two.filter(keys[at:])
		if got := append(first, second...); !bytes.Equal(got, want) || n+m != stops || one != two {
			t.Errorf("filter(%q, %q) = %q, %d stops, want %q, %d", keys[:at], keys[at:], got, n+m, want, stops)
		}
	})
}
