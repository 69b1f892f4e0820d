// Program does what a Go program needs its table of functions for.
package main

import (
	"os"

	"example.org/program/inner"
)

func main() {
	inner.Run(os.Args[1])
}
