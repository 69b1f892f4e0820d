package nearest

import "testing"

func TestName(t *testing.T) {
	have := []string{"virtio_blk", "virtio_net", "xen-blkfront", "ls", "ln", "qemu"}
	tests := []struct{ want, near string }{
		{"virtio_blk", "virtio_blk"},
		{"virtio-blk", "virtio_blk"},
		{"virtio_blq", "virtio_blk"},
		{"Virtio_Net", "virtio_net"},
		{"xen_blkfrnt", "xen-blkfront"},
		{"lz", "ls"},
		{"quemu", "qemu"},
		{"qmeu", "qemu"},
		{"vitrio_nte", "virtio_net"},
		{"gemini", ""},
		{"nothing_like_it", ""},
		{"x", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := Name(tt.want, have); got != tt.near {
			t.Errorf("Name(%q) = %q, want %q", tt.want, got, tt.near)
		}
	}
}

func TestNameLong(t *testing.T) {
	long := string(make([]byte, 1<<20))
	if got := Name(long, []string{long}); got != "" {
		t.Errorf("Name(1 MiB) = %d bytes, want none", len(got))
	}
	if got := Name("ab", []string{long, "ac"}); got != "ac" {
		t.Errorf(`Name("ab") = %q, want "ac"`, got)
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"kitten", "sitting", 3},
		{"abc", "abc", 0},
		{"ab", "ba", 1},
		{"biuld", "build", 1},
		{"ca", "abc", 3},
		{"nosuch", "touch", 2},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}
