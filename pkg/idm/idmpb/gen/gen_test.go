package gen

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var update = flag.Bool("update", false, "write the generated files")

// TestCurrent compares the generated files with their .proto files.
func TestCurrent(t *testing.T) {
	files, err := Generate(t.Context(), "../proto")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(Sources()) {
		t.Errorf("Generate made %d files, want %d", len(files), len(Sources()))
	}
	for name, want := range files {
		file := filepath.Join("..", name)
		if *update {
			if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is not what its .proto file says; go generate ./pkg/idm/idmpb writes it (-want +got):\n%s", file, diff)
		}
	}
}

func TestGenerateRefuses(t *testing.T) {
	tests := []struct{ body, want string }{
		{"message M { optional int32 a = 1; }", "M: field a: optional is not supported"},
		{"message M { sint32 a = 1; }", "M: field a: kind sint32 is not supported"},
		{"message M { repeated fixed32 a = 1; }", "M: field a: kind fixed32 is not supported"},
		{"message M { oneof a { bool b = 1; } oneof c { bool d = 2; } }", "M: more than one oneof"},
		{"message M { oneof a { M b = 1; M c = 2; } }", "M: field c: M is in the oneof already, or of another file"},
		{"message M { message N {} }", "M: message N: nested messages are not supported"},
		{"message M { enum N { A = 0; } }", "M: enum N: nested enums are not supported"},
		{"message M { map<string, bool> a = 1; }", "M: field a: a map is from string to message"},
		{"message M { map<int32, M> a = 1; }", "M: field a: a map is from string to message"},
	}
	for _, tt := range tests {
		files, err := compile(t, "syntax = \"proto3\"; "+tt.body)
		if err != nil {
			t.Fatalf("%s: %v", tt.body, err)
		}
		_, err = generate(files, []Source{{"m.proto", "m.go"}})
		if want := "generate m.proto: " + tt.want; err == nil || err.Error() != want {
			t.Errorf("generate(%s) = %v, want %q", tt.body, err, want)
		}
	}
	files, err := compile(t, "syntax = \"proto2\"; message M {}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := generate(files, []Source{{"m.proto", "m.go"}}); err == nil {
		t.Error("generate of proto2 succeeds")
	}
}

func compile(t *testing.T, text string) ([]protoreflect.FileDescriptor, error) {
	t.Helper()
	compiler := protocompile.Compiler{Resolver: &protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{"m.proto": text}),
	}}
	files, err := compiler.Compile(t.Context(), "m.proto")
	if err != nil {
		return nil, err
	}
	return []protoreflect.FileDescriptor{files[0]}, nil
}
