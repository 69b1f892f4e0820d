package idm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// receiverEnv set makes this test's program receive one message from its input
// and print its number.
const receiverEnv = "IDM_TEST_RECEIVER"

func TestMain(m *testing.M) {
	if os.Getenv(receiverEnv) == "" {
		os.Exit(m.Run())
	}
	c := New(os.Stdin, Config{})
	fmt.Println("ready")
	got, err := c.Receive(context.Background())
	fmt.Println(got.ID, err)
	os.Exit(0)
}

// TestStoodStill stops a process that has half of a frame for longer than the
// peer may be silent. The other half came meanwhile.
func TestStoodStill(t *testing.T) {
	frame := mustFrame(t, ping(7), Version2)
	for range 4 {
		input, output, cmd := startReceiver(t)
		say(t, input, frame[:5])
		time.Sleep(DefaultSilence / 5) // for it to be read
		signal(t, cmd, syscall.SIGSTOP)
		say(t, input, frame[5:])
		time.Sleep(DefaultSilence + DefaultSilence/5)
		signal(t, cmd, syscall.SIGCONT)
		var id int
		var rest string
		if err := output.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fscanln(output, &id, &rest); err != nil || id != 7 || rest != "<nil>" {
			t.Errorf("received %d %s (%v), want 7 <nil>: the frame was given up", id, rest, err)
		}
	}
}

// startReceiver returns the ends of the other process's standard streams once it
// reads.
func startReceiver(t *testing.T) (input, output *os.File, cmd *exec.Cmd) {
	t.Helper()
	theirs, input, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	output, prints, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.Command("/proc/self/exe")
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = []string{receiverEnv + "=1"}, theirs, prints, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = theirs.Close(), prints.Close() // the process has them
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = input.Close(), output.Close()
		_ = cmd.Wait() // killed
	})
	var ready string
	if _, err := fmt.Fscanln(output, &ready); err != nil {
		t.Fatal(err)
	}
	return input, output, cmd
}

func say(t *testing.T, input *os.File, b []byte) {
	t.Helper()
	if _, err := input.Write(b); err != nil {
		t.Fatal(err)
	}
}

func signal(t *testing.T, cmd *exec.Cmd, sig os.Signal) {
	t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}
