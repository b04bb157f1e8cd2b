package virtual_test

import (
	"testing"

	"nacsim/internal/host/hosttest"
	"nacsim/sim/virtual"
)

func TestConformance(t *testing.T) {
	hosttest.Run(t, func(t *testing.T) hosttest.World {
		return virtual.New(virtual.Config{Start: start, Seed: 1})
	})
}
