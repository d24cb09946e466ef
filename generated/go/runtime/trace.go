package runtime

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// newTraceparent is a W3C trace context that starts here: version 00, sampled.
func newTraceparent() string {
	var octets [24]byte
	randomOctets(octets[:])
	return "00-" + hex.EncodeToString(octets[:16]) + "-" + hex.EncodeToString(octets[16:]) + "-01"
}

// traceID is the trace id inside a traceparent header; empty when it has none.
func traceID(traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if len(parts) < 4 || len(parts[1]) != 32 {
		return ""
	}
	return parts[1]
}

// newKey is a random UUID (RFC 9562, version 4).
func newKey() string {
	var octets [16]byte
	randomOctets(octets[:])
	octets[6] = octets[6]&0x0f | 0x40
	octets[8] = octets[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", octets[:4], octets[4:6], octets[6:8], octets[8:10], octets[10:])
}

// randomOctets fills from the system; crypto/rand never fails since Go 1.24.
func randomOctets(octets []byte) { _, _ = rand.Read(octets) }
