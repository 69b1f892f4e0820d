package manual

import (
	"strings"

	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// command is a verb, or a member of a family, as completions see it.
type command struct {
	words  string // what stands before its flags, but for a family's operand: "idm exec"
	line   string
	flags  []verb.Flag
	offers []string // for the first operand, none for files
	family bool     // its operand and a member of members follow
	member []verb.Verb
}

func commands(verbs []verb.Verb) []command {
	var list []command
	for _, v := range verbs {
		if len(v.Verbs) == 0 {
			list = append(list, command{words: v.Name, line: v.Line, flags: v.Flags(), offers: offers(v)})
			continue
		}
		list = append(list, command{words: v.Name, line: v.Line, family: true, member: v.Verbs})
		for _, m := range v.Verbs {
			list = append(list, command{words: v.Name + " " + m.Name, line: summary(m.About), flags: m.Flags(), offers: offers(m)})
		}
	}
	return list
}

func offers(v verb.Verb) []string {
	if v.Offers == nil {
		return nil
	}
	return v.Offers()
}

// name is c's own word.
func (c command) name() string { return c.words[strings.LastIndex(c.words, " ")+1:] }

// names returns the words of a family's members.
func names(verbs []verb.Verb) []string {
	var list []string
	for _, v := range verbs {
		list = append(list, v.Name)
	}
	return list
}

// summary is the first sentence of doc, in one line.
func summary(doc string) string {
	doc = strings.Join(strings.Fields(doc), " ")
	first, _, _ := strings.Cut(doc, ". ")
	return strings.TrimRight(first, ".;:")
}
