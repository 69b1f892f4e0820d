package boot

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// goFolders returns the variables that give the go command folders in cache, for
// a user whose own cannot be used. Modules that were downloaded before are
// taken from where they are.
func goFolders(cache string) map[string]string {
	vars := map[string]string{}
	if os.Getenv("GOCACHE") == "" {
		vars["GOCACHE"] = filepath.Join(cache, "go-build")
	}
	if os.Getenv("GOMODCACHE") != "" || os.Getenv("GOPATH") != "" {
		return vars
	}
	home := os.Getenv("HOME")
	if home == "" {
		if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil {
			home = u.HomeDir
		}
	}
	modules := filepath.Join(home, "go", "pkg", "mod")
	if readable(filepath.Join(modules, "cache")) != nil {
		modules = filepath.Join(cache, "go-mod")
	}
	vars["GOMODCACHE"] = modules
	return vars
}
