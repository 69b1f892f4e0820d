package multicall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"strings"
)

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath     string
	Dir            string
	Name           string
	Standard       bool
	GoFiles        []string
	IgnoredGoFiles []string
	EmbedFiles     []string
	Module         *struct{ Path, Dir, GoMod string }
	Error          *struct{ Err string }
	DepsErrors     []*struct{ Err string }
}

// list returns cmds' packages and all that they import, by import path.
func (s Source) list(ctx context.Context, arch string, cmds []Command) (map[string]*pkg, error) {
	args := listArgs(s.mod, "-tags="+ownTag, "-e", "-deps",
		"-json=ImportPath,Dir,Name,Standard,GoFiles,IgnoredGoFiles,EmbedFiles,Module,Error,DepsErrors", "--")
	for _, c := range cmds {
		args = append(args, c.Path)
	}
	out, err := s.run(ctx, target(arch), args...)
	if err != nil {
		return nil, fmt.Errorf("list commands: %w", err)
	}
	pkgs := make(map[string]*pkg)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list commands: decode go's answer: %w", err)
		}
		pkgs[p.ImportPath] = &p
	}
}

// checkPackages returns an error for the first command that does not exist,
// is not a command, or would be mangled by gobusybox v0.3.0.
func checkPackages(arch string, cmds []Command, pkgs map[string]*pkg) error {
	for _, c := range cmds {
		p, ok := pkgs[c.Path]
		if !ok {
			return fmt.Errorf("%s: go list does not know %s", c.From, c.Path)
		}
		if err := p.check(arch); err != nil {
			return fmt.Errorf("%s: %w", c.From, err)
		}
	}
	return nil
}

func (p *pkg) check(arch string) error {
	switch {
	case len(p.GoFiles) == 0 && len(p.IgnoredGoFiles) > 0:
		return fmt.Errorf("%s has no Go files for linux/%s without cgo", p.ImportPath, arch)
	case p.Error != nil:
		return fmt.Errorf("find %s: %s", p.ImportPath, oneLine(p.Error.Err))
	case len(p.DepsErrors) > 0:
		return fmt.Errorf("find what %s imports: %s", p.ImportPath, oneLine(p.DepsErrors[0].Err))
	case p.Name != "main":
		return fmt.Errorf("%s is package %s, not a command (package main)", p.ImportPath, p.Name)
	case p.Module != nil && !dotted(p.Module.Path):
		return fmt.Errorf("%s: the first element of module path %s has no dot, and gobusybox drops such a module's packages; rename the module",
			p.ImportPath, p.Module.Path)
	}
	for _, name := range p.GoFiles {
		if err := checkFile(filepath.Join(p.Dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// dotted reports whether the first element of an import path has a dot.
func dotted(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

// checkFile looks in a command's file for what gobusybox cannot rewrite: it
// panics at `var a, b = f()`, gives all names of one declaration the first
// one's type, and loses the names of dot imports.
func checkFile(name string) error {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("parse command: %w", err)
	}
	for _, imp := range file.Imports {
		if imp.Name != nil && imp.Name.Name == "." {
			return fmt.Errorf("%s: gobusybox cannot rewrite a dot import; import the package by name", fset.Position(imp.Pos()))
		}
	}
	for _, decl := range file.Decls {
		vars, ok := decl.(*ast.GenDecl)
		if !ok || vars.Tok != token.VAR {
			continue
		}
		for _, spec := range vars.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if ok && len(v.Values) > 0 && len(v.Values) != len(v.Names) {
				return fmt.Errorf("%s: gobusybox cannot rewrite several variables set by one call; declare them apart", fset.Position(v.Pos()))
			}
		}
	}
	return nil
}

// oneLine joins the lines of s.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
