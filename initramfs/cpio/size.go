package cpio

// align is what headers and bodies begin at a multiple of.
const align = 4

// TrailerSize is the bytes that end an archive.
const TrailerSize = (headerSize + len(trailer) + 1 + align - 1) / align * align

// Written returns the bytes that Write writes for e.
func Written(e Entry) int64 {
	size := padded(headerSize + int64(len(e.Name)) + 1)
	for _, name := range e.Links {
		size += padded(headerSize + int64(len(name)) + 1)
	}
	return size + padded(e.Size) + padded(int64(len(e.Target)))
}

func padded(n int64) int64 { return (n + align - 1) / align * align }
