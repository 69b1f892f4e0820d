package multicall

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
)

// The kernel may call the first process anything (rdinit=).
func TestFirstProcessIsKinit(t *testing.T) {
	cmd := exec.Command(buildPrinters(t, runtime.GOARCH))
	cmd.Args = []string{"/bbin/bb", "hello2"}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if want := "kinit hello /bbin/bb\n"; string(out) != want || err != nil {
		t.Errorf("as process 1 = %q, %v, want %q", out, err, want)
	}
}
