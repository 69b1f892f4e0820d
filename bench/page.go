package main

import (
	"fmt"
	"strings"
)

// page returns docs/performance.md.
func page(r *Result) string {
	var b strings.Builder
	part := func(title, text string, tables ...string) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", title, text)
		for _, t := range tables {
			b.WriteString("\n" + t)
		}
	}
	fmt.Fprintf(&b, pageHead, r.Kernel, r.Go)
	part("Hand-over to workload", handOverText, handOver(r))
	fmt.Fprintf(&b, "\nkguest takes %.3f of what the C init takes, and %.3f of the script.\n", r.overC(), r.overScript())
	if r.WithBuiltIn != nil {
		part("With a kernel that has its drivers built in", fmt.Sprintf(builtInText, r.WithBuiltIn.Kernel), handOver(r.WithBuiltIn))
	}
	part("Budgets", budgetsText, budgetText(r))
	part("Stages", stageText, stageTable(r))
	if len(r.Modules) > 0 {
		part("Modules", moduleText, moduleTable(r))
	}
	part("Size and memory", memoryText, memory(r), idle(r), heap(r))
	part("Initialization of packages", packageText, packageTable(r))
	if len(r.Growth) > 0 {
		part("Growth", growthText, growthTable(r))
	}
	text := fmt.Sprintf(programText, kilo(r.Program.Bytes))
	part("What the program consists of", text, groupTable(&r.Program))
	part("Largest symbols", "The fifty largest.", symbolTable(&r.Program))
	return b.String()
}

const pageHead = `# What a boot costs

Written by ` + "`make bench`" + `; do not edit. Kernel %s, %s.

Three guests are booted from the same disks on the same machine, a microvm with one processor under QEMU's software
emulation: mkinitramfs's minimal image for qemu, the least init in C (` + "`bench/rig/guest/init.c`" + `), and a script of
busybox (` + "`bench/rig/guest/init.sh`" + `). With ` + "`-icount shift=0,sleep=off`" + ` guest time is a count of instructions, so the
figures hang neither on the speed of the machine that measures nor on what else it does; two runs differ by up to
one percent, since disks answer when they do. Misses of caches, and what leaving a virtual machine costs, are not in
them. Each guest's workload checks that its init did the work.

To repeat it, as a user who can run ` + "`make test`" + `:

    make bench

` + "`go run ./bench -kernel DIR -json FILE`" + ` writes the figures as JSON, ` + "`-growth`" + ` counts how they grow. With
` + "`-kernel BZIMAGE`" + ` the kernel is one that has its drivers built in; where its allocator searches (SLOB), figures move by some
percent with the size of memory or of a file that should not matter. What is checked in tests are the budgets in
` + "`bench/budgets.json`" + `.
`

const (
	handOverText = `From the kernel's "Run /init" to the first instruction of the workload. Waits, in which the processor has nothing to
do, are not in the count. "After it" is what process 1 does in the 20 ms that follow, in which the workload sleeps: kinit
then frees a small initramfs, which the C init has done before, and the script never does.

The C init and the script load the kernel's modules without signatures, BTF and DWARF, as can be done by hand; mkinitramfs
also cuts what only tracers read (README, "Build an initramfs"), which is part of what is compared. Against the C init with
the very same modules stands the last line.`
	builtInText = `Kernel %s. No module is loaded. The kernel of ` + "`make bench`" + ` is gokrazy's for amd64 (` + "`.ci/kernel built-in`" + `), of which
the squashfs reads no lz4: these disks are of gzip. It ticks a thousand times a second: two runs differ by some percent. How
the disks are compressed counts too, since kinit reads the image's passwd and group, and the C init does not.`
	budgetsText = "`bench/budgets.json` has them. The test `TestBudgets` holds them."
	stageText   = `kinit's stages as it logs them, the lines themselves included, and the same steps of the C init and of the script, whose
waits for a disk are in them. "run" has all that the other stages have not, the start of kinit's program before the first
of them too. kinit loads a module when a disk or a file system wants it, so some of the cost of modules is in images and
root.`
	moduleText = `Loading each module of the image, measured with the C init. The disks of this machine are squashfs on virtio-mmio,
and it has no channel to the host. kinit loads what the machine needs; the rest is what loading all would add.`
	memoryText = `After the workload has slept for 20 ms. "Packed" is by zstd. Files in memory are what is left of the initramfs, pages of
process 1's program included, and the files that the boot wrote. Process 1 has the pages that are mapped into it
(smaps_rollup in proc_pid_smaps(5)), of its program those around each that it has used too. VmRSS lags: on Linux 6.1 a
thread tells its pages once in 64 page faults. A guest of more than 512 MB has transparent huge pages always on by Debian's
default, and one of 2 MB for Go's heap then: 1.6 MB more, which ` + "`transparent_hugepage=madvise`" + ` takes back. Each processor
but the first takes 0.2 MB.`
	packageText = `What Go packages do before main, by GODEBUG=inittrace=1; those that allocate, or take 10,000 instructions.`
	growthText  = `The hand-over, or what is named, as something grows. Process 1's share with IDM has the kernel's own start in it, and
what the port's driver costs; there, each more is what counts.`
	programText = `kinit, linked alone, is a file of %s kB. What is in it by package, as its symbols tell, and what is left of its
sections, before three fifths of .gopclntab and go:func. are cut (initramfs/pclntab):`
)
