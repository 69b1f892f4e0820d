// Package inner is what main runs.
package inner

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Run runs one of the things to do.
func Run(what string) {
	switch what {
	case "work":
		work()
	case "crash":
		Crash(strings.Repeat("x", 3))
	case "fault":
		var p *point
		fmt.Println(p.name())
	}
}

// Crash panics where nobody recovers.
//
//go:noinline
func Crash(s string) {
	fmt.Println(s[len(os.Args)+7])
}

type point struct{ x, y int }

func (p point) name() string { return fmt.Sprint(p.x, p.y) }

type namer interface{ name() string }

func work() {
	for _, f := range []func(){deep, errorsOfTheRuntime, wrappers, calls, spin, deferred, collect, locks} {
		f()
	}
}

// list has pointers that only the stack of a goroutine knows of.
type list struct {
	next *list
	n    int
	data []byte
}

// deep grows a stack by copying it, with pointers into it and to the heap, while
// the collector runs.
func deep() {
	var recurse func(l *list, at *int, depth int) int
	recurse = func(l *list, at *int, depth int) int {
		var here [64]int
		here[depth%len(here)] = depth
		next := &list{l, depth, make([]byte, 100)}
		if depth == 0 {
			runtime.GC()
			sum := *at
			for ; next != nil; next = next.next {
				sum += next.n + len(next.data)
			}
			return sum
		}
		if depth%1000 == 0 {
			runtime.GC()
		}
		return recurse(next, &here[depth%len(here)], depth-1) + here[depth%len(here)] - depth
	}
	for range 3 {
		result := make(chan int)
		go func() { zero := 0; result <- recurse(nil, &zero, 10000) }()
		fmt.Println("deep", <-result)
	}
}

// recovered returns what f panics with.
func recovered(f func()) (text string) {
	defer func() {
		r := recover()
		var err runtime.Error
		if e, ok := r.(error); ok && errors.As(e, &err) {
			text = "runtime: " + err.Error()
		} else {
			text = fmt.Sprint(r)
		}
	}()
	f()
	return "nothing"
}

func errorsOfTheRuntime() {
	var (
		m     map[string]int
		s     = []int{1, 2, 3}
		i     = len(os.Args) + 3
		zero  = i - i
		empty any
		other any = "text"
		p     *point
		c     chan int
	)
	for _, f := range []func(){
		func() { m["a"] = 1 },
		func() { s[i] = 1 },
		func() { s[i-9]++ },
		func() { s = s[i:2] },
		func() { fmt.Println(s[:i:i]) },
		func() { fmt.Println([4]int(s)) },
		func() { fmt.Println(7 / zero) },
		func() { fmt.Println(empty.(int)) },
		func() { fmt.Println(other.(namer)) },
		func() { p.x = 1 },
		func() { close(c) },
		func() { fmt.Println(make([]int, zero-1)) },
		func() { fmt.Println(map[any]int{hidden(s): 1}) },
		func() { panic(fmt.Errorf("mine: %w", os.ErrNotExist)) },
		func() {},
	} {
		fmt.Println("recovered", recovered(f))
	}
}

// hidden is no call of a known method to the compiler.
//
//go:noinline
func hidden(v any) any { return v }

// outer has a method of what is embedded: a wrapper of it is compiled.
type outer struct{ *point }

func wrappers() {
	var p *point
	text := recovered(func() { _ = hidden(p).(namer).name() }) // a method of the value: its wrapper panics
	_, method, _ := strings.Cut(text, "inner.")                // the module's path goes
	fmt.Println("wrapper", method)
	fmt.Println("embedded", recovered(func() { _ = hidden(outer{}).(namer).name() }) != "nothing")
	fmt.Println("value", hidden(outer{&point{1, 2}}).(namer).name())
}

