package ociproc

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func TestDecodeImage(t *testing.T) {
	for name, test := range map[string]struct {
		in   string
		want Image
	}{
		"empty":       {`{}`, Image{}},
		"null config": {` {"config": null} `, Image{}},
		"null fields": {`{"config": {"Env": null, "Cmd": null, "Entrypoint": null, "User": null, "WorkingDir": null, "Labels": null}}`, Image{}},
		"oci": {
			`{"created": "2026-01-02T03:04:05Z", "architecture": "arm64", "variant": "v8", "os": "linux", "os.features": ["x"],
			"config": {"User": "app:users", "Env": ["A=1", "B=2"], "Entrypoint": ["/run"], "Cmd": ["a"], "WorkingDir": "/app",
			"StopSignal": "SIGQUIT", "Labels": {"k": "v"}, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}},
			"rootfs": {"type": "layers", "diff_ids": ["sha256:00"]}, "history": [{"created": "2026-01-02T03:04:05Z"}]}`,
			Image{Architecture: "arm64", OS: "linux", Config: ImageConfig{
				User: "app:users", Env: []string{"A=1", "B=2"}, Entrypoint: []string{"/run"}, Cmd: []string{"a"},
				WorkingDir: "/app", StopSignal: "SIGQUIT",
			}},
		},
		"docker": {
			`{"docker_version": "28.0", "container": "0123", "container_config": {"Cmd": ["/bin/sh", "-c", "#(nop)"]},
			"config": {"Hostname": "", "Domainname": "", "AttachStdin": false, "Tty": false, "Cmd": ["bash"], "Image": "sha256:00",
			"Healthcheck": {"Test": ["CMD", "true"], "Interval": 30}, "OnBuild": null, "Shell": ["/bin/sh"], "ArgsEscaped": false}}`,
			Image{Config: ImageConfig{Cmd: []string{"bash"}}},
		},
		"what is not used does not matter": {
			`{"created": "yesterday", "history": 5, "rootfs": [], "os.version": [1], "config": {"Cmd": ["a"], "Labels": {"a": 1}, "Volumes": 5}}`,
			Image{Config: ImageConfig{Cmd: []string{"a"}}},
		},
		"empty lists":         {`{"config": {"Cmd": [], "Env": []}}`, Image{Config: ImageConfig{Cmd: []string{}, Env: []string{}}}},
		"case, twice, escape": {`{"Config": {"CMD": ["a"], "cmd": ["\u0062"], "user": "x"}}`, Image{Config: ImageConfig{Cmd: []string{"b"}, User: "x"}}},
	} {
		got, err := DecodeImage([]byte(test.in))
		if err != nil {
			t.Errorf("%s: DecodeImage: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s: DecodeImage (-want +got):\n%s", name, diff)
		}
	}
}

func TestDecodeImageErrors(t *testing.T) {
	for in, want := range map[string]string{
		``:                              "line 1, column 1: not JSON: unexpected end of JSON input",
		"{\n  \"config\": {\n    x\n":   "line 3, column 5: not JSON: invalid character 'x' looking for beginning of object key string",
		`{} {}`:                         "line 1, column 4: not JSON: invalid character '{' after top-level value",
		`null`:                          "null: not an object",
		`[]`:                            "the document has an array where an object belongs",
		`"x"`:                           "the document has a string where an object belongs",
		`{"config": "x"}`:               `config: "x": has a string where an object belongs`,
		`{"config": {"Env": {"A": 1}}}`: `config.Env: {"A":1}: has an object where an array of strings belongs`,
		`{"config": {"Env": "A=1"}}`:    `config.Env: "A=1": has a string where an array of strings belongs`,
		`{"config": {"Cmd": ["a", 5]}}`: `config.Cmd: ["a",5]: has a number where a string belongs`,
		`{"config": {"Cmd": [ "a \" b\\" , [ 1 ]]}}`: `config.Cmd: ["a \" b\\",[1]]: has an array where a string belongs`,
		`{"config": {"User": true}}`:                 `config.User: true: has a bool where a string belongs`,
		`{"config": {"cmd": ["a", 5]}}`:              `config.Cmd: ["a",5]: has a number where a string belongs`,
		`{"config": {"Cmd": "a b"}}`:                 `config.Cmd: "a b": has a string where an array of strings belongs`,
		`{"config": {"User": 1000}}`:                 `config.User: 1000: has a number where a string belongs`,
		`{"architecture": 64}`:                       `architecture: 64: has a number where a string belongs`,
		`{"config": {"StopSignal": "SIGFOO"}}`:       `config.StopSignal: "SIGFOO": not a signal, such as SIGTERM, TERM, 15 or SIGRTMIN+3`,
		`{"config": {"StopSignal": "999"}}`:          `config.StopSignal: "999": not a signal, such as SIGTERM, TERM, 15 or SIGRTMIN+3`,
		`{"config": {"Cmd": ["a\u0000b"]}}`:          `config.Cmd: "a\x00b": has a NUL`,
		`{"config": {"Env": ["A=\u0000"]}}`:          `config.Env: "A=\x00": has a NUL`,
		`{"config": {"WorkingDir": "\u0000"}}`:       `config.WorkingDir: "\x00": has a NUL`,
		"{\"config\": {\"User\": \"\xff\"}}":         "line 1, column 22: byte 0xff is not UTF-8",
		strings.Repeat(" ", MaxImageConfig+1):        "larger than 16777216 bytes",
		strings.Repeat("[", 20000):                   "line 1, column 10001: not JSON: invalid character '[' exceeded max depth",
	} {
		img, err := DecodeImage([]byte(in))
		if err == nil || err.Error() != want || img != nil {
			t.Errorf("DecodeImage(%s) = %+v, %v\nwant %s", clip(in), img, err, want)
		}
	}
}

