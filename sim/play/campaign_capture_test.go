package play_test

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// asked is a RADIUS request with the answers that it got.
type asked struct {
	at            time.Time
	authenticator [16]byte
	answer        []byte
	answered      time.Time
}

// remembered is how long a server must answer a duplicate with the same octets.
const remembered = 5 * time.Second

// checkAnswers reads a capture: each RADIUS answer belongs to a request of its receiver, and all answers to one
// request are the same. Restarts are the times at which servers lost their memory.
func checkAnswers(capture, secret []byte, start time.Time, lost []time.Duration) *violation {
	r, err := pcapgo.NewNgReader(bytes.NewReader(capture), pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
	if err != nil {
		return &violation{"the capture is readable", 0, 0, err.Error()}
	}
	requests := map[string][]*asked{}
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &violation{"the capture is readable", 0, 0, err.Error()}
		}
		if face, err := r.Interface(info.InterfaceIndex); err != nil || face.LinkType != layers.LinkTypeEthernet {
			continue
		}
		p := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.NoCopy)
		ip, _ := p.NetworkLayer().(*layers.IPv4)
		udp, _ := p.TransportLayer().(*layers.UDP)
		if ip == nil || udp == nil || len(udp.Payload) < 20 {
			continue
		}
		b := udp.Payload
		switch b[0] {
		case 1, 4, 40, 43:
			key := fmt.Sprint(ip.SrcIP, udp.SrcPort, ip.DstIP, udp.DstPort, b[1])
			a := [16]byte(b[4:20])
			if list := requests[key]; len(list) == 0 || list[len(list)-1].authenticator != a {
				requests[key] = append(list, &asked{at: info.Timestamp, authenticator: a})
			}
		case 2, 3, 5, 11, 41, 42, 44, 45:
			key := fmt.Sprint(ip.DstIP, udp.DstPort, ip.SrcIP, udp.SrcPort, b[1])
			if what := checkAnswer(b, secret, requests[key], info.Timestamp, start, lost); what != "" {
				return &violation{"answers are repeated octet for octet", info.Timestamp.Sub(start), 0, what}
			}
		}
	}
}

func checkAnswer(b, secret []byte, list []*asked, at, start time.Time, lost []time.Duration) string {
	for i := len(list) - 1; i >= 0; i-- {
		q := list[i]
		h := md5.New()
		h.Write(b[:4])
		h.Write(q.authenticator[:])
		h.Write(b[20:])
		h.Write(secret)
		if !bytes.Equal(h.Sum(nil), b[4:20]) {
			continue
		}
		if q.answer != nil && !bytes.Equal(q.answer, b) && at.Sub(q.answered) < remembered {
			for _, l := range lost {
				if when := start.Add(l); !when.Before(q.answered) && !when.After(at) {
					return ""
				}
			}
			return fmt.Sprintf("answer code %d id %d differs from the one given %v before", b[0], b[1], at.Sub(q.answered))
		}
		q.answer, q.answered = bytes.Clone(b), at
		return ""
	}
	return fmt.Sprintf("answer code %d id %d belongs to no request", b[0], b[1])
}
