package initramfs

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kguest/kguest/initramfs/compress"
	"github.com/kguest/kguest/initramfs/kconfig"
)

// withLibraries returns the tree of files and what they bring.
func withLibraries(s *Spec, bases ...baseFile) (*Tree, error) {
	t := new(Tree)
	if err := s.addFiles(t); err != nil {
		return nil, err
	}
	return t, s.addLibraries(t, bases)
}

// The image alone has what a program of this machine needs: it runs in it.
func TestProgramRuns(t *testing.T) {
	s := &Spec{Arch: "amd64", Files: []File{
		{Host: "/usr/bin/xz", Guest: "/bin/xz", From: "-file xz"},
		{Host: "/bin/sh", Guest: "/bin/sh", From: "-file sh"},
		{Kind: Text, Guest: "/hello", Data: []byte("#!/bin/sh\necho hello | xz | xz -d\n"), Mode: new(uint32(0o755)), From: "-text"},
	}}
	tree, err := withLibraries(s)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	extract := exec.Command("cpio", "-id", "--quiet", "--no-preserve-owner")
	extract.Dir, extract.Stdin = dir, bytes.NewReader(written(t, tree, None))
	if out, err := extract.CombinedOutput(); err != nil {
		t.Fatalf("cpio: %v: %s", err, out)
	}
	run := exec.Command("unshare", "--user", "--map-root-user", "--mount", "/usr/sbin/chroot", dir, "/hello")
	run.Env = []string{"PATH=/bin:/usr/bin"}
	if out, err := run.CombinedOutput(); err != nil || string(out) != "hello\n" {
		t.Errorf("in the image: %q, %v, want hello", out, err)
	}
	libc := tree.entries["lib/x86_64-linux-gnu/libc.so.6"]
	want := []string{"bin/sh", "bin/xz", "lib/x86_64-linux-gnu/liblzma.so.5.4.1"}
	if diff := cmp.Diff(want, libc.NeededBy); diff != "" || libc.Reason != "-file sh, needed by /bin/sh" {
		t.Errorf("libc: %s; needed by (-want +got):\n%s", libc.Reason, diff)
	}
}

// An image's own links are followed, and its own files taken.
func TestLibrariesThroughLinks(t *testing.T) {
	s := &Spec{Arch: "amd64", Files: []File{
		{Kind: Symlink, Guest: "/lib", Target: "usr/lib", From: "-link"},
		{Kind: Symlink, Guest: "/lib64", Target: "/usr/lib64", From: "-link"},
		{Host: "/bin/sh", Guest: "/usr/bin/sh", From: "-file sh"},
		{Host: "/lib/x86_64-linux-gnu/libc.so.6", Guest: "/usr/lib/x86_64-linux-gnu/libc.so.6", From: "-file libc"},
	}}
	tree, err := withLibraries(s)
	if err != nil {
		t.Fatal(err)
	}
	for name, reason := range map[string]string{
		"usr/lib64/ld-linux-x86-64.so.2":                "-file sh, needed by /usr/bin/sh",
		"usr/lib/x86_64-linux-gnu/libc.so.6":            "-file libc",
		"usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2": "-file sh, needed by /usr/bin/sh",
	} {
		if e, ok := tree.entries[name]; !ok || e.Reason != reason {
			t.Errorf("%s: %v, %q, want %q", name, ok, e.Reason, reason)
		}
	}
}

func TestLibrariesErrors(t *testing.T) {
	empty := t.TempDir()
	mode := uint32(0o755)
	script := func(line string) File {
		return File{Kind: Text, Guest: "/bin/script", Data: []byte(line), Mode: &mode, From: "-text"}
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	other := bytes.Clone(self[:64])
	other[16], other[18], other[56] = 2, 183, 0
	tests := []struct {
		name string
		s    Spec
		want string
	}{
		{"no loader", Spec{Sysroot: empty, Files: []File{{Host: "/bin/sh", Guest: "/bin/sh", From: "-file sh"}}}, "-file sh: /bin/sh needs dynamic loader /lib64/ld-linux-x86-64.so.2, which is not there; looked in " + empty},
		{"no sysroot", Spec{Sysroot: empty + "/gone", Files: []File{{Host: "/bin/sh", Guest: "/bin/sh", From: "-file sh"}}}, empty + "/gone is not a folder"},
		{"interpreter", Spec{Files: []File{script("#!/usr/bin/python3 -u\n")}}, "-text: /bin/script cannot run: its interpreter /usr/bin/python3 is not in the image; put it in the image too"},
		{"near interpreter", Spec{Files: []File{script("#! /bin/bsh"), {Kind: Text, Guest: "/bin/ash", From: "a"}}}, `its interpreter /bin/bsh is not in the image; did you mean "bin/ash"?`},
		{"machine", Spec{Files: []File{{Kind: Text, Guest: "/bin/x", Data: other, Mode: &mode, From: "-file x"}}}, "-file x: /bin/x is a program for AARCH64, and the image is for amd64"},
		{"damaged", Spec{Files: []File{{Kind: Text, Guest: "/bin/x", Data: self[:80], Mode: &mode, From: "-file x"}}}, "-file x: /bin/x cannot run: ELF file ends before offset"},
	}
	for _, tt := range tests {
		tt.s.Arch = "amd64"
		if _, err := withLibraries(&tt.s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want an error with %q", tt.name, err, tt.want)
		}
		for i := range tt.s.Files {
			tt.s.Files[i].AsIs = true
		}
		if _, err := withLibraries(&tt.s); err != nil {
			t.Errorf("%s, as it is: %v, want nil", tt.name, err)
		}
	}
}

// opened returns the bases of s until the test ends.
func opened(t *testing.T, s *Spec) []baseFile {
	t.Helper()
	bases, err := s.openBases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := closeBases(bases); err != nil {
			t.Error(err)
		}
	})
	return bases
}

