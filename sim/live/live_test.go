package live_test

import (
	"testing"

	"go.uber.org/goleak"

	"nacsim/internal/host/hosttest"
	"nacsim/sim/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKeepsTheContractOfHost(t *testing.T) {
	t.Run("stores in files", func(t *testing.T) {
		hosttest.Run(t, func(t *testing.T) hosttest.World { return live.New(live.Config{Dir: t.TempDir()}) })
	})
	t.Run("stores in memory", func(t *testing.T) {
		hosttest.Run(t, func(t *testing.T) hosttest.World { return live.New(live.Config{}) })
	})
}
