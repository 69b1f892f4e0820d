package gen

import (
	"fmt"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalar says how a kind of field is written and read.
type scalar struct {
	goType string
	verb   string // of putX and appendX in wire.go
	write  string // from the Go value %s to what the verb takes
	read   string // from a field f to the Go value
	wire   protowire.Type
}

func scalarOf(f *protogen.Field) (scalar, error) {
	varint := func(goType, write, read string) scalar {
		return scalar{goType, "Bits", write, read, protowire.VarintType}
	}
	switch f.Desc.Kind() {
	case protoreflect.BoolKind:
		return varint("bool", "boolBits(%s)", "f.bool()"), nil
	case protoreflect.Int32Kind:
		return varint("int32", "uint64(%s)", "int32(f.bits)"), nil
	case protoreflect.Int64Kind:
		return varint("int64", "uint64(%s)", "int64(f.bits)"), nil
	case protoreflect.Uint32Kind:
		return varint("uint32", "uint64(%s)", "uint32(f.bits)"), nil
	case protoreflect.Uint64Kind:
		return varint("uint64", "%s", "f.bits"), nil
	case protoreflect.EnumKind:
		name := f.Enum.GoIdent.GoName
		return varint(name, "uint64(%s)", name+"(f.bits)"), nil
	case protoreflect.DoubleKind:
		return scalar{"float64", "Double", "%s", "f.double()", protowire.Fixed64Type}, nil
	case protoreflect.StringKind:
		return scalar{"string", "String", "%s", "f.string", protowire.BytesType}, nil
	case protoreflect.BytesKind:
		return scalar{"[]byte", "Bytes", "%s", "f.bytes()", protowire.BytesType}, nil
	default:
		return scalar{}, fmt.Errorf("field %s: kind %v is not supported", f.Desc.Name(), f.Desc.Kind())
	}
}

// elementType is the Go type of one value of f.
func elementType(f *protogen.Field) string {
	if f.Message != nil {
		return "*" + f.Message.GoIdent.GoName
	}
	s, _ := scalarOf(f) // checked by check
	return s.goType
}

func goType(f *protogen.Field) string {
	switch {
	case f.Desc.IsMap():
		return "map[string]" + elementType(f.Message.Fields[1])
	case f.Desc.IsList():
		return "[]" + elementType(f)
	default:
		return elementType(f)
	}
}

// key is the field's tag as a number; numbers below 16 fit a byte.
func key(f *protogen.Field) uint64 {
	if f.Message != nil {
		return protowire.EncodeTag(f.Desc.Number(), protowire.BytesType)
	}
	s, _ := scalarOf(f) // checked by check
	return protowire.EncodeTag(f.Desc.Number(), s.wire)
}

func packedKey(f *protogen.Field) uint64 {
	return protowire.EncodeTag(f.Desc.Number(), protowire.BytesType)
}

// packable reports whether f's values may stand in one field without tags.
func packable(f *protogen.Field) bool {
	s, _ := scalarOf(f) // checked by check
	return f.Desc.IsList() && f.Message == nil && s.wire != protowire.BytesType
}
