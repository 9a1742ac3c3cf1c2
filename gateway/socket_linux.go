package gateway

import (
	"errors"

	"golang.org/x/sys/unix"
)

const nonBlocking = true

// What the kernel queues of a connection was composed earlier and is sent later, however new the states of the hub
// are by then. So it takes little: unsentBytes that it could not send yet, sendBuffer in all.
const (
	unsentBytes = 16 << 10
	sendBuffer  = 64 << 10
	lastBuffer  = 256 << 10 // for what remains of a connection that is being closed
)

func keepSendBufferSmall(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, unsentBytes)
	_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
}

func widenSendBuffer(fd uintptr) {
	_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, lastBuffer)
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, lastBuffer)
}

// tryWrite returns how much of p the kernel took: none, where it would have to wait.
func tryWrite(fd uintptr, p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := unix.Write(int(fd), p[written:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return written, nil
		case err != nil:
			return written, err
		}
		written += n
	}
	return written, nil
}

// unacknowledged returns how many bytes the kernel holds that the peer has not acknowledged.
func unacknowledged(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// acknowledgedBytes returns how many bytes the peer has ever acknowledged.
func acknowledgedBytes(fd uintptr) (int64, bool) {
	info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return 0, false
	}
	return int64(info.Bytes_acked), true //nolint:gosec // far less
}
