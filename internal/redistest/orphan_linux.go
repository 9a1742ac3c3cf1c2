package redistest

import (
	"os/exec"
	"syscall"
)

// notLeftBehind ends the process with the test binary, even one that panics or runs out of time.
func notLeftBehind(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
