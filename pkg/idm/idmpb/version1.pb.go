// Code generated from krata/internal/idm.proto by package gen. DO NOT EDIT.

package idmpb

// IdmMetricFormat says how a metric's number reads.
type IdmMetricFormat int32

// The values of IdmMetricFormat.
const (
	IdmMetricFormatUnknown         IdmMetricFormat = 0
	IdmMetricFormatBytes           IdmMetricFormat = 1
	IdmMetricFormatInteger         IdmMetricFormat = 2
	IdmMetricFormatDurationSeconds IdmMetricFormat = 3
)

// IdmPacket is what one frame carries, either way.
type IdmPacket struct {
	Content IdmPacketOneof // nil where none is set
}

// IdmPacketOneof is one of *IdmEvent, *IdmRequest, *IdmResponse.
type IdmPacketOneof interface {
	isIdmPacketOneof()
}

func (*IdmEvent) isIdmPacketOneof()    {}
func (*IdmRequest) isIdmPacketOneof()  {}
func (*IdmResponse) isIdmPacketOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmPacket) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Content.(type) {
	case *IdmEvent:
		b = appendMessage(b, 10, v)
	case *IdmRequest:
		b = appendMessage(b, 18, v)
	case *IdmResponse:
		b = appendMessage(b, 26, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmPacket) Unmarshal(b []byte) error {
	*m = IdmPacket{}
	return m.merge(b, newDecoder())
}

func (m *IdmPacket) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("IdmPacket", err)
		}
		b = rest
		switch f.key {
		case 10: // event
			v, ok := m.Content.(*IdmEvent)
			if !ok {
				v = new(IdmEvent)
			}
			err = f.message(v, d)
			m.Content = v
		case 18: // request
			v, ok := m.Content.(*IdmRequest)
			if !ok {
				v = new(IdmRequest)
			}
			err = f.message(v, d)
			m.Content = v
		case 26: // response
			v, ok := m.Content.(*IdmResponse)
			if !ok {
				v = new(IdmResponse)
			}
			err = f.message(v, d)
			m.Content = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// IdmEvent is told by the guest without being asked.
type IdmEvent struct {
	Event IdmEventOneof // nil where none is set
}

// IdmEventOneof is one of *IdmExitEvent.
type IdmEventOneof interface {
	isIdmEventOneof()
}

func (*IdmExitEvent) isIdmEventOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmEvent) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Event.(type) {
	case *IdmExitEvent:
		b = appendMessage(b, 10, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmEvent) Unmarshal(b []byte) error {
	*m = IdmEvent{}
	return m.merge(b, newDecoder())
}

func (m *IdmEvent) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("IdmEvent", err)
		}
		b = rest
		switch f.key {
		case 10: // exit
			v, ok := m.Event.(*IdmExitEvent)
			if !ok {
				v = new(IdmExitEvent)
			}
			err = f.message(v, d)
			m.Event = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// IdmExitEvent says that the workload has ended.
type IdmExitEvent struct {
	Code int32
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmExitEvent) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.Code))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmExitEvent) Unmarshal(b []byte) error {
	*m = IdmExitEvent{}
	return m.merge(b, newDecoder())
}

func (m *IdmExitEvent) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("IdmExitEvent", err)
		}
		b = rest
		switch f.key {
		case 8: // code
			m.Code = int32(f.bits)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// IdmRequest is asked by the host; the answer has the same id.
type IdmRequest struct {
	Id      uint64
	Request IdmRequestOneof // nil where none is set
}

// IdmRequestOneof is one of *IdmPingRequest, *IdmMetricsRequest.
type IdmRequestOneof interface {
	isIdmRequestOneof()
}

func (*IdmPingRequest) isIdmRequestOneof()    {}
func (*IdmMetricsRequest) isIdmRequestOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmRequest) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.Id)
	switch v := m.Request.(type) {
	case *IdmPingRequest:
		b = appendMessage(b, 18, v)
	case *IdmMetricsRequest:
		b = appendMessage(b, 26, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmRequest) Unmarshal(b []byte) error {
	*m = IdmRequest{}
	return m.merge(b, newDecoder())
}

func (m *IdmRequest) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("IdmRequest", err)
		}
		b = rest
		switch f.key {
		case 8: // id
			m.Id = f.bits
		case 18: // ping
			v, ok := m.Request.(*IdmPingRequest)
			if !ok {
				v = new(IdmPingRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 26: // metrics
			v, ok := m.Request.(*IdmMetricsRequest)
			if !ok {
				v = new(IdmMetricsRequest)
			}
			err = f.message(v, d)
			m.Request = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// IdmPingRequest asks whether the guest is there.
type IdmPingRequest struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmPingRequest) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmPingRequest) Unmarshal(b []byte) error {
	*m = IdmPingRequest{}
	return m.merge(b, newDecoder())
}

func (m *IdmPingRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("IdmPingRequest", err)
		}
		b = rest
	}
	return nil
}

