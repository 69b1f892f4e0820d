package initramfs

import (
	"github.com/kguest/kguest/initramfs/compress"
)

// Compression is how the archive is packed.
type Compression = compress.Compression

// None is the archive as it is.
const None = compress.None

// Compressions returns the names of all compressions.
func Compressions() []string { return compress.Names() }

// checkCompression refuses what nobody can pack, or the kernel cannot unpack.
func (s *Spec) checkCompression(c Compression) error {
	if err := c.Check(); err != nil {
		return err
	}
	return s.checkUnpacks(c.Name())
}

// checkUnpacks refuses what the kernel cannot unpack, where that is known.
func (s *Spec) checkUnpacks(name string) error {
	if s.KernelConfig == nil {
		return nil
	}
	return s.KernelConfig.CheckInitramfs(name)
}
