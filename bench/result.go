package main

import (
	"github.com/kguest/kguest/bench/rig"
)

// Result is all that was measured. Counts are instructions of the guest.
type Result struct {
	Kernel  string   `json:"kernel"` // release
	BuiltIn bool     `json:"builtIn"`
	Go      string   `json:"go"`
	Inits   []Init   `json:"inits"`
	Idle    Idle     `json:"idle"`
	Heap    Heap     `json:"heap"`
	Stages  []Stage  `json:"stages"`
	Modules []Module `json:"modules"`
	// Packages are those of the program whose initialization allocates or takes
	// 10,000 instructions at least.
	Packages     []Package `json:"packages"`
	PackageBytes int64     `json:"packageBytes"` // allocated by all of them
	PackageCount int64     `json:"packageInstructions"`
	Program      Program   `json:"program"`
	// WithBuiltIn has the inits alone, on a kernel that has its drivers built in.
	WithBuiltIn *Result  `json:"withBuiltIn,omitempty"`
	Growth      []Growth `json:"growth,omitempty"`
}

// Init is one of the inits that are compared.
type Init struct {
	Name     string `json:"name"`
	ToInit   int64  `json:"toInit"`
	HandOver int64  `json:"handOver"` // from the hand-over to the workload's first
	Kernel   int64  `json:"inKernel"`
	User     int64  `json:"inProcesses"`
	WaitedNS int64  `json:"waitedNanoseconds"`
	// After is what process 1 left for later: in the 20 ms after, while the workload
	// sleeps.
	After int64 `json:"after"`

	ArchiveBytes int64 `json:"archiveBytes"`
	PackedBytes  int64 `json:"packedBytes"`  // by zstd
	ProgramBytes int64 `json:"programBytes"` // of /init

	// Of process 1 then, in bytes.
	RSS  int64 `json:"rssBytes"`
	Anon int64 `json:"anonymousBytes"`
	// Of the machine then, in bytes.
	Available int64 `json:"availableBytes"`
	Shmem     int64 `json:"shmemBytes"` // files of the initramfs, and the overlay's
}

// Heap is what process 1 took from Go's until the workload ran.
type Heap struct {
	Bytes   int64 `json:"bytes"`
	Objects int64 `json:"objects"`
}

// Idle is what process 1 does while the workload sleeps.
type Idle struct {
	MinuteNS int64 `json:"minuteNanoseconds"` // its processor time in a minute
	RSS      int64 `json:"rssBytes"`          // after it
	Anon     int64 `json:"anonymousBytes"`
}

// Stage is one of kinit's, and the same step of the C init and the script; 0 where
// those have none.
type Stage struct {
	Name   string `json:"name"`
	Kguest int64  `json:"kguest"`
	C      int64  `json:"c"`
	Script int64  `json:"script"`
}

// Module is what loading one cost.
type Module struct {
	Name         string `json:"name"`
	Instructions int64  `json:"instructions"`
	Needed       bool   `json:"needed"` // by this machine
}

// Package is what its initialization cost.
type Package struct {
	Path         string `json:"path"`
	Instructions int64  `json:"instructions"`
	Bytes        int64  `json:"bytes"`
}

// Growth is the cost at one size of something.
type Growth struct {
	What         string `json:"what"`
	Size         int64  `json:"size"`
	Instructions int64  `json:"instructions"`
	Each         int64  `json:"each,omitempty"` // more than at the size before, divided by the difference
}

// of returns the figures of the init name.
func (r *Result) of(name string) Init {
	for _, i := range r.Inits {
		if i.Name == name {
			return i
		}
	}
	return Init{}
}

// left is how much more of the machine's files is in memory than the program of /init.
func (i Init) left() int64 { return i.Shmem - i.ProgramBytes }

// overC is kguest's hand-over divided by the C init's.
func (r *Result) overC() float64 { return ratio(r.of(rig.Kguest).HandOver, r.of(rig.C).HandOver) }

// overScript is kguest's hand-over divided by the script's.
func (r *Result) overScript() float64 {
	return ratio(r.of(rig.Kguest).HandOver, r.of(rig.Script).HandOver)
}

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