func calls() {
	swap := reflect.MakeFunc(reflect.TypeOf(func(a *list, b string) (string, *list) { return "", nil }),
		func(args []reflect.Value) []reflect.Value {
			runtime.GC()
			grow(2000)
			return []reflect.Value{args[1], args[0]}
		}).Interface().(func(*list, string) (string, *list))
	s, l := swap(&list{n: 42, data: make([]byte, 5)}, "text")
	fmt.Println("made", s, l.n, len(l.data))
	method := reflect.ValueOf(point{3, 4}).MethodByName("String")
	f := method.Interface().(func() string)
	runtime.GC()
	fmt.Println("method", f(), method.Call(nil)[0])
	bound := (&point{5, 6}).String
	runtime.GC()
	fmt.Println("bound", bound())
	words := strings.Fields("the quick brown fox")
	sort.Slice(words, func(i, j int) bool { grow(100); return words[i] < words[j] })
	fmt.Println("sorted", words)
	fmt.Println("recovered", recovered(func() {
		reflect.ValueOf(func() { panic("called") }).Call(nil)
	}))
}

// String is found by its name.
func (p point) String() string { grow(1000); return p.name() }

func grow(n int) int {
	var room [32]int
	if n == 0 {
		return room[0]
	}
	room[n%32] = n
	return grow(n-1) + room[n%32] - n
}

// spin has goroutines that call nothing: they are stopped where they are.
func spin() {
	var done atomic.Bool
	var spinning sync.WaitGroup
	sums := make([]uint64, 4)
	for i := range sums {
		spinning.Go(func() {
			l := &list{n: i}
			for !done.Load() {
				for k := range 1 << 22 {
					sums[i] += uint64(k & l.n)
				}
			}
		})
	}
	for range 20 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	done.Store(true)
	spinning.Wait()
	fmt.Println("spun", sums[0])
}

// deferred has deferred calls of each kind, and panics in them.
func deferred() {
	text := recovered(func() {
		for i := range 3 {
			defer func() {
				if i == 1 {
					panic(fmt.Sprint("second after ", recover()))
				}
			}()
		}
		defer func() { defer func() { fmt.Println("inner", recover()) }(); panic("third") }()
		panic("first")
	})
	fmt.Println("deferred", text)
	fmt.Println("named", named())
	fmt.Println("nested", recovered(func() { defer func() { func() { recover() }() }(); panic("not recovered") }))
	fmt.Println("direct", recovered(func() { defer recover(); panic("not recovered either") }))
	fmt.Println("helper", recovered(func() { defer func() { inlinedHelper() }(); panic("nor this") }))
	fmt.Println("method", recovered(func() { defer outer{&point{}}.rescue(); panic("a wrapper recovers") }))
	fmt.Println("method of interface", recovered(func() {
		var r interface{ rescue() } = outer{&point{}}
		defer r.rescue()
		panic("a wrapper recovers")
	}))
	exited := make(chan string)
	go func() {
		defer close(exited)
		defer func() { exited <- fmt.Sprint(recover()) }()
		runtime.Goexit()
	}()
	fmt.Println("exit", <-exited)
	<-exited
}

func (*point) rescue() { recover() }

func inlinedHelper() { rescue() }

//go:noinline
func rescue() { recover() }

func named() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered: %v", r)
		}
	}()
	panic("x")
}

// collect has the collector run what is to be run at an object's end.
func collect() {
	var ran sync.WaitGroup
	ran.Add(2)
	func() {
		l := &list{data: make([]byte, 1000)}
		runtime.SetFinalizer(l, func(l *list) { grow(500); ran.Done() })
		m := &list{data: make([]byte, 1000)}
		runtime.AddCleanup(m, func(n int) { grow(n); ran.Done() }, 500)
	}()
	for range 3 {
		runtime.GC()
	}
	ran.Wait()
	fmt.Println("collected")
}

func locks() {
	var mu sync.Mutex
	var working sync.WaitGroup
	counts := map[int]*list{}
	for i := range 16 {
		working.Go(func() {
			for k := range 200 {
				mu.Lock()
				counts[k] = &list{next: counts[k], n: i}
				mu.Unlock()
				if k%50 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	timer := time.NewTimer(time.Millisecond)
	select {
	case <-timer.C:
	case <-time.After(time.Minute):
	}
	working.Wait()
	n := 0
	for _, l := range counts {
		for ; l != nil; l = l.next {
			n++
		}
	}
	fmt.Println("locked", n)
}
