//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package budget

import "os"

// tryLock lets everyone in: these systems have no lock that ends with its process.
func tryLock(*os.File) error { return nil }

func syncFolder(string) error { return nil }
