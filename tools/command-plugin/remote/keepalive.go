package remote

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// The other end is asked this often, and given up after this many intervals
// without an answer.
const (
	keepaliveInterval = 15 * time.Second
	keepaliveLimit    = 4
)

// keepalive ends a connection whose network was cut: without it a command would
// wait for an answer that can no longer come.
type keepalive struct {
	stopOnce sync.Once
	stopped  chan struct{}
	mu       sync.Mutex
	err      error
}

func startKeepalive(connection *ssh.Client, interval time.Duration, limit int) *keepalive {
	k := &keepalive{stopped: make(chan struct{})}
	go k.watch(connection, interval, limit)
	return k
}

// gaveUp is why the connection was ended, or nil.
func (k *keepalive) gaveUp() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err
}

func (k *keepalive) stop() {
	k.stopOnce.Do(func() { close(k.stopped) })
}

func (k *keepalive) watch(connection *ssh.Client, interval time.Duration, limit int) {
	for {
		select {
		case <-k.stopped:
			return
		case <-time.After(interval):
		}
		answered := make(chan error, 1)
		go func() {
			// Any answer will do, a refusal too.
			_, _, err := connection.SendRequest("keepalive@openssh.com", true, nil)
			answered <- err
		}()
		silence := interval * time.Duration(limit)
		select {
		case <-k.stopped:
			return
		case err := <-answered:
			if err != nil {
				return
			}
		case <-time.After(silence):
			k.mu.Lock()
			k.err = fmt.Errorf("no sign of life for %s", silence)
			k.mu.Unlock()
			_ = connection.Close()
			return
		}
	}
}
