package source

import "testing"

// A reference finds what docker save or skopeo made of it.
func TestPick(t *testing.T) {
	tests := []struct {
		tag, ref string
		want     bool
	}{
		{"docker.io/library/debian:latest", "debian", true},
		{"docker.io/library/debian:latest", "docker.io/debian:latest", true},
		{"docker.io/foo/bar:1", "foo/bar:1", true},
		{"foo/bar:1", "docker.io/foo/bar:1", true},
		{"debian:12", "debian:12", true},
		{"localhost:5000/debian:latest", "localhost:5000/debian", true},
		{"Not A Name", "Not A Name", true},
		{"debian:12", "debian", false},
		{"docker.io/foo/debian:latest", "debian", false},
		{"quay.io/foo/bar:1", "foo/bar:1", false},
		{"debian:latest", "Not A Name", false},
	}
	for _, tt := range tests {
		m, err := pick([]saved{{Config: "other", RepoTags: []string{"other:1"}}, {Config: "it", RepoTags: []string{tt.tag}}}, tt.ref)
		if got := err == nil && m.Config == "it"; got != tt.want {
			t.Errorf("pick(%q, %q) = %+v, %v, want it found: %v", tt.tag, tt.ref, m, err, tt.want)
		}
	}
}
