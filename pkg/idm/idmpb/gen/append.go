package gen

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
)

func ident(path, name string) protogen.GoIdent {
	return protogen.GoIdent{GoImportPath: protogen.GoImportPath(path), GoName: name}
}

func (w *writer) appendTo(m *protogen.Message) {
	name := m.GoIdent.GoName
	w.P()
	w.P("// AppendTo appends the wire form of m to b. A nil m is an empty message.")
	w.P("func (m *", name, ") AppendTo(b []byte) []byte {")
	if len(m.Fields) == 0 {
		w.P("return b }")
		return
	}
	w.P("if m == nil { return b }")
	for _, f := range m.Fields {
		switch {
		case f.Oneof == nil:
			w.appendField(f)
		case f == f.Oneof.Fields[0]:
			w.P("switch v := m.", f.Oneof.GoName, ".(type) {")
			for _, one := range f.Oneof.Fields {
				w.P("case ", pointer(one), caseName(one), ":")
				w.appendCase(one)
			}
			w.P("}")
		}
	}
	w.P("return b }")
}

func (w *writer) appendCase(f *protogen.Field) {
	if f.Message != nil {
		w.P("b = appendMessage(b, ", key(f), ", v)")
		return
	}
	s, _ := scalarOf(f) // checked by check
	value := fmt.Sprintf(s.write, s.goType+"(v)")
	if s.write == "uint64(%s)" {
		value = "uint64(v)"
	}
	w.P("b = append", s.verb, "(b, ", key(f), ", ", value, ")")
}

func (w *writer) appendField(f *protogen.Field) {
	member := "m." + f.GoName
	switch s, _ := scalarOf(f); { // checked by check
	case f.Desc.IsMap():
		entry := f.Message.Fields
		w.P("for _, k := range ", ident("slices", "Sorted"), "(", ident("maps", "Keys"), "(", member, ")) {")
		w.P("b = appendEntry(b, ", key(f), ", ", key(entry[0]), ", k, ", key(entry[1]), ", ", member, "[k]) }")
	case packable(f):
		w.P("if len(", member, ") > 0 {")
		w.P("var packed []byte")
		w.P("for _, v := range ", member, " {")
		w.P("packed = pack", s.verb, "(packed, ", fmt.Sprintf(s.write, "v"), ") }")
		w.P("b = appendBytes(b, ", packedKey(f), ", packed) }")
	case f.Desc.IsList() && f.Message != nil:
		w.P("for _, v := range ", member, " { b = appendMessage(b, ", key(f), ", v) }")
	case f.Desc.IsList():
		w.P("for _, v := range ", member, " { b = append", s.verb, "(b, ", key(f), ", v) }")
	case f.Message != nil:
		w.P("if ", member, " != nil { b = appendMessage(b, ", key(f), ", ", member, ") }")
	default:
		w.P("b = put", s.verb, "(b, ", key(f), ", ", fmt.Sprintf(s.write, member), ")")
	}
}
