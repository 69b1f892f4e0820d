package ociproc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestScriptInterpreter(t *testing.T) {
	long := strings.Repeat("x", 300)
	for in, want := range map[string]string{
		"":                            "",
		"#":                           "",
		"#!":                          "",
		"#!\n":                        "",
		"#! \t\n":                     "",
		"#!/bin/sh":                   "/bin/sh",
		"#!/bin/sh\n":                 "/bin/sh",
		"#!/bin/sh\r\n":               "/bin/sh\r",
		"#! \t/bin/sh\t-e\n":          "/bin/sh",
		"#!/usr/bin/env a b":          "/usr/bin/env",
		"#!relative\n":                "relative",
		"#!/bin/sh\x00x":              "/bin/sh",
		" #!/bin/sh":                  "",
		"\x7fELF":                     "",
		"#!/" + long:                  "",
		"#!/bin/sh " + long:           "/bin/sh",
		"#!/bin/sh\n" + long + "\n":   "/bin/sh",
		"#!/" + long[:253] + "\nrest": "",
		"#!/" + long[:252] + "\nrest": "/" + long[:252],
	} {
		if got := scriptInterpreter([]byte(in)); got != want {
			t.Errorf("scriptInterpreter(%q) = %q, want %q", in, got, want)
		}
	}
}

// program makes the least ELF file of this machine that asks for a loader.
func program(loader string) []byte {
	const headerSize, entrySize = 64, 56
	machine := map[string]uint16{"amd64": 62, "arm64": 183, "riscv64": 243}[runtime.GOARCH]
	b := make([]byte, headerSize+2*entrySize)
	copy(b, "\x7fELF\x02\x01\x01")
	le := binary.LittleEndian
	le.PutUint16(b[16:], 2) // ET_EXEC
	le.PutUint16(b[18:], machine)
	le.PutUint64(b[32:], headerSize)
	le.PutUint16(b[54:], entrySize)
	le.PutUint16(b[56:], 2)
	le.PutUint32(b[headerSize:], 1) // PT_LOAD
	interp := b[headerSize+entrySize:]
	le.PutUint32(interp, 3) // PT_INTERP
	le.PutUint64(interp[8:], uint64(len(b)))
	le.PutUint64(interp[32:], uint64(len(loader)+1))
	return slices.Concat(b, []byte(loader), []byte{0})
}

func TestElfLoader(t *testing.T) {
	good := program("/lib/ld.so")
	edit := func(at int, value ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], value)
		return b
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"good":             {good, "/lib/ld.so"},
		"empty":            {nil, ""},
		"header only":      {good[:64], ""},
		"cut in the table": {good[:100], ""},
		"cut in the path":  {good[:len(good)-3], ""},
		"path not ended":   {edit(len(good)-1, 'x'), ""},
		"big endian":       {edit(5, 2), ""},
		"other machine":    {edit(18, 0xff, 0xff), ""},
		"class":            {edit(4, 7), ""},
		"small entries":    {edit(54, 8), ""},
		"far table":        {edit(32, 255, 255, 255, 255, 255, 255, 255, 255), ""},
		"far path":         {edit(64+56+8, 255, 255, 255, 255, 255, 255, 255, 127), ""},
		"long path":        {edit(64+56+32, 255, 255, 255, 255), ""},
		"none":             {edit(64+56, 1), ""},
	} {
		if got := elfLoader(bytes.NewReader(test.data)); got != test.want {
			t.Errorf("%s: elfLoader = %q, want %q", name, got, test.want)
		}
	}
}

// The test's own binary and a shell are programs that someone else linked.
func TestElfLoaderOfShell(t *testing.T) {
	f, err := os.Open("/bin/sh")
	check(t, err)
	defer f.Close()
	loader := elfLoader(f)
	if loader == "" {
		return // a static shell
	}
	if info, err := os.Stat(loader); err != nil || !info.Mode().IsRegular() {
		t.Errorf("elfLoader of /bin/sh = %q: %v, %v, want a file", loader, info, err)
	}
}

func TestResolveLoader(t *testing.T) {
	root := newRoot(t, map[string]string{"/app": "x " + string(program("/lib/ld.so"))})
	_, err := Resolve(root, ImageConfig{Cmd: []string{"/app"}}, Overrides{})
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeNotFound || err.Error() != `"/app": its loader "/lib/ld.so": not found` {
		t.Errorf("Resolve without a loader = %v, want 127", err)
	}
	check(t, os.Mkdir(root+"/lib", 0o755))
	check(t, os.WriteFile(root+"/lib/ld.so", nil, 0o755))
	if p, err := Resolve(root, ImageConfig{Cmd: []string{"/app"}}, Overrides{}); err != nil || p.Path != "/app" {
		t.Errorf("Resolve with a loader = %+v, %v, want /app", p, err)
	}
}

// FuzzInterpreter holds that what is found is in the file, and is a path that
// a file can have.
func FuzzInterpreter(f *testing.F) {
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Add(program("/lib/ld.so"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, path := range []string{scriptInterpreter(data), elfLoader(bytes.NewReader(data))} {
			if !bytes.Contains(data, []byte(path)) || strings.Contains(path, "\x00") || len(path) >= 4096 {
				t.Fatalf("interpreter of %q = %q", data, path)
			}
		}
	})
}
