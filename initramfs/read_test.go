package initramfs

import (
	"fmt"
	"testing"

	ucpio "github.com/u-root/u-root/pkg/cpio"

	"github.com/kguest/kguest/initramfs/modules"
)

// recordFields describes a record: mode, name, owners, and what its type has.
func recordFields(t *testing.T, r ucpio.Record) []string {
	t.Helper()
	fields := []string{fmt.Sprintf("%o", r.Mode), r.Name, fmt.Sprintf("%d:%d", r.UID, r.GID)}
	switch r.Mode & 0o170000 {
	case 0o020000, 0o060000:
		fields = append(fields, fmt.Sprintf("dev %d,%d", r.Rmajor, r.Rminor))
	case 0o120000:
		fields = append(fields, "-> "+recordBody(t, r))
	default:
		if r.FileSize > 0 {
			fields = append(fields, fmt.Sprintf("%d bytes", r.FileSize))
		}
	}
	return fields
}

func recordBody(t *testing.T, r ucpio.Record) string {
	t.Helper()
	body := make([]byte, r.FileSize)
	if n, err := r.ReadAt(body, 0); n != len(body) {
		t.Fatalf("read %s: %d of %d bytes, %v", r.Name, n, len(body), err)
	}
	return string(body)
}

func noModules() *modules.Set { return new(modules.Set) }
