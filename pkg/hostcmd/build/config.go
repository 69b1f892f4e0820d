package build

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kguest/kguest/pkg/hostcmd/config"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

// notInFiles are the flags that say what to do with an image, not what it is.
func notInFiles() []string {
	return []string{"config", "plan", "print-config", "verify", "json", "cache", "no-cache", "v"}
}

// configKeys returns the flags that may stand in a file.
func configKeys(flags []verb.Flag) []config.Key {
	var keys []config.Key
	for _, f := range flags {
		kind := config.Text
		switch {
		case slices.Contains(notInFiles(), f.Name):
			continue
		case f.Arg == "":
			kind = config.Switch
		case f.Repeats:
			kind = config.List
		}
		keys = append(keys, config.Key{Name: f.Name, Kind: kind})
	}
	return keys
}

// readConfig gives f what the file says, but for what must be one value and
// was given on the command line.
func readConfig(f *verb.Flags, file string) error {
	flags := f.All()
	settings, err := config.Read(file, configKeys(flags))
	if err != nil {
		return err
	}
	for _, s := range settings {
		def := flags[slices.IndexFunc(flags, func(d verb.Flag) bool { return d.Name == s.Key })]
		text := def.Below(filepath.Dir(s.File), s.Text)
		at := s.Place() + ": " + s.Key
		near := strings.TrimPrefix(at, strings.TrimSuffix(filepath.Dir(file), "/")+"/")
		if err := f.Give(s.Key, verb.Value{Text: text, At: at, Near: near}); err != nil {
			return fmt.Errorf("%s: %s %q: %w", s.Place(), s.Key, s.Text, err)
		}
	}
	return nil
}

// effective returns what f holds as a configuration file. The comments say
// where each value is from.
func effective(f *verb.Flags) ([]byte, error) {
	wd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find working directory: %w", err)
	}
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, def := range f.All() {
		if slices.Contains(notInFiles(), def.Name) {
			continue
		}
		key := scalar("!!str", def.Name, "")
		given := f.Given(def.Name)
		switch {
		case len(given) == 0 && def.Default != "":
			root.Content = append(root.Content, key, scalar("!!str", def.Default, "the default"))
		case len(given) == 0:
		case def.Repeats:
			list := &yaml.Node{Kind: yaml.SequenceNode}
			for _, v := range given {
				list.Content = append(list.Content, scalar("!!str", def.Below(wd, v.Text), v.At))
			}
			root.Content = append(root.Content, key, list)
		default:
			v := given[len(given)-1]
			root.Content = append(root.Content, key, scalar(tag(def), def.Below(wd, v.Text), v.At))
		}
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	return yaml.Marshal(root)
}

func tag(def verb.Flag) string {
	if def.Arg == "" {
		return "!!bool"
	}
	return "!!str"
}

func scalar(tag, value, comment string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
	if comment != "" {
		n.LineComment = "# " + strings.ReplaceAll(comment, "\n", `\n`)
	}
	return n
}
