package live

import (
	"crypto/tls"
	"io"
)

// TLS makes certificates be checked on the machine's clock, and hands the session's secrets to the recorder
// when the world is configured to. Randomness is always crypto/rand.
func (n *node) TLS(_ string, config *tls.Config) *tls.Config {
	c := config.Clone()
	c.Rand = nil
	c.Time = n.Now
	if w := n.m.w; w.cfg.Secrets && w.cfg.Recorder != nil {
		if c.KeyLogWriter == nil {
			c.KeyLogWriter = keyLog{n}
		} else {
			c.KeyLogWriter = io.MultiWriter(c.KeyLogWriter, keyLog{n})
		}
	}
	return c
}

// keyLog hands lines of TLS key log to the recorder. crypto/tls writes one line a call.
type keyLog struct{ n *node }

func (k keyLog) Write(line []byte) (int, error) {
	k.n.m.w.cfg.Recorder.Secret(k.n.Now(), string(line))
	return len(line), nil
}
