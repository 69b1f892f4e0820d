package idmpb

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/kguest/kguest/pkg/idm/idmpb/gen"
)

// descriptors returns every message of the .proto files.
func descriptors(t testing.TB) []protoreflect.MessageDescriptor {
	t.Helper()
	files, err := gen.Compile(t.Context(), "proto")
	if err != nil {
		t.Fatal(err)
	}
	var all []protoreflect.MessageDescriptor
	for _, file := range files {
		for i := range file.Messages().Len() {
			all = append(all, file.Messages().Get(i))
		}
	}
	return all
}

// newMessage returns an empty message of the full name.
func newMessage(t testing.TB, name string) Message {
	t.Helper()
	for _, fixture := range fixtures {
		if fixture.name == name {
			return reset(fixture.is)
		}
	}
	t.Fatalf("no fixture for message %s", name)
	return nil
}

// reset returns an empty message of m's type.
func reset(m Message) Message {
	empty, ok := reflect.TypeAssert[Message](reflect.New(reflect.TypeOf(m).Elem()))
	if !ok {
		panic("a message's type is no message")
	}
	return empty
}

var (
	marshal   = proto.MarshalOptions{Deterministic: true}
	unmarshal = proto.UnmarshalOptions{DiscardUnknown: true, RecursionLimit: maxDepth + 1}
)

// TestOracle has the protobuf module write messages at random, which are read
// here and written again: the bytes are the same. So both read and write as the
// module does.
func TestOracle(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, desc := range descriptors(t) {
		name := string(desc.FullName())
		for range 300 {
			in := dynamicpb.NewMessage(desc)
			fill(random, in, 3)
			want, err := marshal.Marshal(in)
			if err != nil {
				t.Fatal(err)
			}
			m := newMessage(t, name)
			if err := m.Unmarshal(want); err != nil {
				t.Fatalf("%s Unmarshal(% x): %v", name, want, err)
			}
			if got := m.AppendTo(nil); string(got) != string(want) {
				t.Fatalf("%s AppendTo = % x, want % x", name, got, want)
			}
		}
	}
}

// fill sets fields of m at random.
func fill(random *rand.Rand, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		inner := f.Kind() == protoreflect.MessageKind
		if random.IntN(3) == 0 || inner && depth == 0 {
			continue
		}
		switch {
		case f.IsMap():
			entries := m.Mutable(f).Map()
			for range random.IntN(3) {
				value := entries.NewValue()
				fill(random, value.Message(), depth-1)
				entries.Set(protoreflect.ValueOfString(word(random)).MapKey(), value)
			}
		case f.IsList():
			list := m.Mutable(f).List()
			for range random.IntN(3) {
				value := list.NewElement()
				if inner {
					fill(random, value.Message(), depth-1)
				} else {
					value = scalar(random, f)
				}
				list.Append(value)
			}
		case inner:
			fill(random, m.Mutable(f).Message(), depth-1)
		default:
			m.Set(f, scalar(random, f))
		}
	}
}

func word(random *rand.Rand) string {
	return strings.Repeat("x", random.IntN(3)) + []string{"", "a", "é", "€", "𝄞"}[random.IntN(5)]
}

// scalar returns a value of f's kind, at an edge more often than not.
func scalar(random *rand.Rand, f protoreflect.FieldDescriptor) protoreflect.Value {
	bits := random.Uint64() >> random.IntN(65)
	if random.IntN(4) == 0 {
		bits = -bits
	}
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(bits%2 == 1)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(bits))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(bits))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(bits))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(bits)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(int32(bits)))
	case protoreflect.DoubleKind:
		edges := []float64{0, math.Copysign(0, -1), math.Inf(1), math.NaN(), 1 << 53}
		return protoreflect.ValueOfFloat64(append(edges, math.Float64frombits(bits))[random.IntN(6)])
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(word(random))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(make([]byte, random.IntN(200)))
	default:
		panic("no value of kind " + f.Kind().String())
	}
}

// ask has the protobuf module read b. It panics on a map's key of another type
// than string (v1.36.12, proto/decode.go, unmarshalMap): then it is not ok.
func ask(b []byte, m proto.Message) (err error, ok bool) {
	defer func() { _ = recover() }()
	return unmarshal.Unmarshal(b, m), true
}

// FuzzUnmarshal reads any bytes as any message, here and by the protobuf
// module: both take them or neither does, and what they took they write alike.
func FuzzUnmarshal(f *testing.F) {
	all := descriptors(f)
	for i, desc := range all {
		for _, fixture := range fixtures {
			if fixture.name == string(desc.FullName()) {
				f.Add(uint(i), fromHex(f, fixture.bytes))
			}
		}
	}
	for _, reading := range readings {
		f.Add(uint(len(all)-1), fromHex(f, reading.bytes))
	}
	f.Add(uint(0), []byte("\n\x05\n\x01\x03\b\n\x01")) // a map's key as a number
	f.Fuzz(func(t *testing.T, which uint, b []byte) {
		desc := all[which%uint(len(all))]
		oracle := dynamicpb.NewMessage(desc)
		wantErr, ok := ask(b, oracle)
		m := newMessage(t, string(desc.FullName()))
		err := m.Unmarshal(b)
		if !ok {
			return
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%s Unmarshal(% x) = %v, protobuf says %v", desc.FullName(), b, err, wantErr)
		}
		if err != nil {
			return
		}
		want, err := marshal.Marshal(oracle)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.AppendTo(nil); string(got) != string(want) {
			t.Fatalf("%s read from % x, AppendTo = % x, protobuf says % x", desc.FullName(), b, got, want)
		}
	})
}
