// Package redistest runs real redis-server processes for tests: one alone, a primary with replicas under Sentinel, or
// a Cluster, on free loopback ports and in temporary folders, with TLS and with ACL users where a test wants them. It
// also breaks them as they break in life: kill -9, a stop of minutes, a restart that forgot everything, a fail-over, a
// slot that moves, a cut wire.
//
// Every process ends with the test that began it, and with the test binary, however that ends. Where redis-server is
// not installed a test is skipped, except in CI.
package redistest
