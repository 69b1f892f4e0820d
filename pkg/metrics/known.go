package metrics

import "sync"

// Known is what collections that follow each other need not read again: when a
// process began, and that it is a thread of the kernel. Its zero value knows
// nothing.
type Known struct {
	mu      sync.Mutex
	entries []entry
}

// entry is a process's directory in /proc. The kernel gives the number of its
// inode to no other for as long as it has the directory in its cache; a process
// that has the pid of one that ended has another.
type entry struct {
	pid   int
	inode uint64
	known bool // stat is
	stat  stat
}

// sortEntries sorts by pid, as proc(5) lists them in the first place: each is looked
// at once.
func sortEntries(entries []entry) {
	for i := range entries {
		for ; i > 0 && entries[i].pid < entries[i-1].pid; i-- {
			entries[i], entries[i-1] = entries[i-1], entries[i]
		}
	}
}

// recall sets what is known of entries, which are sorted.
func (k *Known) recall(entries []entry) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before := k.entries
	for i := range entries {
		e := &entries[i]
		for len(before) > 0 && before[0].pid < e.pid {
			before = before[1:]
		}
		if len(before) > 0 && before[0].pid == e.pid && before[0].inode == e.inode {
			*e = before[0]
		}
	}
}

// keep makes entries what is known. They are no longer the caller's.
func (k *Known) keep(entries []entry) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries = entries
}

// learn notes s, if it will not change: what the kernel starts to be a program
// is its thread for a moment.
func (e *entry) learn(s stat, uptime uint64) {
	e.stat = s
	e.known = !s.kernel || s.start+ticks < uptime
}
