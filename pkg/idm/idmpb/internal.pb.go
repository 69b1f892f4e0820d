// Code generated from krata/idm/internal.proto by package gen. DO NOT EDIT.

package idmpb

// MetricFormat says how a metric's number reads.
type MetricFormat int32

// The values of MetricFormat.
const (
	MetricFormatUnknown         MetricFormat = 0
	MetricFormatBytes           MetricFormat = 1
	MetricFormatInteger         MetricFormat = 2
	MetricFormatDurationSeconds MetricFormat = 3
)

// Event is told by the guest without being asked.
type Event struct {
	Event EventOneof // nil where none is set
}

// EventOneof is one of *ExitEvent.
type EventOneof interface {
	isEventOneof()
}

func (*ExitEvent) isEventOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *Event) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Event.(type) {
	case *ExitEvent:
		b = appendMessage(b, 10, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *Event) Unmarshal(b []byte) error {
	*m = Event{}
	return m.merge(b, newDecoder())
}

func (m *Event) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("Event", err)
		}
		b = rest
		switch f.key {
		case 10: // exit
			v, ok := m.Event.(*ExitEvent)
			if !ok {
				v = new(ExitEvent)
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

// Request is asked by the host.
type Request struct {
	Request RequestOneof // nil where none is set
}

// RequestOneof is one of *PingRequest, *MetricsRequest, *ExecStreamRequestUpdate.
type RequestOneof interface {
	isRequestOneof()
}

func (*PingRequest) isRequestOneof()             {}
func (*MetricsRequest) isRequestOneof()          {}
func (*ExecStreamRequestUpdate) isRequestOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *Request) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Request.(type) {
	case *PingRequest:
		b = appendMessage(b, 10, v)
	case *MetricsRequest:
		b = appendMessage(b, 18, v)
	case *ExecStreamRequestUpdate:
		b = appendMessage(b, 26, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *Request) Unmarshal(b []byte) error {
	*m = Request{}
	return m.merge(b, newDecoder())
}

func (m *Request) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("Request", err)
		}
		b = rest
		switch f.key {
		case 10: // ping
			v, ok := m.Request.(*PingRequest)
			if !ok {
				v = new(PingRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 18: // metrics
			v, ok := m.Request.(*MetricsRequest)
			if !ok {
				v = new(MetricsRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 26: // exec_stream
			v, ok := m.Request.(*ExecStreamRequestUpdate)
			if !ok {
				v = new(ExecStreamRequestUpdate)
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

// Response answers a request.
type Response struct {
	Response ResponseOneof // nil where none is set
}

// ResponseOneof is one of *PingResponse, *MetricsResponse, *ExecStreamResponseUpdate.
type ResponseOneof interface {
	isResponseOneof()
}

func (*PingResponse) isResponseOneof()             {}
func (*MetricsResponse) isResponseOneof()          {}
func (*ExecStreamResponseUpdate) isResponseOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *Response) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Response.(type) {
	case *PingResponse:
		b = appendMessage(b, 10, v)
	case *MetricsResponse:
		b = appendMessage(b, 18, v)
	case *ExecStreamResponseUpdate:
		b = appendMessage(b, 26, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *Response) Unmarshal(b []byte) error {
	*m = Response{}
	return m.merge(b, newDecoder())
}

func (m *Response) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("Response", err)
		}
		b = rest
		switch f.key {
		case 10: // ping
			v, ok := m.Response.(*PingResponse)
			if !ok {
				v = new(PingResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 18: // metrics
			v, ok := m.Response.(*MetricsResponse)
			if !ok {
				v = new(MetricsResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 26: // exec_stream
			v, ok := m.Response.(*ExecStreamResponseUpdate)
			if !ok {
				v = new(ExecStreamResponseUpdate)
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

// ExitEvent says that the workload has ended.
type ExitEvent struct {
	Code int32
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExitEvent) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.Code))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExitEvent) Unmarshal(b []byte) error {
	*m = ExitEvent{}
	return m.merge(b, newDecoder())
}

func (m *ExitEvent) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExitEvent", err)
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

// PingRequest asks whether the guest is there.
type PingRequest struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *PingRequest) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *PingRequest) Unmarshal(b []byte) error {
	*m = PingRequest{}
	return m.merge(b, newDecoder())
}

func (m *PingRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("PingRequest", err)
		}
		b = rest
	}
	return nil
}

// PingResponse says that the guest is there.
type PingResponse struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *PingResponse) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *PingResponse) Unmarshal(b []byte) error {
	*m = PingResponse{}
	return m.merge(b, newDecoder())
}

func (m *PingResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("PingResponse", err)
		}
		b = rest
	}
	return nil
}

// MetricsRequest asks for the metrics tree.
type MetricsRequest struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *MetricsRequest) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *MetricsRequest) Unmarshal(b []byte) error {
	*m = MetricsRequest{}
	return m.merge(b, newDecoder())
}

