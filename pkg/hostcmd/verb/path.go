package verb

import (
	"path/filepath"
	"strings"
)

// Takes is what a flag's value is, as far as files of the host go.
type Takes int

// What a value can be.
const (
	TakesText    Takes = iota
	TakesFile          // Arg is FILE
	TakesFolder        // Arg is DIR
	TakesHost          // Arg begins with HOST: a path and a colon
	TakesNamed         // Arg ends in =FILE: a name, an equals sign and a path
	TakesProgram       // Arg begins with PROGRAM: as HOST, or a name to be found along PATH
	TakesCommand       // Arg is COMMAND: a path that begins with a dot, or other text
)

// Takes tells from f.Arg what the value is.
func (f Flag) Takes() Takes {
	switch {
	case f.Arg == "FILE":
		return TakesFile
	case f.Arg == "DIR":
		return TakesFolder
	case strings.HasPrefix(f.Arg, "HOST"):
		return TakesHost
	case strings.HasSuffix(f.Arg, "=FILE"):
		return TakesNamed
	case strings.HasPrefix(f.Arg, "PROGRAM"):
		return TakesProgram
	case f.Arg == "COMMAND":
		return TakesCommand
	}
	return TakesText
}

// Named returns the value text of f with the name alone of a path of the host:
// what it says wherever that is.
func (f Flag) Named(text string) string {
	head, path, tail := f.split(text)
	if path == "" {
		return text
	}
	return head + filepath.Base(filepath.Clean(path)) + tail
}

// split finds the path of the host in a value of f. It is empty where there is
// none.
func (f Flag) split(text string) (head, path, tail string) {
	switch f.Takes() {
	case TakesFile, TakesFolder:
		return "", text, ""
	case TakesHost:
		if i := strings.LastIndex(text, ":/"); i > 0 {
			return "", text[:i], text[i:]
		}
	case TakesProgram:
		host, _, _ := strings.Cut(text, ":")
		return "", host, text[len(host):]
	case TakesNamed:
		if i := strings.Index(text, "="); i >= 0 {
			return text[:i+1], text[i+1:], ""
		}
	case TakesCommand:
		if strings.HasPrefix(text, ".") || filepath.IsAbs(text) {
			return "", text, ""
		}
	case TakesText:
	}
	return text, "", ""
}

// Below returns the value text of f with a relative path of the host in it
// taken as one below dir.
func (f Flag) Below(dir, text string) string {
	head, path := "", text
	switch f.Takes() {
	case TakesText:
		return text
	case TakesCommand:
		if !strings.HasPrefix(text, ".") {
			return text
		}
		if !filepath.IsAbs(dir) && dir != "" && dir != "." {
			head = "./" // still no name
		}
	case TakesProgram:
		if host, _, _ := strings.Cut(text, ":/"); !strings.Contains(host, "/") {
			return text
		}
	case TakesNamed:
		i := strings.Index(text, "=")
		head, path = text[:i+1], text[i+1:]
	case TakesFile, TakesFolder, TakesHost:
	}
	if path == "" || filepath.IsAbs(path) || dir == "" || dir == "." {
		return text
	}
	return head + strings.TrimSuffix(dir, "/") + "/" + strings.TrimPrefix(path, "./")
}
