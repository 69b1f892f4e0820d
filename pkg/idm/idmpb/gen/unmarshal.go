package gen

import "google.golang.org/protobuf/compiler/protogen"

func (w *writer) unmarshal(m *protogen.Message) {
	name := m.GoIdent.GoName
	w.P()
	w.P("// Unmarshal sets m to the message that is b, of which it keeps no part. After an")
	w.P("// error m has what stood before it.")
	w.P("func (m *", name, ") Unmarshal(b []byte) error {")
	w.P("*m = ", name, "{}")
	w.P("return m.merge(b, newDecoder()) }")
	w.P()
	w.P("func (m *", name, ") merge(b []byte, ", decoderName(m), " *decoder) error {")
	w.P("for len(b) > 0 {")
	if len(m.Fields) == 0 {
		w.P("_, rest, err := next(b)")
	} else {
		w.P("f, rest, err := next(b)")
	}
	w.P("if err != nil { return in(", quote(name), ", err) }")
	w.P("b = rest")
	if len(m.Fields) > 0 {
		w.P("switch f.key {")
		for _, f := range m.Fields {
			w.readField(m, f)
		}
		w.P("}")
		w.P("if err != nil { return err }")
	}
	w.P("}")
	w.P("return nil }")
}

func decoderName(m *protogen.Message) string {
	for _, f := range m.Fields {
		if f.Message != nil || f.Desc.IsList() {
			return "d"
		}
	}
	return "_"
}

func quote(s string) string { return `"` + s + `"` }

// readField writes the case of f: it may set err.
func (w *writer) readField(m *protogen.Message, f *protogen.Field) {
	member := "m." + f.GoName
	w.P("case ", key(f), ": // ", f.Desc.Name())
	switch {
	case f.Oneof != nil:
		w.readCase(m, f)
	case f.Desc.IsMap():
		w.readEntry(f)
	case f.Desc.IsList() && f.Message != nil:
		w.P("v := new(", f.Message.GoIdent.GoName, ")")
		w.P("err = f.message(v, d)")
		w.P(member, " = append(", member, ", v)")
	case f.Message != nil:
		w.P("if ", member, " == nil { ", member, " = new(", f.Message.GoIdent.GoName, ") }")
		w.P("err = f.message(", member, ", d)")
	case packable(f):
		s, _ := scalarOf(f) // checked by check
		w.P("err = d.element()")
		w.P(member, " = append(", member, ", ", s.read, ")")
		w.P("case ", packedKey(f), ":")
		w.P("err = f.unpack", s.verb, "(d, func(f field) { ", member, " = append(", member, ", ", s.read, ") })")
	default:
		w.readScalar(m, f)
	}
}

func (w *writer) readScalar(m *protogen.Message, f *protogen.Field) {
	s, _ := scalarOf(f) // checked by check
	member := "m." + f.GoName
	switch where := quote(m.GoIdent.GoName + "." + string(f.Desc.Name())); {
	case s.verb == "String" && f.Desc.IsList():
		w.P("var v string")
		w.P("if err = d.element(); err == nil { v, err = f.string(", where, ") }")
		w.P(member, " = append(", member, ", v)")
	case s.verb == "String":
		w.P(member, ", err = f.string(", where, ")")
	case f.Desc.IsList():
		w.P("err = d.element()")
		w.P(member, " = append(", member, ", ", s.read, ")")
	default:
		w.P(member, " = ", s.read)
	}
}

// readCase replaces what the oneof holds; the same message again is merged.
func (w *writer) readCase(m *protogen.Message, f *protogen.Field) {
	s, _ := scalarOf(f) // checked by check
	member, name := "m."+f.Oneof.GoName, caseName(f)
	switch where := quote(m.GoIdent.GoName + "." + string(f.Desc.Name())); {
	case f.Message != nil:
		w.P("v, ok := ", member, ".(*", name, ")")
		w.P("if !ok { v = new(", name, ") }")
		w.P("err = f.message(v, d)")
		w.P(member, " = v")
	case s.verb == "String":
		w.P("var v string")
		w.P("v, err = f.string(", where, ")")
		w.P(member, " = ", name, "(v)")
	default:
		w.P(member, " = ", name, "(", s.read, ")")
	}
}

func (w *writer) readEntry(f *protogen.Field) {
	member, value := "m."+f.GoName, f.Message.Fields[1].Message.GoIdent.GoName
	where := quote(f.Parent.GoIdent.GoName + "." + string(f.Desc.Name()))
	w.P("k, v := \"\", new(", value, ")")
	w.P("k, err = f.entry(", where, ", v, d)")
	w.P("if ", member, " == nil { ", member, " = make(map[string]*", value, ") }")
	w.P(member, "[k] = v")
}
