package ociproc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// MaxImageConfig is the most bytes that an image configuration may have.
const MaxImageConfig = 16 << 20

// ReadImage decodes the OCI image configuration at path, see [DecodeImage].
// Errors begin with path. What is not a regular file is refused without
// blocking on it.
func ReadImage(path string) (*v1.Image, error) {
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
	data, err := readAll(f, MaxImageConfig)
	if err != nil {
		return nil, err
	}
	img, err := DecodeImage(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}

// DecodeImage decodes an OCI or Docker image configuration and checks it. Only
// Platform and Config of the result are filled: nothing here uses the rest, and
// a date in the history must not keep a machine from booting. A config that is
// missing or null is an empty one. Fields are matched without regard to case, and
// those that are unknown are passed over, as OCI asks.
//
// Wrong types and values are errors that name field and value, syntax errors
// name line and column. The image is nil if and only if there is an error.
func DecodeImage(data []byte) (*v1.Image, error) {
	if len(data) > MaxImageConfig {
		return nil, fmt.Errorf("larger than %d bytes", MaxImageConfig)
	}
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	var doc struct {
		v1.Platform
		Config v1.ImageConfig `json:"config"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, explain(data, err)
	}
	if bytes.Equal(bytes.TrimSpace(data), []byte("null")) {
		return nil, errors.New("null: not an object")
	}
	img := &v1.Image{Platform: doc.Platform, Config: doc.Config}
	if err := checkImage(&img.Config); err != nil {
		return nil, err
	}
	return img, nil
}

func checkImage(c *v1.ImageConfig) error {
	lists := []struct {
		name   string
		values []string
	}{
		{"Env", c.Env},
		{"Entrypoint", c.Entrypoint},
		{"Cmd", c.Cmd},
		{"User", []string{c.User}},
		{"WorkingDir", []string{c.WorkingDir}},
	}
	for _, list := range lists {
		for _, value := range list.values {
			if strings.Contains(value, "\x00") {
				return fmt.Errorf("config.%s: %q: has a NUL", list.name, clip(value))
			}
		}
	}
	if c.StopSignal == "" {
		return nil
	}
	if _, err := ParseSignal(c.StopSignal); err != nil {
		return fmt.Errorf("config.StopSignal: %q: %w", clip(c.StopSignal), err)
	}
	return nil
}

// explain says where in data an error of encoding/json is.
func explain(data []byte, err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		// Offset counts the bytes read, the offending one included.
		before := data[:min(max(int(syntax.Offset)-1, 0), len(data))]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := len(before) - bytes.LastIndexByte(before, '\n')
		return fmt.Errorf("line %d, column %d: not JSON: %w", line, column, err)
	}
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	problem := fmt.Sprintf("has %s where %s belongs", article(wrong.Value), goType(wrong.Type.String()))
	if wrong.Field == "" {
		return errors.New("the document " + problem)
	}
	field := strings.TrimPrefix(wrong.Field, "Platform.")
	return fmt.Errorf("%s: %s: %s", field, valueAt(data, field), problem)
}

func article(kind string) string {
	// encoding/json puts the digits of a number after the word.
	kind, _, _ = strings.Cut(kind, " ")
	if kind == "array" || kind == "object" {
		return "an " + kind
	}
	return "a " + kind
}

func goType(name string) string {
	switch {
	case strings.HasPrefix(name, "[]"):
		return "an array of strings"
	case strings.HasPrefix(name, "map"), strings.HasPrefix(name, "struct"), strings.HasPrefix(name, "v1."):
		return "an object"
	}
	return "a " + name
}

// valueAt returns the text of the value at a path of member names.
func valueAt(data []byte, path string) string {
	raw := json.RawMessage(data)
	for path != "" {
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			break
		}
		name, rest, _ := strings.Cut(path, ".")
		if _, ok := members[path]; ok { // os.version is one name
			name, rest = path, ""
		}
		for key, value := range members {
			if strings.EqualFold(key, name) {
				raw = value
			}
		}
		path = rest
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return strconv.Quote(clip(string(raw)))
	}
	return clip(compact.String())
}
