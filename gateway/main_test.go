package gateway_test

import (
	"testing"

	"go.uber.org/goleak"
)

func leakChecked(m *testing.M) { goleak.VerifyTestMain(m) }
