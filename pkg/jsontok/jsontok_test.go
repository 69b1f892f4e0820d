package jsontok

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// documents are valid and broken in every way that the checker knows.
var documents = []string{
	``, ` `, `{}`, `[]`, ` [ ] `, `{ }`, `null`, `true`, `false`, `"x"`, `0`, `-0`, `12`, `-1.5e+10`, `1E5`, `0.25`,
	`{"a": 1, "b": [true, false, null, "x"], "c": {"d": {}}}`, `[[], {}, [[1]], ""]`,
	`"\"\\\/\b\f\n\r\tA\u00e9\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ud83dA"`, `"\ude00\ud83d"`, `"` + "é\x7f" + `"`,
	`{`, `[`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `[1`, `[1,`, `[,]`, `[1,]`, `{"a":1,}`, `{,}`, `{1:2}`, `{"a" 1}`, `{"a":}`,
	`{"a":1 "b"}`, `[1 2]`, `{} x`, `{}{}`, `]`, `}`, `[}`, `{]`, `tru`, `trux`, `nul`, `fals `, `t`, `-`, `-a`, `01`, `1.`, `1.a`, `1e`,
	`1e+`, `1ex`, `.5`, `+1`, `"`, `"\`, `"\x"`, `"\u12"`, `"\u12x4"`, "\"\n\"", "\"\x00\"", `'a'`, "\x00", "[1]\x00", `/**/`, `{"a":'b'}`,
	strings.Repeat("[", 10000) + strings.Repeat("]", 10000), strings.Repeat("[", 10001), strings.Repeat(`{"a":`, 10001),
}

func TestCheck(t *testing.T) {
	for _, text := range documents {
		checkLikeOracle(t, []byte(text))
	}
	const notText = "[\n \"a\xff\"]"
	if err := Check([]byte(notText)); err == nil || err.Error() != "line 2, column 4: byte 0xff is not UTF-8" {
		t.Errorf("Check(%q) = %v", notText, err)
	}
}

// checkLikeOracle holds Check to encoding/json: the same verdict, words and
// offset.
func checkLikeOracle(t *testing.T, data []byte) {
	t.Helper()
	if !utf8.Valid(data) {
		if Check(data) == nil {
			t.Errorf("Check(%q) = nil, want an error", data)
		}
		return
	}
	var raw json.RawMessage
	want := ""
	err := json.Unmarshal(data, &raw)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		want = position(data, max(int(syntax.Offset)-1, 0)) + ": not JSON: " + syntax.Error()
	} else if err != nil {
		t.Fatal(err)
	}
	got := ""
	if err := Check(data); err != nil {
		got = err.Error()
	}
	// At the end of the document the oracle goes on with a space of its own.
	early := strings.HasSuffix(got, "unexpected end of JSON input") && strings.Contains(want, "invalid character ' '") &&
		strings.HasPrefix(want, position(data, len(data)-1)+": ")
	if got != want && !early {
		t.Errorf("Check(%.60q) = %q, want %q", data, got, want)
	}
}

func TestDecoder(t *testing.T) {
	for _, text := range documents {
		if Check([]byte(text)) == nil {
			tokensLikeOracle(t, []byte(text))
		}
	}
}

// tokensLikeOracle holds the tokens of a valid document to encoding/json's.
func tokensLikeOracle(t *testing.T, data []byte) {
	t.Helper()
	oracle := json.NewDecoder(bytes.NewReader(data))
	oracle.UseNumber()
	d := NewDecoder(data)
	for {
		want, err := oracle.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("%.60q: %v", data, err)
		}
		switch w := want.(type) {
		case json.Delim:
			want = Delim(w)
		case json.Number:
			want = Number(w)
		}
		if diff := cmp.Diff(want, any(d.Token())); diff != "" {
			t.Errorf("%.60q: token before byte %d (-want +got):\n%s", data, d.Offset(), diff)
		}
		if got, want := d.More(), oracle.More(); got != want {
			t.Errorf("%.60q: More before byte %d = %t, want %t", data, d.Offset(), got, want)
		}
	}
	if got := d.Token(); got != nil {
		t.Errorf("%.60q: token after the last = %v, want none", data, got)
	}
}

func TestWalk(t *testing.T) {
	d := NewDecoder([]byte(`{"skip": [{"a": [1]}, 2], "list": ["x", null, {}], "last": true}`))
	var got []string
	d.Token()
	err := d.Object(func(name string, token Token) error {
		got = append(got, name)
		if name != "list" {
			d.Skip(token)
			return nil
		}
		return d.Array(func(i int, token Token) error {
			d.Skip(token)
			got = append(got, strconv.Itoa(i))
			return nil
		})
	})
	if diff := cmp.Diff([]string{"skip", "list", "0", "1", "2", "last"}, got); err != nil || diff != "" {
		t.Errorf("walk: %v (-want +got):\n%s", err, diff)
	}
	d = NewDecoder([]byte(`{"a" : [1, {"b": 2}] , "c": "x"}`))
	d.Token()
	var values []string
	err = d.Object(func(_ string, token Token) error {
		values = append(values, string(d.Value(token)))
		return nil
	})
	if diff := cmp.Diff([]string{`[1, {"b": 2}]`, `"x"`}, values); err != nil || diff != "" {
		t.Errorf("values: %v (-want +got):\n%s", err, diff)
	}
	stop := errors.New("stop")
	d = NewDecoder([]byte(`{"a": [1]}`))
	d.Token()
	if err := d.Object(func(string, Token) error { return d.Array(func(int, Token) error { return stop }) }); !errors.Is(err, stop) {
		t.Errorf("Object = %v, want what read returned", err)
	}
}

// FuzzJSON holds Check and the tokens of what passes it to encoding/json, and
// that the decoder comes to an end whatever it is given.
func FuzzJSON(f *testing.F) {
	for _, text := range documents {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		checkLikeOracle(t, data)
		if Check(data) == nil {
			tokensLikeOracle(t, data)
			return
		}
		d := NewDecoder(data)
		for d.at < len(data) {
			before := d.at
			d.Skip(d.Token())
			if d.at == before {
				t.Fatalf("Decoder of %q stays at byte %d", data, before)
			}
		}
	})
}
