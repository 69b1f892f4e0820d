package hostcmd

import (
	"os"
	"runtime"
	"runtime/debug"
)

// first is GOGC until the first collection: the heap grows to 32 MB, eight times
// what Go takes for the least.
const first = 800

// DelayCollection has the heap collected later than usual, to be called once: most
// verbs are done before a collection would pay. From the first one on it is as it
// would have been.
func DelayCollection() {
	if os.Getenv("GOGC") != "" {
		return
	}
	usual := debug.SetGCPercent(first)
	runtime.AddCleanup(new([16]byte), func(percent int) { debug.SetGCPercent(percent) }, usual)
}
