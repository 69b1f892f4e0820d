// Package manual makes manual pages and the completions of shells from what
// the verbs say of themselves.
package manual

import (
	"fmt"
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// section of the manual that all pages are in: programs.
const section = "1"

// Page is a manual page.
type Page struct {
	Name string // file name: "mkinitramfs-build.1"
	Text string // in the macros of man(7)
}

// Pages returns the page of the program, those of its verbs, and those of the
// guest's commands.
func Pages(about string, verbs []verb.Verb) []Page {
	pages := []Page{overview(about, verbs)}
	for _, v := range verbs {
		pages = append(pages, Page{pageName(v.Name), roff(v)})
	}
	return append(pages, guestPages()...)
}

func pageName(v string) string { return verb.Program + "-" + v + "." + section }

func overview(about string, verbs []verb.Verb) Page {
	var b strings.Builder
	head(&b, verb.Program, "makes and boots the initramfs of microVM guests")
	b.WriteString(".SH SYNOPSIS\n.B " + verb.Program + "\n.I VERB\n[flags] [arguments]\n")
	b.WriteString(".SH DESCRIPTION\n")
	paragraphs(&b, about)
	b.WriteString(".SH VERBS\n")
	var see []string
	for _, v := range verbs {
		item(&b, bold(v.Name), v.Line+"; see "+verb.Program+"-"+v.Name+"("+section+")")
		see = append(see, fmt.Sprintf(".BR %s-%s (%s)", verb.Program, escape(v.Name), section))
	}
	for _, name := range guestNames() {
		see = append(see, fmt.Sprintf(".BR %s (%s)", escape(name), section))
	}
	b.WriteString(".SH \"EXIT STATUS\"\n")
	item(&b, bold("0"), "It is done.")
	item(&b, bold("1"), "It could not be done. One line on standard error says why.")
	item(&b, bold("2"), "The command line is wrong.")
	b.WriteString(".SH \"SEE ALSO\"\n" + strings.Join(see, ",\n") + "\n")
	return Page{verb.Program + "." + section, b.String()}
}

// roff returns the manual page of v.
func roff(v verb.Verb) string {
	var b strings.Builder
	head(&b, verb.Program+"-"+v.Name, v.Line)
	b.WriteString(".SH SYNOPSIS\n")
	for i, usage := range v.Usage {
		if i > 0 {
			b.WriteString(".br\n")
		}
		fmt.Fprintf(&b, ".B %s %s\n%s", verb.Program, escape(v.Name), line(usage))
	}
	b.WriteString(".SH DESCRIPTION\n")
	paragraphs(&b, v.About)
	members(&b, v)
	options(&b, v)
	if v.Notes != "" {
		b.WriteString(".SH NOTES\n")
		paragraphs(&b, v.Notes)
	}
	if len(v.Examples) > 0 {
		b.WriteString(".SH EXAMPLES\n.nf\n")
		for _, example := range v.Examples {
			b.WriteString(line(verb.Program + " " + example))
		}
		b.WriteString(".fi\n")
	}
	fmt.Fprintf(&b, ".SH \"SEE ALSO\"\n.BR %s (%s)\n", verb.Program, section)
	return b.String()
}

func head(b *strings.Builder, name, what string) {
	fmt.Fprintf(b, ".TH %s %s \"\" kguest \"kguest manual\"\n", strings.ToUpper(escape(name)), section)
	fmt.Fprintf(b, ".SH NAME\n%s \\- %s\n", escape(name), escape(what))
}

func members(b *strings.Builder, v verb.Verb) {
	if len(v.Verbs) == 0 {
		return
	}
	b.WriteString(".SH VERBS\n")
	for _, m := range v.Verbs {
		for i, usage := range m.Usage {
			if i > 0 {
				b.WriteString(".TQ\n")
			} else {
				b.WriteString(".TP\n")
			}
			b.WriteString(strings.TrimRight(bold(m.Name)+" "+escape(usage), " ") + "\n")
		}
		b.WriteString(line(m.About))
		own := v.Own(m)
		if len(own) == 0 {
			continue
		}
		b.WriteString(".RS\n")
		for _, f := range own {
			item(b, term(f), f.Doc)
		}
		b.WriteString(".RE\n")
	}
}

func options(b *strings.Builder, v verb.Verb) {
	flags := v.Flags()
	if len(flags) == 0 {
		return
	}
	b.WriteString(".SH OPTIONS\n")
	for _, f := range flags {
		item(b, term(f), f.Doc)
	}
}

func item(b *strings.Builder, term, text string) {
	b.WriteString(".TP\n" + term + "\n" + line(text))
}

func term(f verb.Flag) string {
	if f.Arg == "" {
		return bold("-" + f.Name)
	}
	return bold("-"+f.Name) + ` \fI` + escape(f.Arg) + `\fR`
}

func bold(s string) string { return `\fB` + escape(s) + `\fR` }

// paragraphs writes text, whose paragraphs blank lines part.
func paragraphs(b *strings.Builder, text string) {
	for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		b.WriteString(line(p))
	}
}

// line is text as one line of input, which the formatter fills.
func line(text string) string {
	text = escape(strings.Join(strings.Fields(text), " "))
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text + "\n"
}

// escape makes s literal: backslashes, and the hyphens and quotes that a
// formatter would print as others that a shell does not take.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(s)
}
