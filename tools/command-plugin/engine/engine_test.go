package engine

import (
	"context"
	"net"
	"testing"
	"time"
)

func TestEndsWithTheEngineAndNotBefore(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx := alive(context.Background(), listener.Addr().String(), 50*time.Millisecond)
	select {
	case <-ctx.Done():
		t.Fatal("it ended while the engine listened")
	case <-time.After(500 * time.Millisecond):
	}
	_ = listener.Close()
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("it did not end with the engine")
	}
}
