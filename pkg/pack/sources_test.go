package pack

import (
	"encoding/base64"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// serveRegistry starts a registry on loopback, which wants to know who asks, and
// returns its address. The files of docker login are those of a user it knows.
func serveRegistry(t *testing.T) string {
	t.Helper()
	blobs := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || user != "guest" || password != "secret" {
			w.Header().Set("WWW-Authenticate", "Basic realm=test")
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}`, http.StatusUnauthorized)
			return
		}
		blobs.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	login(t, host)
	return host
}

// login makes host and its user known.
func login(t *testing.T, host string) {
	t.Helper()
	dir := t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte("guest:secret"))
	file := filepath.Join(dir, "config.json")
	if err := os.WriteFile(file, []byte(`{"auths":{"`+host+`":{"auth":"`+auth+`"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("REGISTRY_AUTH_FILE", file)
}

func skopeo(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "skopeo", "--insecure-policy", "copy", "-q", "--all", "--preserve-digests", "--dest-tls-verify=false", from, to).CombinedOutput()
	if err != nil {
		t.Fatalf("skopeo copy %s %s: %v\n%s", from, to, err, out)
	}
}

// TestSources packs one image from wherever skopeo has put it.
func TestSources(t *testing.T) {
	dir := layersImage(t)
	host := serveRegistry(t)
	skopeo(t, "oci:"+dir+"/oci:debian", "docker://"+host+"/team/debian:12")
	config, err := os.ReadFile(strings.TrimSuffix(firstConfig(t, dir), "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, src := range []string{
		"oci:" + dir + "/oci:debian",
		"oci-archive:" + dir + "/debian.oci.tar:debian",
		"oci-archive:" + dir + "/debian.oci.tar",
		"docker-archive:" + dir + "/debian.docker.tar:kguest.example/debian:latest",
		"docker://" + host + "/team/debian:12",
	} {
		r, err := Pack(t.Context(), Request{Source: src, Dir: t.TempDir(), Format: Erofs})
		if err != nil {
			t.Fatal(err)
		}
		got, err := sumOf(r.Image)
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: image %s, want %s", src, got, want)
		}
		if len(r.Warnings) > 0 {
			t.Errorf("%s: warnings %q", src, r.Warnings)
		}
		// skopeo writes the configuration anew for Docker's archives only.
		disk, err := os.ReadFile(r.Config)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(src, "docker-archive") && !strings.Contains(string(disk), string(config)) {
			t.Errorf("%s: the configuration's bytes are not on the disk", src)
		}
	}
	r, err := Pack(t.Context(), Request{Source: "oci:" + dir + "/oci-zstd", Dir: t.TempDir(), Format: Erofs})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := sumOf(r.Image); got != want || err != nil {
		t.Errorf("layers by zstd: image %s, %v, want %s", got, err, want)
	}
}

// firstConfig returns the path of the image's configuration.
func firstConfig(t *testing.T, dir string) string {
	t.Helper()
	script := `import json, sys
d = sys.argv[1] + "/oci/"
blob = lambda x: d + "blobs/" + x["digest"].replace(":", "/")
manifest = json.load(open(blob(json.load(open(d + "index.json"))["manifests"][0])))
print(blob(manifest["config"]))`
	out, err := exec.CommandContext(t.Context(), "python3", "-c", script, dir).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestPlatforms takes one image of an index, by what was asked for.
func TestPlatforms(t *testing.T) {
	l := newLayout(t)
	var list []v1.Descriptor
	for _, p := range []v1.Platform{
		{OS: "linux", Architecture: "s390x"},
		{OS: "linux", Architecture: "arm", Variant: "v6"},
		{OS: "linux", Architecture: "arm", Variant: "v7"},
		{OS: "linux", Architecture: runtime.GOARCH},
		{OS: "windows", Architecture: runtime.GOARCH},
	} {
		m := l.manifest(p.Architecture, tarOf(t, [2]string{"which", p.OS + p.Architecture + p.Variant}))
		d := l.json(v1.MediaTypeImageManifest, m)
		d.Platform = &p
		list = append(list, d)
	}
	l.finish(tagged(l.json(v1.MediaTypeImageIndex, l.index(list...)), "all"), tagged(list[0], "one"))
	host := serveRegistry(t)
	skopeo(t, "oci:"+l.dir+":all", "docker://"+host+"/all")
	tests := []struct{ source, platform, want string }{
		{"oci:" + l.dir + ":all", "", "linux" + runtime.GOARCH},
		{"oci:" + l.dir + ":all", "linux/s390x", "linuxs390x"},
		{"oci:" + l.dir + ":all", "linux/arm", "linuxarmv6"},
		{"oci:" + l.dir + ":all", "linux/arm/v7", "linuxarmv7"},
		{"oci:" + l.dir + ":one", "linux/s390x", "linuxs390x"},
		{"oci:" + l.dir + ":" + string(list[0].Digest), "", "linuxs390x"},
		{"docker://" + host + "/all", "", "linux" + runtime.GOARCH},
		{"docker://" + host + "/all:latest", "linux/arm/v7", "linuxarmv7"},
		{"docker://" + host + "/all@" + string(list[0].Digest), "linux/s390x", "linuxs390x"},
	}
	for _, tt := range tests {
		r, err := Pack(t.Context(), Request{Source: tt.source, Platform: tt.platform, Dir: t.TempDir()})
		if err != nil {
			t.Errorf("%s for %q: %v", tt.source, tt.platform, err)
			continue
		}
		if got := output(t, "unsquashfs", "-cat", r.Image, "which"); got != tt.want {
			t.Errorf("%s for %q: image %s, want %s", tt.source, tt.platform, got, tt.want)
		}
		foreign := !strings.HasSuffix(tt.want, runtime.GOARCH) && tt.platform == ""
		if (len(r.Warnings) > 0) != foreign {
			t.Errorf("%s for %q: warnings %q, want some: %t", tt.source, tt.platform, r.Warnings, foreign)
		}
	}
	for src, want := range map[string]string{
		"oci:" + l.dir:                            "has several images; give one of the tags all, one after a colon",
		"oci:" + l.dir + ":two":                   `no image with the tag "two"; there are all, one`,
		"docker://" + host + "/none":              "NAME_UNKNOWN",
		"docker://" + host + "/all:none":          "MANIFEST_UNKNOWN",
		"docker://" + host + "/ALL":               "repository can only contain the characters",
		"docker://127.0.0.1:1/x":                  "connection refused",
		"oci:" + l.dir + "/none":                  "is no OCI image layout: it has no index.json",
		"oci-archive:" + l.dir:                    "is not a regular file (d",
		"tar:" + l.dir + "/none":                  "no such file or directory",
		"dir:" + l.dir + "/none":                  "no such file or directory",
		"dir:" + l.dir + "/oci-layout":            "is not a folder; a root file system in an archive is tar:FILE",
		"docker-archive:" + l.dir + "/oci-layout": "is not a tar archive, or a damaged one",
	} {
		_, err := Pack(t.Context(), Request{Source: src, Dir: t.TempDir()})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %s", src, err, want)
		}
	}
	login(t, "elsewhere")
	if _, err := Pack(t.Context(), Request{Source: "docker://" + host + "/all", Dir: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "UNAUTHORIZED: who are you") {
		t.Errorf("pull by a stranger: %v, want the registry's own words", err)
	}
}

// TestTrees packs a folder, and archives of it, compressed and not.
func TestTrees(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	for _, dir := range []string{"bin", "empty"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"bin/tool": 0o4755, "file": 0o600} {
		path := filepath.Join(root, name)
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Chmod(path, uint32(mode)); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		os.Symlink("../file", filepath.Join(root, "bin/link")), os.Link(filepath.Join(root, "file"), filepath.Join(root, "again")),
		syscall.Mkfifo(filepath.Join(root, "fifo"), 0o622), os.Chmod(root, 0o711),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	archive := filepath.Join(dir, "root.tar")
	output(t, "tar", "-C", root, "--numeric-owner", "--format=posix", "-cf", archive, ".")
	for _, c := range []string{"gzip", "zstd", "xz", "bzip2"} {
		output(t, "sh", "-c", c+" -c "+archive+" >"+archive+"."+c)
	}
	want := lines(t, root, "dir:"+root)
	if diff := cmp.Diff(treeOf(t, root), want); diff != "" {
		t.Errorf("dir: (-folder +packed)\n%s", diff)
	}
	for _, suffix := range []string{"", ".gzip", ".zstd", ".xz", ".bzip2"} {
		if diff := cmp.Diff(want, lines(t, root, "tar:"+archive+suffix)); diff != "" {
			t.Errorf("tar: of root.tar%s (-dir: +tar:)\n%s", suffix, diff)
		}
	}
}

// lines packs a source and returns what is in it.
func lines(t *testing.T, _, src string) map[string]string {
	t.Helper()
	r, err := Pack(t.Context(), Request{Source: src, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "root")
	output(t, "unsquashfs", "-quiet", "-no-progress", "-d", root, r.Image)
	return treeOf(t, root)
}

// treeOf is listing without owners, which only root can restore.
func treeOf(t *testing.T, root string) map[string]string {
	t.Helper()
	return listing(t, root)
}

// TestSameBytes packs one image on what could be different machines.
func TestSameBytes(t *testing.T) {
	l := newLayout(t)
	m := l.manifest(runtime.GOARCH, tarOf(t, [2]string{"hello", strings.Repeat("one", 100000)}, [2]string{"z", ""}), tarOf(t, [2]string{"a/b", "two"}))
	src := l.finish(l.json(v1.MediaTypeImageManifest, m))
	for _, format := range []string{Squashfs, Erofs} {
		var want []string
		for _, zone := range []string{"UTC", "Asia/Tokyo"} {
			old := syscall.Umask(map[string]int{"UTC": 0o22, "Asia/Tokyo": 0o77}[zone])
			t.Setenv("TZ", zone)
			t.Setenv("SOURCE_DATE_EPOCH", map[string]string{"UTC": "", "Asia/Tokyo": "12345"}[zone])
			r, err := Pack(t.Context(), Request{Source: src, Dir: t.TempDir(), Format: format})
			syscall.Umask(old)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, path := range []string{r.Image, r.Config} {
				sum, err := sumOf(path)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, sum)
			}
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s in %s (-before +now):\n%s", format, zone, diff)
			}
		}
	}
}
