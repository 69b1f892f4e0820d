package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/kguest/kguest/bench/rig"
)

// growth measures how the cost grows with the size of what a guest is made of.
func (m *measurer) growth(ctx context.Context, result *Result) error {
	for _, series := range []func(context.Context, *Result) error{
		m.growImage, m.growAddresses, m.growEnvironment, m.growOrphans, m.growFrames, m.growCommands,
	} {
		if err := series(ctx, result); err != nil {
			return err
		}
	}
	return nil
}

// grown adds a figure to a series.
func (r *Result) grown(what string, size, count int64) {
	g := Growth{What: what, Size: size, Instructions: count}
	if n := len(r.Growth); n > 0 && r.Growth[n-1].What == what && size > r.Growth[n-1].Size {
		g.Each = (count - r.Growth[n-1].Instructions) / (size - r.Growth[n-1].Size)
	}
	r.Growth = append(r.Growth, g)
}

// growImage: the hand-over with an image of so many megabytes that no
// compression makes smaller.
func (m *measurer) growImage(ctx context.Context, result *Result) error {
	for _, mb := range []int64{10, 100, 1000} {
		image, err := m.rig.Image(ctx, func(root string) error { return fill(root, mb) })
		if err != nil {
			return err
		}
		b, err := m.guest(ctx, rig.Guest{}, rig.Options{Image: image})
		if err != nil {
			return err
		}
		result.grown("image, in MB", mb, b.HandOver)
		if err := os.Remove(image); err != nil {
			return err
		}
	}
	return nil
}

// fill writes so many files of a megabyte into root/fill.
func fill(root string, mb int64) error {
	dir := filepath.Join(root, "fill")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data := make([]byte, 1_000_000)
	for i := range mb {
		if _, err := rand.Read(data); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, strconv.FormatInt(i, 10)), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// growEnvironment: the hand-over with so many variables in launch.json.
func (m *measurer) growEnvironment(ctx context.Context, result *Result) error {
	for _, n := range []int64{10, 500, 5000} {
		env := map[string]string{}
		for i := range n {
			env[fmt.Sprintf("VARIABLE_%04d", i)] = fmt.Sprintf("the value of number %d", i)
		}
		b, err := m.guest(ctx, rig.Guest{Env: env}, rig.Options{})
		if err != nil {
			return err
		}
		if got := b.Values["environment"]; got < n {
			return fmt.Errorf("the workload has %d variables, want %d and more", got, n)
		}
		result.grown("variables of environment", n, b.HandOver)
	}
	return nil
}

// growOrphans: process 1's own time for so many orphans.
func (m *measurer) growOrphans(ctx context.Context, result *Result) error {
	for _, n := range []int64{10, 1000, 10000} {
		b, err := m.guest(ctx, rig.Guest{Arguments: []string{"orphans", strconv.FormatInt(n, 10)}}, rig.Options{})
		if err != nil {
			return err
		}
		result.grown("orphans, process 1's share", n, b.Values["orphans_init_ns"])
	}
	return nil
}

// addressScript runs in the boot; knet adds all its addresses at once.
const addressScript = "#!/bin/busybox sh\nexec /bin/knet -link eth0%s\n"

// growAddresses: the hand-over with a script that gives the link so many more.
func (m *measurer) growAddresses(ctx context.Context, result *Result) error {
	dir, err := os.MkdirTemp("", "bench-addresses-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // nothing is lost with a temporary directory
	script := filepath.Join(dir, "addresses")
	for _, n := range []int64{1, 50, 500} {
		var flags strings.Builder
		for i := range n {
			fmt.Fprintf(&flags, " -address 10.1.%d.%d/32", i/250, i%250+1)
		}
		if err := os.WriteFile(script, fmt.Appendf(nil, addressScript, flags.String()), 0o755); err != nil {
			return err
		}
		archive, err := m.rig.Archive(ctx, rig.Kguest, "-file", "/bin/busybox:/bin/busybox",
			"-file", script+":/etc/kinit/after-network.d/addresses")
		if err != nil {
			return err
		}
		m.say("booting with %d addresses", n)
		b, err := m.rig.Boot(ctx, archive, rig.Options{})
		if err != nil {
			return err
		}
		result.grown("addresses, by knet in a script", n, b.HandOver)
	}
	return nil
}

// growFrames: process 1's time with so many requests of IDM answered. They come at
// once, and the guest keeps 1,024 answers that wait: of more it drops some, which
// would be work without an answer to show for it.
func (m *measurer) growFrames(ctx context.Context, result *Result) error {
	for _, n := range []int64{10, 500, 1000} {
		b, err := m.guest(ctx, rig.Guest{Arguments: []string{"channel"}}, rig.Options{IDM: bytes.Repeat(ping(), int(n))})
		if err != nil {
			return err
		}
		answered := int64(bytes.Count(b.IDM, pong()))
		if answered != n {
			return fmt.Errorf("the guest answered %d of %d frames", answered, n)
		}
		result.grown("IDM pings, process 1's share", n, b.Values["channel_init_ns"])
	}
	return nil
}

// ping is a frame of IDM version 1: IdmPacket{request: IdmRequest{id: 7, ping: {}}}.
func ping() []byte { return []byte{6, 0, 0, 0, 0x12, 4, 0x08, 7, 0x12, 0} }

// pong answers it: IdmPacket{response: IdmResponse{id: 7, ping: {}}}.
func pong() []byte { return []byte{6, 0, 0, 0, 0x1a, 4, 0x08, 7, 0x12, 0} }

// growCommands: the hand-over with so many commands of u-root's in the image's
// program beside kguest's own.
func (m *measurer) growCommands(ctx context.Context, result *Result) error {
	all, err := coreCommands(ctx)
	if err != nil {
		return err
	}
	for _, commands := range [][]string{nil, fewCommands(), all} {
		archive, err := m.rig.Archive(ctx, rig.Kguest, repeat("-cmd", commands)...)
		if err != nil {
			return err
		}
		m.say("booting with %d more commands", len(commands))
		b, err := m.rig.Boot(ctx, archive, rig.Options{})
		if err != nil {
			return err
		}
		result.grown("commands of u-root's", int64(len(commands)), b.HandOver)
	}
	return nil
}

// coreCommands returns the import paths of u-root's core commands.
func coreCommands(ctx context.Context) ([]string, error) {
	out, err := command(ctx, "go", "list", "-f", `{{if eq .Name "main"}}{{.ImportPath}}{{end}}`, "github.com/u-root/u-root/cmds/core/...")
	return strings.Fields(string(out)), err
}

// fewCommands are what a rescue shell wants.
func fewCommands() []string {
	return []string{
		"gosh", "ls", "cat", "cp", "mv", "rm", "mkdir", "ln", "ps", "dmesg", "mount", "umount", "ip", "lsmod", "grep",
		"find", "head", "tail", "kill", "shutdown",
	}
}

func repeat(flag string, values []string) []string {
	var args []string
	for _, v := range values {
		args = append(args, flag, v)
	}
	return args
}
