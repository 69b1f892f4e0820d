package initramfs

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Plan is what an image would hold.
type Plan struct {
	Report
	Entries []PlanEntry // in the order of their paths
	Bases   []PlanBase
	Size    int64 // of the image before it is packed, in bytes, bases included
	// Memory is what the guest holds of the unpacked image until that is
	// deleted, in bytes: whole pages for each file, and the kernel's own
	// structures. While the kernel unpacks it holds the image itself too.
	Memory int64
}

// PlanEntry is one path of a Plan.
type PlanEntry struct {
	Entry
	Size   int64  // of a regular file, in bytes
	LinkOf string // the path whose content it shares, for all but the first of several
}

// PlanBase is an archive that is put before the image's own.
type PlanBase struct {
	Base
	Size int64 // of the file, in bytes
}

// Plan returns what Build would put in the image that s asks for. It compiles
// the commands' program where that is not kept from an earlier build, and
// leaves nothing behind but that.
func (b *Builder) Plan(ctx context.Context, s *Spec) (*Plan, error) {
	var p *Plan
	err := b.inWork(s, func(work string) error {
		img, err := b.image(ctx, work, s)
		if err != nil {
			return err
		}
		p, err = img.plan()
		return errors.Join(err, img.close())
	})
	return p, err
}

// plan returns what is written of the image. Nothing can be written after it.
func (img *image) plan() (*Plan, error) {
	if img.record != nil {
		n, err := img.record.node(img.layout)
		if err != nil {
			return nil, err
		}
		img.entries[n.Path] = n.Entry
		img.nodes = append(img.nodes, n)
	}
	p := &Plan{Report: img.report, Size: img.basesSize() + img.size(), Memory: img.memory()}
	for _, base := range img.bases {
		p.Bases = append(p.Bases, PlanBase{base.Base, base.size})
		p.Memory += base.memory
	}
	for _, n := range img.nodes {
		for i, name := range n.names {
			e := PlanEntry{Entry: n.Entry, Size: n.size}
			why := img.entries[name]
			e.Path, e.Source, e.Reason, e.NeededBy = name, why.Source, why.Reason, why.NeededBy
			if i > 0 {
				e.LinkOf = n.names[0]
			}
			p.Entries = append(p.Entries, e)
		}
	}
	slices.SortFunc(p.Entries, func(a, b PlanEntry) int { return strings.Compare(a.Path, b.Path) })
	return p, nil
}
