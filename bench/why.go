package main

import "strings"

// why explains a group, "" for one that is not known.
func why(group string) string {
	if name, ours := strings.CutPrefix(group, "github.com/kguest/kguest/pkg/"); ours {
		return whyOurs(name)
	}
	switch group {
	case "runtime":
		return "Go's scheduler, garbage collector, maps, channels"
	case "rest of .gopclntab":
		return "functions and lines, for traces and the garbage collector"
	case "rest of .rodata", "rest of .typelink", "rest of .itablink":
		return "types, strings and constants"
	case "rest of .text":
		return "the gaps between functions, which images do not have"
	case "rest of .data", "rest of .noptrdata":
		return "values that are made by the linker: errors, tables, closures"
	case "type:":
		return "descriptors of types, for interfaces and the garbage collector; each type that is converted to an interface has one"
	case "go:itab.":
		return "methods of a type as an interface has them"
	case "go:func.":
		return "the garbage collector's maps of stack frames"
	case "go:string.", "go:":
		return "constants, and the linker's own tables"
	case "syscall", "os", "internal/poll", "internal/syscall/unix":
		return "files, processes, errors"
	case "golang.org/x/sys/unix":
		return "system calls that syscall has not"
	case "internal/filepathlite", "path/filepath":
		return "paths"
	case "fmt", "strconv", "internal/strconv":
		return "text of errors and of lines on the console"
	case "reflect", "internal/reflectlite":
		return "what fmt prints values by"
	case "internal/fmtsort":
		return "the order in which fmt prints maps"
	case "time":
		return "deadlines; the formats of times and time zones come with it"
	case "slices", "sort":
		return "sorting and searching, compiled for each type"
	case "strings", "bytes":
		return "text"
	case "unicode", "unicode/utf8":
		return "tables of what can be printed"
	case "net/netip":
		return "addresses of launch.json"
	case "flag":
		return "kinit -h"
	case "internal/cpu":
		return "what the processor can do"
	case "internal/bisect", "internal/godebug":
		return "GODEBUG's settings, which os and time ask for"
	case "the linker":
		return "symbols without a package"
	}
	return ""
}

// whyOurs is why of a package of this module.
func whyOurs(name string) string {
	switch name {
	case "agent":
		return "answers the host"
	case "boot":
		return "the stages, the log and the end"
	case "cgroup", "mount", "kmod", "block", "rootfs":
		return "what a stage does with the kernel"
	case "console", "supervise":
		return "terminals and processes"
	case "etcfiles":
		return "/etc/hostname, /etc/hosts, /etc/resolv.conf"
	case "hook", "rescue":
		return "scripts in /etc/kinit, and what a rescue shell is told"
	case "idm", "idm/idmpb", "idm/wire":
		return "IDM's frames and messages"
	case "jsontok", "launch":
		return "launch.json, checked, with where each error is"
	case "metrics":
		return "what the host asks of processes, cgroup and disks"
	case "netconf":
		return "links, addresses and routes by netlink"
	case "ociproc":
		return "the image's configuration: user, environment, program"
	}
	return ""
}

// whySymbol explains one of the largest symbols.
func whySymbol(s Symbol) string {
	switch name := strings.TrimPrefix(s.Name, "time."); {
	case s.Name == "runtime.findfunctab":
		return "from an address to its function"
	case s.Name == "runtime.itabTableInit", s.Name == "runtime.typelink":
		return "which types have which methods, and where types are"
	case s.Name == "runtime.initMetrics":
		return "names of runtime/metrics, which counters of GODEBUG join"
	case s.Name == "internal/strconv.pow10Tab":
		return "powers of ten for floating point, which fmt could print"
	case s.Name == "syscall.forkAndExecInChild1":
		return "from fork to exec, without a call"
	case strings.HasPrefix(s.Name, "os.doInRoot"):
		return "os.Root: no link of the image's leads out of it"
	case s.Group == "time" && (strings.HasPrefix(name, "load") || strings.HasPrefix(name, "Load") || strings.HasPrefix(name, "tz")):
		return "time zones, which a Time can have"
	}
	return why(s.Group)
}
