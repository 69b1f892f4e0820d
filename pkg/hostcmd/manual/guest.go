package manual

import (
	"maps"
	"slices"
	"strings"

	"github.com/kguest/kguest/pkg/guestcmd"
)

// guestPages returns the pages of the guest's commands, of what their -h prints.
func guestPages() []Page {
	texts := guestcmd.Manual()
	var pages []Page
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		pages = append(pages, Page{name + "." + section, guestRoff(name, texts[name])})
	}
	return pages
}

// guestNames are the commands of the guest that have a page.
func guestNames() []string { return slices.Sorted(maps.Keys(guestcmd.Manual())) }

// guestRoff returns the manual page of a text in the manner of a package comment:
// its first paragraph says what the command is, "Word:" begins a section, and what
// is indented stays as it is.
func guestRoff(name, text string) string {
	var b strings.Builder
	summary, rest, _ := strings.Cut(text, "\n\n")
	_, summary, _ = strings.Cut(strings.Join(strings.Fields(summary), " "), " ")
	head(&b, name, strings.TrimPrefix(strings.TrimSuffix(summary, "."), "is "))
	part := paragraph // what the block before this one was
	for block := range strings.SplitSeq(strings.TrimSpace(rest), "\n\n") {
		part = guestBlock(&b, block, part)
	}
	b.WriteString(".SH \"SEE ALSO\"\n.BR mkinitramfs (" + section + ")\n")
	return b.String()
}

// part is what a block of a page is.
type part int

const (
	paragraph part = iota
	heading        // without a text of its own
	synopsis       // the heading of that name, or what stands below it
)

// guestBlock writes a block that comes after one of before, and returns what it is.
func guestBlock(b *strings.Builder, block string, before part) part {
	title, after, found := strings.Cut(block, ":")
	switch {
	case strings.HasPrefix(block, "\t"):
		writeVerbatim(b, block, before)
		if before == synopsis {
			return synopsis
		}
		return paragraph
	case found && isHeading(title):
		b.WriteString(".SH " + quoted(strings.ToUpper(title)) + "\n")
		after = strings.TrimSpace(after)
		switch {
		case after != "":
			b.WriteString(line(after))
			return paragraph
		case title == "Synopsis":
			return synopsis
		}
		return heading
	}
	switch before {
	case synopsis:
		b.WriteString(".SH DESCRIPTION\n")
	case paragraph:
		b.WriteString(".PP\n")
	case heading:
	}
	b.WriteString(line(block))
	return paragraph
}

func writeVerbatim(b *strings.Builder, block string, before part) {
	if before == paragraph {
		b.WriteString(".PP\n")
	}
	b.WriteString(".nf\n.RS\n")
	for l := range strings.SplitSeq(block, "\n") {
		b.WriteString(verbatim(strings.TrimPrefix(l, "\t")))
	}
	b.WriteString(".RE\n.fi\n")
}

// isHeading reports a name of a section.
func isHeading(s string) bool {
	return slices.Contains([]string{
		"Synopsis", "Description", "Options", "Exit status", "Examples", "Stages", "Kernel parameters",
	}, s)
}

func quoted(s string) string { return `"` + s + `"` }

// verbatim is one line as it stands.
func verbatim(text string) string {
	text = escape(text)
	if strings.HasPrefix(text, ".") {
		text = `\&` + text
	}
	return text + "\n"
}
