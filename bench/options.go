package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kguest/kguest/initramfs/kconfig"
)

const usageLine = "usage: bench -kernel DIR|FILE [-modules DIR|none] [-built-in FILE] [-compression NAME] [-json FILE] [-write FILE] [-growth] [-order FILE]"

// usageError is a mistake in the command line.
type usageError struct{ reason string }

func (e *usageError) Error() string { return e.reason }

// options of the command line.
type options struct {
	kernel, modules, builtIn, compression, json, page, order string
	growth                                                   bool
}

func parseOptions(args []string) (o options, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.kernel, "kernel", "", "")
	flags.StringVar(&o.modules, "modules", "none", "")
	flags.StringVar(&o.builtIn, "built-in", "", "")
	flags.StringVar(&o.compression, "compression", "", "")
	flags.StringVar(&o.json, "json", "", "")
	flags.StringVar(&o.page, "write", "", "")
	flags.StringVar(&o.order, "order", "", "")
	flags.BoolVar(&o.growth, "growth", false, "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return o, err
	case err != nil:
		return o, &usageError{err.Error()}
	case o.kernel == "" || flags.NArg() > 0:
		return o, &usageError{usageLine}
	}
	if o.modules == "none" {
		o.modules = ""
	}
	return o, nil
}

// check finds before any boot what would fail after some.
func (o options) check() error {
	switch {
	case isDir(o.kernel) && o.modules != "":
		return &usageError{"-modules: the folder " + o.kernel + " has them: leave it out"}
	case isDir(o.kernel) && o.compression != "" && o.builtIn == "":
		return &usageError{"-compression: it is of bzImages, and " + o.kernel + " is a folder: leave it out"}
	case isDir(o.builtIn):
		return &usageError{"-built-in: " + o.builtIn + " is a folder: give a bzImage"}
	case o.order != "" && o.builtIn == "":
		return &usageError{"-order: functions are called by a kernel with its drivers built in too: give -built-in"}
	case o.order != "" && (o.json != "" || o.page != "" || o.growth):
		return &usageError{"-order: nothing is counted for it: leave -json, -write and -growth out"}
	case !isDir(o.kernel) && o.modules == "" && o.builtIn != "":
		return &usageError{"-built-in: -kernel " + o.kernel + " is such a kernel already: leave one of them out"}
	}
	var errs []error
	for _, file := range []string{o.kernel, o.builtIn} {
		if file != "" && !isDir(file) {
			_, err := kconfig.ReadImage(file)
			errs = append(errs, err)
		}
	}
	for _, file := range []string{o.json, o.page, o.order} {
		if isDir(file) {
			errs = append(errs, fmt.Errorf("write %s: it is a folder: give a file", file))
		}
		if file != "" && !isDir(filepath.Dir(file)) {
			errs = append(errs, fmt.Errorf("write %s: there is no folder %s: make it first", file, filepath.Dir(file)))
		}
	}
	return errors.Join(errs...)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
