package remote

import (
	"crypto/ed25519"
	"crypto/rand"
	"net"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const interval = 50 * time.Millisecond

func TestASilentConnectionIsGivenUp(t *testing.T) {
	connection := connect(t, func(requests <-chan *ssh.Request) {
		for range requests {
			// Says nothing, as a cut network does.
		}
	})
	alive := startKeepalive(connection, interval, 4)
	defer alive.stop()

	ended := make(chan struct{})
	go func() {
		_ = connection.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("the connection was not ended")
	}
	if alive.gaveUp() == nil {
		t.Fatal("no reason is given")
	}
}

func TestAnAnsweringConnectionIsKept(t *testing.T) {
	connection := connect(t, ssh.DiscardRequests)
	alive := startKeepalive(connection, interval, 4)
	time.Sleep(8 * interval)
	alive.stop()
	if err := alive.gaveUp(); err != nil {
		t.Fatalf("given up: %s", err)
	}
	if _, _, err := connection.SendRequest("still there", true, nil); err != nil {
		t.Fatalf("closed: %s", err)
	}
}

// connect returns a client of an SSH server that treats global requests as told.
func connect(t *testing.T, treat func(<-chan *ssh.Request)) *ssh.Client {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	check(t, err)
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		socket, err := listener.Accept()
		if err != nil {
			return
		}
		_, channels, requests, err := ssh.NewServerConn(socket, config)
		if err != nil {
			return
		}
		go treat(requests)
		for channel := range channels {
			_ = channel.Reject(ssh.Prohibited, "")
		}
	}()

	client, err := ssh.Dial("tcp", listener.Addr().String(), &ssh.ClientConfig{
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	})
	check(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
