package jsontok

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// oracle writes v as encoding/json does.
func oracle(t *testing.T, v any, indent string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestWriter(t *testing.T) {
	type inner struct {
		Yes   bool     `json:"yes"`
		None  *int     `json:"none"`
		Empty []string `json:"empty"`
	}
	type outer struct {
		Name  string   `json:"name"`
		Large uint64   `json:"large"`
		Small int64    `json:"a<b>c"`
		List  []string `json:"list"`
		Rows  [][]bool `json:"rows"`
		Inner inner    `json:"inner"`
		Nil   struct{} `json:"nil"`
	}
	v := outer{
		Name: "x", Large: 1<<64 - 1, Small: -1 << 63, List: []string{"a", ""}, Rows: [][]bool{{true, false}, {}},
		Inner: inner{Yes: true, Empty: []string{}},
	}
	for _, indent := range []string{"", "  ", "\t"} {
		w := Writer{Indent: indent}
		w.Object(func() {
			w.Name("name").String(v.Name)
			w.Name("large").Uint(v.Large)
			w.Name("a<b>c").Int(v.Small)
			w.Name("list").Strings(v.List)
			w.Name("rows").Array(func() {
				w.Array(func() { w.Bool(true); w.Bool(false) })
				w.Array(func() {})
			})
			w.Name("inner").Object(func() {
				w.Name("yes").Bool(true)
				w.Name("none").Null()
				w.Name("empty").Strings(nil)
			})
			w.Name("nil").Object(func() {})
		})
		if got, want := string(w.Bytes()), oracle(t, v, indent); got != want {
			t.Errorf("Writer with indent %q = %s, want %s", indent, got, want)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\x00\x01\b\f\n\r\t\x1f\x7f", `"\/<>&`, "é日\U0001f600", "\u2028\u2029\ufffd", "\xff\xc3(\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, want := string(AppendString(nil, s)), oracle(t, s, "")
		if got != want {
			t.Errorf("AppendString(%q) = %s, want %s", s, got, want)
		}
		var back string
		if err := json.Unmarshal([]byte(want), &back); err != nil {
			t.Fatal(err)
		}
		if token := NewDecoder([]byte(got)).Token(); token != back {
			t.Errorf("token of %s = %q, want %q", got, token, back)
		}
	})
}
