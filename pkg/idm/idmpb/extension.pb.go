// Code generated from kguest/idm.proto by package gen. DO NOT EDIT.

package idmpb

// BootState says where a boot is.
type BootState int32

// The values of BootState.
const (
	BootStateBooting BootState = 0
	// The workload runs.
	BootStateReady  BootState = 1
	BootStateFailed BootState = 2
	// The workload has ended, or is being stopped.
	BootStateEnding BootState = 3
)

// ExtensionRequest is asked by the host.
type ExtensionRequest struct {
	Request ExtensionRequestOneof // nil where none is set
}

// ExtensionRequestOneof is one of *SignalRequest, *StopRequest, *BootReportRequest, *WatchRequest, *FileReadRequest, *FileWriteRequest, *HelloRequest, *ResizeRequest, *PauseRequest.
type ExtensionRequestOneof interface {
	isExtensionRequestOneof()
}

func (*SignalRequest) isExtensionRequestOneof()     {}
func (*StopRequest) isExtensionRequestOneof()       {}
func (*BootReportRequest) isExtensionRequestOneof() {}
func (*WatchRequest) isExtensionRequestOneof()      {}
func (*FileReadRequest) isExtensionRequestOneof()   {}
func (*FileWriteRequest) isExtensionRequestOneof()  {}
func (*HelloRequest) isExtensionRequestOneof()      {}
func (*ResizeRequest) isExtensionRequestOneof()     {}
func (*PauseRequest) isExtensionRequestOneof()      {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExtensionRequest) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Request.(type) {
	case *SignalRequest:
		b = appendMessage(b, 10, v)
	case *StopRequest:
		b = appendMessage(b, 18, v)
	case *BootReportRequest:
		b = appendMessage(b, 26, v)
	case *WatchRequest:
		b = appendMessage(b, 34, v)
	case *FileReadRequest:
		b = appendMessage(b, 42, v)
	case *FileWriteRequest:
		b = appendMessage(b, 50, v)
	case *HelloRequest:
		b = appendMessage(b, 58, v)
	case *ResizeRequest:
		b = appendMessage(b, 66, v)
	case *PauseRequest:
		b = appendMessage(b, 74, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExtensionRequest) Unmarshal(b []byte) error {
	*m = ExtensionRequest{}
	return m.merge(b, newDecoder())
}

func (m *ExtensionRequest) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExtensionRequest", err)
		}
		b = rest
		switch f.key {
		case 10: // signal
			v, ok := m.Request.(*SignalRequest)
			if !ok {
				v = new(SignalRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 18: // stop
			v, ok := m.Request.(*StopRequest)
			if !ok {
				v = new(StopRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 26: // boot_report
			v, ok := m.Request.(*BootReportRequest)
			if !ok {
				v = new(BootReportRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 34: // watch
			v, ok := m.Request.(*WatchRequest)
			if !ok {
				v = new(WatchRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 42: // file_read
			v, ok := m.Request.(*FileReadRequest)
			if !ok {
				v = new(FileReadRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 50: // file_write
			v, ok := m.Request.(*FileWriteRequest)
			if !ok {
				v = new(FileWriteRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 58: // hello
			v, ok := m.Request.(*HelloRequest)
			if !ok {
				v = new(HelloRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 66: // resize
			v, ok := m.Request.(*ResizeRequest)
			if !ok {
				v = new(ResizeRequest)
			}
			err = f.message(v, d)
			m.Request = v
		case 74: // pause
			v, ok := m.Request.(*PauseRequest)
			if !ok {
				v = new(PauseRequest)
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

// ExtensionResponse answers a request, or is the error that came of it.
type ExtensionResponse struct {
	Error    *ExtensionError
	Response ExtensionResponseOneof // nil where none is set
}

// ExtensionResponseOneof is one of *SignalResponse, *StopResponse, *BootReport, *WatchResponse, *FileReadResponse, *FileWriteResponse, *HelloResponse, *ResizeResponse, *PauseResponse.
type ExtensionResponseOneof interface {
	isExtensionResponseOneof()
}

func (*SignalResponse) isExtensionResponseOneof()    {}
func (*StopResponse) isExtensionResponseOneof()      {}
func (*BootReport) isExtensionResponseOneof()        {}
func (*WatchResponse) isExtensionResponseOneof()     {}
func (*FileReadResponse) isExtensionResponseOneof()  {}
func (*FileWriteResponse) isExtensionResponseOneof() {}
func (*HelloResponse) isExtensionResponseOneof()     {}
func (*ResizeResponse) isExtensionResponseOneof()    {}
func (*PauseResponse) isExtensionResponseOneof()     {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExtensionResponse) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	if m.Error != nil {
		b = appendMessage(b, 10, m.Error)
	}
	switch v := m.Response.(type) {
	case *SignalResponse:
		b = appendMessage(b, 18, v)
	case *StopResponse:
		b = appendMessage(b, 26, v)
	case *BootReport:
		b = appendMessage(b, 34, v)
	case *WatchResponse:
		b = appendMessage(b, 42, v)
	case *FileReadResponse:
		b = appendMessage(b, 50, v)
	case *FileWriteResponse:
		b = appendMessage(b, 58, v)
	case *HelloResponse:
		b = appendMessage(b, 66, v)
	case *ResizeResponse:
		b = appendMessage(b, 74, v)
	case *PauseResponse:
		b = appendMessage(b, 82, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExtensionResponse) Unmarshal(b []byte) error {
	*m = ExtensionResponse{}
	return m.merge(b, newDecoder())
}

func (m *ExtensionResponse) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExtensionResponse", err)
		}
		b = rest
		switch f.key {
		case 10: // error
			if m.Error == nil {
				m.Error = new(ExtensionError)
			}
			err = f.message(m.Error, d)
		case 18: // signal
			v, ok := m.Response.(*SignalResponse)
			if !ok {
				v = new(SignalResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 26: // stop
			v, ok := m.Response.(*StopResponse)
			if !ok {
				v = new(StopResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 34: // boot_report
			v, ok := m.Response.(*BootReport)
			if !ok {
				v = new(BootReport)
			}
			err = f.message(v, d)
			m.Response = v
		case 42: // watch
			v, ok := m.Response.(*WatchResponse)
			if !ok {
				v = new(WatchResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 50: // file_read
			v, ok := m.Response.(*FileReadResponse)
			if !ok {
				v = new(FileReadResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 58: // file_write
			v, ok := m.Response.(*FileWriteResponse)
			if !ok {
				v = new(FileWriteResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 66: // hello
			v, ok := m.Response.(*HelloResponse)
			if !ok {
				v = new(HelloResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 74: // resize
			v, ok := m.Response.(*ResizeResponse)
			if !ok {
				v = new(ResizeResponse)
			}
			err = f.message(v, d)
			m.Response = v
		case 82: // pause
			v, ok := m.Response.(*PauseResponse)
			if !ok {
				v = new(PauseResponse)
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

// ExtensionEvent is told by the guest once the host has made a request on this
// channel.
type ExtensionEvent struct {
	Event ExtensionEventOneof // nil where none is set
}

// ExtensionEventOneof is one of *OomEvent, *ExitDetailEvent, *BootStateEvent.
type ExtensionEventOneof interface {
	isExtensionEventOneof()
}

func (*OomEvent) isExtensionEventOneof()        {}
func (*ExitDetailEvent) isExtensionEventOneof() {}
func (*BootStateEvent) isExtensionEventOneof()  {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExtensionEvent) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Event.(type) {
	case *OomEvent:
		b = appendMessage(b, 10, v)
	case *ExitDetailEvent:
		b = appendMessage(b, 18, v)
	case *BootStateEvent:
		b = appendMessage(b, 26, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExtensionEvent) Unmarshal(b []byte) error {
	*m = ExtensionEvent{}
	return m.merge(b, newDecoder())
}

func (m *ExtensionEvent) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExtensionEvent", err)
		}
		b = rest
		switch f.key {
		case 10: // oom
			v, ok := m.Event.(*OomEvent)
			if !ok {
				v = new(OomEvent)
			}
			err = f.message(v, d)
			m.Event = v
		case 18: // exit
			v, ok := m.Event.(*ExitDetailEvent)
			if !ok {
				v = new(ExitDetailEvent)
			}
			err = f.message(v, d)
			m.Event = v
		case 26: // boot_state
			v, ok := m.Event.(*BootStateEvent)
			if !ok {
				v = new(BootStateEvent)
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

// ExtensionError says why a request came to nothing.
type ExtensionError struct {
	Message string
	// Linux error number; 0 where no system call failed.
	Errno uint32
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExtensionError) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putString(b, 10, m.Message)
	b = putBits(b, 16, uint64(m.Errno))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExtensionError) Unmarshal(b []byte) error {
	*m = ExtensionError{}
	return m.merge(b, newDecoder())
}

func (m *ExtensionError) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExtensionError", err)
		}
		b = rest
		switch f.key {
		case 10: // message
			m.Message, err = f.string("ExtensionError.message")
		case 16: // errno
			m.Errno = uint32(f.bits)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// HelloRequest says that the host is new on the line: what hosts before it left
// open is of no use any more. All streams of both channels end, as if their host
// had closed them, and what waits to be written for earlier hosts is dropped, but
// for events. A host that does not send it takes over what there is.
type HelloRequest struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *HelloRequest) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *HelloRequest) Unmarshal(b []byte) error {
	*m = HelloRequest{}
	return m.merge(b, newDecoder())
}

func (m *HelloRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("HelloRequest", err)
		}
		b = rest
	}
	return nil
}

// HelloResponse says that the streams have ended. What the guest wrote before it
// was for earlier hosts.
type HelloResponse struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *HelloResponse) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *HelloResponse) Unmarshal(b []byte) error {
	*m = HelloResponse{}
	return m.merge(b, newDecoder())
}

func (m *HelloResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("HelloResponse", err)
		}
		b = rest
	}
	return nil
}

// ResizeRequest sets the size of the workload's terminal.
type ResizeRequest struct {
	Rows    uint32
	Columns uint32
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ResizeRequest) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.Rows))
	b = putBits(b, 16, uint64(m.Columns))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ResizeRequest) Unmarshal(b []byte) error {
	*m = ResizeRequest{}
	return m.merge(b, newDecoder())
}

func (m *ResizeRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ResizeRequest", err)
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

// ResizeResponse says that the terminal has the size.
type ResizeResponse struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ResizeResponse) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ResizeResponse) Unmarshal(b []byte) error {
	*m = ResizeResponse{}
	return m.merge(b, newDecoder())
}

func (m *ResizeResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("ResizeResponse", err)
		}
		b = rest
	}
	return nil
}

// PauseRequest has the guest say nothing more on a stream until the host wants it
// again: a stream has no flow control of its own, and what the host does not read
// of one holds up all. What is on its way still comes. A stream that is not open is
// no error: it may have ended meanwhile.
type PauseRequest struct {
	// Of the stream.
	Channel uint64
	Id      uint64
	// Go on instead.
	Resume bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *PauseRequest) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.Channel)
	b = putBits(b, 16, m.Id)
	b = putBits(b, 24, boolBits(m.Resume))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *PauseRequest) Unmarshal(b []byte) error {
	*m = PauseRequest{}
	return m.merge(b, newDecoder())
}

func (m *PauseRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("PauseRequest", err)
		}
		b = rest
		switch f.key {
		case 8: // channel
			m.Channel = f.bits
		case 16: // id
			m.Id = f.bits
		case 24: // resume
			m.Resume = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// PauseResponse says that it is so.
type PauseResponse struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *PauseResponse) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *PauseResponse) Unmarshal(b []byte) error {
	*m = PauseResponse{}
	return m.merge(b, newDecoder())
}

func (m *PauseResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("PauseResponse", err)
		}
		b = rest
	}
	return nil
}

// SignalRequest sends a signal to the workload.
type SignalRequest struct {
	// Linux signal number; 0 where name says it.
	Number uint32
	// As in SIGTERM or TERM.
	Name string
	// To every process of the workload's cgroup, not to its first alone.
	All bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *SignalRequest) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.Number))
	b = putString(b, 18, m.Name)
	b = putBits(b, 24, boolBits(m.All))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *SignalRequest) Unmarshal(b []byte) error {
	*m = SignalRequest{}
	return m.merge(b, newDecoder())
}

func (m *SignalRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("SignalRequest", err)
		}
		b = rest
		switch f.key {
		case 8: // number
			m.Number = uint32(f.bits)
		case 18: // name
			m.Name, err = f.string("SignalRequest.name")
		case 24: // all
			m.All = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// SignalResponse says that the signal was sent.
type SignalResponse struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *SignalResponse) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *SignalResponse) Unmarshal(b []byte) error {
	*m = SignalResponse{}
	return m.merge(b, newDecoder())
}

func (m *SignalResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("SignalResponse", err)
		}
		b = rest
	}
	return nil
}

// StopRequest ends the workload, then the machine.
type StopRequest struct {
	// From the stop signal to SIGKILL; 0 for what the launch configuration says.
	GraceMilliseconds uint64
	// SIGKILL at once.
	Now bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *StopRequest) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.GraceMilliseconds)
	b = putBits(b, 16, boolBits(m.Now))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *StopRequest) Unmarshal(b []byte) error {
	*m = StopRequest{}
	return m.merge(b, newDecoder())
}

func (m *StopRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("StopRequest", err)
		}
		b = rest
		switch f.key {
		case 8: // grace_milliseconds
			m.GraceMilliseconds = f.bits
		case 16: // now
			m.Now = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// StopResponse says that the stop has begun.
type StopResponse struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *StopResponse) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *StopResponse) Unmarshal(b []byte) error {
	*m = StopResponse{}
	return m.merge(b, newDecoder())
}

func (m *StopResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("StopResponse", err)
		}
		b = rest
	}
	return nil
}

// BootReportRequest asks how the boot went.
type BootReportRequest struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *BootReportRequest) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *BootReportRequest) Unmarshal(b []byte) error {
	*m = BootReportRequest{}
	return m.merge(b, newDecoder())
}

