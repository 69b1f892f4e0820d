package ociproc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/jsontok"
	"github.com/kguest/kguest/pkg/rawfile"
)

// MaxImageConfig is the most bytes that an image configuration may have.
const MaxImageConfig = 16 << 20

// Image is what the guest needs of an OCI image configuration
// (opencontainers/image-spec, config.md).
type Image struct {
	Architecture string // GOARCH
	OS           string // GOOS
	Config       ImageConfig
}

// ImageConfig is what an image says of its command.
type ImageConfig struct {
	User       string
	Env        []string // NAME=VALUE
	Entrypoint []string
	Cmd        []string
	WorkingDir string
	StopSignal string
}

// ReadImage decodes the OCI image configuration at path, see [DecodeImage].
// Errors begin with path. What is not a regular file is refused without
// blocking on it.
func ReadImage(path string) (*Image, error) {
	data, err := rawfile.Read(path, MaxImageConfig)
	if err != nil {
		return nil, err
	}
	img, err := DecodeImage(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}

// DecodeImage decodes an OCI or Docker image configuration and checks it. What
// nothing here uses is passed over, whatever it is: a date in the history must
// not keep a machine from booting. A config that is missing or null is an empty
// one. Fields are matched without regard to case, as OCI's own decoder does.
//
// Wrong types and values are errors that name field and value, syntax errors
// name line and column. The image is nil if and only if there is an error.
func DecodeImage(data []byte) (*Image, error) {
	if len(data) > MaxImageConfig {
		return nil, fmt.Errorf("larger than %d bytes", MaxImageConfig)
	}
	if err := jsontok.Check(data); err != nil {
		return nil, err
	}
	d := imageDecoder{jsontok.NewDecoder(data)}
	img := new(Image)
	if err := d.document(img); err != nil {
		return nil, err
	}
	if err := checkImage(&img.Config); err != nil {
		return nil, err
	}
	return img, nil
}

type imageDecoder struct{ *jsontok.Decoder }

// field is a field that is read from its first token, never null.
type field struct {
	name string
	read func(name string, t jsontok.Token) error
}

func (d imageDecoder) document(img *Image) error {
	t := d.Token()
	switch {
	case t == nil:
		return errors.New("null: not an object")
	case t != jsontok.Delim('{'):
		return fmt.Errorf("the document has %s where an object belongs", kind(t))
	}
	c := &img.Config
	return d.object("", []field{
		{"architecture", d.text(&img.Architecture)},
		{"os", d.text(&img.OS)},
		{"config", func(name string, t jsontok.Token) error {
			if t != jsontok.Delim('{') {
				return d.wrong(name, t, "an object")
			}
			return d.object(name+".", []field{
				{"User", d.text(&c.User)},
				{"Env", d.list(&c.Env)},
				{"Entrypoint", d.list(&c.Entrypoint)},
				{"Cmd", d.list(&c.Cmd)},
				{"WorkingDir", d.text(&c.WorkingDir)},
				{"StopSignal", d.text(&c.StopSignal)},
			})
		}},
	})
}

// object reads the fields of an object; prefix is before their names in errors.
func (d imageDecoder) object(prefix string, fields []field) error {
	return d.Object(func(name string, t jsontok.Token) error {
		for _, f := range fields {
			if t != nil && strings.EqualFold(f.name, name) {
				return f.read(prefix+f.name, t)
			}
		}
		d.Skip(t)
		return nil
	})
}

func (d imageDecoder) text(out *string) func(string, jsontok.Token) error {
	return func(name string, t jsontok.Token) error {
		s, ok := t.(string)
		if !ok {
			return d.wrong(name, t, "a string")
		}
		*out = s
		return nil
	}
}

func (d imageDecoder) list(out *[]string) func(string, jsontok.Token) error {
	return func(name string, t jsontok.Token) error {
		if t != jsontok.Delim('[') {
			return d.wrong(name, t, "an array of strings")
		}
		text := d.Value(t)
		elements := jsontok.NewDecoder(text)
		elements.Token()
		*out = []string{}
		return elements.Array(func(_ int, t jsontok.Token) error {
			s, ok := t.(string)
			if !ok && t != nil {
				return mismatch(name, text, t, "a string")
			}
			*out = append(*out, s)
			return nil
		})
	}
}

// wrong is the error for the value that t begins, where want belongs.
func (d imageDecoder) wrong(name string, t jsontok.Token, want string) error {
	return mismatch(name, d.Value(t), t, want)
}

func mismatch(name string, value []byte, t jsontok.Token, want string) error {
	return fmt.Errorf("%s: %s: has %s where %s belongs", name, clip(compact(value)), kind(t), want)
}

// kind is what the value that t begins is.
func kind(t jsontok.Token) string {
	switch t := t.(type) {
	case jsontok.Delim:
		if t == '[' {
			return "an array"
		}
		return "an object"
	case jsontok.Number:
		return "a number"
	case bool:
		return "a bool"
	}
	return "a string"
}

// compact is JSON without the white space around its tokens.
func compact(text []byte) string {
	out := make([]byte, 0, len(text))
	quoted := false
	for i, b := range text {
		if b == '"' && (!quoted || !escaped(text[:i])) {
			quoted = !quoted
		}
		if quoted || !strings.ContainsRune(" \n\t\r", rune(b)) {
			out = append(out, b)
		}
	}
	return string(out)
}

// escaped reports whether a backslash at the end of text escapes what follows.
func escaped(text []byte) bool {
	n := 0
	for n < len(text) && text[len(text)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func checkImage(c *ImageConfig) error {
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
