package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of <linux/dm-ioctl.h>.
const (
	controlPath = "/dev/mapper/control"
	nameSize    = 128 // with its NUL

	devCreate  = 0xc138fd03 // DM_DEV_CREATE
	devRemove  = 0xc138fd04 // DM_DEV_REMOVE
	devSuspend = 0xc138fd06 // DM_DEV_SUSPEND, which without its flag resumes
	tableLoad  = 0xc138fd09 // DM_TABLE_LOAD

	readOnlyFlag = 1 // DM_READONLY_FLAG
)

// header is struct dm_ioctl, of 312 bytes.
type header struct {
	Version     [3]uint32
	DataSize    uint32 // bytes of the whole message
	DataStart   uint32
	TargetCount uint32
	OpenCount   int32
	Flags       uint32
	EventNr     uint32
	_           uint32
	Dev         uint64
	Name        [nameSize]byte
	UUID        [129]byte
	_           [7]byte
}

// target is struct dm_target_spec, of 40 bytes; its parameters follow.
type target struct {
	SectorStart uint64
	Length      uint64
	Status      int32
	Next        uint32
	Type        [16]byte
}

// maxParameters bounds a target's parameters with their NUL, in bytes.
const maxParameters = 4096

// message is a header and the one target of a table.
type message struct {
	header
	target
	parameters [maxParameters]byte
}

// mapDevice makes a read-only device of one target and returns its path. sectors are of
// 512 bytes.
func mapDevice(name, kind string, sectors uint64, parameters string) (string, error) {
	if len(parameters) >= maxParameters {
		return "", fmt.Errorf("table of %d bytes, over %d", len(parameters), maxParameters-1)
	}
	control, err := os.OpenFile(controlPath, os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("%w (is the module dm_verity in the image?)", err)
	}
	defer control.Close()
	created, err := tell(control, devCreate, name, message{})
	if err != nil {
		return "", fmt.Errorf("make device %s: %w", name, err)
	}
	load := message{target: target{Length: sectors}}
	load.TargetCount = 1
	copy(load.Type[:], kind)
	copy(load.parameters[:], parameters)
	_, err = tell(control, tableLoad, name, load)
	if err == nil {
		_, err = tell(control, devSuspend, name, message{})
	}
	if err != nil {
		_, rerr := tell(control, devRemove, name, message{})
		return "", errors.Join(fmt.Errorf("load table %q: %w (the kernel's log has more)", parameters, err), rerr)
	}
	return fmt.Sprintf("/dev/dm-%d", unix.Minor(created.Dev)), nil
}

// tell fills in m's header, and returns what the kernel made of it.
func tell(control *os.File, request uintptr, name string, m message) (header, error) {
	m.Version = [3]uint32{4}
	m.DataSize, m.DataStart = uint32(unsafe.Sizeof(m)), uint32(unsafe.Sizeof(m.header))
	m.Flags = readOnlyFlag
	copy(m.Name[:nameSize-1], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, control.Fd(), request, uintptr(unsafe.Pointer(&m))) //nolint:gosec // G103: the kernel fills in m
	runtime.KeepAlive(control)
	if errno != 0 {
		return m.header, errno
	}
	return m.header, nil
}
