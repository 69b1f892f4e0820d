//go:build vm

package vmtest

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// python is Debian's, which has its protobuf package; another may come first
// on the path.
const python = "/usr/bin/python3"

// independent is a host that shares no code with kguest, testdata/idm/client.py.
type independent struct {
	stdin    io.WriteCloser
	requests *json.Encoder
	answers  *json.Decoder
	cmd      *exec.Cmd
	stderr   bytes.Buffer
}

// generate compiles the message definitions for Python.
func generate(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	proto := filepath.Join("..", "idm", "idmpb", "proto")
	cmd := exec.CommandContext(t.Context(), "protoc", "-I", proto, "--python_out", dir,
		"krata/internal/idm.proto", "krata/idm/transport.proto", "krata/idm/internal.proto", "kguest/idm.proto")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("protoc: %v: %s", err, out)
	}
	return dir
}

// newIndependent connects to the guest's socket.
func newIndependent(t *testing.T, generated, socket string) *independent {
	t.Helper()
	p := &independent{cmd: exec.Command(python, "testdata/idm/client.py", generated, socket)}
	p.cmd.Stderr = &p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin, p.requests, p.answers = stdin, json.NewEncoder(stdin), json.NewDecoder(stdout)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
			_ = p.cmd.Wait() // it was killed
		}
	})
	return p
}

// ask makes a request and decodes its answer.
func (p *independent) ask(t *testing.T, request map[string]any, answer any) {
	t.Helper()
	err := p.requests.Encode(request)
	if err == nil {
		err = p.answers.Decode(answer)
	}
	if err != nil {
		_ = p.stdin.Close()
		_ = p.cmd.Wait() // why is in what it printed
		t.Fatalf("%v: %v: %s", request, err, &p.stderr)
	}
}

func (p *independent) close(t *testing.T) {
	t.Helper()
	_ = p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("%s: %v: %s", p.cmd.Path, err, &p.stderr)
	}
}

// ran is how a command went.
type ran struct {
	Code           int
	Error          string
	Stdout, Stderr []byte // base64 in JSON
}

func (p *independent) exec(t *testing.T, request map[string]any) ran {
	t.Helper()
	request["op"] = "exec"
	var r ran
	p.ask(t, request, &r)
	return r
}

// output runs a command that has to end well, and returns its output.
func (p *independent) output(t *testing.T, command ...string) string {
	t.Helper()
	r := p.exec(t, map[string]any{"command": command})
	if r.Code != 0 || r.Error != "" || len(r.Stderr) > 0 {
		t.Fatalf("exec %q: code %d, error %q, stderr %q", command, r.Code, r.Error, r.Stderr)
	}
	return string(r.Stdout)
}

// metric is a node of the metrics tree.
type metric struct {
	Name     string
	Value    any
	Format   int
	Children []metric
}

// at returns the node of the path below m.
func (m metric) at(t *testing.T, path ...string) metric {
	t.Helper()
	for i, name := range path {
		found := false
		for _, child := range m.Children {
			if child.Name == name {
				m, found = child, true
				break
			}
		}
		if !found {
			t.Fatalf("metrics: no %s", strings.Join(path[:i+1], "/"))
		}
	}
	return m
}

func (m metric) number(t *testing.T, path ...string) float64 {
	t.Helper()
	n, ok := m.at(t, path...).Value.(float64)
	if !ok {
		t.Fatalf("metrics: %s is %v, not a number", strings.Join(path, "/"), m.at(t, path...).Value)
	}
	return n
}
