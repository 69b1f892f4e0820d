// Package vmtest boots the guest in QEMU and holds what it reports of itself
// against scenarios, one text file a boot (testdata/*.txt).
//
// A scenario is a txtar archive. Its comment has what the scenario proves, as
// lines that start with #, and directives:
//
//	base: busybox|debian        image to start from (default busybox)
//	machine: q35 microvm        one boot on each (default q35)
//	append: WORD...             kernel parameters; may be repeated
//	net: none|user              network card (default none)
//	idm: hvc|port|none          what the guest finds IDM on (default hvc)
//	boots: N                    boots of the same disks, same expectations
//	ballast: MIB                size of a file that is added to the initramfs
//	disk: KIND [WORD]...        vda, vdb, ... in order (default image, config); KIND is
//	                            image, config, blank, data (an empty ext4) or kernel
//	                            (with vmlinuz and initramfs.cpio, the default's); WORD is
//	                            format=, comp=, label= or serial= with a value,
//	                            writable, or late (plugged in by qmp)
//	link: PATH TARGET           symbolic link in the image
//	attr: PATH MODE UID GID     mode and owner in the image
//	remove: PATH                takes a file of the base away
//	fifo: PATH                  FIFO in the image
//	zeros: PATH MIB             file of zeros in the image
//	omit: PATH                  takes a file off the config disk
//	commands: NAME...           more commands in the initramfs, and gosh
//	profile: NAME               the initramfs has the commands of a profile
//	example: NAME               the initramfs is that of examples/NAME/kguest.yaml
//	busybox: PATH...            the host's busybox in the initramfs
//	first: PATH                 script of the repository that is the first process
//	type: KEYS after TEXT       types on the console when TEXT is there; ^C is ctrl-C, ^M enter,
//	                            ^[ escape
//	qmp: JSON after TEXT        the same with a command for QEMU; either may end
//	                            with "plus DURATION", which is waited for
//	until: TEXT                 the machine does not end by itself: it is ended at TEXT
//
// and these sections:
//
//	config.json, launch.json    the config disk; "@script" stands for the script
//	script                      run by the default configuration with a shell
//	init                        run by gosh as the first process, in place of kinit
//	image/PATH                  file in the image
//	initramfs/PATH              file in the initramfs; with #! it is executable
//	exit                        code, signal, stage, reason and idm, one a line;
//	                            none: there is no exit line
//	want NAME                   the report NAME, exactly
//	has NAME                    each line is a regular expression that must match
//	                            one whole line of the report NAME
//	lacks NAME                  no line of the report may match any of these
//
// A script makes a report with `report NAME COMMAND...`. The whole console is
// the report console. Of the N-th disk, from 0, that is writable there are,
// after the end, diskN (whether it changed, and what e2fsck says of an ext4)
// and diskN:PATH, a file of an ext4.
package vmtest

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/kguest/kguest/pkg/pack"
	"github.com/kguest/kguest/pkg/vm"
)

// Bases of the guest's image.
const (
	baseBusybox = "busybox"
	baseDebian  = "debian"
)

// Scenario is one boot and what is expected of it.
type Scenario struct {
	Name     string
	Base     string
	Machines []string
	Append   []string
	Net, IDM string
	Boots    int
	Ballast  int // MiB
	Disks    []Disk
	Links    [][2]string // path, target
	Attrs    []pack.Attr
	Removes  []string
	Fifos    []string
	Zeros    map[string]int // MiB, by path
	Omits    []string
	Commands []string
	Profile  string
	Example  string
	Busybox  []string // paths in the initramfs
	First    string
	Typed    []Typed
	Until    string

	ConfigJSON, LaunchJSON, Script, Init string
	Files                                map[string]string // of the image
	Initramfs                            map[string]string // files

	Exit  WantExit
	Wants []Want
}

// Disk is one disk of the machine.
type Disk struct {
	Kind   string // image, config, blank, data, kernel
	Serial string
	Pack   pack.Options

	Writable, Late bool
}

// Typed is typed on the console when After has been printed, or, as QMP, given
// to QEMU.
type Typed struct {
	Keys, After string
	Pause       time.Duration // after After
	QMP         bool
}

// ReadScenario reads the file path. The error names file and line.
func ReadScenario(path string) (*Scenario, error) {
	archive, err := txtar.ParseFile(path)
	if err != nil {
		return nil, err
	}
	s, err := parseScenario(archive)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.Name = strings.TrimSuffix(filepath.Base(path), ".txt")
	return s, nil
}

