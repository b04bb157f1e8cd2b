package fakeap

import (
	"io"
	"time"

	"layeh.com/radius/rfc2866"

	"nacsim/fakeap/dot11"
	"nacsim/fakeap/wpa"
	"nacsim/internal/eap"
)

// denial is why an authentication has failed.
type denial struct {
	result Result // Failed if empty
	packet []byte // the server's EAP-Failure, if it sent one
	reason string
	vlan   string // for a client on a cable, if there is one for such cases
}

// deny ends an authentication that was refused.
func (n *nas) deny(c *client, now time.Time, d denial) {
	n.concludeFailed(c, now, d)
	n.hangUp(c)
	if !c.byMAC {
		n.apply(c, c.auth.finish(eap.Failure, d.packet), now)
	}
	switch {
	case d.vlan != "" && c.keys == nil:
		retry := time.Duration(0)
		if d.result == NoReply {
			retry = max(n.cfg.Quiet, minReauth)
		}
		n.authorize(c, now, n.localAuthorization(c, d.vlan, retry, d.reason))
	case c.byMAC && n.cfg.MAB.Mode == MABFirst && d.result == Rejected:
		n.stop(c, now, rfc3580ReauthenticationFailure)
		n.authenticate8021X(c, now)
	default:
		n.stop(c, now, rfc3580ReauthenticationFailure)
		n.refuse(c, now, d.reason)
	}
}

// refuse leaves a client without authorization: it is detached, or ignored for a while.
func (n *nas) refuse(c *client, now time.Time, reason string) {
	n.hangUp(c)
	if n.link.expel(c, dot11.ReasonAuthenticationFails) {
		n.setState(c, Unauthorized, reason)
		n.remove(c)
		return
	}
	if n.cfg.Quiet <= 0 {
		n.setState(c, Unauthorized, reason)
		return
	}
	c.auth.hold(now.Add(n.cfg.Quiet))
	n.setState(c, Held, reason)
}

// accept ends an authentication that was granted: on a cable the client is authorized, on wireless once the
// 4-way handshake has shown that both sides have the same key.
func (n *nas) accept(c *client, now time.Time, a *authorization, packet []byte) {
	a.outcome = &c.talk.outcome
	if c.keys == nil {
		n.hangUp(c)
		if !c.byMAC {
			n.apply(c, c.auth.finish(eap.Success, packet), now)
		}
		n.authorize(c, now, a)
		return
	}
	var nonce [32]byte
	if _, err := io.ReadFull(n.nonces, nonce[:]); err != nil || len(a.pmk) < wpa.PMKLen {
		n.deny(c, now, denial{reason: "Access-Accept without MS-MPPE-Recv-Key"})
		return
	}
	n.hangUp(c)
	n.apply(c, c.auth.finish(eap.Success, packet), now)
	c.pending = a
	n.applyKeys(c, c.keys.Start(a.pmk[:wpa.PMKLen], nonce, now), now)
}

// applyKeys carries out what the 4-way handshake wants.
func (n *nas) applyKeys(c *client, out wpa.Output, now time.Time) {
	if out.Send != nil {
		n.link.transmit(c, out.Send)
	}
	a := c.pending
	if a == nil {
		return
	}
	switch out.State {
	case wpa.Done:
		c.pending = nil
		n.authorize(c, now, a)
	case wpa.Failed:
		c.pending = nil
		n.conclude(a.outcome, now, Failed, "4-way handshake failed: "+out.Reason.String())
		n.end(c, now, rfc3580ReauthenticationFailure, out.Reason, "4-way handshake failed: "+out.Reason.String())
	}
}

// end takes a client's authorization, or its chance to get one. A client that stays on its cable is asked for its
// identity by its next EAPOL-Start.
func (n *nas) end(c *client, now time.Time, cause rfc2866.AcctTerminateCause, reason dot11.Reason, text string) {
	if c.talk != nil || c.auth.busy() {
		n.concludeFailed(c, now, denial{result: NoClient, reason: text})
	}
	n.abandon(c)
	c.auth.reset()
	n.stop(c, now, cause)
	c.byMAC = false
	detached := n.link.expel(c, reason)
	n.setState(c, Unauthorized, text)
	if detached {
		n.remove(c)
	}
}
