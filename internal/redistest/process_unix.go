//go:build unix

package redistest

import (
	"os"
	"syscall"
)

func stop(p *os.Process) error      { return p.Signal(syscall.SIGSTOP) }
func goOn(p *os.Process) error      { return p.Signal(syscall.SIGCONT) }
func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }
