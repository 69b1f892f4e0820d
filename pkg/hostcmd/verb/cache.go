package verb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// UserCache is kguest's folder in the user's cache, which need not be there.
func UserCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "kguest"), nil
}

// CacheFolder returns UserCache, which it makes. Where that cannot be, or cannot
// be written, it is one of this user's in the folder for temporary files, and
// warn is told.
func CacheFolder(warn func(line string)) (string, error) {
	dir, err := UserCache()
	if err == nil {
		err = writable(dir, 0o755)
	}
	if err == nil {
		return dir, nil
	}
	spare := filepath.Join(os.TempDir(), fmt.Sprintf("kguest-cache-%d", os.Getuid()))
	if spareErr := errors.Join(writable(spare, 0o700), CheckPrivate(spare)); spareErr != nil {
		return "", fmt.Errorf("make the user's cache: %w; set XDG_CACHE_HOME to a folder that can be written", err)
	}
	warn(fmt.Sprintf("the cache is %s: %v; XDG_CACHE_HOME says where else", spare, err))
	return spare, nil
}

// writable makes the folder dir where it is missing, and returns why nothing can
// be made in it.
func writable(dir string, mode fs.FileMode) error {
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return access(dir)
}

// CheckPrivate returns an error unless dir is a folder that this user alone can
// enter.
func CheckPrivate(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(stat.Uid) != os.Getuid() || info.Mode() != fs.ModeDir|0o700 {
		return fmt.Errorf("%s is not a folder that only this user can enter", dir)
	}
	return nil
}
