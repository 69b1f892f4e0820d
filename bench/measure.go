package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kguest/kguest/bench/rig"
	"github.com/kguest/kguest/initramfs/compress"
	"github.com/kguest/kguest/initramfs/inspect"
)

// measurer boots, and says on progress what it boots.
type measurer struct {
	rig      *rig.Rig
	progress io.Writer
}

func (m *measurer) say(format string, args ...any) {
	fmt.Fprintf(m.progress, "bench: "+format+"\n", args...)
}

// all measures everything.
func (m *measurer) all(ctx context.Context, growth bool) (*Result, error) {
	result, err := m.budgeted(ctx)
	if err != nil {
		return nil, err
	}
	steps := []func(context.Context, *Result) error{m.stages, m.packages, m.program}
	if !result.BuiltIn {
		steps = append(steps, m.sameModules)
	}
	if growth {
		steps = append(steps, m.growth)
	}
	for _, step := range steps {
		if err := step(ctx, result); err != nil {
			return nil, err
		}
	}
	return result, nil
}

// budgeted measures what there are budgets for, on one kernel: five boots.
func (m *measurer) budgeted(ctx context.Context) (*Result, error) {
	result := &Result{Kernel: m.rig.Release(), BuiltIn: m.rig.Modules == "", Go: runtime.Version()}
	if err := m.inits(ctx, result, rig.Inits()...); err != nil {
		return nil, err
	}
	idle, err := m.idle(ctx)
	result.Idle = idle
	return result, err
}