// IdmMetricsRequest asks for the metrics tree.
type IdmMetricsRequest struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmMetricsRequest) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmMetricsRequest) Unmarshal(b []byte) error {
	*m = IdmMetricsRequest{}
	return m.merge(b, newDecoder())
}

func (m *IdmMetricsRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("IdmMetricsRequest", err)
		}
		b = rest
	}
	return nil
}

// IdmResponse answers the request with the same id.
type IdmResponse struct {
	Id       uint64
	Response IdmResponseOneof // nil where none is set
}

// IdmResponseOneof is one of *IdmPingResponse, *IdmMetricsResponse.
type IdmResponseOneof interface {
	isIdmResponseOneof()
}

func (*IdmPingResponse) isIdmResponseOneof()    {}
func (*IdmMetricsResponse) isIdmResponseOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmResponse) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.Id)
	switch v := m.Response.(type) {
	case *IdmPingResponse:
		b = appendMessage(b, 18, v)
	case *IdmMetricsResponse:
		b = appendMessage(b, 26, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmResponse) Unmarshal(b []byte) error {
	*m = IdmResponse{}
	return m.merge(b, newDecoder())
}

func (m *IdmResponse) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("IdmResponse", err)
		}
		b = rest
		switch f.key {
		case 8: // id
			m.Id = f.bits
		case 18: // ping
			v, ok := m.Response.(*IdmPingResponse)
			if !ok {
				v = new(IdmPingResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 26: // metrics
			v, ok := m.Response.(*IdmMetricsResponse)
			if !ok {
				v = new(IdmMetricsResponse)
			}
			err = f.message(v, d)
			m.Response = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// IdmPingResponse says that the guest is there.
type IdmPingResponse struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmPingResponse) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmPingResponse) Unmarshal(b []byte) error {
	*m = IdmPingResponse{}
	return m.merge(b, newDecoder())
}

func (m *IdmPingResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("IdmPingResponse", err)
		}
		b = rest
	}
	return nil
}

// IdmMetricsResponse is the metrics tree.
type IdmMetricsResponse struct {
	Root *IdmMetricNode
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmMetricsResponse) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	if m.Root != nil {
		b = appendMessage(b, 10, m.Root)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmMetricsResponse) Unmarshal(b []byte) error {
	*m = IdmMetricsResponse{}
	return m.merge(b, newDecoder())
}

func (m *IdmMetricsResponse) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("IdmMetricsResponse", err)
		}
		b = rest
		switch f.key {
		case 10: // root
			if m.Root == nil {
				m.Root = new(IdmMetricNode)
			}
			err = f.message(m.Root, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// IdmMetricNode is a node of the metrics tree: a value, children, or both.
type IdmMetricNode struct {
	Name     string
	Value    *Value
	Format   IdmMetricFormat
	Children []*IdmMetricNode
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *IdmMetricNode) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putString(b, 10, m.Name)
	if m.Value != nil {
		b = appendMessage(b, 18, m.Value)
	}
	b = putBits(b, 24, uint64(m.Format))
	for _, v := range m.Children {
		b = appendMessage(b, 34, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *IdmMetricNode) Unmarshal(b []byte) error {
	*m = IdmMetricNode{}
	return m.merge(b, newDecoder())
}

func (m *IdmMetricNode) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("IdmMetricNode", err)
		}
		b = rest
		switch f.key {
		case 10: // name
			m.Name, err = f.string("IdmMetricNode.name")
		case 18: // value
			if m.Value == nil {
				m.Value = new(Value)
			}
			err = f.message(m.Value, d)
		case 24: // format
			m.Format = IdmMetricFormat(f.bits)
		case 34: // children
			v := new(IdmMetricNode)
			err = f.message(v, d)
			m.Children = append(m.Children, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
