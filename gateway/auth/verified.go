package auth

import (
	"sync"
	"time"
)

// verified remembers tokens that were verified, by their hash, until they end or the issuer's keys change. A caller shows the
// same one with each request. The older half gives way to newer ones.
type verified struct {
	mu           sync.Mutex
	young, older map[fingerprint]proven
}

type proven struct {
	principal Principal
	begins    time.Time
	by        *keySet
}

// halfVerified bounds each half. With its roles and groups a principal takes some 500 bytes, 16 KiB at the very most.
const halfVerified = 2048

func (v *verified) find(print fingerprint, by *keySet, now time.Time) (Principal, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	known, found := v.young[print]
	if !found {
		if known, found = v.older[print]; !found {
			return Principal{}, false
		}
		v.keep(print, known)
	}
	if by == nil || known.by != by || !now.Before(known.principal.Expires.Add(Skew)) || now.Before(known.begins.Add(-Skew)) {
		return Principal{}, false
	}
	return known.principal, true
}

func (v *verified) add(print fingerprint, p proven) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keep(print, p)
}

func (v *verified) keep(print fingerprint, p proven) {
	if v.young == nil || len(v.young) >= halfVerified {
		v.older, v.young = v.young, make(map[fingerprint]proven)
	}
	v.young[print] = p
}