func (m *BootReportRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("BootReportRequest", err)
		}
		b = rest
	}
	return nil
}

// BootReport says how the boot went, so far.
type BootReport struct {
	State BootState
	// In the order they ran.
	Stages []*BootStage
	// From the kernel's start to init's; 0 where unknown.
	KernelMicroseconds uint64
	// From init's start to the workload's, or to now where it does not run yet.
	InitMicroseconds uint64
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *BootReport) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.State))
	for _, v := range m.Stages {
		b = appendMessage(b, 18, v)
	}
	b = putBits(b, 24, m.KernelMicroseconds)
	b = putBits(b, 32, m.InitMicroseconds)
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *BootReport) Unmarshal(b []byte) error {
	*m = BootReport{}
	return m.merge(b, newDecoder())
}

func (m *BootReport) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("BootReport", err)
		}
		b = rest
		switch f.key {
		case 8: // state
			m.State = BootState(f.bits)
		case 18: // stages
			v := new(BootStage)
			err = f.message(v, d)
			m.Stages = append(m.Stages, v)
		case 24: // kernel_microseconds
			m.KernelMicroseconds = f.bits
		case 32: // init_microseconds
			m.InitMicroseconds = f.bits
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// BootStage is one stage of the boot.
type BootStage struct {
	Name                 string
	DurationMicroseconds uint64
	// Why it failed; empty where it did not.
	Error string
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *BootStage) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putString(b, 10, m.Name)
	b = putBits(b, 16, m.DurationMicroseconds)
	b = putString(b, 26, m.Error)
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *BootStage) Unmarshal(b []byte) error {
	*m = BootStage{}
	return m.merge(b, newDecoder())
}

