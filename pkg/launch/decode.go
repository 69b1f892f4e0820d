package launch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// MaxSize is the most bytes that a launch.json may have.
const MaxSize = 16 << 20

// maxWarnings is how many warnings are kept; one more says how many were not.
const maxWarnings = 32

// Read decodes the file at path, see [Decode]. Errors and warnings begin with
// path. What is not a regular file is refused without blocking on it.
func Read(path string) (*Config, []error, error) {
	data, err := readFile(path)
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

func readFile(path string) ([]byte, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read %s: not a regular file (%s)", path, info.Mode())
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("read %s: larger than %d bytes", path, MaxSize)
	}
	return data, nil
}

// Decode decodes a launch.json and checks it as [Config.Check] does.
//
// Names are matched with their case. A null member is an absent one. An unknown
// member and one that is given twice (the last that is not null counts, and none
// of what was in the first) are warnings, each naming the member by its path. Wrong types and values are errors that name member and
// value, syntax errors name line and column. The Config is nil if and only if
// there is an error; warnings come with either.
func Decode(data []byte) (*Config, []error, error) {
	if err := checkSyntax(data); err != nil {
		return nil, nil, err
	}
	d := &decoder{tokens: json.NewDecoder(bytes.NewReader(data))}
	d.tokens.UseNumber()
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

func checkSyntax(data []byte) error {
	if len(data) > MaxSize {
		return fmt.Errorf("larger than %d bytes", MaxSize)
	}
	if i := invalidUTF8(data); i >= 0 {
		return fmt.Errorf("%s: byte %#x is not UTF-8", position(data, i), data[i])
	}
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		// Offset counts the bytes read, the offending one included.
		at := max(int(syntax.Offset)-1, 0)
		return fmt.Errorf("%s: not JSON: %w", position(data, at), err)
	}
	return err
}

// invalidUTF8 returns the offset of the first byte that is not UTF-8, or -1.
// encoding/json would put U+FFFD there without a word.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

// position says where in data an offset is: lines and columns from 1, columns
// in bytes.
func position(data []byte, offset int) string {
	before := data[:min(offset, len(data))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", line, column)
}
