package main

import "net"

// WebSocket frames of up to 125 bytes (RFC 6455, 5.2); clients mask theirs.
const (
	textFrame  = 0x81
	closeFrame = 0x88
	isMasked   = 0x80
	headBytes  = 2
	maskBytes  = 4
)

// Every message of a client comes back as it was, until the client ends.
func echo(connection net.Conn) {
	buffer := make([]byte, 65536)
	answers := make([]byte, 0, len(buffer))
	held := 0
	for {
		got, err := connection.Read(buffer[held:])
		if err != nil {
			return
		}
		held += got
		answers = answers[:0]
		rest := buffer[:held]
		for {
			payload, after, isWhole := unmasked(rest)
			if !isWhole {
				break
			}
			if rest[0] == closeFrame {
				return
			}
			answers = append(append(answers, textFrame, byte(len(payload))), payload...)
			rest = after
		}
		held = copy(buffer, rest)
		if _, err := connection.Write(answers); err != nil {
			return
		}
	}
}

// The first frame's payload, in its place, and what follows the frame.
func unmasked(held []byte) (payload, after []byte, isWhole bool) {
	if len(held) < headBytes+maskBytes {
		return nil, nil, false
	}
	end := headBytes + maskBytes + int(held[1]&^isMasked)
	if len(held) < end {
		return nil, nil, false
	}
	mask := held[headBytes : headBytes+maskBytes]
	payload = held[headBytes+maskBytes : end]
	for index := range payload {
		payload[index] ^= mask[index%maskBytes]
	}
	return payload, held[end:], true
}

// A client's message.
func masked(payload []byte) []byte {
	mask := []byte{0x5e, 0x17, 0xc4, 0x83}
	frame := append([]byte{textFrame, isMasked | byte(len(payload))}, mask...)
	for index, one := range payload {
		frame = append(frame, one^mask[index%maskBytes])
	}
	return frame
}
