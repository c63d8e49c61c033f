package remote

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

const (
	defaultUser           = "root"
	defaultPort           = 22
	defaultDialErrorLimit = 10
	defaultPerDialTimeout = 15
)

// Connection is how to reach a machine, directly or through a bastion.
type Connection struct {
	endpoint
	Proxy *ProxyConnection `pulumi:"proxy,optional"`
}

// ProxyConnection is how to reach a bastion.
type ProxyConnection struct{ endpoint }

type endpoint struct {
	User               *string  `pulumi:"user,optional"`
	Password           *string  `pulumi:"password,optional"`
	Host               string   `pulumi:"host"`
	Port               *float64 `pulumi:"port,optional"`
	PrivateKey         *string  `pulumi:"privateKey,optional"`
	PrivateKeyPassword *string  `pulumi:"privateKeyPassword,optional"`
	AgentSocketPath    *string  `pulumi:"agentSocketPath,optional"`
	HostKey            *string  `pulumi:"hostKey,optional"`
	DialErrorLimit     *int     `pulumi:"dialErrorLimit,optional"`
	PerDialTimeout     *int     `pulumi:"perDialTimeout,optional"`
}

func (c *Connection) Annotate(a infer.Annotator) {
	a.Describe(c, "How to reach a machine over SSH.")
	a.Describe(&c.Proxy, "A bastion to go through.")
	c.annotate(a)
}

func (c *ProxyConnection) Annotate(a infer.Annotator) {
	a.Describe(c, "How to reach a bastion over SSH.")
	c.annotate(a)
}

func (e *endpoint) annotate(a infer.Annotator) {
	a.Describe(&e.User, "Defaults to root.")
	a.Describe(&e.Password, "Password, also for keyboard-interactive questions.")
	a.Describe(&e.Host, "Name or address.")
	a.Describe(&e.Port, "Defaults to 22.")
	a.Describe(&e.PrivateKey, "Text of a private key; tried before the password.")
	a.Describe(&e.PrivateKeyPassword, "Passphrase of the private key.")
	a.Describe(&e.AgentSocketPath, "Socket of an SSH agent. Defaults to the environment's SSH_AUTH_SOCK.")
	a.Describe(&e.HostKey, "The only host key to accept, as in a .pub file. Without it any is accepted.")
	a.Describe(&e.DialErrorLimit, "How many times to try again; -1 for ever. Defaults to 10.")
	a.Describe(&e.PerDialTimeout, "Seconds for each try, log-in included; 0 for no limit. Defaults to 15.")
	a.SetDefault(&e.User, defaultUser)
	a.SetDefault(&e.Port, defaultPort)
	a.SetDefault(&e.DialErrorLimit, defaultDialErrorLimit)
	a.SetDefault(&e.PerDialTimeout, defaultPerDialTimeout)
}

// check reports keys that cannot be read, so that a preview says so already.
func (c *Connection) check(given property.Value) []p.CheckFailure {
	if c == nil || given.HasComputed() {
		return nil
	}
	failures := c.endpoint.check("connection")
	if c.Proxy != nil {
		failures = append(failures, c.Proxy.check("connection.proxy")...)
	}
	return failures
}

func (e *endpoint) check(path string) []p.CheckFailure {
	var failures []p.CheckFailure
	if e.PrivateKey != nil {
		if _, err := e.signer(); err != nil {
			failures = append(failures, p.CheckFailure{Property: path + ".privateKey", Reason: err.Error()})
		}
	}
	if e.HostKey != nil {
		if _, err := parseHostKey(*e.HostKey); err != nil {
			failures = append(failures, p.CheckFailure{Property: path + ".hostKey", Reason: err.Error()})
		}
	}
	return failures
}

func (e *endpoint) address() string {
	return net.JoinHostPort(e.Host, strconv.Itoa(int(orDefault(e.Port, defaultPort))))
}

func (e *endpoint) timeout() time.Duration {
	return time.Duration(orDefault(e.PerDialTimeout, defaultPerDialTimeout)) * time.Second
}

