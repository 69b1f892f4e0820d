package build

import (
	"fmt"

	"github.com/kguest/kguest/initramfs/multicall"
)

// The profiles.
const (
	minimal = "minimal" // kguest's own commands
	rescue  = "rescue"  // and what a person needs to mend a boot by hand
)

func profiles() []string { return []string{minimal, rescue} }

// profileCommands returns the commands of a profile besides kguest's own.
func profileCommands(profile string) []multicall.Ask {
	var asks []multicall.Ask
	if profile != rescue {
		return nil
	}
	for _, group := range [][]string{multicall.OwnRescue(), {multicall.OwnShell}, rescueShell(), rescueFiles(), rescueSystem(), rescueNetwork()} {
		for _, name := range group {
			asks = append(asks, multicall.Ask{Name: name, From: fmt.Sprintf("-profile %s (%s)", profile, name)})
		}
	}
	return asks
}

func rescueShell() []string {
	return []string{
		"gosh", "basename", "dirname", "echo", "false", "id", "nohup", "printenv", "pwd", "seq", "sleep", "stty", "sync",
		"tee", "time", "timeout", "true", "tty", "which", "xargs", "yes",
	}
}

func rescueFiles() []string {
	return []string{
		"base64", "cat", "chmod", "cmp", "cp", "cpio", "date", "dd", "df", "du", "ed", "find", "grep", "gzip", "head",
		"hexdump", "ln", "ls", "md5sum", "mkdir", "mkfifo", "mknod", "mktemp", "more", "mv", "readlink", "realpath", "rm", "shasum",
		"sort", "strings", "tail", "tar", "touch", "tr", "truncate", "uniq", "wc",
	}
}

func rescueSystem() []string {
	return []string{
		"blkid", "chroot", "dmesg", "free", "gpt", "hostname", "insmod", "kexec", "kill", "losetup", "lsdrivers", "lsfd", "lsmod",
		"modprobe", "mount", "pci", "pidof", "poweroff", "ps", "rmmod", "shutdown", "strace", "umount", "uname", "unshare",
		"uptime", "watch",
	}
}

func rescueNetwork() []string {
	return []string{"dhclient", "ip", "netcat", "netstat", "ntpdate", "ping", "traceroute", "wget"}
}