func (m *MetricsRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("MetricsRequest", err)
		}
		b = rest
	}
	return nil
}

// MetricsResponse is the metrics tree.
type MetricsResponse struct {
	Root *MetricNode
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *MetricsResponse) AppendTo(b []byte) []byte {
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
func (m *MetricsResponse) Unmarshal(b []byte) error {
	*m = MetricsResponse{}
	return m.merge(b, newDecoder())
}

func (m *MetricsResponse) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("MetricsResponse", err)
		}
		b = rest
		switch f.key {
		case 10: // root
			if m.Root == nil {
				m.Root = new(MetricNode)
			}
			err = f.message(m.Root, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// MetricNode is a node of the metrics tree: a value, children, or both.
type MetricNode struct {
	Name     string
	Value    *Value
	Format   MetricFormat
	Children []*MetricNode
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *MetricNode) AppendTo(b []byte) []byte {
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
func (m *MetricNode) Unmarshal(b []byte) error {
	*m = MetricNode{}
	return m.merge(b, newDecoder())
}

func (m *MetricNode) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("MetricNode", err)
		}
		b = rest
		switch f.key {
		case 10: // name
			m.Name, err = f.string("MetricNode.name")
		case 18: // value
			if m.Value == nil {
				m.Value = new(Value)
			}
			err = f.message(m.Value, d)
		case 24: // format
			m.Format = MetricFormat(f.bits)
		case 34: // children
			v := new(MetricNode)
			err = f.message(v, d)
			m.Children = append(m.Children, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ExecEnvVar is one variable of a command's environment.
type ExecEnvVar struct {
	Key   string
	Value string
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExecEnvVar) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putString(b, 10, m.Key)
	b = putString(b, 18, m.Value)
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExecEnvVar) Unmarshal(b []byte) error {
	*m = ExecEnvVar{}
	return m.merge(b, newDecoder())
}

func (m *ExecEnvVar) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExecEnvVar", err)
		}
		b = rest
		switch f.key {
		case 10: // key
			m.Key, err = f.string("ExecEnvVar.key")
		case 18: // value
			m.Value, err = f.string("ExecEnvVar.value")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ExecStreamRequestUpdate is what the host sends on an exec stream: first start, then
// the others.
type ExecStreamRequestUpdate struct {
	Update ExecStreamRequestUpdateOneof // nil where none is set
}

// ExecStreamRequestUpdateOneof is one of *ExecStreamRequestStart, *ExecStreamRequestStdin, *ExecStreamRequestTerminalSize.
type ExecStreamRequestUpdateOneof interface {
	isExecStreamRequestUpdateOneof()
}

func (*ExecStreamRequestStart) isExecStreamRequestUpdateOneof()        {}
func (*ExecStreamRequestStdin) isExecStreamRequestUpdateOneof()        {}
func (*ExecStreamRequestTerminalSize) isExecStreamRequestUpdateOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExecStreamRequestUpdate) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Update.(type) {
	case *ExecStreamRequestStart:
		b = appendMessage(b, 10, v)
	case *ExecStreamRequestStdin:
		b = appendMessage(b, 18, v)
	case *ExecStreamRequestTerminalSize:
		b = appendMessage(b, 26, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExecStreamRequestUpdate) Unmarshal(b []byte) error {
	*m = ExecStreamRequestUpdate{}
	return m.merge(b, newDecoder())
}

func (m *ExecStreamRequestUpdate) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExecStreamRequestUpdate", err)
		}
		b = rest
		switch f.key {
		case 10: // start
			v, ok := m.Update.(*ExecStreamRequestStart)
			if !ok {
				v = new(ExecStreamRequestStart)
			}
			err = f.message(v, d)
			m.Update = v
		case 18: // stdin
			v, ok := m.Update.(*ExecStreamRequestStdin)
			if !ok {
				v = new(ExecStreamRequestStdin)
			}
			err = f.message(v, d)
			m.Update = v
		case 26: // terminal_resize
			v, ok := m.Update.(*ExecStreamRequestTerminalSize)
			if !ok {
				v = new(ExecStreamRequestTerminalSize)
			}
			err = f.message(v, d)
			m.Update = v
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ExecStreamRequestStart starts a command.
type ExecStreamRequestStart struct {
	Environment []*ExecEnvVar
	// The program and its arguments.
	Command          []string
	WorkingDirectory string
	Tty              bool
	TerminalSize     *ExecStreamRequestTerminalSize
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExecStreamRequestStart) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	for _, v := range m.Environment {
		b = appendMessage(b, 10, v)
	}
	for _, v := range m.Command {
		b = appendString(b, 18, v)
	}
	b = putString(b, 26, m.WorkingDirectory)
	b = putBits(b, 32, boolBits(m.Tty))
	if m.TerminalSize != nil {
		b = appendMessage(b, 42, m.TerminalSize)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExecStreamRequestStart) Unmarshal(b []byte) error {
	*m = ExecStreamRequestStart{}
	return m.merge(b, newDecoder())
}

func (m *ExecStreamRequestStart) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExecStreamRequestStart", err)
		}
		b = rest
		switch f.key {
		case 10: // environment
			v := new(ExecEnvVar)
			err = f.message(v, d)
			m.Environment = append(m.Environment, v)
		case 18: // command
			var v string
			if err = d.element(); err == nil {
				v, err = f.string("ExecStreamRequestStart.command")
			}
			m.Command = append(m.Command, v)
		case 26: // working_directory
			m.WorkingDirectory, err = f.string("ExecStreamRequestStart.working_directory")
		case 32: // tty
			m.Tty = f.bool()
		case 42: // terminal_size
			if m.TerminalSize == nil {
				m.TerminalSize = new(ExecStreamRequestTerminalSize)
			}
			err = f.message(m.TerminalSize, d)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ExecStreamRequestStdin feeds a command's standard input.
type ExecStreamRequestStdin struct {
	Data []byte
	// Nothing follows.
	Closed bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExecStreamRequestStdin) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBytes(b, 10, m.Data)
	b = putBits(b, 16, boolBits(m.Closed))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExecStreamRequestStdin) Unmarshal(b []byte) error {
	*m = ExecStreamRequestStdin{}
	return m.merge(b, newDecoder())
}

func (m *ExecStreamRequestStdin) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExecStreamRequestStdin", err)
		}
		b = rest
		switch f.key {
		case 10: // data
			m.Data = f.bytes()
		case 16: // closed
			m.Closed = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ExecStreamRequestTerminalSize is the size of a command's terminal, in characters.
type ExecStreamRequestTerminalSize struct {
	Rows    uint32
	Columns uint32
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExecStreamRequestTerminalSize) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.Rows))
	b = putBits(b, 16, uint64(m.Columns))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExecStreamRequestTerminalSize) Unmarshal(b []byte) error {
	*m = ExecStreamRequestTerminalSize{}
	return m.merge(b, newDecoder())
}

