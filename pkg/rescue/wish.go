// Package rescue is what a boot and the shell that mends it say to each other:
// the state of the machine, and what is to happen when the shell is left.
package rescue

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Do is what becomes of the boot when the shell has ended.
type Do string

// The wishes. Without one a shell before a stage goes on, and one after a
// failure ends the machine.
const (
	End      Do = "end"
	Continue Do = "continue"
	Retry    Do = "retry"
)

// Wish is what the shell asks of the boot. Of Retry, Stage is the one to begin
// with.
type Wish struct {
	Do    Do
	Stage string
}

// Write leaves w in the file at path, for ReadWish.
func (w Wish) Write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write wish: %w", err)
	}
	if err := os.WriteFile(path, []byte(string(w.Do)+" "+w.Stage+"\n"), 0o600); err != nil {
		return fmt.Errorf("write wish: %w", err)
	}
	return nil
}

// ReadWish reads the wish in the file at path; false where there is none.
func ReadWish(path string) (Wish, bool, error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Wish{}, false, nil
	case err != nil:
		return Wish{}, false, fmt.Errorf("read wish: %w", err)
	}
	do, stage, _ := strings.Cut(strings.TrimSuffix(string(data), "\n"), " ")
	w := Wish{Do: Do(do), Stage: stage}
	switch w.Do {
	case End, Continue, Retry:
		return w, true, nil
	}
	return Wish{}, false, fmt.Errorf("%s: %.100q: not a wish", path, data)
}