func parseScenario(archive *txtar.Archive) (*Scenario, error) {
	s := &Scenario{Base: baseBusybox, Boots: 1, Exit: defaultExit(), Files: map[string]string{}, Initramfs: map[string]string{}, Zeros: map[string]int{}}
	number := 0
	for line := range strings.Lines(string(archive.Comment)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok {
			return nil, fmt.Errorf("line %d: %q is no directive", number, line)
		}
		if err := s.directive(name, strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", number, name, err)
		}
	}
	for _, f := range archive.Files {
		if err := s.section(f.Name, string(f.Data)); err != nil {
			return nil, fmt.Errorf("section %s: %w", f.Name, err)
		}
	}
	s.setDefaults()
	return s, s.check()
}

func (s *Scenario) setDefaults() {
	if len(s.Machines) == 0 {
		s.Machines = []string{vm.MachineQ35}
	}
	if len(s.Disks) == 0 {
		s.Disks = []Disk{{Kind: "image"}, {Kind: "config"}}
	}
}

// check refuses a scenario that could not fail or not be made.
func (s *Scenario) check() error {
	changed := len(s.Files) + len(s.Links) + len(s.Attrs) + len(s.Removes) + len(s.Fifos) + len(s.Zeros)
	if s.Base == baseDebian && changed > 0 {
		return fmt.Errorf("the image of base %s is taken as it is", baseDebian)
	}
	if s.Script == "" && s.LaunchJSON == "" && s.ConfigJSON == "" && s.Init == "" {
		return fmt.Errorf("neither script nor config.json nor launch.json nor init is here")
	}
	if s.Init != "" && len(s.Commands) == 0 {
		return fmt.Errorf("an init needs commands")
	}
	return nil
}

func (s *Scenario) directive(name, value string) (err error) {
	words := strings.Fields(value)
	switch name {
	case "base":
		s.Base, err = oneOf(value, baseBusybox, baseDebian)
	case "machine":
		s.Machines = words
	case "append":
		s.Append = append(s.Append, words...)
	case "net":
		s.Net, err = oneOf(value, vm.NetNone, vm.NetUser)
	case "idm":
		s.IDM, err = oneOf(value, vm.IDMHvc, vm.IDMPort, vm.IDMNone)
	case "boots":
		s.Boots, err = strconv.Atoi(value)
	case "ballast":
		s.Ballast, err = strconv.Atoi(value)
	case "disk":
		return s.addDisk(words)
	case "link":
		return s.addLink(words)
	case "attr":
		return s.addAttr(words)
	case "remove":
		s.Removes = append(s.Removes, words...)
	case "fifo":
		s.Fifos = append(s.Fifos, words...)
	case "zeros":
		return s.addZeros(words)
	case "omit":
		s.Omits = append(s.Omits, words...)
	case "commands":
		s.Commands = append(s.Commands, words...)
	case "profile":
		s.Profile = value
	case "example":
		s.Example = value
	case "first":
		s.First = value
	case "busybox":
		s.Busybox = append(s.Busybox, words...)
	case "type", "qmp":
		return s.addTyped(value, name == "qmp")
	case "until":
		s.Until = value
	default:
		return fmt.Errorf("unknown directive")
	}
	return err
}

func oneOf(value string, known ...string) (string, error) {
	if !slices.Contains(known, value) {
		return "", fmt.Errorf("%q is none of %s", value, strings.Join(known, " "))
	}
	return value, nil
}

func (s *Scenario) section(name, data string) (err error) {
	verb, report, ok := strings.Cut(name, " ")
	switch {
	case name == "config.json":
		s.ConfigJSON = data
	case name == "launch.json":
		s.LaunchJSON = data
	case name == "script":
		s.Script = data
	case name == "init":
		s.Init = data
	case name == "exit":
		s.Exit, err = parseExit(data)
	case strings.HasPrefix(name, "initramfs/"):
		s.Initramfs[strings.TrimPrefix(name, "initramfs/")] = data
	case strings.HasPrefix(name, "image/"):
		s.Files[strings.TrimPrefix(name, "image/")] = data
	case ok:
		var w Want
		w, err = parseWant(verb, report, data)
		s.Wants = append(s.Wants, w)
	default:
		return fmt.Errorf("unknown section")
	}
	return err
}
