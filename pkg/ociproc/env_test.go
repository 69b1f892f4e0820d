package ociproc

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEnvironment(t *testing.T) {
	const path = "PATH=" + defaultPath
	for name, test := range map[string]struct {
		image []string
		host  map[string]string
		want  []string
	}{
		"nothing": {nil, nil, []string{"HOME=/h", "KRATA_CONTAINER=1", path, "TERM=vt100"}},
		"image order, then additions by name": {
			[]string{"Z=1", "A=2"},
			map[string]string{"M": "3", "B": "4"},
			[]string{"Z=1", "A=2", "B=4", "M=3", "HOME=/h", "KRATA_CONTAINER=1", path, "TERM=vt100"},
		},
		"the host replaces in place": {
			[]string{"A=1", "B=2"},
			map[string]string{"A": "host", "C": "3"},
			[]string{"A=host", "B=2", "C=3", "HOME=/h", "KRATA_CONTAINER=1", path, "TERM=vt100"},
		},
		"the last of the image wins": {
			[]string{"A=1", "B=2", "A=3"},
			nil,
			[]string{"A=3", "B=2", "HOME=/h", "KRATA_CONTAINER=1", path, "TERM=vt100"},
		},
		"KRATA_CONTAINER is ours": {
			[]string{"KRATA_CONTAINER=0"},
			map[string]string{"KRATA_CONTAINER": "2"},
			[]string{"KRATA_CONTAINER=1", "HOME=/h", path, "TERM=vt100"},
		},
		"set by the image": {
			[]string{"TERM=xterm", "HOME=/x", "PATH=/p"},
			nil,
			[]string{"TERM=xterm", "HOME=/x", "PATH=/p", "KRATA_CONTAINER=1"},
		},
		"set by the host": {
			nil,
			map[string]string{"TERM": "linux", "HOME": "/y", "PATH": "/q"},
			[]string{"HOME=/y", "PATH=/q", "TERM=linux", "KRATA_CONTAINER=1"},
		},
		"set to nothing is set": {
			[]string{"TERM=", "HOME="},
			map[string]string{"PATH": ""},
			[]string{"TERM=", "HOME=", "PATH=", "KRATA_CONTAINER=1"},
		},
		"not NAME=value": {
			[]string{"A", "=B", "", "C=d=e"},
			nil,
			[]string{"C=d=e", "HOME=/h", "KRATA_CONTAINER=1", path, "TERM=vt100"},
		},
	} {
		if diff := cmp.Diff(test.want, environment(test.image, test.host, "/h").list); diff != "" {
			t.Errorf("%s: environment (-want +got):\n%s", name, diff)
		}
	}
}

func TestEnvironmentValue(t *testing.T) {
	e := environment([]string{"A=b=c"}, nil, "/h")
	for name, want := range map[string]string{"A": "b=c", "HOME": "/h", "absent": ""} {
		if got := e.value(name); got != want {
			t.Errorf("value(%q) = %q, want %q", name, got, want)
		}
	}
}

// Time stays in proportion to the number of variables; the mistake this shows is
// a list that is searched for each name.
func BenchmarkEnvironment(b *testing.B) {
	for _, n := range []int{300, 3000, 30000} {
		image, host := make([]string, n), make(map[string]string, n)
		for i := range n {
			image[i] = fmt.Sprintf("IMAGE_%d=value", i)
			host[fmt.Sprintf("HOST_%d", i)] = "value"
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				environment(image, host, "/")
			}
		})
	}
}
