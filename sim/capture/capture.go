// Package capture writes what a run's network carried as a pcapng file that Wireshark opens: EAPOL and 802.11
// frames as they were on the access links, RADIUS in Ethernet, IP and UDP, one interface per link, RADIUS inside of TLS
// as Wireshark exports what it has decrypted, and the secrets of the TLS connections in front of the packets that they decrypt.
//
// The file depends on nothing but the calls made: no host name, no operating system, no wall clock. The same
// calls give the same bytes.
//
// Format: draft-ietf-opsawg-pcapng; Decryption Secrets Block section 4.7. The blocks are written by hand
// because gopacket's writer has neither secrets nor comments and puts the machine it runs on into the
// section header.
package capture

import (
	"bufio"
	"encoding/binary"
	"io"
	"time"

	"nacsim/internal/host"
	"nacsim/sim/trace"
)

// Block types and option codes of pcapng.
const (
	blockSectionHeader     = 0x0a0d0d0a
	blockInterface         = 0x00000001
	blockEnhancedPacket    = 0x00000006
	blockDecryptionSecrets = 0x0000000a

	byteOrderMagic = 0x1a2b3c4d
	secretsTLS     = 0x544c534b // TLS key log

	optionEnd          = 0
	optionComment      = 1
	optionUserAppl     = 4 // in the section header
	optionIfName       = 2 // in an interface description
	optionIfTsResol    = 9
	nanosecondTsResol  = 9
	unlimitedSnapLen   = 0
	majorVersion       = 1
	minorVersion       = 0
	unknownSectionSize = ^uint64(0)
)

// Link types, https://www.tcpdump.org/linktypes.html.
const (
	linkTypeEthernet = 1
	linkTypeDot11    = 105
	linkTypePDU      = 252 // LINKTYPE_WIRESHARK_UPPER_PDU
)

// application is the name in the section header.
const application = "nacsim"

// A Writer is a [trace.Sink] that writes a pcapng file. It buffers; call Close at the end.
type Writer struct {
	w          *bufio.Writer
	block      []byte // the block being built
	secrets    []byte // key log lines that no packet has needed yet
	interfaces map[interfaceKey]uint32
	framer     framer
	err        error
}

type interfaceKey struct {
	name     string
	linkType uint16
}

// NewWriter returns a sink that writes to w, beginning with the section header.
func NewWriter(w io.Writer) *Writer {
	c := &Writer{
		w:          bufio.NewWriterSize(w, 64<<10),
		block:      make([]byte, 0, 2048),
		interfaces: map[interfaceKey]uint32{},
	}
	c.sectionHeader()
	return c
}

// Record does nothing: only packets are captured.
func (c *Writer) Record(trace.Record) {}

// Packet writes one packet, in front of it the secrets received since the last one, and the description of
// its interface if this is the link's first. A packet that the network lost or altered the way of carries a
// comment that says so.
func (c *Writer) Packet(_ trace.Record, p trace.Packet) {
	c.flushSecrets()
	linkType := uint16(linkTypeEthernet)
	data := p.Data
	switch {
	case p.TLS:
		linkType = linkTypePDU
		data = radiusPDU(p.From, p.To, p.Data)
	case !p.IsFrame():
		data = c.framer.frame(p.From, p.To, p.Data)
	case p.Medium.Kind == host.Radio:
		linkType = linkTypeDot11
	}
	id := c.interfaceID(interfaceKey{p.LinkName(), linkType})
	c.enhancedPacket(id, p.Time, data, comment(p))
}

// Secret keeps one line of TLS key log until the next packet.
func (c *Writer) Secret(_ time.Time, line string) {
	c.secrets = append(append(c.secrets, line...), '\n')
}

// Close writes out what is buffered and returns the first error of this or any earlier write. The writer stays
// open: it is the caller's.
func (c *Writer) Close() error { return c.Flush() }

// Flush is Close in the midst of a run; see trace.Recorder.Flush.
func (c *Writer) Flush() error {
	c.flushSecrets()
	if c.err == nil {
		c.err = c.w.Flush()
	}
	return c.err
}

func comment(p trace.Packet) string {
	if p.Fate == "" || p.Note == "" {
		return p.Fate + p.Note
	}
	return p.Fate + ": " + p.Note
}

func (c *Writer) sectionHeader() {
	c.begin(blockSectionHeader)
	c.uint32(byteOrderMagic)
	c.block = binary.LittleEndian.AppendUint16(c.block, majorVersion)
	c.block = binary.LittleEndian.AppendUint16(c.block, minorVersion)
	c.block = binary.LittleEndian.AppendUint64(c.block, unknownSectionSize)
	c.option(optionUserAppl, application)
	c.option(optionEnd, "")
	c.end()
}

// interfaceID returns the number of the link's interface, describing it first if it is new.
func (c *Writer) interfaceID(key interfaceKey) uint32 {
	if id, ok := c.interfaces[key]; ok {
		return id
	}
	id := uint32(len(c.interfaces))
	c.interfaces[key] = id
	c.begin(blockInterface)
	c.block = binary.LittleEndian.AppendUint16(c.block, key.linkType)
	c.block = binary.LittleEndian.AppendUint16(c.block, 0)
	c.uint32(unlimitedSnapLen)
	c.option(optionIfName, key.name)
	c.option(optionIfTsResol, string([]byte{nanosecondTsResol}))
	c.option(optionEnd, "")
	c.end()
	return id
}

func (c *Writer) enhancedPacket(id uint32, at time.Time, data []byte, comment string) {
	c.begin(blockEnhancedPacket)
	c.uint32(id)
	ns := uint64(at.UnixNano())
	c.uint32(uint32(ns >> 32))
	c.uint32(uint32(ns))
	c.uint32(uint32(len(data)))
	c.uint32(uint32(len(data)))
	c.block = append(c.block, data...)
	c.pad()
	if comment != "" {
		c.option(optionComment, comment)
		c.option(optionEnd, "")
	}
	c.end()
}

func (c *Writer) flushSecrets() {
	if len(c.secrets) == 0 {
		return
	}
	c.begin(blockDecryptionSecrets)
	c.uint32(secretsTLS)
	c.uint32(uint32(len(c.secrets)))
	c.block = append(c.block, c.secrets...)
	c.pad()
	c.end()
	c.secrets = c.secrets[:0]
}

// begin starts a block; its length is filled in by end.
func (c *Writer) begin(blockType uint32) {
	c.block = c.block[:0]
	c.uint32(blockType)
	c.uint32(0)
}

func (c *Writer) end() {
	total := uint32(len(c.block) + 4)
	binary.LittleEndian.PutUint32(c.block[4:], total)
	c.uint32(total)
	if c.err == nil {
		_, c.err = c.w.Write(c.block)
	}
}

func (c *Writer) uint32(v uint32) { c.block = binary.LittleEndian.AppendUint32(c.block, v) }

func (c *Writer) pad() {
	for len(c.block)%4 != 0 {
		c.block = append(c.block, 0)
	}
}

// option appends one option; a value longer than the format can hold is cut.
func (c *Writer) option(code uint16, value string) {
	value = value[:min(len(value), 0xffff)]
	c.block = binary.LittleEndian.AppendUint16(c.block, code)
	c.block = binary.LittleEndian.AppendUint16(c.block, uint16(len(value)))
	c.block = append(c.block, value...)
	c.pad()
}
