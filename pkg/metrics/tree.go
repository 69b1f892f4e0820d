package metrics

import "strings"

// Format says how a number is meant. The values are those of the wire.
type Format uint8

// The formats of a number.
const (
	Unknown  Format = iota // a plain number, such as a percentage
	Bytes                  // bytes
	Integer                // a count or an identifier
	Duration               // seconds, with a fraction
)

// Kind says which field of a Value counts.
type Kind uint8

// The kinds of a Value.
const (
	None Kind = iota
	Number
	Text
	List
)

// Value is what a node says. A Number is exact up to 2^53: the wire has
// nothing but doubles. Text and List are valid UTF-8. A List is kept in Text, with
// NUL between its elements: a tree has thousands of nodes, and few lists.
type Value struct {
	Kind   Kind
	Number float64
	Text   string
}

// List returns the elements of a List.
func (v Value) List() []string {
	if v.Text == "" {
		return []string{}
	}
	return strings.Split(v.Text, "\x00")
}

// Node is a node of the tree: a value, or children and no value.
type Node struct {
	Name     string
	Value    Value
	Format   Format
	Children []*Node
}

// branch returns a node with those of the children that are there, nil where
// none is.
func branch(name string, children ...*Node) *Node {
	kept := children[:0]
	for _, child := range children {
		if child != nil {
			kept = append(kept, child)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return &Node{Name: name, Children: kept}
}

func number(name string, value float64, format Format) *Node {
	return &Node{Name: name, Value: Value{Kind: Number, Number: value}, Format: format}
}

func size(name string, n uint64) *Node { return number(name, float64(n), Bytes) }

func count(name string, n uint64) *Node { return number(name, float64(n), Integer) }

func seconds(name string, n float64) *Node { return number(name, n, Duration) }

func word(name, s string) *Node {
	return &Node{Name: name, Value: Value{Kind: Text, Text: s}}
}
