package initramfs

import (
	"io"
	"os"
	"testing"
)

// Variables that make the test's program something else, in a process that a
// test starts.
const (
	childEnv = "KGUEST_TEST_CHILD"
	// childWrite writes the image of childSpec to the standard output.
	childWrite = "write"
	// childBig writes an image with the file that is its argument.
	childBig = "big"
)

// programs is where tests keep compiled programs for one another.
var programs string

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case childWrite:
		os.Exit(child(writeChild(os.Stdout)))
	case childBig:
		os.Exit(child(writeBig(os.Args[1], os.Args[2])))
	}
	os.Exit(run(m))
}

func child(err error) int {
	if err != nil {
		_, _ = io.WriteString(os.Stderr, err.Error()+"\n")
		return 1
	}
	return 0
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "kguest-programs-")
	if err != nil {
		return child(err)
	}
	programs = dir
	status := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		return child(err)
	}
	return status
}
