package manual

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
	"github.com/kguest/kguest/pkg/nearest"
)

// Man returns the verb that prints manual pages; all returns every verb.
func Man(about string, all func() []verb.Verb) verb.Verb {
	return verb.Verb{
		Name:  "man",
		Line:  "prints or installs the manual pages",
		Usage: []string{"[VERB|COMMAND]", "-d DIR"},
		About: `Man prints the manual page of a verb, of one of the guest's commands (kinit, kmount, ...), or that of ` + verb.Program + ` itself, in the macros of man(7).`,
		Define: func(f *verb.Flags) verb.Run {
			var dir string
			f.String(&dir, "d", "DIR", `Writes all pages to the folder DIR, which is made where it is missing.`)
			return func(_ context.Context, s verb.Streams, args verb.Args) error {
				pages := Pages(about, all())
				if dir != "" {
					if err := args.None(); err != nil {
						return err
					}
					return install(dir, pages)
				}
				return show(s.Stdout, pages, args)
			}
		},
		Offers:   func() []string { return append(names(all()), guestNames()...) },
		Examples: []string{"man build | man -l -", "man kinit | man -l -", "man -d /usr/local/share/man/man1"},
	}
}

func show(w io.Writer, pages []Page, args verb.Args) error {
	name := verb.Program + "." + section
	if len(args.Operands) > 0 {
		if err := args.Exactly("VERB or COMMAND"); err != nil {
			return err
		}
		name = args.Operands[0]
	}
	var have []string
	for _, p := range pages {
		if p.Name == name || p.Name == pageName(name) || p.Name == name+"."+section {
			_, err := io.WriteString(w, p.Text)
			return err
		}
		short := strings.TrimSuffix(p.Name, "."+section)
		have = append(have, strings.TrimPrefix(short, verb.Program+"-"))
	}
	return verb.Usagef("no page of %s%s", name, nearest.Hint(name, have))
}

func install(dir string, pages []Page) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make folder of manual pages: %w", err)
	}
	for _, p := range pages {
		if err := os.WriteFile(filepath.Join(dir, p.Name), []byte(p.Text), 0o644); err != nil {
			return fmt.Errorf("write manual page: %w", err)
		}
	}
	return nil
}

// Completion returns the verb that prints a shell's completions; all returns
// every verb.
func Completion(all func() []verb.Verb) verb.Verb {
	shells := []string{"bash", "zsh", "fish"}
	return verb.Verb{
		Name:  "completion",
		Line:  "prints the completions of a shell",
		Usage: []string{"bash|zsh|fish"},
		About: `Completion prints a script that has a shell complete the verbs, the flags and their values.`,
		Notes: `For bash, source it in ~/.bashrc or put it in /usr/share/bash-completion/completions. For zsh, put it in a
folder of $fpath as _` + verb.Program + `. For fish, put it in ~/.config/fish/completions as ` + verb.Program + `.fish.`,
		Offers: func() []string { return shells },
		Define: func(*verb.Flags) verb.Run {
			return func(_ context.Context, s verb.Streams, args verb.Args) error {
				if err := args.Exactly("shell; give bash, zsh or fish"); err != nil {
					return err
				}
				script, err := script(args.Operands[0], all(), shells)
				if err != nil {
					return err
				}
				_, err = io.WriteString(s.Stdout, script)
				return err
			}
		},
		Examples: []string{"completion bash >/usr/share/bash-completion/completions/" + verb.Program, "completion fish | source"},
	}
}

func script(shell string, verbs []verb.Verb, shells []string) (string, error) {
	switch shell {
	case "bash":
		return Bash(verbs), nil
	case "zsh":
		return Zsh(verbs), nil
	case "fish":
		return Fish(verbs), nil
	}
	return "", verb.Usagef("no completions for shell %q%s; there are bash, zsh and fish", shell, nearest.Hint(shell, shells))
}
