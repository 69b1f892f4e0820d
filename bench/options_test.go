package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseOptions(t *testing.T) {
	got, err := parseOptions([]string{"-kernel", "k", "-growth", "-json", "j"})
	if want := (options{kernel: "k", json: "j", growth: true}); err != nil || got != want {
		t.Errorf("parseOptions = %+v, %v, want %+v", got, err, want)
	}
	for _, args := range [][]string{{}, {"-kernel", "k", "more"}, {"-no"}} {
		if _, err := parseOptions(args); err == nil {
			t.Errorf("parseOptions(%q) has no error", args)
		}
	}
}

// TestCheckOptions: what is wrong is said before the first boot.
func TestCheckOptions(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("no kernel"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		options
		usage bool
		want  string
	}{
		{options{kernel: dir, modules: "m"}, true, "-modules: the folder DIR has them: leave it out"},
		{options{kernel: dir, compression: "gzip"}, true, "-compression: it is of bzImages, and DIR is a folder: leave it out"},
		{options{kernel: file, builtIn: file}, true, "-built-in: -kernel DIR/file is such a kernel already: leave one of them out"},
		{options{kernel: dir, order: file}, true, "-order: functions are called by a kernel with its drivers built in too: give -built-in"},
		{options{kernel: dir, builtIn: file, order: file, growth: true}, true, "-order: nothing is counted for it: leave -json, -write and -growth out"},
		{options{kernel: dir, builtIn: dir}, true, "-built-in: DIR is a folder: give a bzImage"},
		{options{kernel: dir, page: dir}, false, "write DIR: it is a folder: give a file"},
		{options{kernel: dir + "/none"}, false, "read kernel image: open DIR/none: no such file"},
		{options{kernel: file}, false, "read kernel image DIR/file: "},
		{options{kernel: dir, builtIn: file, compression: "gzip"}, false, "read kernel image DIR/file: "},
		{options{kernel: dir, json: dir + "/none/x"}, false, "write DIR/none/x: there is no folder DIR/none: make it first"},
		{options{kernel: dir, page: dir + "/none/x"}, false, "write DIR/none/x: there is no folder DIR/none: make it first"},
	} {
		err := tt.check()
		var usage *usageError
		if err == nil || !strings.HasPrefix(strings.ReplaceAll(err.Error(), dir, "DIR"), tt.want) || errors.As(err, &usage) != tt.usage {
			t.Errorf("check of %+v = %v, want %s", tt.options, err, tt.want)
		}
	}
	if err := (options{kernel: dir, json: dir + "/x"}).check(); err != nil {
		t.Errorf("check of a folder = %v, want none", err)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	for _, content := range []string{"old", "new"} {
		if err := replace(file, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != content {
			t.Errorf("file = %q, %v, want %s", got, err, content)
		}
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	if err := replace(link, []byte("by the link")); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(link); err != nil || target != "file" {
		t.Errorf("the link leads to %q, %v, want file", target, err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != "by the link" {
		t.Errorf("file = %q, %v, want what was written by the link", got, err)
	}
	if err := replace(dir, nil); err == nil {
		t.Error("replace of a folder has no error")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the folder has %v, %v, want the file and the link", entries, err)
	}
}
