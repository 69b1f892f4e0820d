package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kguest/kguest/pkg/hostcmd/idm"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// named returns the verbs that reach a guest by its name.
func named() []verb.Verb {
	return append(idm.ByName(socketOf, "exec", "metrics", "stop"), verb.Verb{
		Name:   "ps",
		Line:   "lists the guests that boot -name started",
		Usage:  []string{"[-json]"},
		About:  `Lists the guests that boot -name started, for this user, with what they boot and what of their ports is published.`,
		Define: defineList,
	})
}

// socketOf returns the socket of the running guest of that name.
func socketOf(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", verb.Usagef("name %q: %v", name, err)
	}
	parent, err := runFolder()
	if err != nil {
		return "", err
	}
	if running(filepath.Join(parent, name)) {
		return filepath.Join(parent, name, socketFile), nil
	}
	all, err := names(parent)
	if err != nil {
		return "", err
	}
	hint := "; none has a name"
	if len(all) > 0 {
		hint = "; there are " + strings.Join(all, ", ")
	}
	return "", fmt.Errorf("no guest %s runs%s (boot -name gives one)", name, hint)
}

// running reports whether the guest of a folder has a process.
func running(dir string) bool {
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer lock.Close()
	free, err := tryLock(lock)
	return err == nil && !free
}

// names returns the names of the guests that run, in order.
func names(parent string) ([]string, error) {
	entries, err := os.ReadDir(parent)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list the named guests: %w", err)
	}
	var all []string
	for _, e := range entries {
		if running(filepath.Join(parent, e.Name())) {
			all = append(all, e.Name())
		}
	}
	return all, nil
}

func defineList(f *verb.Flags) verb.Run {
	var asJSON bool
	f.Bool(&asJSON, "json", "Print a list of objects as JSON.")
	return func(_ context.Context, s verb.Streams, args verb.Args) error {
		if err := args.None(); err != nil {
			return err
		}
		guests, err := runningGuests()
		if err != nil {
			return err
		}
		if asJSON {
			e := json.NewEncoder(s.Stdout)
			e.SetIndent("", "  ")
			return e.Encode(guests)
		}
		return printGuests(s.Stdout, guests)
	}
}

// runningGuest is one of the list.
type runningGuest struct {
	Name string `json:"name"`
	guestInfo
}

// runningGuests returns the guests that run, by name.
func runningGuests() ([]runningGuest, error) {
	parent, err := runFolder()
	if err != nil {
		return nil, err
	}
	all, err := names(parent)
	if err != nil {
		return nil, err
	}
	guests := []runningGuest{} // not null in JSON
	for _, name := range all {
		g := runningGuest{Name: name}
		data, err := os.ReadFile(filepath.Join(parent, name, guestFile))
		if err == nil && json.Unmarshal(data, &g.guestInfo) == nil { // else it has just ended
			guests = append(guests, g)
		}
	}
	return guests, nil
}

func printGuests(out io.Writer, guests []runningGuest) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tPID\tAGE\tPORTS\tSOURCE")
	for _, g := range guests {
		age := time.Since(g.Started).Round(time.Second)
		fmt.Fprintf(w, "%s\t%d\t%v\t%s\t%s\n", g.Name, g.PID, age, strings.Join(g.Publish, ","), g.Source)
	}
	return w.Flush()
}
