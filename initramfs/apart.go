package initramfs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// writes is a folder that a build writes to.
type writes struct{ dir, what, remedy string }

// checkApart refuses a folder of the host that holds one which the build writes
// to: the image would have parts of itself.
func (s *Spec) checkApart(list ...writes) error {
	for _, f := range s.Files {
		if f.Kind != FromHost {
			continue
		}
		if info, err := os.Stat(f.Host); err != nil || !info.IsDir() {
			continue
		}
		for _, w := range list {
			in, err := holds(f.Host, w.dir)
			if err != nil {
				return fmt.Errorf("%s: %w", Clip(f.From), err)
			}
			if in {
				return fmt.Errorf("%s: %s is written in the folder that is added, %s; %s", Clip(f.From), w.what, Clip(f.Host), w.remedy)
			}
		}
	}
	return nil
}

// holds reports whether dir is folder, or below it.
func holds(folder, dir string) (bool, error) {
	var clean [2]string
	for i, p := range []string{folder, dir} {
		p, err := filepath.Abs(p)
		if err == nil {
			p, err = filepath.EvalSymlinks(p)
		}
		if err != nil {
			return false, fmt.Errorf("find folder: %w", err)
		}
		clean[i] = strings.TrimSuffix(p, "/") + "/"
	}
	return strings.HasPrefix(clean[1], clean[0]), nil
}
