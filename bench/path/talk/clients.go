package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

const (
	host      = "edge.test"
	userAgent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	// An answer that takes so long is none.
	limit = 5 * time.Second
)

// A client with one connection, which does with cookies what a browser does.
type keptAlive struct {
	to         string
	paths      []string
	connection net.Conn
	buffer     []byte
	requests   [][]byte
	asked      int
}

func (one *keptAlive) ask() error {
	if one.connection == nil {
		connection, err := net.DialTimeout("tcp", one.to, limit)
		if err != nil {
			return err
		}
		one.connection = connection
		one.buffer = make([]byte, 32768)
	}
	if one.requests == nil {
		one.prepare("")
	}
	one.asked++
	head, err := exchange(one.connection, one.requests[one.asked%len(one.requests)], one.buffer)
	if cookie := header(head, "Set-Cookie"); cookie != nil {
		pair, _, _ := bytes.Cut(cookie, []byte(";"))
		one.prepare(fmt.Sprintf("Cookie: %s\r\n", pair))
	}
	if err != nil || bytes.EqualFold(header(head, "Connection"), []byte("close")) {
		one.connection.Close()
		one.connection = nil
	}
	return err
}

func (one *keptAlive) prepare(headers string) {
	one.requests = make([][]byte, len(one.paths))
	for index, path := range one.paths {
		one.requests[index] = request(path, headers)
	}
}

func (*keptAlive) resumed() int { return 0 }

// A client that comes with a new connection each time.
type perConnection struct {
	to     string
	config *tls.Config
	buffer [4096]byte
	taken  int
}

// What every client of today is ready for; the key exchange is the one that every contender has.
func tlsConfig(resumes bool) *tls.Config {
	config := &tls.Config{
		ServerName:         host,
		InsecureSkipVerify: true,
		CurvePreferences:   []tls.CurveID{tls.X25519},
	}
	if resumes {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	return config
}

func (one *perConnection) ask() error {
	dialer := &net.Dialer{Timeout: limit}
	connection, err := dialer.Dial("tcp", one.to)
	if err != nil {
		return err
	}
	defer connection.Close()
	secured := tls.Client(connection, one.config)
	// The other side closes first, so that no port of this one is kept from further connections.
	if _, err := exchange(secured, request("/api/v1/tracks?page=2", "Connection: close\r\n"), one.buffer[:]); err != nil {
		return err
	}
	if secured.ConnectionState().DidResume {
		one.taken++
	}
	io.Copy(io.Discard, secured)
	return nil
}

func (one *perConnection) resumed() int { return one.taken }

// A client with an open WebSocket.
type socket struct {
	connection net.Conn
	message    []byte
	answer     []byte
}

func openSocket(to string) (*socket, error) {
	connection, err := net.DialTimeout("tcp", to, limit)
	if err != nil {
		return nil, err
	}
	connection.SetDeadline(time.Now().Add(limit))
	headers := "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	if _, err := connection.Write(request("/api/v1/socket", headers)); err != nil {
		return nil, err
	}
	buffer := make([]byte, 4096)
	held := 0
	for !bytes.Contains(buffer[:held], []byte("\r\n\r\n")) {
		got, err := connection.Read(buffer[held:])
		if err != nil {
			return nil, err
		}
		held += got
	}
	if !bytes.HasPrefix(buffer, []byte("HTTP/1.1 101 ")) {
		return nil, fmt.Errorf("no WebSocket: %s", buffer[:held])
	}
	payload := bytes.Repeat([]byte("message!"), 8)
	return &socket{connection, masked(payload), make([]byte, headBytes+len(payload))}, nil
}

func (one *socket) ask() error {
	one.connection.SetDeadline(time.Now().Add(limit))
	if _, err := one.connection.Write(one.message); err != nil {
		return err
	}
	_, err := io.ReadFull(one.connection, one.answer)
	return err
}

func (*socket) resumed() int { return 0 }

func request(path, headers string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: %s\r\nAccept: */*\r\n%s\r\n", path, host, userAgent, headers)
}

// Asks and reads the whole answer, which has to be one of the servers'; returns its headers.
func exchange(connection net.Conn, question, buffer []byte) ([]byte, error) {
	connection.SetDeadline(time.Now().Add(limit))
	if _, err := connection.Write(question); err != nil {
		return nil, err
	}
	held := 0
	for held < len(buffer) {
		got, err := connection.Read(buffer[held:])
		held += got
		head, body, isWhole := bytes.Cut(buffer[:held], []byte("\r\n\r\n"))
		if isWhole {
			length, problem := strconv.Atoi(string(header(head, "Content-Length")))
			if problem != nil || !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
				return nil, fmt.Errorf("not an answer of the servers: %s", head)
			}
			if len(body) >= length {
				return head, nil
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, errors.New("an answer is too large")
}
