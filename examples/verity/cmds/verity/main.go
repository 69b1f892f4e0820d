// Verity puts a device over a disk and its hash tree that gives only data that the
// root hash vouches for (the kernel's dm-verity).
//
// Synopsis:
//
//	verity NAME DISK TREE ROOTHASH
//
// TREE is a disk that `veritysetup format DISK TREE` wrote; it printed ROOTHASH, in
// hexadecimal. Verity waits for both disks, reads the first block through the new
// device, and prints the device's path, such as /dev/dm-0.
//
// Exit status: 0, 1 when there is no such device or the first block is not what the
// root hash vouches for, 2 for a wrong call.
//
// Examples:
//
//	kmount "$(verity image /dev/vda /dev/vdc 7e1c...)" /image
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) //nolint:forbidigo // this is main
}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) != 4 {
		fmt.Fprintln(stderr, "usage: verity NAME DISK TREE ROOTHASH")
		return 2
	}
	path, err := open(volume{Name: args[0], Disk: args[1], Tree: args[2], RootHash: args[3]})
	if err != nil {
		fmt.Fprintln(stderr, "verity:", err)
		return 1
	}
	fmt.Fprintln(stdout, path)
	return 0
}
