package simulator_test

import (
	"os"
	"testing"
	"time"

	. "github.com/onsi/gomega"
)

// A machine that is busy with other packages may need longer than the second that is the default.
func TestMain(m *testing.M) {
	SetDefaultEventuallyTimeout(20 * time.Second)
	os.Exit(m.Run())
}
