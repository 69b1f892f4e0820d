package build

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// guestFiles returns all files that a asks for. A wrong value is a usage
// error.
func (a *asked) guestFiles() ([]initramfs.File, error) {
	groups := []struct {
		values []verb.Value
		parse  func(verb.Value) (initramfs.File, error)
	}{
		{a.files, a.hostFile},
		{a.programs, program},
		{a.dirs, folder},
		{a.symlinks, link(initramfs.Symlink)},
		{a.hardLinks, link(initramfs.HardLink)},
		{a.nodes, node},
		{a.fifos, fifo},
		{a.hooks, hookFile},
		{a.stages, stageFile},
	}
	var files []initramfs.File
	for _, g := range groups {
		for _, v := range g.values {
			file, err := g.parse(v)
			if err != nil {
				return nil, wrong(v, err)
			}
			file.From = v.From()
			files = append(files, file)
		}
	}
	if a.noShell {
		files = append(files, initramfs.File{Kind: initramfs.Text, Guest: noShell, From: "-no-shell"})
	}
	return files, nil
}

// wrong is what to tell about a value that is none.
func wrong(v verb.Value, err error) error {
	text := fmt.Sprintf("%s %q: %v", v.At, v.Text, err)
	if strings.HasPrefix(v.At, "-") {
		return &verb.UsageError{Reason: text}
	}
	return errors.New(text)
}

// hostFile parses HOST:GUEST[:MODE[:OWNER]]. HOST may have colons of its own:
// the last one that a slash follows is where GUEST begins.
func (a *asked) hostFile(v verb.Value) (initramfs.File, error) {
	i := strings.LastIndex(v.Text, ":/")
	if i <= 0 {
		return initramfs.File{}, errors.New("want HOST:GUEST, a path here and an absolute path in the guest")
	}
	file, err := attributed(v.Text[i+1:])
	file.Host, file.AsIs = v.Text[:i], a.asIs
	return file, err
}

// program parses PROGRAM[:GUEST].
func program(v verb.Value) (initramfs.File, error) {
	host, guest, named := strings.Cut(v.Text, ":")
	if host == "" || named && !strings.HasPrefix(guest, "/") {
		return initramfs.File{}, errors.New("want PROGRAM, or PROGRAM:GUEST with an absolute path in the guest")
	}
	file := initramfs.File{Host: host, Guest: guest, Runs: true}
	if !strings.Contains(host, "/") {
		found, err := exec.LookPath(host)
		if err != nil {
			return initramfs.File{}, fmt.Errorf("no program of that name along PATH; give its path")
		}
		file.Host = found
	}
	if !named {
		abs, err := filepath.Abs(file.Host)
		if err != nil {
			return initramfs.File{}, err
		}
		file.Guest = abs
	}
	return file, nil
}

// folder parses GUEST[:MODE[:OWNER]].
func folder(v verb.Value) (initramfs.File, error) {
	file, err := attributed(v.Text)
	file.Kind = initramfs.Folder
	return file, err
}

// fifo parses the same.
func fifo(v verb.Value) (initramfs.File, error) {
	file, err := attributed(v.Text)
	file.Kind = initramfs.Pipe
	return file, err
}

// link parses TARGET:GUEST.
func link(kind initramfs.Kind) func(verb.Value) (initramfs.File, error) {
	return func(v verb.Value) (initramfs.File, error) {
		i := strings.LastIndex(v.Text, ":/")
		if i <= 0 {
			return initramfs.File{}, errors.New("want TARGET:GUEST, the second an absolute path in the guest")
		}
		return initramfs.File{Kind: kind, Target: v.Text[:i], Guest: v.Text[i+1:]}, nil
	}
}

// node parses GUEST:c|b:MAJOR:MINOR[:MODE[:OWNER]].
func node(v verb.Value) (initramfs.File, error) {
	want := errors.New("want GUEST:c:MAJOR:MINOR or GUEST:b:MAJOR:MINOR, and then :MODE and :UID:GID if need be")
	fields := strings.SplitN(v.Text, ":", 5)
	if len(fields) < 4 {
		return initramfs.File{}, want
	}
	rest := fields[0]
	if len(fields) == 5 {
		rest += ":" + fields[4]
	}
	file, err := attributed(rest)
	if err != nil {
		return file, err
	}
	switch fields[1] {
	case "c":
		file.Kind = initramfs.CharDevice
	case "b":
		file.Kind = initramfs.BlockDevice
	default:
		return file, want
	}
	if file.Major, err = number(fields[2]); err == nil {
		file.Minor, err = number(fields[3])
	}
	return file, err
}

// attributed parses GUEST[:MODE[:OWNER]], OWNER being UID:GID or keep.
func attributed(text string) (initramfs.File, error) {
	fields := strings.Split(text, ":")
	file := initramfs.File{Guest: fields[0]}
	if !strings.HasPrefix(file.Guest, "/") {
		return file, fmt.Errorf("%q is not an absolute path in the guest", file.Guest)
	}
	if len(fields) > 1 && fields[1] != "" {
		bits, err := strconv.ParseUint(fields[1], 8, 12)
		if err != nil {
			return file, fmt.Errorf("mode %q: want permission bits in octal, at most 7777, such as 0644 (a path in the guest cannot have a colon)", fields[1])
		}
		mode := uint32(bits)
		file.Mode = &mode
	}
	switch {
	case len(fields) < 3:
		return file, nil
	case len(fields) == 3 && fields[2] == "keep":
		file.KeepOwner = true
		return file, nil
	case len(fields) != 4:
		return file, fmt.Errorf("owner %q: want UID:GID or keep", strings.Join(fields[2:], ":"))
	}
	var owner initramfs.Owner
	var err error
	if owner.UID, err = number(fields[2]); err == nil {
		owner.GID, err = number(fields[3])
	}
	file.Owner = &owner
	return file, err
}

func number(text string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q: want a number below 2^32", text)
	}
	return uint32(n), nil
}
