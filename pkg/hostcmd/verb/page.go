package verb

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// width of a page, in characters.
const width = 80

// Page returns the help of v.
func (v Verb) Page() string {
	b := new(strings.Builder)
	b.WriteString(wrap(v.About, ""))
	b.WriteString("\nUsage:\n\n")
	for _, usage := range v.Usage {
		fmt.Fprintf(b, "\t%s %s %s\n", Program, v.Name, usage)
	}
	v.writeMembers(b)
	v.writeFlags(b)
	if v.Notes != "" {
		b.WriteString("\n" + wrap(v.Notes, ""))
	}
	if len(v.Examples) > 0 {
		b.WriteString("\nExamples:\n\n")
	}
	for _, example := range v.Examples {
		fmt.Fprintf(b, "\t%s %s\n", Program, example)
	}
	return b.String()
}

// writeFlags writes the flags of v.
func (v Verb) writeFlags(b *strings.Builder) {
	flags := v.Flags()
	switch {
	case len(flags) == 0:
		return
	case len(v.Verbs) > 0:
		b.WriteString("\nFlags of each verb:\n\n")
	default:
		b.WriteString("\nFlags:\n\n")
	}
	for _, f := range flags {
		fmt.Fprintf(b, "\t%s\n%s", f, wrap(f.Doc, "\t\t"))
	}
}

// writeMembers writes the verbs of the family v, each with the flags that it
// alone has.
func (v Verb) writeMembers(b *strings.Builder) {
	if len(v.Verbs) == 0 {
		return
	}
	b.WriteString("\nVerbs:\n\n")
	for _, m := range v.Verbs {
		for _, usage := range m.Usage {
			fmt.Fprintf(b, "\t%s\n", strings.TrimRight(m.Name+" "+usage, " "))
		}
		b.WriteString(wrap(m.About, "\t\t"))
		own := v.Own(m)
		column := 0
		for _, f := range own {
			column = max(column, len(f.String())+2)
		}
		for _, f := range own {
			lines := strings.Split(strings.TrimRight(wrap(f.Doc, "\t\t"+strings.Repeat(" ", column)), "\n"), "\n")
			lines[0] = fmt.Sprintf("\t\t%-*s%s", column, f, strings.TrimLeft(lines[0], "\t "))
			b.WriteString(strings.Join(lines, "\n") + "\n")
		}
	}
}

// Own returns the flags of the member m that not all of the family v have.
func (v Verb) Own(m Verb) []Flag {
	common := v.Flags()
	return slices.DeleteFunc(m.Flags(), func(f Flag) bool {
		return slices.ContainsFunc(common, func(c Flag) bool { return c.Name == f.Name })
	})
}

// String is the flag as it is given: "-o FILE".
func (f Flag) String() string { return strings.TrimRight("-"+f.Name+" "+f.Arg, " ") }

// wrap breaks the paragraphs of text, which blank lines part, into lines of at
// most width characters, with indent before each. A tab counts eight.
func wrap(text, indent string) string {
	room := width - len(strings.ReplaceAll(indent, "\t", "        "))
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString("\n")
		}
		line := ""
		for word := range strings.FieldsSeq(paragraph) {
			if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > room {
				b.WriteString(indent + line + "\n")
				line = ""
			}
			line = strings.TrimLeft(line+" "+word, " ")
		}
		if line != "" {
			b.WriteString(indent + line + "\n")
		}
	}
	return b.String()
}
