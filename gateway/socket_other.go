//go:build !linux

package gateway

import "errors"

const nonBlocking = false

func keepSendBufferSmall(uintptr) {}

func widenSendBuffer(uintptr) {}

func tryWrite(uintptr, []byte) (int, error) { return 0, errors.ErrUnsupported }

func unacknowledged(uintptr) int { return 0 }

func acknowledgedBytes(uintptr) (int64, bool) { return 0, false }
