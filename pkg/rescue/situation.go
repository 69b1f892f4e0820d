package rescue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/kguest/kguest/pkg/jsontok"
)

// Mark is the environment variable by which a command knows that it runs in a
// shell of the boot's.
const Mark = "KINIT_SHELL"

// Situation is what the boot knows when it opens a shell.
type Situation struct {
	Stage      string   `json:"stage"`
	Reason     string   `json:"reason"` // empty before a stage
	Advice     string   `json:"advice"`
	Parameters string   `json:"parameters"` // the kernel's command line
	Stages     []string `json:"stages"`     // that boot-retry knows, in order
	Steps      []Step   `json:"steps"`      // that were done, in order
}

// Step is a stage or a script that was run.
type Step struct {
	Name         string `json:"name"`
	Microseconds uint64 `json:"microseconds"`
	Error        string `json:"error"` // empty where it did not fail
}

// Write leaves s in the file at path, for ReadSituation.
func (s Situation) Write(path string) error {
	var w jsontok.Writer
	s.WriteJSON(&w)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write situation: %w", err)
	}
	if err := os.WriteFile(path, w.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write situation: %w", err)
	}
	return nil
}

// ReadSituation reads what Write left. A missing file is an *fs.PathError.
func ReadSituation(path string) (Situation, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Situation{}, err
	}
	s, err := parseSituation(data)
	if err != nil {
		return Situation{}, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// parseSituation takes what WriteJSON writes; a member that is not known, or of
// another type, is passed over.
func parseSituation(data []byte) (s Situation, err error) {
	if err := jsontok.Check(data); err != nil {
		return s, err
	}
	d := jsontok.NewDecoder(data)
	if d.Token() != jsontok.Delim('{') {
		return s, errors.New("not an object")
	}
	err = d.Object(func(name string, t jsontok.Token) error {
		switch name {
		case "stage":
			s.Stage, _ = t.(string)
		case "reason":
			s.Reason, _ = t.(string)
		case "advice":
			s.Advice, _ = t.(string)
		case "parameters":
			s.Parameters, _ = t.(string)
		case "stages":
			return parseStages(d, t, &s.Stages)
		case "steps":
			return parseSteps(d, t, &s.Steps)
		}
		d.Skip(t)
		return nil
	})
	return s, err
}

func parseStages(d *jsontok.Decoder, t jsontok.Token, into *[]string) error {
	if t != jsontok.Delim('[') {
		d.Skip(t)
		return nil
	}
	return d.Array(func(_ int, t jsontok.Token) error {
		name, _ := t.(string)
		*into = append(*into, name)
		d.Skip(t)
		return nil
	})
}

func parseSteps(d *jsontok.Decoder, t jsontok.Token, into *[]Step) error {
	if t != jsontok.Delim('[') {
		d.Skip(t)
		return nil
	}
	return d.Array(func(_ int, t jsontok.Token) error {
		if t != jsontok.Delim('{') {
			d.Skip(t)
			return nil
		}
		var step Step
		err := d.Object(func(name string, t jsontok.Token) error {
			switch name {
			case "name":
				step.Name, _ = t.(string)
			case "microseconds":
				number, _ := t.(jsontok.Number)
				step.Microseconds, _ = strconv.ParseUint(string(number), 10, 64)
			case "error":
				step.Error, _ = t.(string)
			}
			d.Skip(t)
			return nil
		})
		*into = append(*into, step)
		return err
	})
}

// Lines tells a person what has happened, what the machine is like and what to
// try.
func (s Situation) Lines(state State) []string {
	lines := []string{"", "The boot stands before stage " + s.Stage + "."}
	leave := "Leaving the shell goes on, as boot-continue does; boot-retry STAGE goes back to a stage; boot-report prints all there is to know."
	if s.Reason != "" {
		lines[1] = "The boot failed in stage " + s.Stage + ": " + s.Reason
		leave = "boot-retry does the stage again, boot-retry STAGE begins with an earlier one, boot-continue takes what failed for done; " +
			"boot-report prints all there is to know. " +
			"Leaving the shell ends the machine."
	}
	lines = append(lines, state.Lines()...)
	return append(lines, "Try: "+s.Advice, leave)
}