// clientConfig says who we are and whom we accept. The agent, where one is used,
// is asked during the log-in; release lets go of it.
func (e *endpoint) clientConfig() (config *ssh.ClientConfig, release func(), err error) {
	config = &ssh.ClientConfig{
		User:            orDefault(e.User, defaultUser),
		HostKeyCallback: ssh.InsecureIgnoreHostKey(),
	}
	if e.HostKey != nil {
		expected, err := parseHostKey(*e.HostKey)
		if err != nil {
			return nil, nil, err
		}
		config.HostKeyCallback = only(expected)
		config.HostKeyAlgorithms = signatureAlgorithms(expected)
	}
	if e.PrivateKey != nil {
		signer, err := e.signer()
		if err != nil {
			return nil, nil, err
		}
		config.Auth = append(config.Auth, ssh.PublicKeys(signer))
	}
	if e.Password != nil {
		config.Auth = append(config.Auth, ssh.Password(*e.Password), ssh.KeyboardInteractive(e.answer))
	}
	socket, err := e.agent()
	if err != nil {
		return nil, nil, err
	}
	if socket == nil {
		return config, func() {}, nil
	}
	config.Auth = append(config.Auth, ssh.PublicKeysCallback(agent.NewClient(socket).Signers))
	return config, func() { _ = socket.Close() }, nil
}

func (e *endpoint) signer() (ssh.Signer, error) {
	var signer ssh.Signer
	var err error
	if e.PrivateKeyPassword != nil {
		signer, err = ssh.ParsePrivateKeyWithPassphrase([]byte(*e.PrivateKey), []byte(*e.PrivateKeyPassword))
	} else {
		signer, err = ssh.ParsePrivateKey([]byte(*e.PrivateKey))
	}
	if err != nil {
		return nil, fmt.Errorf("the private key cannot be read: %w", err)
	}
	return signer, nil
}

func (e *endpoint) answer(_, _ string, questions []string, _ []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for i := range questions {
		answers[i] = *e.Password
	}
	return answers, nil
}

// agent connects to the agent that was asked for, else to the one of the
// environment. The latter may be long gone (a terminal multiplexer, a CI job):
// that only matters where there is nothing else to log in with.
func (e *endpoint) agent() (net.Conn, error) {
	path := os.Getenv("SSH_AUTH_SOCK")
	if e.AgentSocketPath != nil {
		path = *e.AgentSocketPath
	}
	if path == "" {
		return nil, nil
	}
	socket, err := net.Dial("unix", path)
	if err != nil && e.AgentSocketPath == nil && (e.PrivateKey != nil || e.Password != nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("no SSH agent answers at %s: %w", path, err)
	}
	return socket, nil
}

func parseHostKey(line string) (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil {
		return nil, errors.New("the host key cannot be read; it has the form \"ssh-ed25519 AAAA…\", as in the host's .pub file")
	}
	return key, nil
}

// hostKeyError is a host that showed another key than the expected one. Trying
// again does not help, and whoever answers must not get our password.
type hostKeyError struct {
	address         string
	expected, shown ssh.PublicKey
}

func (e *hostKeyError) Error() string {
	return fmt.Sprintf("wrong host key: %s shows %s %s, but hostKey expects %s %s; either it is another machine, or its key "+
		"has changed: check the fingerprint on its console before changing hostKey", e.address,
		e.shown.Type(), ssh.FingerprintSHA256(e.shown), e.expected.Type(), ssh.FingerprintSHA256(e.expected))
}

func only(expected ssh.PublicKey) ssh.HostKeyCallback {
	return func(address string, _ net.Addr, shown ssh.PublicKey) error {
		if bytes.Equal(expected.Marshal(), shown.Marshal()) {
			return nil
		}
		return &hostKeyError{address, expected, shown}
	}
}

// signatureAlgorithms asks a host that has keys of several types for the one we
// know; else it would choose, and the comparison fail.
func signatureAlgorithms(key ssh.PublicKey) []string {
	if key.Type() == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSA}
	}
	return []string{key.Type()}
}

func orDefault[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
