package manual

import (
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// fishScript tells whether the words before the cursor are those of a command:
// the verb, and for a member of a family the word after the next one.
const fishScript = `# fish completion for @program@: source it, or put it in
# ~/.config/fish/completions/@program@.fish.
function __@program@_is
	set -l words (commandline -opc)
	test (count $words) -gt 1; and test $words[2] = $argv[1]; or return 1
	test (count $argv) -lt 2; and return 0
	test (count $words) -gt 3; and test $words[4] = $argv[2]
end

function __@program@_words
	test (count (commandline -opc)) -eq $argv[1]
end

complete -c @program@ -n '__@program@_words 1' -f
`

// Fish returns the completions of fish(1).
func Fish(verbs []verb.Verb) string {
	var b strings.Builder
	b.WriteString(fishScript)
	for _, c := range commands(verbs) {
		if verbName, member, ok := strings.Cut(c.words, " "); ok {
			fmt.Fprintf(&b, "complete -c @program@ -n '__@program@_is %s; and __@program@_words 3' -f -a %s -d %s\n",
				verbName, member, quote(c.line))
		} else {
			fmt.Fprintf(&b, "complete -c @program@ -n '__@program@_words 1' -a %s -d %s\n", c.words, quote(c.line))
		}
		if len(c.offers) > 0 {
			fmt.Fprintf(&b, "complete -c @program@ -n '__@program@_is %s' -f -a %s\n", c.words, quote(strings.Join(c.offers, " ")))
		}
		for _, f := range c.flags {
			fmt.Fprintf(&b, "complete -c @program@ -n '__@program@_is %s' -o %s%s -d %s\n", c.words, f.Name, fishValue(f), quote(summary(f.Doc)))
		}
	}
	return strings.ReplaceAll(b.String(), "@program@", verb.Program)
}

func fishValue(f verb.Flag) string {
	switch {
	case f.Arg == "":
		return ""
	case len(f.Choices) > 0:
		return " -x -a " + quote(strings.Join(f.Choices, " "))
	case f.Takes() == verb.TakesFolder:
		return " -x -a '(__fish_complete_directories)'"
	case f.Takes() == verb.TakesText, f.Takes() == verb.TakesCommand:
		return " -x"
	}
	return " -rF"
}

// quote makes s one word of fish(1).
func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}
