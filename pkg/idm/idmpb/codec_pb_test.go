// Code generated from kguest/codec_test.proto by package gen. DO NOT EDIT.

package idmpb

import (
	maps "maps"
	slices "slices"
)

// Color has a negative value and a hole.
type Color int32

// The values of Color.
const (
	ColorNone  Color = 0
	ColorBlack Color = -1
	ColorRed   Color = 70000
)

// Kinds has one field of each kind.
type Kinds struct {
	Flag   bool
	Small  int32
	Large  int64
	Count  uint32
	Total  uint64
	Ratio  float64
	Name   string
	Data   []byte
	Color  Color
	Inner  *Kinds
	Flags  []bool
	Smalls []int32
	Larges []int64
	Counts []uint32
	Totals []uint64
	Ratios []float64
	Names  []string
	Datas  [][]byte
	Colors []Color
	Inners []*Kinds
	Named  map[string]*Kinds
	One    KindsOneof // nil where none is set
}

// KindsOneof is one of KindsOneFlag, KindsOneSmall, KindsOneLarge, KindsOneCount, KindsOneTotal, KindsOneRatio, KindsOneName, KindsOneData, KindsOneColor, *Kinds.
type KindsOneof interface {
	isKindsOneof()
}

// KindsOneFlag is field one_flag of Kinds.
type KindsOneFlag bool

// KindsOneSmall is field one_small of Kinds.
type KindsOneSmall int32

// KindsOneLarge is field one_large of Kinds.
type KindsOneLarge int64

// KindsOneCount is field one_count of Kinds.
type KindsOneCount uint32

// KindsOneTotal is field one_total of Kinds.
type KindsOneTotal uint64

// KindsOneRatio is field one_ratio of Kinds.
type KindsOneRatio float64

// KindsOneName is field one_name of Kinds.
type KindsOneName string

// KindsOneData is field one_data of Kinds.
type KindsOneData []byte

// KindsOneColor is field one_color of Kinds.
type KindsOneColor Color