func (m *ExecStreamRequestTerminalSize) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExecStreamRequestTerminalSize", err)
		}
		b = rest
		switch f.key {
		case 8: // rows
			m.Rows = uint32(f.bits)
		case 16: // columns
			m.Columns = uint32(f.bits)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ExecStreamResponseUpdate is output of a command, or its end.
type ExecStreamResponseUpdate struct {
	Exited bool
	// Why the command could not be started.
	Error    string
	ExitCode int32
	Stdout   []byte
	Stderr   []byte
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExecStreamResponseUpdate) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, boolBits(m.Exited))
	b = putString(b, 18, m.Error)
	b = putBits(b, 24, uint64(m.ExitCode))
	b = putBytes(b, 34, m.Stdout)
	b = putBytes(b, 42, m.Stderr)
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExecStreamResponseUpdate) Unmarshal(b []byte) error {
	*m = ExecStreamResponseUpdate{}
	return m.merge(b, newDecoder())
}

func (m *ExecStreamResponseUpdate) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExecStreamResponseUpdate", err)
		}
		b = rest
		switch f.key {
		case 8: // exited
			m.Exited = f.bool()
		case 18: // error
			m.Error, err = f.string("ExecStreamResponseUpdate.error")
		case 24: // exit_code
			m.ExitCode = int32(f.bits)
		case 34: // stdout
			m.Stdout = f.bytes()
		case 42: // stderr
			m.Stderr = f.bytes()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