func (m *BootStage) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("BootStage", err)
		}
		b = rest
		switch f.key {
		case 10: // name
			m.Name, err = f.string("BootStage.name")
		case 16: // duration_microseconds
			m.DurationMicroseconds = f.bits
		case 26: // error
			m.Error, err = f.string("BootStage.error")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// WatchRequest opens the channel for events, and asks for nothing else.
type WatchRequest struct {
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *WatchRequest) AppendTo(b []byte) []byte {
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *WatchRequest) Unmarshal(b []byte) error {
	*m = WatchRequest{}
	return m.merge(b, newDecoder())
}

func (m *WatchRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		_, rest, err := next(b)
		if err != nil {
			return in("WatchRequest", err)
		}
		b = rest
	}
	return nil
}

// WatchResponse says that events follow. What is already past is not repeated.
type WatchResponse struct {
	State BootState
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *WatchResponse) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.State))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *WatchResponse) Unmarshal(b []byte) error {
	*m = WatchResponse{}
	return m.merge(b, newDecoder())
}

func (m *WatchResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("WatchResponse", err)
		}
		b = rest
		switch f.key {
		case 8: // state
			m.State = BootState(f.bits)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// OomEvent says that the kernel has killed processes for want of memory.
type OomEvent struct {
	// Since the boot.
	Kills uint64
	// Whether they were the workload's.
	Workload bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *OomEvent) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.Kills)
	b = putBits(b, 16, boolBits(m.Workload))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *OomEvent) Unmarshal(b []byte) error {
	*m = OomEvent{}
	return m.merge(b, newDecoder())
}