// inits adds the inits of those names.
func (m *measurer) inits(ctx context.Context, result *Result, names ...string) error {
	for _, name := range names {
		init, err := m.init(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		result.Inits = append(result.Inits, init)
	}
	return nil
}

// measureBuiltIn boots C and kguest on the kernel of r, with the files in dir.
func measureBuiltIn(ctx context.Context, r rig.Rig, dir string, progress io.Writer) (*Result, error) {
	in, err := r.In(ctx, dir)
	if err != nil {
		return nil, err
	}
	m := measurer{rig: in, progress: progress}
	result := &Result{Kernel: in.Release(), BuiltIn: true, Go: runtime.Version()}
	return result, m.inits(ctx, result, rig.C, rig.Kguest)
}

// sameModules measures the C init with kguest's modules.
func (m *measurer) sameModules(ctx context.Context, result *Result) error {
	return m.inits(ctx, result, rig.SameC)
}

func (m *measurer) init(ctx context.Context, name string) (Init, error) {
	archive, err := m.rig.Archive(ctx, name)
	if err != nil {
		return Init{}, err
	}
	m.say("booting %s", name)
	b, err := m.rig.Boot(ctx, archive, rig.Options{})
	if err != nil {
		return Init{}, err
	}
	if missing := b.Missing(); len(missing) > 0 {
		return Init{}, fmt.Errorf("it left undone: %s", strings.Join(missing, ", "))
	}
	raw, packed, errSizes := sizes(archive)
	program, errProgram := initOf(ctx, archive)
	memory := b.Usage()
	return Init{
		Name: name, ToInit: b.ToInit, HandOver: b.HandOver, Kernel: b.Kernel, User: b.User, WaitedNS: int64(b.Idle),
		After:        b.Values["init_cpu_later_ns"] - b.Values["init_cpu_ns"],
		ArchiveBytes: raw, PackedBytes: packed, ProgramBytes: int64(len(program)),
		RSS: memory.RSS, Anon: memory.Anon, Available: memory.Available, Shmem: memory.Shmem,
	}, errors.Join(errSizes, errProgram)
}

// initOf returns the program /init of the archive.
func initOf(ctx context.Context, archive string) ([]byte, error) {
	image, err := inspect.Open(ctx, archive)
	if err != nil {
		return nil, err
	}
	defer image.Close() //nolint:errcheck // it was only read
	f, err := image.Stat("init")
	if err != nil {
		return nil, err
	}
	var program []byte
	err = image.Contents([]inspect.File{f}, func(_ inspect.File, content io.Reader) (err error) {
		program, err = io.ReadAll(content)
		return err
	})
	return program, err
}

// counter counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// sizes returns the size of the file, and that of it packed by zstd.
func sizes(file string) (raw, packed int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	var n counter
	w, err := compress.Compression("zstd").NewWriter(&n)
	if err != nil {
		return 0, 0, err
	}
	raw, err = io.Copy(w, f)
	return raw, int64(n), errors.Join(err, w.Close())
}

// idle lets the workload sleep for a minute.
func (m *measurer) idle(ctx context.Context) (Idle, error) {
	b, err := m.guest(ctx, rig.Guest{Arguments: []string{"idle", "60"}}, rig.Options{Sleeps: true})
	if err != nil {
		return Idle{}, err
	}
	if slept := b.Values["idle_ns"]; slept < int64(time.Minute) {
		return Idle{}, fmt.Errorf("the guest idled for %v, want a minute", time.Duration(slept))
	}
	memory := b.LastUsage()
	return Idle{MinuteNS: b.Values["idle_init_ns"], RSS: memory.RSS, Anon: memory.Anon}, nil
}

// guest boots kguest's image with the config disk of g.
func (m *measurer) guest(ctx context.Context, g rig.Guest, o rig.Options) (*rig.Boot, error) {
	archive, err := m.rig.Archive(ctx, rig.Kguest)
	if err != nil {
		return nil, err
	}
	if o.Config, err = m.rig.Config(ctx, g); err != nil {
		return nil, err
	}
	m.say("booting %s %s", rig.Kguest, strings.Join(g.Arguments, " "))
	return m.rig.Boot(ctx, archive, o)
}

var (
	stageLine   = regexp.MustCompile(`(?m)^kinit: (\w+): done took=(\S+)$`)
	heapLine    = regexp.MustCompile(`(?m)^kinit: run: allocated bytes=(\d+) objects=(\d+)$`)
	packageLine = regexp.MustCompile(`(?m)^init (\S+) @\S+ ms, (\d+(?:\.\d+)?) ms clock, (\d+) bytes, \d+ allocs$`)
)

// lastStage starts the workload.
const lastStage = "run"

// stages measures kinit's, and the C init's with each module.
func (m *measurer) stages(ctx context.Context, result *Result) error {
	b, err := m.guest(ctx, rig.Guest{}, rig.Options{Append: []string{"kinit.log=info"}})
	if err != nil {
		return err
	}
	if result.Stages, err = parseStages(b.Console, b.HandOver); err != nil {
		return err
	}
	marked, err := m.rig.Marked()
	if err != nil {
		return err
	}
	m.say("booting %s, step by step", rig.C)
	if b, err = m.rig.Boot(ctx, marked, rig.Options{}); err != nil {
		return err
	}
	needed, err := m.rig.Needed()
	if err != nil {
		return err
	}
	result.addMarks(b.Log, needed)
	if marked, err = m.rig.MarkedScript(); err != nil {
		return err
	}
	m.say("booting %s, step by step", rig.Script)
	if b, err = m.rig.Boot(ctx, marked, rig.Options{}); err != nil {
		return err
	}
	result.addScript(b)
	return nil
}

// addScript adds what the script's lines in the kernel's log tell.
func (r *Result) addScript(b *rig.Boot) {
	last, _ := b.LogTime("Run /init")
	for i := range r.Stages {
		s := &r.Stages[i]
		text := "bench: step " + s.Name
		if s.Name == lastStage {
			text = "bench: workload"
		}
		if at, ok := b.LogTime(text); ok {
			s.Script = int64(at - last)
			last = at
		}
	}
}

// parseStages reads kinit's lines. The last stage says that it is done when the
// workload has had the processor for a while: it is what the others leave of
// the hand-over, and so has the way from there to the first stage too.
func parseStages(console string, handOver int64) ([]Stage, error) {
	var stages []Stage
	rest := handOver
	for _, match := range stageLine.FindAllStringSubmatch(console, -1) {
		took, err := time.ParseDuration(match[2])
		if err != nil {
			return nil, fmt.Errorf("read stage %s: %w", match[1], err)
		}
		if match[1] == lastStage {
			took = time.Duration(rest)
		}
		rest -= int64(took)
		stages = append(stages, Stage{Name: match[1], Kguest: int64(took)})
	}
	if len(stages) == 0 {
		return nil, errors.New("read stages: kinit said nothing of them")
	}
	return stages, nil
}

// addMarks adds what the C init's lines in the kernel's log tell; the stage
// modules of it has only those that are needed.
func (r *Result) addMarks(log []rig.LogLine, needed []string) {
	var last time.Duration
	for _, line := range log {
		cost := int64(line.At - last)
		last = line.At
		name, isModule := strings.CutPrefix(line.Text, "bench: module ")
		step, isStep := strings.CutPrefix(line.Text, "bench: step ")
		switch {
		case isModule:
			mod := Module{Name: rig.ModuleName(name), Instructions: cost}
			if mod.Needed = slices.Contains(needed, mod.Name); mod.Needed {
				r.addStage("modules", cost)
			}
			r.Modules = append(r.Modules, mod)
		case isStep:
			r.addStage(step, cost)
		case line.Text == "bench: workload":
			r.addStage(lastStage, cost)
		}
	}
}

func (r *Result) addStage(name string, cost int64) {
	for i := range r.Stages {
		if r.Stages[i].Name == name {
			r.Stages[i].C += cost
		}
	}
}

// packages measures the program's packages, which the Go runtime can tell, and its heap.
func (m *measurer) packages(ctx context.Context, result *Result) error {
	b, err := m.guest(ctx, rig.Guest{}, rig.Options{Append: []string{"GODEBUG=inittrace=1", "kinit.log=debug"}})
	if err != nil {
		return err
	}
	heap := heapLine.FindStringSubmatch(b.Console)
	if heap == nil {
		return errors.New("measure the heap: kinit said nothing of it")
	}
	bytes, errBytes := strconv.ParseInt(heap[1], 10, 64)
	objects, errObjects := strconv.ParseInt(heap[2], 10, 64)
	if err := errors.Join(errBytes, errObjects); err != nil {
		return fmt.Errorf("measure the heap: %w", err)
	}
	result.Heap = Heap{bytes, objects}
	for _, match := range packageLine.FindAllStringSubmatch(b.Console, -1) {
		ms, errClock := strconv.ParseFloat(match[2], 64)
		bytes, errBytes := strconv.ParseInt(match[3], 10, 64)
		if err := errors.Join(errClock, errBytes); err != nil {
			return fmt.Errorf("read package %s: %w", match[1], err)
		}
		p := Package{match[1], int64(ms * 1e6), bytes}
		result.PackageCount += p.Instructions
		result.PackageBytes += p.Bytes
		if p.Bytes > 0 || p.Instructions >= 10_000 {
			result.Packages = append(result.Packages, p)
		}
	}
	if result.PackageCount == 0 {
		return errors.New("measure packages: the program told nothing of them")
	}
	slices.SortStableFunc(result.Packages, func(a, b Package) int { return int(b.Instructions - a.Instructions) })
	return nil
}