// Several archives in one file, packed and not, are all there, and in order.
func TestBasesWhole(t *testing.T) {
	var both bytes.Buffer
	for _, c := range []Compression{None, compress.Gzip} {
		var tree Tree
		if err := tree.Add(Entry{Path: "from-" + string(c), Mode: 0o644, Content: Bytes("x")}); err != nil {
			t.Fatal(err)
		}
		both.Write(written(t, &tree, c))
	}
	file := hostFile(t, both.String())
	s := &Spec{Arch: "amd64", Bases: []Base{{Host: file, From: "-base"}, {Host: hostFile(t, string(written(t, small(t), compress.LZ4))), From: "-base 2"}}}
	bases := opened(t, s)
	tree := small(t)
	l, err := tree.layout()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	img := &image{layout: l, bases: bases}
	if err := img.write(&out, None); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(out.Bytes(), both.Bytes()) || int64(out.Len()) != img.least(None) {
		t.Errorf("the base is not whole in front, or %d bytes are not the %d foretold", out.Len(), img.least(None))
	}
	at := out.Len() - len(written(t, small(t), None))
	if at%4 != 0 || !bytes.Equal(out.Bytes()[at-4:at], make([]byte, 4)) {
		t.Errorf("the image's own archive is at %d after %x, want a multiple of 4 after zeros", at, out.Bytes()[at-4:at])
	}
	for _, name := range []string{"from-none", "from-gzip"} {
		if _, err := bases[0].image.Lstat(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBaseErrors(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := exec.Command("mkfifo", fifo).Run(); err != nil {
		t.Fatal(err)
	}
	whole := written(t, small(t), None)
	tests := []struct{ host, want string }{
		{filepath.Join(dir, "fifa"), "did you mean " + fifo + "?"},
		{fifo, "a named pipe, not a regular file"},
		{dir, "a folder, not a regular file"},
		{hostFile(t, ""), `begins with "", which is no archive that the kernel unpacks`},
		{hostFile(t, "just text"), `begins with "just t", which is no archive that the kernel unpacks`},
		{hostFile(t, string(whole[:len(whole)/2])), "read "},
	}
	for _, tt := range tests {
		s := &Spec{Arch: "amd64", Bases: []Base{{Host: tt.host, From: "-base b"}}}
		_, err := s.openBases(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), "-base b: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("base %s: %v, want an error with %q", tt.host, err, tt.want)
		}
	}
}

// What a base has need not be brought; what it loses is told.
func TestBaseHas(t *testing.T) {
	var tree Tree
	err := addAll(&tree, []Entry{
		{Path: "bin", Mode: fs.ModeSymlink | 0o777, Target: "usr/bin"},
		{Path: "usr/bin/python3", Mode: 0o755, Content: Bytes("x")},
		{Path: "lib64/ld-linux-x86-64.so.2", Mode: 0o755, Content: Bytes("x")},
		{Path: "lib/x86_64-linux-gnu/libc.so.6", Mode: 0o755, Content: Bytes("x")},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &Spec{Arch: "amd64", Bases: []Base{{Host: hostFile(t, string(written(t, &tree, compress.Zstd))), From: "-base b"}}, Files: []File{
		{Kind: Text, Guest: "/usr/script", Data: []byte("#!/bin/python3"), Mode: new(uint32(0o755)), From: "-text"},
		{Host: "/bin/sh", Guest: "/sh", From: "-file"},
		{Kind: Folder, Guest: "/bin", From: "-dir"},
	}}
	bases := opened(t, s)
	got, err := withLibraries(s, bases...)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"bin", "sh", "usr", "usr/script"}, got.paths()); diff != "" {
		t.Errorf("tree (-want +got):\n%s", diff)
	}
	l, err := got.layout()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"-base b: /bin is a symbolic link to usr/bin there, and becomes a folder (-dir)"}
	if diff := cmp.Diff(want, (&image{layout: l, bases: bases}).hidden()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// A kernel that is known not to unpack an archive is not given one.
func TestCompressionOfKernel(t *testing.T) {
	config, err := kconfig.Parse("config", []byte("CONFIG_BLK_DEV_INITRD=y\nCONFIG_RD_GZIP=y\nCONFIG_X86_64=y\n"))
	if err != nil {
		t.Fatal(err)
	}
	s := &Spec{Arch: "amd64", KernelConfig: config}
	for c, ok := range map[Compression]bool{None: true, compress.Gzip: true, "gzip:1": true, compress.XZ: false, "lz4:3": false, "rar": false} {
		if err := s.checkCompression(c); (err == nil) != ok {
			t.Errorf("%s: %v, want an error: %v", c, err, !ok)
		}
	}
	s.Bases = []Base{{Host: hostFile(t, string(written(t, small(t), compress.XZ))), From: "-base b"}}
	if _, err := s.openBases(t.Context()); err == nil || !strings.Contains(fmt.Sprint(err), "-base b: kernel does not unpack xz") {
		t.Errorf("base packed with xz: %v, want it refused", err)
	}
}