func (m *OomEvent) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("OomEvent", err)
		}
		b = rest
		switch f.key {
		case 8: // kills
			m.Kills = f.bits
		case 16: // workload
			m.Workload = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ExitDetailEvent says that the workload, or the boot, has ended: what the exit
// event on channel 0 says, and why.
type ExitDetailEvent struct {
	Code int32
	// That killed the workload; 0 for none.
	Signal uint32
	// Where the end came from; "run" for the workload.
	Stage  string
	Reason string
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *ExitDetailEvent) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.Code))
	b = putBits(b, 16, uint64(m.Signal))
	b = putString(b, 26, m.Stage)
	b = putString(b, 34, m.Reason)
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *ExitDetailEvent) Unmarshal(b []byte) error {
	*m = ExitDetailEvent{}
	return m.merge(b, newDecoder())
}

func (m *ExitDetailEvent) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("ExitDetailEvent", err)
		}
		b = rest
		switch f.key {
		case 8: // code
			m.Code = int32(f.bits)
		case 16: // signal
			m.Signal = uint32(f.bits)
		case 26: // stage
			m.Stage, err = f.string("ExitDetailEvent.stage")
		case 34: // reason
			m.Reason, err = f.string("ExitDetailEvent.reason")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// BootStateEvent says that the boot has come to another state.
type BootStateEvent struct {
	State BootState
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *BootStateEvent) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, uint64(m.State))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *BootStateEvent) Unmarshal(b []byte) error {
	*m = BootStateEvent{}
	return m.merge(b, newDecoder())
}

