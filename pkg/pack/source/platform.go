package source

import (
	"fmt"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// platform is what image to take of several.
type platform struct {
	os, arch, variant string
	asked             bool // by the user
}

func (p platform) String() string {
	return strings.TrimSuffix(p.os+"/"+p.arch+"/"+p.variant, "/")
}

// parsePlatform parses os/arch[/variant].
func parsePlatform(s string) (platform, error) {
	if s == "" {
		return platform{os: "linux", arch: runtime.GOARCH}, nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return platform{}, fmt.Errorf("platform %q: want os/arch or os/arch/variant, such as linux/amd64", s)
	}
	p := platform{os: parts[0], arch: parts[1], asked: true}
	if len(parts) == 3 {
		p.variant = parts[2]
	}
	return p, nil
}

func platformOf(p v1.Platform) platform {
	return platform{os: p.OS, arch: p.Architecture, variant: p.Variant}
}

// takes reports whether an image for has is what p wants. A variant that p
// leaves open may be any, one that the image leaves open is the usual one.
func (p platform) takes(has platform) bool {
	if p.os != has.os || p.arch != has.arch {
		return false
	}
	return p.variant == "" || has.variant == "" || p.variant == has.variant
}

// choose returns the manifest of list that is for want: of several the first
// that says its variant, as want does.
func choose(list []v1.Descriptor, want platform) (v1.Descriptor, error) {
	var have []string
	found := -1
	for i, d := range list {
		if d.Platform == nil || d.Platform.OS == "unknown" { // "unknown" is an attestation
			continue
		}
		has := platformOf(*d.Platform)
		have = append(have, has.String())
		exact := found >= 0 && want.variant != "" && list[found].Platform.Variant == "" && has.variant == want.variant
		if want.takes(has) && (found < 0 || exact) {
			found = i
		}
	}
	if found < 0 {
		slices.Sort(have)
		return v1.Descriptor{}, fmt.Errorf("no image for %s; there are %s", want, orNone(slices.Compact(have)))
	}
	return list[found], nil
}

// orNone lists names for a message.
func orNone(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "none"
	}
	if len(names) > most {
		names = append(slices.Clone(names[:most]), "...")
	}
	return strings.Join(names, ", ")
}
