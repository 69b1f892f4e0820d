package modules

import (
	"strings"
)

// splitParams splits a module's parameters at the spaces outside of quotes, as
// the kernel does (next_arg in lib/cmdline.c).
func splitParams(params string) []string {
	quoted := false
	return strings.FieldsFunc(params, func(c rune) bool {
		if c == '"' {
			quoted = !quoted
		}
		return !quoted && (c == ' ' || c == '\t')
	})
}

// paramNames returns the names of the parameters in "a=1 b".
func paramNames(params string) []string {
	names := splitParams(params)
	for i, p := range names {
		names[i], _, _ = strings.Cut(p, "=")
	}
	return names
}

// onCommandLine returns the parameters as the kernel's command line has them
// for a module that is built in.
func onCommandLine(module, params string) string {
	words := splitParams(params)
	for i, p := range words {
		words[i] = module + "." + p
	}
	return strings.Join(words, " ")
}
