package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kguest/kguest/pkg/nearest"
)

// Parse returns the settings in data, which file is the name of. Only keys may
// stand in it.
func Parse(file string, data []byte, keys []Key) ([]Setting, error) {
	root, err := document(file, data)
	if err != nil || root == nil {
		return nil, err
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: want lines of KEY: VALUE", place(file, root.Line))
	}
	var settings []Setting
	lines := make(map[string]int) // where a key was first
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, value := root.Content[i], root.Content[i+1]
		key, err := find(name, keys)
		if err == nil && lines[key.Name] != 0 {
			err = fmt.Errorf("%s: it is in line %d already; make it one", key.Name, lines[key.Name])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", place(file, name.Line), err)
		}
		lines[key.Name] = name.Line
		values, err := key.values(file, value)
		if err != nil {
			return nil, err
		}
		settings = append(settings, values...)
	}
	return settings, nil
}

// yamlLine is how the library says where an error is.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// document returns the only document of data, or nil where there is none.
func document(file string, data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil //nolint:nilnil // an empty file has no settings
	}
	if err == nil {
		err = dec.Decode(&more)
		switch {
		case err == nil:
			return nil, fmt.Errorf("%s: a second document; make it one", place(file, more.Line))
		case errors.Is(err, io.EOF):
			return single(&doc), nil
		}
	}
	text, line := err.Error(), 1
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	return nil, fmt.Errorf("%s: %s", place(file, line), strings.TrimPrefix(text, "yaml: "))
}

// single returns what the document holds, or nil for nothing but comments.
func single(doc *yaml.Node) *yaml.Node {
	if len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null" && doc.Content[0].Value == "" {
		return nil
	}
	return doc.Content[0]
}

func find(name *yaml.Node, keys []Key) (Key, error) {
	if name.Kind != yaml.ScalarNode {
		return Key{}, errors.New("want lines of KEY: VALUE")
	}
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name.Value })
	if i >= 0 {
		return keys[i], nil
	}
	var have []string
	for _, k := range keys {
		have = append(have, k.Name)
	}
	return Key{}, fmt.Errorf("unknown key %q%s", name.Value, nearest.Hint(name.Value, have))
}

// values returns what node gives k.
func (k Key) values(file string, node *yaml.Node) ([]Setting, error) {
	nodes := []*yaml.Node{node}
	if k.Kind == List && node.Kind == yaml.SequenceNode {
		nodes = node.Content
	}
	var settings []Setting
	for _, n := range nodes {
		if err := k.check(n); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", place(file, n.Line), k.Name, err)
		}
		text := n.Value
		if k.Kind == Switch {
			text = strings.ToLower(text) // YAML has True and TRUE too
		}
		settings = append(settings, Setting{Key: k.Name, Text: text, File: file, Line: n.Line})
	}
	return settings, nil
}

// check returns an error where n is not one value of k.
func (k Key) check(n *yaml.Node) error {
	want := "one value"
	if k.Kind == List {
		want = "a list of values"
	}
	switch n.Kind {
	case yaml.ScalarNode:
	case yaml.AliasNode:
		return errors.New("an alias; write the value out")
	case yaml.MappingNode:
		return fmt.Errorf("want %s, not further keys; where a value has a colon and a space, quote it", want)
	default:
		return fmt.Errorf("want %s, not a list", map[bool]string{true: "text in the list", false: want}[k.Kind == List])
	}
	switch tag := n.ShortTag(); {
	case k.Kind == Switch && tag == "!!bool":
		return nil
	case k.Kind == Switch:
		return fmt.Errorf("%q: want true or false", n.Value)
	case tag == "!!null":
		return errors.New("no value; give one, or leave the key out")
	case tag == "!!bool":
		return fmt.Errorf("%s is a switch's value; quote it where it is text", n.Value)
	case slices.Contains([]string{"!!str", "!!int", "!!float", "!!timestamp"}, tag):
		return nil
	default:
		return fmt.Errorf("want text, not %s", tag)
	}
}

func place(file string, line int) string { return fmt.Sprintf("%s:%d", file, line) }
