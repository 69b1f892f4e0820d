// Package kernel pins a kernel that has its drivers built in: gokrazy's for amd64,
// which is a file of that module. See ../kernel.
package kernel

import _ "github.com/gokrazy/kernel.amd64"
