// Package gen writes the Go messages of package idmpb from their .proto files:
// plain structs that need package wire and nothing of the protobuf module,
// whose own generated code costs a guest 2.1 MB and the linker's removal of
// methods that nothing calls.
//
// It knows what the IDM's messages use: proto3, the scalars bool, int32, int64,
// uint32, uint64, double, string and bytes, enums, messages, repeated fields,
// maps from string to message, and one oneof a message, whose messages are of
// the same file and differ. What else it finds is an error.
package gen

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// Package is the import path of what is generated.
const Package = "github.com/kguest/kguest/pkg/idm/idmpb"

// A Source is one .proto file and what is made of it.
type Source struct {
	Proto string // below the folder proto, or a well-known one
	Go    string // in Package
}

// Sources lists what package idmpb is made of. The last is for its tests.
func Sources() []Source {
	return []Source{
		{"google/protobuf/struct.proto", "struct.pb.go"},
		{"krata/internal/idm.proto", "version1.pb.go"},
		{"krata/idm/transport.proto", "transport.pb.go"},
		{"krata/idm/internal.proto", "internal.pb.go"},
		{"kguest/idm.proto", "extension.pb.go"},
		{"kguest/codec_test.proto", "codec_pb_test.go"},
	}
}

// Compile parses the sources; dir is the folder proto.
func Compile(ctx context.Context, dir string) ([]protoreflect.FileDescriptor, error) {
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{dir}}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	var names []string
	for _, source := range Sources() {
		names = append(names, source.Proto)
	}
	compiled, err := compiler.Compile(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("compile %s: %w", dir, err)
	}
	var files []protoreflect.FileDescriptor
	for _, file := range compiled {
		files = append(files, file)
	}
	return files, nil
}

// Generate returns the text of each Go file by its name in Package. dir is the
// folder proto.
func Generate(ctx context.Context, dir string) (map[string]string, error) {
	files, err := Compile(ctx, dir)
	if err != nil {
		return nil, err
	}
	return generate(files, Sources())
}

// generate is Generate for files, which are those of the sources in order.
func generate(files []protoreflect.FileDescriptor, sources []Source) (map[string]string, error) {
	plugin, err := newPlugin(files, sources)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, source := range sources {
		w := &writer{plugin.NewGeneratedFile(path.Join(Package, source.Go), Package)}
		if err := w.file(plugin.FilesByPath[source.Proto]); err != nil {
			return nil, fmt.Errorf("generate %s: %w", source.Proto, err)
		}
		text, err := w.Content()
		if err != nil {
			return nil, fmt.Errorf("generate %s: %w", source.Proto, err)
		}
		out[source.Go] = string(text)
	}
	return out, nil
}

func newPlugin(files []protoreflect.FileDescriptor, sources []Source) (*protogen.Plugin, error) {
	request := &pluginpb.CodeGeneratorRequest{}
	var mapping []string
	for i, source := range sources {
		request.FileToGenerate = append(request.FileToGenerate, source.Proto)
		request.ProtoFile = append(request.ProtoFile, describe(files[i]))
		mapping = append(mapping, "M"+source.Proto+"="+Package+";idmpb")
	}
	parameter := strings.Join(mapping, ",")
	request.Parameter = &parameter
	plugin, err := protogen.Options{}.New(request)
	if err != nil {
		return nil, fmt.Errorf("read descriptors: %w", err)
	}
	return plugin, nil
}

// describe keeps the comments, which protodesc leaves out.
func describe(file protoreflect.FileDescriptor) *descriptorpb.FileDescriptorProto {
	described := protodesc.ToFileDescriptorProto(file)
	if described.SourceCodeInfo != nil {
		return described
	}
	info := &descriptorpb.SourceCodeInfo{}
	locations := file.SourceLocations()
	for i := range locations.Len() {
		l := locations.Get(i)
		location := &descriptorpb.SourceCodeInfo_Location{
			Path: l.Path,
			Span: []int32{0, 0, 0}, // where it stands, which nothing here asks for
		}
		if l.LeadingComments != "" {
			location.LeadingComments = &l.LeadingComments
		}
		info.Location = append(info.Location, location)
	}
	described.SourceCodeInfo = info
	return described
}