func TestDecodeImageClipsValues(t *testing.T) {
	_, err := DecodeImage([]byte(`{"config": {"Env": "` + strings.Repeat("x", 10000) + `"}}`))
	if err == nil || len(err.Error()) > 400 {
		t.Errorf("DecodeImage of a long value = %v, want a short error", err)
	}
}

func TestReadImage(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	img, err := ReadImage(write("good", `{"config": {"Cmd": ["a"]}}`))
	if err != nil || cmp.Diff([]string{"a"}, img.Config.Cmd) != "" {
		t.Errorf("ReadImage = %+v, %v, want Cmd [a]", img, err)
	}
	fifo := filepath.Join(dir, "fifo")
	check(t, syscall.Mkfifo(fifo, 0o644))
	bad := write("bad", `{"config": {"User": 1}}`)
	for path, want := range map[string]string{
		bad:           bad + ": config.User: 1: has a number where a string belongs",
		fifo:          "read " + fifo + ": not a regular file (a FIFO)",
		dir:           "read " + dir + ": not a regular file (a directory)",
		dir + "/none": "open " + dir + "/none: no such file or directory",
	} {
		if img, err := ReadImage(path); err == nil || err.Error() != want || img != nil {
			t.Errorf("ReadImage(%s) = %+v, %v, want %s", path, img, err, want)
		}
	}
}

// FuzzDecodeImage holds that there is an image or an error, never both, and
// that image-spec's own types, decoded by encoding/json, have the same in them.
func FuzzDecodeImage(f *testing.F) {
	f.Add([]byte(`{"architecture":"amd64","os":"linux","config":{"Env":["A=1"],"Cmd":["a"],"User":"u","StopSignal":"TERM"}}`))
	f.Add([]byte(`{"config":{"Labels":{"a":"b"},"Volumes":{"/x":{}}}}`))
	f.Add([]byte(`{"config":{"Cmd":5}}`))
	f.Add([]byte(`{"config":{"Cmd":["a"]},"CONFIG":{"cmd":["\ud800"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := DecodeImage(data)
		if (img == nil) != (err != nil) {
			t.Fatalf("DecodeImage(%q) = %v, %v", data, img, err)
		}
		var oracle v1.Image
		// A null in a list is what the oracle had in that place before.
		if err != nil || strings.Contains(string(data), "null") || json.Unmarshal(data, &oracle) != nil {
			return
		}
		want := Image{Architecture: oracle.Architecture, OS: oracle.OS, Config: ImageConfig{
			User: oracle.Config.User, Env: oracle.Config.Env, Entrypoint: oracle.Config.Entrypoint, Cmd: oracle.Config.Cmd,
			WorkingDir: oracle.Config.WorkingDir, StopSignal: oracle.Config.StopSignal,
		}}
		if diff := cmp.Diff(want, *img, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("DecodeImage(%q) (-want +got):\n%s", data, diff)
		}
	})
}
