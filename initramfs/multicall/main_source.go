package multicall

import (
	"bytes"
	"fmt"
)

// mainSource returns the main.go of the program of that name. It takes the place of gobusybox's,
// which imports log and reads links to find its name.
func mainSource(name string, cmds []Command) []byte {
	var b bytes.Buffer
	b.WriteString(mainHead)
	for _, c := range cmds {
		fmt.Fprintf(&b, "\t_ %q\n", c.Path)
	}
	fmt.Fprintf(&b, mainBody, initCommand, name+": no such command; there are:")
	return b.Bytes()
}

// Programs compiled from a GOPATH have Go 1.20's GODEBUG settings unless they
// name others.
const mainHead = `//go:debug default=go1.26

package main

import (
	"os"

	"bb.u-root.com/bb/pkg/bbmain"
`

const mainBody = `)

const initCommand = %q

func base(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}

// run returns only where there is no command of that name.
func run(arg string) {
	name := base(arg)
	if name == "init" {
		name = initCommand
	}
	_ = bbmain.Run(name)
}

func main() {
	if len(os.Args) > 0 {
		run(os.Args[0])
	}
	if os.Getpid() == 1 {
		run(initCommand)
	}
	if len(os.Args) > 1 {
		os.Args = os.Args[1:]
		run(os.Args[0])
	}
	os.Stderr.WriteString(%q)
	for _, name := range bbmain.ListCmds() {
		os.Stderr.WriteString(" " + name)
	}
	os.Stderr.WriteString("\n")
	os.Exit(127)
}
`
