package guestcmd

import "github.com/kguest/kguest/pkg/shell/page"

// Manual returns the manual pages of the guest's commands, by their names, as -h
// prints them.
func Manual() map[string]string {
	pages := map[string]string{page.Name: page.Text}
	for _, c := range []Command{Kmount, Kroot, Knet, KexecGuest, BootContinue, BootRetry, BootReport} {
		pages[c.Name] = c.Page
	}
	pages[Kinit.Name] = kinitManual()
	return pages
}
