package boot

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/vm"
)

// qemuPackage is Debian's package with QEMU.
const qemuPackage = "qemu-system-x86"

// explain says what to do about an error of QEMU's. The machine did not run.
func explain(o *options, err error) error {
	return &verb.ExitError{Status: statusNoBoot, Err: explanation(o, err)}
}

func explanation(o *options, err error) error {
	text := err.Error()
	has := func(part string) bool { return strings.Contains(text, part) }
	forward := regexp.MustCompile(`host forwarding rule '(tcp|udp):([0-9.]*):([0-9]+)-`).FindStringSubmatch(text)
	file := regexp.MustCompile(`file=([^:]+): `).FindStringSubmatch(text)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("qemu-system-x86_64 is not installed; install it (Debian package %s)", qemuPackage)
	case forward != nil:
		return fmt.Errorf("-publish: %s port %s on %s cannot be had: another program has it, or it is below 1024 and takes root", forward[1], forward[3], forward[2])
	case has("Failed to get") && has("lock"):
		name := "a disk"
		if file != nil {
			name = file[1]
		}
		return fmt.Errorf("%s is in use by another machine; two may share a volume only where both have it as FILE:ro", name)
	case has("KVM") && has("Permission denied"):
		return errors.New("-accel kvm: no permission for /dev/kvm; be in the group kvm, or leave -accel away")
	case has("KVM") && (has("No such file") || has("not supported") || has("failed to initialize kvm")):
		return errors.New("-accel kvm: this machine has no KVM; leave -accel away")
	case o.accel == vm.AccelKVM && (has("kvm") || has("KVM")):
		return fmt.Errorf("-accel kvm: no guest runs under this machine's KVM; leave -accel away (%w)", err)
	case has("Cannot allocate memory"):
		return fmt.Errorf("this machine does not have the %d MiB of -memory", o.memoryMiB)
	case has("initrd is too large"), has("not enough space for"):
		return fmt.Errorf("kernel and initramfs do not fit into %d MiB; give more with -memory", o.memoryMiB)
	case has("could not load kernel"), has("invalid kernel header"), has("linux kernel too old"):
		return errors.New("the kernel is none that QEMU can boot: want a bzImage for x86-64")
	}
	return err
}
