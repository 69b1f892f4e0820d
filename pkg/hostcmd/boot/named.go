package boot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
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
		Usage:  []string{""},
		About:  `Lists the guests that boot -name started, for this user, with what they boot and what of their ports is published.`,
		Define: func(*verb.Flags) verb.Run { return list },
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

// list prints the guests that run.
func list(_ context.Context, s verb.Streams, args verb.Args) error {
	if err := args.None(); err != nil {
		return err
	}
	parent, err := runFolder()
	if err != nil {
		return err
	}
	all, err := names(parent)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tPID\tAGE\tPORTS\tSOURCE")
	for _, name := range all {
		var info guestInfo
		data, err := os.ReadFile(filepath.Join(parent, name, guestFile))
		if err == nil {
			err = json.Unmarshal(data, &info)
		}
		if err != nil {
			continue // it has just ended
		}
		age := time.Since(info.Started).Round(time.Second)
		fmt.Fprintf(w, "%s\t%s\t%v\t%s\t%s\n", name, strconv.Itoa(info.PID), age, strings.Join(info.Publish, ","), info.Source)
	}
	return w.Flush()
}
