package gen

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// writer writes one Go file.
type writer struct{ *protogen.GeneratedFile }

func (w *writer) file(file *protogen.File) error {
	if file.Desc.Syntax() != protoreflect.Proto3 {
		return fmt.Errorf("syntax %v: want proto3", file.Desc.Syntax())
	}
	w.P("// Code generated from ", file.Desc.Path(), " by package gen. DO NOT EDIT.")
	w.P()
	w.P("package idmpb")
	for _, enum := range file.Enums {
		w.enum(enum)
	}
	for _, message := range file.Messages {
		if err := w.message(message); err != nil {
			return fmt.Errorf("%s: %w", message.Desc.FullName(), err)
		}
	}
	return nil
}

// comment writes a comment of a .proto file, which is written for Go as well.
func (w *writer) comment(comments protogen.Comments) {
	if comments != "" {
		w.P(strings.TrimSuffix(comments.String(), "\n"))
	}
}

// doc is comment for what is exported; a well-known file comes without any.
func (w *writer) doc(name string, desc protoreflect.Descriptor, comments protogen.Comments) {
	if comments == "" {
		w.P("// ", name, " is ", desc.FullName(), ".")
		return
	}
	w.comment(comments)
}

func (w *writer) enum(enum *protogen.Enum) {
	name := enum.GoIdent.GoName
	w.P()
	w.doc(name, enum.Desc, enum.Comments.Leading)
	w.P("type ", name, " int32")
	w.P()
	w.P("// The values of ", name, ".")
	w.P("const (")
	for _, value := range enum.Values {
		w.comment(value.Comments.Leading)
		w.P(valueName(enum, value), " ", name, " = ", value.Desc.Number())
	}
	w.P(")")
}

// valueName turns METRIC_FORMAT_BYTES of MetricFormat into MetricFormatBytes, and
// NULL_VALUE of NullValue into NullValueNullValue.
func valueName(enum *protogen.Enum, value *protogen.EnumValue) string {
	words := strings.Split(strings.ToLower(string(value.Desc.Name())), "_")
	var name strings.Builder
	for _, word := range words {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	rest, ok := strings.CutPrefix(name.String(), enum.GoIdent.GoName)
	if !ok || rest == "" {
		rest = name.String()
	}
	return enum.GoIdent.GoName + rest
}

func (w *writer) message(m *protogen.Message) error {
	if err := check(m); err != nil {
		return err
	}
	name := m.GoIdent.GoName
	w.P()
	w.doc(name, m.Desc, m.Comments.Leading)
	w.P("type ", name, " struct {")
	for _, f := range m.Fields {
		w.member(m, f)
	}
	w.P("}")
	if len(m.Oneofs) > 0 {
		w.oneof(m)
	}
	w.appendTo(m)
	w.unmarshal(m)
	return nil
}

func check(m *protogen.Message) error {
	oneofs := 0
	for _, oneof := range m.Oneofs {
		if !oneof.Desc.IsSynthetic() {
			oneofs++
		}
	}
	if oneofs > 1 {
		return errors.New("more than one oneof")
	}
	for _, inner := range m.Messages {
		if !inner.Desc.IsMapEntry() {
			return fmt.Errorf("message %s: nested messages are not supported", inner.Desc.Name())
		}
	}
	for _, enum := range m.Enums {
		return fmt.Errorf("enum %s: nested enums are not supported", enum.Desc.Name())
	}
	for _, f := range m.Fields {
		if err := checkField(f); err != nil {
			return err
		}
	}
	return checkOneof(m)
}

func checkField(f *protogen.Field) error {
	_, err := scalarOf(f)
	switch {
	case f.Desc.HasOptionalKeyword():
		return fmt.Errorf("field %s: optional is not supported", f.Desc.Name())
	case f.Desc.IsMap() && (f.Desc.MapKey().Kind() != protoreflect.StringKind || f.Desc.MapValue().Message() == nil):
		return fmt.Errorf("field %s: a map is from string to message", f.Desc.Name())
	case f.Message == nil:
		return err
	default:
		return nil
	}
}

// checkOneof: the type of a message says which field of the oneof it is.
func checkOneof(m *protogen.Message) error {
	seen := map[protoreflect.FullName]bool{}
	for _, f := range m.Fields {
		if f.Oneof == nil || f.Message == nil {
			continue
		}
		full := f.Message.Desc.FullName()
		if seen[full] || f.Message.Desc.ParentFile() != m.Desc.ParentFile() {
			return fmt.Errorf("field %s: %s is in the oneof already, or of another file", f.Desc.Name(), full)
		}
		seen[full] = true
	}
	return nil
}

// member writes f's place in the struct; a oneof has one for all.
func (w *writer) member(m *protogen.Message, f *protogen.Field) {
	if f.Oneof != nil {
		if f == f.Oneof.Fields[0] {
			w.P(f.Oneof.GoName, " ", oneofName(m), " // nil where none is set")
		}
		return
	}
	w.comment(f.Comments.Leading)
	w.P(f.GoName, " ", goType(f))
}

func oneofName(m *protogen.Message) string { return m.GoIdent.GoName + "Oneof" }

// caseName is the Go type of a oneof's field: the message's own, or one made for a
// scalar.
func caseName(f *protogen.Field) string {
	if f.Message != nil {
		return f.Message.GoIdent.GoName
	}
	return f.Parent.GoIdent.GoName + f.GoName
}

func (w *writer) oneof(m *protogen.Message) {
	name, method := oneofName(m), "is"+oneofName(m)
	var cases []string
	for _, f := range m.Oneofs[0].Fields {
		cases = append(cases, pointer(f)+caseName(f))
	}
	w.P()
	w.P("// ", name, " is one of ", strings.Join(cases, ", "), ".")
	w.P("type ", name, " interface {")
	w.P(method, "()")
	w.P("}")
	w.P()
	for _, f := range m.Oneofs[0].Fields {
		if f.Message == nil {
			w.P("// ", caseName(f), " is field ", f.Desc.Name(), " of ", m.GoIdent.GoName, ".")
			w.P("type ", caseName(f), " ", elementType(f))
			w.P()
		}
	}
	for _, f := range m.Oneofs[0].Fields {
		w.P("func (", pointer(f), caseName(f), ") ", method, "() {}")
	}
}

func pointer(f *protogen.Field) string {
	if f.Message != nil {
		return "*"
	}
	return ""
}
