package modules

import (
	"slices"
	"strings"
)

// said is what a module says of itself (modinfo(8)).
type said struct {
	depends  []string // modules that it needs
	firmware []string // names of the firmware that it may load
	aliases  []string
}

// depends returns the modules that a .modinfo section says are needed.
func depends(info []byte) []string {
	var names []string
	for _, list := range modinfo(info, "depends") {
		for name := range strings.SplitSeq(list, ",") {
			names = append(names, fold(name))
		}
	}
	return names
}

// chain fills in which modules need which, given what each module says that it
// needs. (modules.dep has what these need, too.)
func (c *collector) chain(needs map[string][]string) {
	for i, m := range c.set.Modules {
		by := &c.set.Files[i].NeededBy
		for j, other := range c.set.Modules {
			if slices.Contains(needs[other.Name], m.Name) || slices.Contains(m.SoftOf, other.Name) {
				*by = append(*by, c.set.Files[j].Guest)
			}
		}
		slices.Sort(*by)
	}
}
