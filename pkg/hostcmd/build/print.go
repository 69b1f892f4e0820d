package build

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/kguest/kguest/initramfs"
	"github.com/kguest/kguest/pkg/hostcmd/verb"
)

func printConfig(w io.Writer, f *verb.Flags) error {
	text, err := effective(f)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// summary is what -json says of an image.
type summary struct {
	Output      string   `json:"output,omitempty"`
	Bytes       int64    `json:"bytes"`
	Arch        string   `json:"arch"`
	Compression string   `json:"compression"`
	Commands    []string `json:"commands"`
	Modules     []string `json:"modules"` // in load order
	Builtin     []string `json:"builtin,omitempty"`
	Missing     []string `json:"missing,omitempty"`
	Signatures  string   `json:"signatures,omitempty"`
	Files       int      `json:"files"` // asked for
	Warnings    []string `json:"warnings,omitempty"`
}

func (a *asked) summary(spec *initramfs.Spec, r initramfs.Report) summary {
	return summary{
		Arch: spec.Arch, Compression: a.compress, Files: len(spec.Files), Commands: r.Commands,
		Modules: append([]string{}, r.Modules...), Builtin: r.Builtin, Missing: r.Missing, Signatures: r.Signatures,
		Warnings: a.warnings(spec, r),
	}
}

func (a *asked) printResult(s verb.Streams, r result) error {
	sum := a.summary(r.spec, r.Report)
	sum.Output, sum.Bytes = a.out, r.size
	if a.asJSON {
		return printJSON(s.Stdout, sum)
	}
	warn(s.Stderr, sum.Warnings)
	if a.verbose && sum.Signatures != "" {
		fmt.Fprintf(s.Stderr, "%s: module signatures are %s\n", verb.Program, sum.Signatures)
	}
	same, signed := "", ""
	if a.verify {
		same = ", the same in two builds"
	}
	if what, _, _ := strings.Cut(sum.Signatures, ","); what != "" {
		signed = " (signatures " + what + ")"
	}
	_, err := fmt.Fprintf(s.Stdout, "%s: %d bytes, %s, %d commands, %d modules%s, %d files%s\n",
		a.out, r.size, sum.Arch, len(sum.Commands), len(sum.Modules), signed, sum.Files, same)
	return err
}

// warnings are what a person should know of an image that is made all the same.
func (a *asked) warnings(spec *initramfs.Spec, r initramfs.Report) []string {
	var list []string
	switch {
	case r.NoModules != "":
		list = append(list, r.NoModules)
	case spec.ModulesDir != "" || a.withoutModules():
	case spec.KernelConfig != nil && spec.KernelConfig.CheckBuiltin(a.vmm) == nil:
		list = append(list, "no kernel modules in the image: the kernel has built in what a boot needs ("+spec.KernelConfig.File+")")
	case spec.KernelConfig == nil || spec.KernelConfig.Modules():
		list = append(list, "no kernel modules in the image; -modules-dir DIR puts them in, -modules none says that the kernel needs none")
	}
	if len(r.Missing) > 0 {
		list = append(list, "left out, as this kernel has no such modules: "+strings.Join(r.Missing, " "))
	}
	return append(list, r.Warnings...)
}

func warn(w io.Writer, warnings []string) {
	for _, line := range warnings {
		fmt.Fprintf(w, "%s: %s\n", verb.Program, line)
	}
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
