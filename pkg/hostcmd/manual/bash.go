package manual

import (
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// Bash returns the completions of bash(1). It cuts words at "=" and ":"
// (COMP_WORDBREAKS), so that each is a word of its own.
func Bash(verbs []verb.Verb) string {
	var families, flags, values, offers strings.Builder
	var words []string
	for _, c := range commands(verbs) {
		if !strings.Contains(c.words, " ") {
			words = append(words, c.words)
		}
		if c.family {
			fmt.Fprintf(&families, familyCase, c.words, strings.Join(names(c.member), " "))
			continue
		}
		list := make([]string, 0, len(c.flags))
		for _, f := range c.flags {
			list = append(list, "-"+f.Name)
			if f.Arg != "" {
				fmt.Fprintf(&values, "\t\"%s -%s\") %s; return ;;\n", c.words, f.Name, bashValue(f))
			}
		}
		fmt.Fprintf(&flags, "\t\t\"%s\") _@program@_offer %s ;;\n", c.words, strings.Join(list, " "))
		if len(c.offers) > 0 {
			fmt.Fprintf(&offers, "\t\"%s\") _@program@_offer %s; return ;;\n", c.words, strings.Join(c.offers, " "))
		}
	}
	script := strings.NewReplacer("@verbs@", strings.Join(words, " "), "@families@", families.String(),
		"@flags@", flags.String(), "@values@", values.String(), "@offers@", offers.String()).Replace(bashScript)
	return strings.ReplaceAll(script, "@program@", verb.Program)
}

// bashValue is what completes a value of f.
func bashValue(f verb.Flag) string {
	switch {
	case len(f.Choices) > 0:
		return "_@program@_offer " + strings.Join(f.Choices, " ")
	case f.Takes() == verb.TakesFolder:
		return "_@program@_paths -d"
	case f.Takes() == verb.TakesProgram:
		return "_@program@_paths -c; _@program@_paths -f"
	case f.Takes() == verb.TakesText, f.Takes() == verb.TakesCommand:
		return ":"
	}
	return "_@program@_paths -f"
}

// familyCase is for a family, whose member is the word after its operand.
const familyCase = `	%s)
		if ((COMP_CWORD == 3)); then
			_@program@_offer %s
			return
		fi
		((COMP_CWORD > 3)) && words+=" ${COMP_WORDS[3]}"
		;;
`

const bashScript = `# bash completion for @program@: source it, or put it in
# /usr/share/bash-completion/completions/@program@.
_@program@_offer() {
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -W "$*" -- "$cur")
}

_@program@_paths() {
	compopt -o filenames 2>/dev/null
	mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen "$1" -- "$cur")
}

_@program@() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=${COMP_WORDS[1]}
	COMPREPLY=()
	# -flag=value comes as three words; of HOST:GUEST only HOST is here.
	if [[ $cur == = ]]; then
		cur=
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	elif [[ $cur == : || $prev == : ]]; then
		return
	fi
	if ((COMP_CWORD == 1)); then
		_@program@_offer @verbs@
		return
	fi
	case $words in
@families@	esac
	case "$words $prev" in
@values@	esac
	if [[ $cur == -* ]]; then
		case $words in
@flags@		esac
		return
	fi
	case $words in
@offers@	esac
	_@program@_paths -f
}
complete -F _@program@ @program@
`
