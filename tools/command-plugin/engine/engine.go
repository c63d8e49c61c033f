// Package engine looks after the process that this plugin works for.
package engine

import (
	"context"
	"net"
	"time"
)

// How often the engine is looked for, and how many times in a row it may be
// missed.
const (
	interval = 2 * time.Second
	misses   = 2
)

// Alive returns a context that ends when nobody listens at the engine's
// address any more. An engine that was killed tells its plugins nothing, and
// the look of the Pulumi SDK itself has no effect (its provider.MainContext
// cancels a context that nothing waits for), so they would stay for good.
func Alive(ctx context.Context, address string) context.Context {
	return alive(ctx, address, interval)
}

func alive(ctx context.Context, address string, interval time.Duration) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for missed := 0; missed < misses; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(interval):
			}
			connection, err := net.DialTimeout("tcp", address, interval)
			if err != nil {
				missed++
				continue
			}
			missed = 0
			_ = connection.Close()
		}
	}()
	return ctx
}
