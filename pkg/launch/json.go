package launch

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kguest/kguest/pkg/jsontok"
)

// decoder walks the tokens of one document whose syntax has been checked. It
// keeps nothing of what it skips, so that memory is bounded by the document.
type decoder struct {
	tokens   *jsontok.Decoder
	warnings []error
	dropped  int // warnings beyond maxWarnings
}

// member is one known member of an object. read gets the member's path and the
// first token of its value, never null.
type member struct {
	name string
	read func(path string, t jsontok.Token) error
}

// object reads an object of known members.
func (d *decoder) object(path string, t jsontok.Token, members []member) error {
	seen := make([]bool, len(members))
	return d.eachMember(path, t, func(name string, t jsontok.Token) error {
		for i, m := range members {
			if m.name != name {
				continue
			}
			if seen[i] {
				d.warn(join(path, name), "given twice, the last one that is not null counts")
			}
			seen[i] = true
			if t == nil {
				return nil
			}
			return m.read(join(path, name), t)
		}
		d.warn(join(path, name), "unknown field, ignored")
		d.tokens.Skip(t)
		return nil
	})
}

func (d *decoder) eachMember(path string, t jsontok.Token, read func(name string, t jsontok.Token) error) error {
	if t != jsontok.Delim('{') {
		return wrong(path, t, "not an object")
	}
	return d.tokens.Object(read)
}

func (d *decoder) eachElement(path string, t jsontok.Token, read func(path string, t jsontok.Token) error) error {
	if t != jsontok.Delim('[') {
		return wrong(path, t, "not an array")
	}
	return d.tokens.Array(func(i int, t jsontok.Token) error {
		return read(path+"["+strconv.Itoa(i)+"]", t)
	})
}

func (d *decoder) warn(path, problem string) {
	if len(d.warnings) == maxWarnings {
		d.dropped++
		return
	}
	d.warnings = append(d.warnings, errors.New(label(path)+": "+problem))
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// wrong is the error for a value that field cannot have.
func wrong(field string, value any, problem string) error {
	if field == "" {
		return fmt.Errorf("%s: %s", show(value), problem)
	}
	return fmt.Errorf("%s: %s: %s", label(field), show(value), problem)
}

func show(value any) string {
	switch v := value.(type) {
	case nil:
		return "null"
	case jsontok.Delim:
		if v == '{' {
			return "{...}"
		}
		return "[...]"
	case string:
		return strconv.Quote(clip(v))
	}
	return clip(fmt.Sprint(value))
}

// label is a path of member names as one line, which the names need not be.
func label(path string) string {
	if strings.ContainsFunc(path, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(clip(path))
	}
	return clip(path)
}

// clip keeps a hostile name or value from filling the console.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return s[:most] + "..."
}
