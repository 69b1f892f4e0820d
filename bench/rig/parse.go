package rig

import (
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Boot is what one boot cost, and what it left.
type Boot struct {
	// Instructions of the guest; a wait for something is none.
	ToInit   int64         // from the machine's start to the hand-over, firmware included
	HandOver int64         // from there ("Run /init") to the workload's first
	Kernel   int64         // those of HandOver in the kernel, and of processes: from the
	User     int64         // first of a process on, so without the execve(2) of /init
	Idle     time.Duration // waited in that time

	Values  map[string]int64  // of the workload
	Files   map[string]string // as the workload read them; the last, where more than once
	First   map[string]string // the first
	Log     []LogLine
	Console string
	IDM     []byte   // what the guest said on the port
	Code    []uint64 // addresses of processes' blocks of code, as they were first executed; only where asked for
}

// LogLine is a line of the kernel's log, with guest time.
type LogLine struct {
	At   time.Duration
	Text string
}

var (
	logLine   = regexp.MustCompile(`^bench log <\d+>\[ *(\d+)\.(\d{6})\] (.*)$`)
	valueLine = regexp.MustCompile(`^bench value (\w+) (\d+)$`)
	countLine = regexp.MustCompile(`(?m)^(FIRST|MARK) (\d+) (\d+) (\d+)$`)
)

// parse reads what the workload printed, and what the plugin counted.
func parse(console, counts string) (*Boot, error) {
	b := &Boot{Values: map[string]int64{}, Files: map[string]string{}, First: map[string]string{}}
	b.Console = strings.ReplaceAll(console, "\r", "")
	b.workload()
	if b.Values["done"] != 1 {
		return nil, errors.New("the workload did not come to its end")
	}
	at := map[string][3]int64{}
	for _, m := range countLine.FindAllStringSubmatch(counts, -1) {
		var n [3]int64
		for i := range n {
			var err error
			if n[i], err = strconv.ParseInt(m[i+2], 10, 64); err != nil {
				return nil, fmt.Errorf("parse counts: %w", err)
			}
		}
		at[m[1]] = n
	}
	first, okFirst := at["FIRST"]
	mark, okMark := at["MARK"]
	if !okFirst || !okMark {
		return nil, fmt.Errorf("qemu's plugin saw no mark: %q", counts)
	}
	b.Kernel, b.User = mark[0]-first[0], mark[1]-first[1]
	b.Idle = time.Duration(mark[2] - first[2])
	if err := b.times(mark); err != nil {
		return nil, err
	}
	return b, nil
}

// times places the hand-over, of which the kernel's log tells the time.
func (b *Boot) times(mark [3]int64) error {
	run, okRun := b.LogTime("Run /init")
	work, okWork := b.LogTime("bench: workload")
	if !okRun || !okWork {
		return errors.New("the kernel's log has no hand-over or no workload")
	}
	b.HandOver = int64(work-run) - int64(b.Idle)
	b.ToInit = mark[0] + mark[1] - b.HandOver
	return nil
}

// readCode reads the addresses that the plugin has told.
func readCode(file string) ([]uint64, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("boot: %w", err)
	}
	var code []uint64
	for word := range strings.FieldsSeq(string(text)) {
		at, err := strconv.ParseUint(word, 16, 64)
		if err != nil {
			return nil, fmt.Errorf("parse code: %w", err)
		}
		code = append(code, at)
	}
	return code, nil
}

// LogTime returns the time of the first line in the kernel's log that begins
// with text.
func (b *Boot) LogTime(text string) (time.Duration, bool) {
	for _, l := range b.Log {
		if strings.HasPrefix(l.Text, text) {
			return l.At, true
		}
	}
	return 0, false
}