func (m *BootStateEvent) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("BootStateEvent", err)
		}
		b = rest
		switch f.key {
		case 8: // state
			m.State = BootState(f.bits)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FileReadRequest reads a file. It is answered by updates in order of their offset,
// the last of which has end set; then the guest closes the stream.
type FileReadRequest struct {
	// Absolute, in the workload's root.
	Path   []byte
	Offset uint64
	// At most so many bytes; 0 for all there are.
	Length uint64
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *FileReadRequest) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBytes(b, 10, m.Path)
	b = putBits(b, 16, m.Offset)
	b = putBits(b, 24, m.Length)
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *FileReadRequest) Unmarshal(b []byte) error {
	*m = FileReadRequest{}
	return m.merge(b, newDecoder())
}

func (m *FileReadRequest) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("FileReadRequest", err)
		}
		b = rest
		switch f.key {
		case 10: // path
			m.Path = f.bytes()
		case 16: // offset
			m.Offset = f.bits
		case 24: // length
			m.Length = f.bits
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FileReadResponse is a piece of the file.
type FileReadResponse struct {
	// In the file. Another than the end of the last piece: something was lost.
	Offset uint64
	Data   []byte
	// Nothing follows.
	End bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *FileReadResponse) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.Offset)
	b = putBytes(b, 18, m.Data)
	b = putBits(b, 24, boolBits(m.End))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *FileReadResponse) Unmarshal(b []byte) error {
	*m = FileReadResponse{}
	return m.merge(b, newDecoder())
}

func (m *FileReadResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("FileReadResponse", err)
		}
		b = rest
		switch f.key {
		case 8: // offset
			m.Offset = f.bits
		case 18: // data
			m.Data = f.bytes()
		case 24: // end
			m.End = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FileWriteRequest is what the host sends to write a file: first start, then chunks.
// Each is answered.
type FileWriteRequest struct {
	Update FileWriteRequestOneof // nil where none is set
}

// FileWriteRequestOneof is one of *FileWriteStart, *FileWriteChunk.
type FileWriteRequestOneof interface {
	isFileWriteRequestOneof()
}

func (*FileWriteStart) isFileWriteRequestOneof() {}
func (*FileWriteChunk) isFileWriteRequestOneof() {}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *FileWriteRequest) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	switch v := m.Update.(type) {
	case *FileWriteStart:
		b = appendMessage(b, 10, v)
	case *FileWriteChunk:
		b = appendMessage(b, 18, v)
	}
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *FileWriteRequest) Unmarshal(b []byte) error {
	*m = FileWriteRequest{}
	return m.merge(b, newDecoder())
}

