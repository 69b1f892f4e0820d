// Package nstest runs a test in Linux namespaces of its own, where it is root:
// it may mount, make links and set addresses, and the host never sees it.
//
// The test binary is executed again, in a new user namespace, for the one test
// that asked. Code of the test before Run is therefore run in both processes.
package nstest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Namespaces is a set of namespaces beside the user namespace, which is always new.
type Namespaces uint

// The namespaces of namespaces(7).
const (
	// Mount: no mount made inside is seen outside. With PID, /proc is of the new namespace.
	Mount Namespaces = 1 << iota
	// Net: there is only lo, and it is down.
	Net
	// PID: the test is process 1, and its end kills what it left behind.
	PID
	// IPC: System V objects and POSIX message queues.
	IPC
	// UTS: the hostname.
	UTS
	// Cgroup: the cgroup of the test is the root of /proc/self/cgroup and of a new cgroup2 mount.
	Cgroup
)

// envName names the variable that holds the name of the test to run inside.
const envName = "KGUEST_NSTEST"

// The inner test's result, as it reports it.
const (
	passed  = "pass"
	failed  = "fail"
	skipped = "skip"
)

// reportFD is the inner process's end of the pipe for its result.
const reportFD = 3

// Run runs f as root in a new user namespace and those in ns. Ids 0 to 65535
// exist inside if the caller is root; otherwise only 0, which is the caller.
//
// f's failure is t's failure and f's skip is t's skip, each with its output.
// Run never skips by itself: namespaces that cannot be made are a failure.
func Run(t *testing.T, ns Namespaces, f func(t *testing.T)) {
	t.Helper()
	if os.Getenv(envName) == t.Name() {
		runInside(t, ns, f)
		return
	}
	result, output, err := runAgain(t, ns)
	switch {
	case err == nil && result == passed:
		if testing.Verbose() {
			t.Logf("in namespaces:\n%s", output)
		}
	case err == nil && result == skipped:
		t.Skipf("in namespaces:\n%s", output)
	case result == "":
		t.Fatalf("the test did not run in its namespaces: %v\n%s", err, output)
	default:
		t.Fatalf("in namespaces: %s, %v\n%s", result, err, output)
	}
}

// runInside runs f in the process that is in the namespaces, and reports on reportFD.
func runInside(t *testing.T, ns Namespaces, f func(t *testing.T)) {
	t.Helper()
	report := os.NewFile(reportFD, "nstest report")
	returned := false
	t.Cleanup(func() {
		result := failed // also by a panic, of which t does not know
		if t.Skipped() && !t.Failed() {
			result = skipped
		} else if returned && !t.Failed() {
			result = passed
		}
		if _, err := io.WriteString(report, result); err != nil {
			t.Errorf("report result: %v", err)
		}
	})
	if err := prepareMounts(ns); err != nil {
		t.Fatal(err)
	}
	f(t)
	returned = true
}

// runAgain executes the test binary for t alone in new namespaces. The result
// is empty if the test did not report one.
func runAgain(t *testing.T, ns Namespaces) (result string, output []byte, err error) {
	t.Helper()
	// The parent-death signal is tied to the thread that starts the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	reader, writer, err := os.Pipe()
	if err != nil {
		return "", nil, fmt.Errorf("make pipe: %w", err)
	}
	defer reader.Close()
	defer writer.Close()
	var buf bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", arguments(t)...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), envName+"="+t.Name())
	cmd.Stdout, cmd.Stderr = &buf, &buf
	cmd.ExtraFiles = []*os.File{writer}
	cmd.SysProcAttr = attributes(ns)
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("make namespaces (is user.max_user_namespaces 0, or does a container forbid them?): %w", err)
	}
	waited := cmd.Wait()
	if err := writer.Close(); err != nil {
		return "", nil, fmt.Errorf("close pipe: %w", err)
	}
	report, err := io.ReadAll(reader)
	return string(report), buf.Bytes(), errors.Join(waited, err)
}

// arguments are those that make the test binary run t and nothing else.
func arguments(t *testing.T) []string {
	t.Helper()
	parts := strings.Split(t.Name(), "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	args := []string{"-test.run=" + strings.Join(parts, "/"), "-test.v", "-test.count=1"}
	if deadline, ok := t.Deadline(); ok {
		// Inside first, for its stack traces to be seen.
		left := max(time.Until(deadline)*9/10, time.Second)
		args = append(args, "-test.timeout="+left.String())
	}
	return args
}
