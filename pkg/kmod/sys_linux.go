package kmod

import (
	"os"

	"golang.org/x/sys/unix"
)

func load(file, params string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.FinitModule(int(f.Fd()), params, 0)
}
