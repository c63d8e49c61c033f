package remote

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestRetryStopsAfterTheLimit(t *testing.T) {
	for limit, attempts := range map[int]int{0: 1, 1: 2, 3: 4} {
		tried := 0
		err := retry(t.Context(), limit, func(int, time.Duration, error) {}, func() error {
			tried++
			return errors.New("no")
		})
		if err == nil || tried != attempts {
			t.Errorf("limit %d: %d attempts (%v), want %d", limit, tried, err, attempts)
		}
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	started := time.Now()
	err := retry(ctx, -1, func(int, time.Duration, error) {}, func() error { return errors.New("no") })
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(started) > 5*time.Second {
		t.Fatalf("%v after %s", err, time.Since(started))
	}
}

func TestRetryDoesNotInsistOnAWrongHostKey(t *testing.T) {
	tried := 0
	err := retry(t.Context(), -1, func(int, time.Duration, error) {}, func() error {
		tried++
		return &hostKeyError{}
	})
	if err == nil || tried != 1 {
		t.Fatalf("%d attempts, want 1", tried)
	}
}
