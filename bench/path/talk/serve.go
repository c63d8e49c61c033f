package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// A port's agent is on the port so much above it.
const agentOffset = 1000

var (
	small   = answer("application/json", `{"service":"bench","items":["`+strings.Repeat("x", 150)+`"]}`)
	segment = answer("video/mp2t", strings.Repeat("0123456789abcdef", 1024))
)

// What a server of a fleet answers on each port: 16 KiB below /stream/, a small document elsewhere, and every WebSocket
// message comes back. On the port agentOffset above it, what HAProxy's agent-check asks for.
func serve(ports []string) error {
	ended := make(chan error)
	for _, word := range ports {
		port, err := strconv.Atoi(word)
		if err != nil {
			return err
		}
		go func() { ended <- listen(port, converse) }()
		go func() { ended <- listen(port+agentOffset, isUp) }()
	}
	return <-ended
}

func listen(port int, handle func(net.Conn)) error {
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer connection.Close()
			handle(connection)
		}()
	}
}

func isUp(connection net.Conn) {
	connection.Write([]byte("up\n"))
}

func answer(contentType, body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", contentType, len(body), body)
}

// One request after the other, none with a body, until the client goes.
func converse(connection net.Conn) {
	buffer := make([]byte, 16384)
	held := 0
	for held < len(buffer) {
		got, err := connection.Read(buffer[held:])
		if err != nil {
			return
		}
		held += got
		for {
			head, rest, isWhole := bytes.Cut(buffer[:held], []byte("\r\n\r\n"))
			if !isWhole {
				break
			}
			if key := header(head, "Sec-WebSocket-Key"); key != nil {
				connection.Write(fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", acceptance(key)))
				echo(connection)
				return
			}
			said := small
			if bytes.HasPrefix(head, []byte("GET /stream/")) {
				said = segment
			}
			if _, err := connection.Write(said); err != nil {
				return
			}
			held = copy(buffer, rest)
		}
	}
}

// The value of a header; nil when there is none.
func header(head []byte, name string) []byte {
	for line := range bytes.Lines(head) {
		if len(line) > len(name) && line[len(name)] == ':' && strings.EqualFold(string(line[:len(name)]), name) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}

// RFC 6455, 4.2.2
func acceptance(key []byte) string {
	sum := sha1.Sum(append(bytes.Clone(key), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	return base64.StdEncoding.EncodeToString(sum[:])
}