// workload reads the lines of guest/workload.c.
func (b *Boot) workload() {
	file := ""
	var text strings.Builder
	for line := range strings.Lines(b.Console) {
		line = strings.TrimSuffix(line, "\n")
		name, begins := strings.CutPrefix(line, "bench file ")
		switch {
		case begins:
			file = name
			text.Reset()
		case line == "bench end" && file != "":
			if _, ok := b.First[file]; !ok {
				b.First[file] = text.String()
			}
			b.Files[file] = text.String()
			file = ""
		case file != "":
			text.WriteString(line + "\n")
		default:
			b.line(line)
		}
	}
}

func (b *Boot) line(line string) {
	if m := valueLine.FindStringSubmatch(line); m != nil {
		if n, err := strconv.ParseInt(m[2], 10, 64); err == nil {
			b.Values[m[1]] = n
		}
	}
	if m := logLine.FindStringSubmatch(line); m != nil {
		seconds, errS := strconv.ParseInt(m[1], 10, 32)
		micros, errM := strconv.ParseInt(m[2], 10, 32)
		if errors.Join(errS, errM) == nil {
			at := time.Duration(seconds)*time.Second + time.Duration(micros)*time.Microsecond
			b.Log = append(b.Log, LogLine{at, m[3]})
		}
	}
}

// The files of process 1 and of the machine that have figures.
const (
	initPages  = "/proc/1/smaps_rollup"
	initStatus = "/proc/1/status"
	memory     = "/proc/meminfo"
)

// Usage is what there is in memory, in bytes.
type Usage struct {
	RSS, Anon        int64 // of process 1
	Available, Shmem int64 // of the machine (proc_meminfo(5))
}

// Usage returns what there was as the workload began.
func (b *Boot) Usage() Usage { return usage(b.First) }

// LastUsage is Usage as the workload ended.
func (b *Boot) LastUsage() Usage { return usage(b.Files) }

// usage counts the pages of process 1, where the kernel does (CONFIG_PROC_PAGE_MONITOR).
// Its status lags: a thread tells its pages once in 64 page faults (Linux 6.1,
// mm/memory.c, check_sync_rss_stat).
func usage(files map[string]string) Usage {
	u := Usage{Available: kilobytes(files[memory], "MemAvailable"), Shmem: kilobytes(files[memory], "Shmem")}
	u.RSS, u.Anon = kilobytes(files[initPages], "Rss"), kilobytes(files[initPages], "Anonymous")
	if u.RSS == 0 {
		u.RSS, u.Anon = kilobytes(files[initStatus], "VmRSS"), kilobytes(files[initStatus], "RssAnon")
	}
	return u
}

func kilobytes(text, field string) int64 {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err == nil {
				return n << 10
			}
		}
	}
	return 0
}

// Missing names what the init has not done of the boot's work.
func (b *Boot) Missing() []string {
	var missing []string
	for _, want := range []struct{ what, file, text string }{
		{"hostname", "/proc/sys/kernel/hostname", "bench\n"},
		{"/etc/hosts", "/etc/hosts", "bench"},
		{"/etc/resolv.conf", "/etc/resolv.conf", "nameserver 10.0.2.3\n"},
		{"cgroup", "/proc/self/cgroup", "0::/krata-guest-task\n"},
		{"route", "/proc/net/route", "eth0\t00000000\t0202000A"},
		{"IPv6 address", "/proc/net/if_inet6", "fec00000000000000000000000000015 "},
		{"overlay", "/proc/self/mounts", " / overlay "},
		{"cgroup2", "/proc/self/mounts", " /sys/fs/cgroup cgroup2 "},
		{"/dev/pts", "/proc/self/mounts", " /dev/pts devpts "},
		{"/dev/shm", "/proc/self/mounts", " /dev/shm tmpfs "},
	} {
		if !strings.Contains(b.First[want.file], want.text) {
			missing = append(missing, want.what)
		}
	}
	if b.Values["environment"] < 5 { // PATH, LANG, BENCH, KRATA_CONTAINER, TERM
		missing = append(missing, "environment")
	}
	return missing
}

// ModuleName returns the name of the module in file.
func ModuleName(file string) string {
	return strings.ReplaceAll(strings.TrimSuffix(path.Base(file), ".ko"), "-", "_")
}