func (KindsOneFlag) isKindsOneof()  {}
func (KindsOneSmall) isKindsOneof() {}
func (KindsOneLarge) isKindsOneof() {}
func (KindsOneCount) isKindsOneof() {}
func (KindsOneTotal) isKindsOneof() {}
func (KindsOneRatio) isKindsOneof() {}
func (KindsOneName) isKindsOneof()  {}
func (KindsOneData) isKindsOneof()  {}
func (KindsOneColor) isKindsOneof() {}
func (*Kinds) isKindsOneof()        {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *Kinds) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, boolBits(m.Flag))
	b = putBits(b, 16, uint64(m.Small))
	b = putBits(b, 24, uint64(m.Large))
	b = putBits(b, 32, uint64(m.Count))
	b = putBits(b, 40, m.Total)
	b = putDouble(b, 49, m.Ratio)
	b = putString(b, 58, m.Name)
	b = putBytes(b, 66, m.Data)
	b = putBits(b, 72, uint64(m.Color))
	if m.Inner != nil {
		b = appendMessage(b, 82, m.Inner)
	}
	if len(m.Flags) > 0 {
		var packed []byte
		for _, v := range m.Flags {
			packed = packBits(packed, boolBits(v))
		}
		b = appendBytes(b, 90, packed)
	}
	if len(m.Smalls) > 0 {
		var packed []byte
		for _, v := range m.Smalls {
			packed = packBits(packed, uint64(v))
		}
		b = appendBytes(b, 98, packed)
	}
	if len(m.Larges) > 0 {
		var packed []byte
		for _, v := range m.Larges {
			packed = packBits(packed, uint64(v))
		}
		b = appendBytes(b, 106, packed)
	}
	if len(m.Counts) > 0 {
		var packed []byte
		for _, v := range m.Counts {
			packed = packBits(packed, uint64(v))
		}
		b = appendBytes(b, 114, packed)
	}
	if len(m.Totals) > 0 {
		var packed []byte
		for _, v := range m.Totals {
			packed = packBits(packed, v)
		}
		b = appendBytes(b, 122, packed)
	}
	if len(m.Ratios) > 0 {
		var packed []byte
		for _, v := range m.Ratios {
			packed = packDouble(packed, v)
		}
		b = appendBytes(b, 130, packed)
	}
	for _, v := range m.Names {
		b = appendString(b, 138, v)
	}
	for _, v := range m.Datas {
		b = appendBytes(b, 146, v)
	}
	if len(m.Colors) > 0 {
		var packed []byte
		for _, v := range m.Colors {
			packed = packBits(packed, uint64(v))
		}
		b = appendBytes(b, 154, packed)
	}
	for _, v := range m.Inners {
		b = appendMessage(b, 162, v)
	}
	for _, k := range slices.Sorted(maps.Keys(m.Named)) {
		b = appendEntry(b, 170, 10, k, 18, m.Named[k])
	}
	switch v := m.One.(type) {
	case KindsOneFlag:
		b = appendBits(b, 800, boolBits(bool(v)))
	case KindsOneSmall:
		b = appendBits(b, 808, uint64(v))
	case KindsOneLarge:
		b = appendBits(b, 816, uint64(v))
	case KindsOneCount:
		b = appendBits(b, 824, uint64(v))
	case KindsOneTotal:
		b = appendBits(b, 832, uint64(v))
	case KindsOneRatio:
		b = appendDouble(b, 841, float64(v))
	case KindsOneName:
		b = appendString(b, 850, string(v))
	case KindsOneData:
		b = appendBytes(b, 858, []byte(v))
	case KindsOneColor:
		b = appendBits(b, 864, uint64(v))
	case *Kinds:
		b = appendMessage(b, 16002, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *Kinds) Unmarshal(b []byte) error {
	*m = Kinds{}
	return m.merge(b, newDecoder())
}

func (m *Kinds) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("Kinds", err)
		}
		b = rest
		switch f.key {
		case 8: // flag
			m.Flag = f.bool()
		case 16: // small
			m.Small = int32(f.bits)
		case 24: // large
			m.Large = int64(f.bits)
		case 32: // count
			m.Count = uint32(f.bits)
		case 40: // total
			m.Total = f.bits
		case 49: // ratio
			m.Ratio = f.double()
		case 58: // name
			m.Name, err = f.string("Kinds.name")
		case 66: // data
			m.Data = f.bytes()
		case 72: // color
			m.Color = Color(f.bits)
		case 82: // inner
			if m.Inner == nil {
				m.Inner = new(Kinds)
			}
			err = f.message(m.Inner, d)
		case 88: // flags
			err = d.element()
			m.Flags = append(m.Flags, f.bool())
		case 90:
			err = f.unpackBits(d, func(f field) { m.Flags = append(m.Flags, f.bool()) })
		case 96: // smalls
			err = d.element()
			m.Smalls = append(m.Smalls, int32(f.bits))
		case 98:
			err = f.unpackBits(d, func(f field) { m.Smalls = append(m.Smalls, int32(f.bits)) })
		case 104: // larges
			err = d.element()
			m.Larges = append(m.Larges, int64(f.bits))
		case 106:
			err = f.unpackBits(d, func(f field) { m.Larges = append(m.Larges, int64(f.bits)) })
		case 112: // counts
			err = d.element()
			m.Counts = append(m.Counts, uint32(f.bits))
		case 114:
			err = f.unpackBits(d, func(f field) { m.Counts = append(m.Counts, uint32(f.bits)) })
		case 120: // totals
			err = d.element()
			m.Totals = append(m.Totals, f.bits)
		case 122:
			err = f.unpackBits(d, func(f field) { m.Totals = append(m.Totals, f.bits) })
		case 129: // ratios
			err = d.element()
			m.Ratios = append(m.Ratios, f.double())
		case 130:
			err = f.unpackDouble(d, func(f field) { m.Ratios = append(m.Ratios, f.double()) })
		case 138: // names
			var v string
			if err = d.element(); err == nil {
				v, err = f.string("Kinds.names")
			}
			m.Names = append(m.Names, v)
		case 146: // datas
			err = d.element()
			m.Datas = append(m.Datas, f.bytes())
		case 152: // colors
			err = d.element()
			m.Colors = append(m.Colors, Color(f.bits))
		case 154:
			err = f.unpackBits(d, func(f field) { m.Colors = append(m.Colors, Color(f.bits)) })
		case 162: // inners
			v := new(Kinds)
			err = f.message(v, d)
			m.Inners = append(m.Inners, v)
		case 170: // named
			k, v := "", new(Kinds)
			k, err = f.entry("Kinds.named", v, d)
			if m.Named == nil {
				m.Named = make(map[string]*Kinds)
			}
			m.Named[k] = v
		case 800: // one_flag
			m.One = KindsOneFlag(f.bool())
		case 808: // one_small
			m.One = KindsOneSmall(int32(f.bits))
		case 816: // one_large
			m.One = KindsOneLarge(int64(f.bits))
		case 824: // one_count
			m.One = KindsOneCount(uint32(f.bits))
		case 832: // one_total
			m.One = KindsOneTotal(f.bits)
		case 841: // one_ratio
			m.One = KindsOneRatio(f.double())
		case 850: // one_name
			var v string
			v, err = f.string("Kinds.one_name")
			m.One = KindsOneName(v)
		case 858: // one_data
			m.One = KindsOneData(f.bytes())
		case 864: // one_color
			m.One = KindsOneColor(Color(f.bits))
		case 16002: // one_inner
			v, ok := m.One.(*Kinds)
			if !ok {
				v = new(Kinds)
			}
			err = f.message(v, d)
			m.One = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}
