package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/kguest/kguest/pkg/block"
)

// diskTimeout bounds the wait for each disk.
const diskTimeout = 10 * time.Second

// volume is a disk with its hash tree.
type volume struct {
	Name       string // of the device, for the kernel
	Disk, Tree string // paths
	RootHash   string // hexadecimal
}

func (v volume) check() error {
	sum, err := hex.DecodeString(v.RootHash)
	switch {
	case err != nil || len(sum) == 0:
		return fmt.Errorf("root hash %q: give the hexadecimal digits that veritysetup format printed", v.RootHash)
	case v.Name == "" || len(v.Name) >= nameSize || strings.Contains(v.Name, "/"):
		return fmt.Errorf("name %q: give 1 to %d characters without a slash", v.Name, nameSize-1)
	}
	return nil
}

// open makes the device of v and returns its path.
func open(v volume) (string, error) {
	if err := v.check(); err != nil {
		return "", err
	}
	tree := block.Tree{Sys: "/sys", Dev: "/dev"}
	for _, path := range []string{v.Disk, v.Tree} {
		if _, err := tree.Wait(block.Ref{Paths: []string{path}}, diskTimeout); err != nil {
			return "", err
		}
	}
	head, err := readHead(v.Tree, superblockSize)
	if err != nil {
		return "", err
	}
	super, err := parseSuperblock(head)
	if err != nil {
		return "", fmt.Errorf("%s: %w", v.Tree, err)
	}
	path, err := mapDevice(v.Name, "verity", super.sectors(), super.table(v))
	if err != nil {
		return "", fmt.Errorf("%s with %s: %w", v.Disk, v.Tree, err)
	}
	return path, v.try(path, super)
}

// try reads the first block, so that a wrong root hash is told here and not by the
// file system's words.
func (v volume) try(path string, super superblock) error {
	_, err := readHead(path, int(super.DataBlockSize))
	if errors.Is(err, syscall.EIO) {
		return fmt.Errorf("%s with %s: its first block is not what the root hash %s vouches for", v.Disk, v.Tree, v.RootHash)
	}
	return err
}

// readHead returns the first size bytes of the file at path.
func readHead(path string, size int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, size)
	_, err = io.ReadFull(f, head)
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: smaller than %d bytes", path, size)
	}
	return head, err
}
