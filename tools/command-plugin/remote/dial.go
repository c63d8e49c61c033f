package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"golang.org/x/crypto/ssh"
)

// The wait before the next try: grows from the first to the last.
const (
	firstRetry  = 100 * time.Millisecond
	lastRetry   = 5 * time.Second
	retryGrowth = 1.5
)

// client is an SSH connection that notices when the other end is gone.
type client struct {
	*ssh.Client
	address string
	alive   *keepalive
	release func()
}

func (c *client) Close() {
	c.alive.stop()
	_ = c.Client.Close()
	c.release()
}

// dial connects and logs in, trying again up to dialErrorLimit times.
func (c *Connection) dial(ctx context.Context) (*client, error) {
	if c.Proxy == nil {
		return c.endpoint.dial(ctx, (&net.Dialer{}).DialContext)
	}
	bastion, err := c.Proxy.dial(ctx, (&net.Dialer{}).DialContext)
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	inner, err := c.endpoint.dial(ctx, bastion.DialContext)
	if err != nil {
		bastion.Close()
		return nil, fmt.Errorf("through proxy %s: %w", bastion.address, err)
	}
	inner.release = bastion.Close
	return inner, nil
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func (e *endpoint) dial(ctx context.Context, dial dialer) (*client, error) {
	config, releaseAgent, err := e.clientConfig()
	if err != nil {
		return nil, err
	}
	defer releaseAgent()

	limit := orDefault(e.DialErrorLimit, defaultDialErrorLimit)
	var connection *ssh.Client
	err = retry(ctx, limit, func(failures int, wait time.Duration, err error) {
		p.GetLogger(ctx).InfoStatusf("%s: try %d failed (%s), next in %s", e.address(), failures, err, wait.Round(time.Millisecond))
	}, func() error {
		var err error
		connection, err = logIn(ctx, dial, e.address(), config, e.timeout())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &client{
		Client: connection, address: e.address(), release: func() {},
		alive: startKeepalive(connection, keepaliveInterval, keepaliveLimit),
	}, nil
}

// retry calls attempt until it succeeds, has failed more than limit times
// (limit -1: never enough), or fails in a way that stays.
func retry(
	ctx context.Context, limit int, failed func(failures int, wait time.Duration, err error), attempt func() error,
) error {
	wait := firstRetry
	for failures := 1; ; failures++ {
		err := attempt()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("stopped (%w) while connecting: %w", context.Cause(ctx), err)
		}
		if lasting(err) {
			return err
		}
		if limit >= 0 && failures > limit {
			return fmt.Errorf("after %d failed attempts: %w", failures, err)
		}
		failed(failures, wait, err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(time.Duration(float64(wait)*retryGrowth), lastRetry)
	}
}

func lasting(err error) bool {
	var wrongKey *hostKeyError
	var nothingInCommon *ssh.AlgorithmNegotiationError
	return errors.As(err, &wrongKey) || errors.As(err, &nothingInCommon)
}

// logIn makes one try, from the first packet to the accepted user, within the
// limit (0: none).
func logIn(
	ctx context.Context, dial dialer, address string, config *ssh.ClientConfig, limit time.Duration,
) (*ssh.Client, error) {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
		defer cancel()
	}
	connection, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	inner, channels, requests, err := ssh.NewClientConn(connection, address, config)
	if !stop() && err == nil {
		err = errors.New("closed")
	}
	if err != nil {
		_ = connection.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s: %w", address, context.Cause(ctx))
		}
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	return ssh.NewClient(inner, channels, requests), nil
}
