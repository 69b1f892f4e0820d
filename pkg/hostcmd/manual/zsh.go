package manual

import (
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// Zsh returns the completions of zsh(1), a function for its fpath.
func Zsh(verbs []verb.Verb) string {
	var b strings.Builder
	b.WriteString("#compdef @program@\n# zsh completion for @program@: put it in a folder of $fpath as _@program@.\n\n")
	b.WriteString("_@program@() {\n\tif ((CURRENT == 2)); then\n\t\tlocal -a verbs=(\n")
	for _, v := range verbs {
		fmt.Fprintf(&b, "\t\t\t%s\n", zshQuote(strings.ReplaceAll(v.Name, ":", `\:`)+":"+v.Line))
	}
	b.WriteString("\t\t)\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n\tlocal verb=$words[2]\n\tshift words\n\t((CURRENT--))\n\tcase $verb in\n")
	for _, c := range commands(verbs) {
		switch {
		case c.family:
			fmt.Fprintf(&b, "\t%s) _@program@_%s ;;\n", c.words, c.words)
		case !strings.Contains(c.words, " "):
			fmt.Fprintf(&b, "\t%s)\n%s\t\t;;\n", c.words, zshArguments(c))
		}
	}
	b.WriteString("\tesac\n}\n")
	for _, v := range verbs {
		if len(v.Verbs) > 0 {
			zshFamily(&b, v)
		}
	}
	b.WriteString("\n_@program@ \"$@\"\n")
	return strings.ReplaceAll(b.String(), "@program@", verb.Program)
}

// zshFamily writes the function of a family: its operand, a member, and that
// one's own.
func zshFamily(b *strings.Builder, v verb.Verb) {
	fmt.Fprintf(b, "\n_@program@_%s() {\n\tif ((CURRENT == 2)); then\n\t\t_files\n\t\treturn\n\tfi\n", v.Name)
	b.WriteString("\tif ((CURRENT == 3)); then\n\t\tlocal -a members=(\n")
	for _, m := range v.Verbs {
		fmt.Fprintf(b, "\t\t\t%s\n", zshQuote(m.Name+":"+summary(m.About)))
	}
	b.WriteString("\t\t)\n\t\t_describe verb members\n\t\treturn\n\tfi\n\tlocal member=$words[3]\n\tshift 2 words\n\t((CURRENT -= 2))\n\tcase $member in\n")
	for _, c := range commands([]verb.Verb{v}) {
		if !c.family {
			fmt.Fprintf(b, "\t%s)\n%s\t\t;;\n", c.name(), zshArguments(c))
		}
	}
	b.WriteString("\tesac\n}\n")
}

// zshArguments is the call of _arguments for c.
func zshArguments(c command) string {
	var b strings.Builder
	b.WriteString("\t\t_arguments")
	for _, f := range c.flags {
		spec := "-" + f.Name + "[" + strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(summary(f.Doc)) + "]"
		if f.Repeats {
			spec = "*" + spec
		}
		if f.Arg != "" {
			spec += ":" + strings.ReplaceAll(f.Arg, ":", `\:`) + ":" + zshValue(f)
		}
		b.WriteString(" \\\n\t\t\t" + zshQuote(spec))
	}
	rest := "*:file:_files"
	if len(c.offers) > 0 {
		rest = "*:operand:(" + strings.Join(c.offers, " ") + ")"
	}
	b.WriteString(" \\\n\t\t\t" + zshQuote(rest) + "\n")
	return b.String()
}

func zshValue(f verb.Flag) string {
	switch {
	case len(f.Choices) > 0:
		return "(" + strings.Join(f.Choices, " ") + ")"
	case f.Takes() == verb.TakesFolder:
		return "_files -/"
	case f.Takes() == verb.TakesText, f.Takes() == verb.TakesCommand:
		return ""
	}
	return "_files"
}

// zshQuote makes s one word of a shell.
func zshQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
