package launch

import (
	"fmt"

	"github.com/kguest/kguest/pkg/jsontok"
	"github.com/kguest/kguest/pkg/rawfile"
)

// MaxSize is the most bytes that a launch.json may have.
const MaxSize = 16 << 20

// maxWarnings is how many warnings are kept; one more says how many were not.
const maxWarnings = 32

// Read decodes the file at path, see [Decode]. Errors and warnings begin with
// path. What is not a regular file is refused without blocking on it.
func Read(path string) (*Config, []error, error) {
	data, err := rawfile.Read(path, MaxSize)
	if err != nil {
		return nil, nil, err
	}
	cfg, warnings, err := Decode(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	for i, w := range warnings {
		warnings[i] = fmt.Errorf("%s: %w", path, w)
	}
	return cfg, warnings, err
}

// Decode decodes a launch.json and checks it as [Config.Check] does.
//
// Names are matched with their case. A null member is an absent one. An unknown
// member and one that is given twice (the last that is not null counts, and none
// of what was in the first) are warnings, each naming the member by its path. Wrong types and values are errors that name member and
// value, syntax errors name line and column. The Config is nil if and only if
// there is an error; warnings come with either.
func Decode(data []byte) (*Config, []error, error) {
	if len(data) > MaxSize {
		return nil, nil, fmt.Errorf("larger than %d bytes", MaxSize)
	}
	if err := jsontok.Check(data); err != nil {
		return nil, nil, err
	}
	d := &decoder{tokens: jsontok.NewDecoder(data)}
	cfg := new(Config)
	err := d.document(cfg)
	if err == nil {
		err = cfg.Check()
	}
	if d.dropped > 0 {
		d.warnings = append(d.warnings, fmt.Errorf("%d more unknown or repeated fields", d.dropped))
	}
	if err != nil {
		return nil, d.warnings, err
	}
	return cfg, d.warnings, nil
}
