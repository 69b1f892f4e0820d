package rescue

import (
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// KernelLog returns the last lines of the kernel's log (syslog(2)): at most so many.
func KernelLog(most int) ([]string, error) {
	size, err := unix.Klogctl(unix.SYSLOG_ACTION_SIZE_BUFFER, nil)
	if err != nil {
		return []string{}, fmt.Errorf("read kernel log: %w", err)
	}
	buf := make([]byte, size)
	n, err := unix.Klogctl(unix.SYSLOG_ACTION_READ_ALL, buf)
	if err != nil {
		return []string{}, fmt.Errorf("read kernel log: %w", err)
	}
	lines := strings.Split(string(bytes.TrimSpace(buf[:n])), "\n")
	return lines[max(0, len(lines)-most):], nil
}
