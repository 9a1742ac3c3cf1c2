package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// lookEvery is how often the API keys file is looked at. It is read each time: it is small, and no time stamp then needs to
// be believed.
const lookEvery = time.Second

// apiKey is one entry of the file.
type apiKey struct {
	name  string
	print fingerprint
}

// keyring is the API keys of a file, as of when it was last good.
type keyring struct {
	path string
	log  *zap.Logger

	mu       sync.RWMutex
	keys     []apiKey
	seen     fingerprint // of the text that was last looked at
	reported string      // what was wrong at the last look
	changed  chan struct{}
}

func openKeyring(path string, log *zap.Logger) (*keyring, error) {
	k := &keyring{path: path, log: log, changed: make(chan struct{})}
	text, err := readKeysFile(path)
	if err != nil {
		return nil, err
	}
	if k.keys, err = parseKeys(path, text); err != nil {
		return nil, err
	}
	k.seen = fingerprintOf(string(text))
	return k, nil
}

// find returns whose key has this fingerprint. It compares with all of them, each in constant time.
func (k *keyring) find(print fingerprint) (p Principal, found bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	at := -1
	for i := range k.keys {
		if subtle.ConstantTimeCompare(k.keys[i].print[:], print[:]) == 1 {
			at = i
		}
	}
	if at < 0 {
		return Principal{}, false
	}
	name := k.keys[at].name
	return Principal{Subject: "key:" + name, Key: name, print: print}, true
}

// holds reports whether the key that p came with is still there, under its name.
func (k *keyring) holds(p Principal) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for i := range k.keys {
		if k.keys[i].name == p.Key && (k.keys[i].print == p.print || p.print == fingerprint{}) {
			return true
		}
	}
	return false
}

func (k *keyring) count() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.keys)
}

func (k *keyring) names() map[string]bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	all := map[string]bool{}
	for _, key := range k.keys {
		all[key.name] = true
	}
	return all
}

func (k *keyring) changes() <-chan struct{} {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.changed
}

// run looks at the file until ctx ends.
func (k *keyring) run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			k.refresh()
		}
	}
}

// refresh reads the file. A broken one leaves the keys as they are, and is reported once.
func (k *keyring) refresh() {
	text, err := readKeysFile(k.path)
	if err != nil {
		k.report(err)
		return
	}
	print := fingerprintOf(string(text))
	if print == k.seen {
		if k.reported != "" {
			k.reported = ""
			k.log.Info("API keys file can be used again", zap.String("file", k.path))
		}
		return
	}
	keys, err := parseKeys(k.path, text)
	if err != nil {
		k.report(err)
		return
	}
	k.mu.Lock()
	k.keys, k.seen, k.reported = keys, print, ""
	close(k.changed)
	k.changed = make(chan struct{})
	k.mu.Unlock()
	k.log.Info("API keys file read again", zap.String("file", k.path), zap.Int("keys", len(keys)))
}

func (k *keyring) report(err error) {
	if k.reported == err.Error() {
		return
	}
	k.reported = err.Error()
	k.log.Warn("API keys file cannot be used, the keys read before stay in force", zap.Error(err))
}

// maxKeysBytes bounds the file: some ten thousand keys.
const maxKeysBytes = 1 << 20

func readKeysFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("API keys file: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("API keys file: %s is not a regular file", path) // a pipe would block
	case info.Size() > maxKeysBytes:
		return nil, fmt.Errorf("API keys file: %s is larger than %d MiB", path, maxKeysBytes>>20)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("API keys file: %w", err)
	}
	return text, nil
}