func (m *FileWriteRequest) merge(b []byte, d *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("FileWriteRequest", err)
		}
		b = rest
		switch f.key {
		case 10: // start
			v, ok := m.Update.(*FileWriteStart)
			if !ok {
				v = new(FileWriteStart)
			}
			err = f.message(v, d)
			m.Update = v
		case 18: // chunk
			v, ok := m.Update.(*FileWriteChunk)
			if !ok {
				v = new(FileWriteChunk)
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

// FileWriteStart says where and how to write. Unless in_place is set, the file is
// written beside path and renamed to it after the last chunk: whoever reads path
// sees the old content or the new, and an unfinished write leaves nothing.
type FileWriteStart struct {
	// Absolute, in the workload's root.
	Path []byte
	// Permission bits; 0 for those of the file there is, or 0644.
	Mode uint32
	// Write into the file there is, made if missing.
	InPlace bool
	// Of the first chunk, in the file; only with in_place.
	Offset uint64
	// Cut the file after the last chunk; only with in_place.
	Truncate bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *FileWriteStart) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBytes(b, 10, m.Path)
	b = putBits(b, 16, uint64(m.Mode))
	b = putBits(b, 24, boolBits(m.InPlace))
	b = putBits(b, 32, m.Offset)
	b = putBits(b, 40, boolBits(m.Truncate))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *FileWriteStart) Unmarshal(b []byte) error {
	*m = FileWriteStart{}
	return m.merge(b, newDecoder())
}

func (m *FileWriteStart) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("FileWriteStart", err)
		}
		b = rest
		switch f.key {
		case 10: // path
			m.Path = f.bytes()
		case 16: // mode
			m.Mode = uint32(f.bits)
		case 24: // in_place
			m.InPlace = f.bool()
		case 32: // offset
			m.Offset = f.bits
		case 40: // truncate
			m.Truncate = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FileWriteChunk is a piece of the content.
type FileWriteChunk struct {
	// From the first chunk. Another than the sum of those before: something was
	// lost, and the write fails.
	Offset uint64
	Data   []byte
	// Nothing follows: finish, and close the stream.
	Last bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *FileWriteChunk) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.Offset)
	b = putBytes(b, 18, m.Data)
	b = putBits(b, 24, boolBits(m.Last))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *FileWriteChunk) Unmarshal(b []byte) error {
	*m = FileWriteChunk{}
	return m.merge(b, newDecoder())
}

func (m *FileWriteChunk) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("FileWriteChunk", err)
		}
		b = rest
		switch f.key {
		case 8: // offset
			m.Offset = f.bits
		case 18: // data
			m.Data = f.bytes()
		case 24: // last
			m.Last = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// FileWriteResponse says how far a write has come.
type FileWriteResponse struct {
	// Bytes since the first chunk.
	Written uint64
	// The file is complete and in its place.
	Done bool
}

// AppendTo appends the wire form of m to b. A nil m is an empty message.
func (m *FileWriteResponse) AppendTo(b []byte) []byte {
	if m == nil {
		return b
	}
	b = putBits(b, 8, m.Written)
	b = putBits(b, 16, boolBits(m.Done))
	return b
}

// Unmarshal sets m to the message that is b, of which it keeps no part. After an
// error m has what stood before it.
func (m *FileWriteResponse) Unmarshal(b []byte) error {
	*m = FileWriteResponse{}
	return m.merge(b, newDecoder())
}

func (m *FileWriteResponse) merge(b []byte, _ *decoder) error {
	for len(b) > 0 {
		f, rest, err := next(b)
		if err != nil {
			return in("FileWriteResponse", err)
		}
		b = rest
		switch f.key {
		case 8: // written
			m.Written = f.bits
		case 16: // done
			m.Done = f.bool()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
