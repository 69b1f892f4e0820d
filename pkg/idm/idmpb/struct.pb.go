// Code generated from google/protobuf/struct.proto by package gen. DO NOT EDIT.

package idmpb

import (
	maps "maps"
	slices "slices"
)

// NullValue is google.protobuf.NullValue.
type NullValue int32

// The values of NullValue.
const (
	NullValueNullValue NullValue = 0
)

// Struct is google.protobuf.Struct.
type Struct struct {
	Fields map[string]*Value
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *Struct) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	for _, k := range slices.Sorted(maps.Keys(m.Fields)) {
		b = appendEntry(b, 10, 10, k, 18, m.Fields[k])
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *Struct) Unmarshal(b []byte) error {
	*m = Struct{}
	return m.merge(b, newDecoder())
}

func (m *Struct) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("Struct", err)
		}
		b = rest
		switch f.key {
		case 10: // fields
			k, v := "", new(Value)
			k, err = f.entry("Struct.fields", v, d)
			if m.Fields == nil {
				m.Fields = make(map[string]*Value)
			}
			m.Fields[k] = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Value is google.protobuf.Value.
type Value struct {
	Kind ValueOneof // nil where none is set
}

// ValueOneof is one of ValueNullValue, ValueNumberValue, ValueStringValue, ValueBoolValue, *Struct, *ListValue.
type ValueOneof interface {
	isValueOneof()
}

// ValueNullValue is field null_value of Value.
type ValueNullValue NullValue

// ValueNumberValue is field number_value of Value.
type ValueNumberValue float64

// ValueStringValue is field string_value of Value.
type ValueStringValue string

// ValueBoolValue is field bool_value of Value.
type ValueBoolValue bool

func (ValueNullValue) isValueOneof()   {}
func (ValueNumberValue) isValueOneof() {}
func (ValueStringValue) isValueOneof() {}
func (ValueBoolValue) isValueOneof()   {}
func (*Struct) isValueOneof()          {}
func (*ListValue) isValueOneof()       {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *Value) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Kind.(type) {
	case ValueNullValue:
		b = appendBits(b, 8, uint64(v))
	case ValueNumberValue:
		b = appendDouble(b, 17, float64(v))
	case ValueStringValue:
		b = appendString(b, 26, string(v))
	case ValueBoolValue:
		b = appendBits(b, 32, boolBits(bool(v)))
	case *Struct:
		b = appendMessage(b, 42, v)
	case *ListValue:
		b = appendMessage(b, 50, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *Value) Unmarshal(b []byte) error {
	*m = Value{}
	return m.merge(b, newDecoder())
}

func (m *Value) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("Value", err)
		}
		b = rest
		switch f.key {
		case 8: // null_value
			m.Kind = ValueNullValue(NullValue(f.bits))
		case 17: // number_value
			m.Kind = ValueNumberValue(f.double())
		case 26: // string_value
			var v string
			v, err = f.string("Value.string_value")
			m.Kind = ValueStringValue(v)
		case 32: // bool_value
			m.Kind = ValueBoolValue(f.bool())
		case 42: // struct_value
			v, ok := m.Kind.(*Struct)
			if !ok {
				v = new(Struct)
			}
			err = f.message(v, d)
			m.Kind = v
		case 50: // list_value
			v, ok := m.Kind.(*ListValue)
			if !ok {
				v = new(ListValue)
			}
			err = f.message(v, d)
			m.Kind = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ListValue is google.protobuf.ListValue.
type ListValue struct {
	Values []*Value
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ListValue) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	for _, v := range m.Values {
		b = appendMessage(b, 10, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ListValue) Unmarshal(b []byte) error {
	*m = ListValue{}
	return m.merge(b, newDecoder())
}

func (m *ListValue) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ListValue", err)
		}
		b = rest
		switch f.key {
		case 10: // values
			v := new(Value)
			err = f.message(v, d)
			m.Values = append(m.Values, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
