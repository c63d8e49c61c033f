package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"golang.org/x/crypto/ssh"

	"veza-edge/tools/command-plugin/lifecycle"
)

// How long a cancelled command has between the signal and the end of its
// connection.
const graceAfterCancel = 5 * time.Second

func (in CommandInputs) run(ctx context.Context, command string, previous lifecycle.Outputs) (lifecycle.Outputs, error) {
	client, err := in.Connection.dial(ctx)
	if err != nil {
		return lifecycle.Outputs{}, err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		if cause := client.alive.gaveUp(); cause != nil {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		return lifecycle.Outputs{}, fmt.Errorf("%s: no session: %w", client.address, err)
	}
	if err := in.setEnvironment(ctx, session, previous); err != nil {
		return lifecycle.Outputs{}, err
	}

	var recorder lifecycle.Recorder
	logStdout, logStderr := lifecycle.Loggers(ctx, (*string)(in.Logging))
	stdout, stderr := recorder.Stdout(logStdout), recorder.Stderr(logStderr)
	session.Stdout, session.Stderr = stdout, stderr
	err = runSession(ctx, client, session, command, orDefault(in.Stdin, ""))
	_ = stdout.Close()
	_ = stderr.Close()
	if err != nil {
		return lifecycle.Outputs{}, recorder.Failure(err, command)
	}
	return recorder.Outputs(), nil
}

// setEnvironment fails where the server takes no variable that was asked for;
// the output of the run before is only offered.
func (in CommandInputs) setEnvironment(ctx context.Context, session *ssh.Session, previous lifecycle.Outputs) error {
	const hint = "it has to be listed in AcceptEnv of the server's sshd_config"
	if in.Environment != nil {
		for name, value := range *in.Environment {
			if err := session.Setenv(name, value); err != nil {
				return fmt.Errorf("could not set environment variable %q: %w (%s)", name, err, hint)
			}
		}
	}
	for name, value := range in.PreviousOutput(previous) {
		if err := session.Setenv(name, value); err != nil {
			p.GetLogger(ctx).Warningf("%s is not set: %s (%s; or set addPreviousOutputInEnv to false)", name, err, hint)
		}
	}
	return nil
}

func runSession(ctx context.Context, client *client, session *ssh.Session, command, stdin string) error {
	input, err := session.StdinPipe()
	if err != nil {
		return err
	}
	if err := session.Start(command); err != nil {
		return err
	}
	go func() {
		// A command that ends without reading all of its input has not failed.
		_, _ = io.WriteString(input, stdin)
		_ = input.Close()
	}()
	ended := make(chan error, 1)
	go func() { ended <- session.Wait() }()

	select {
	case err = <-ended:
	case <-ctx.Done():
		// sshd passes the signal to the command's process group, but not where the
		// user is root, and what has left that group does not get it: all those
		// only lose their connection.
		_ = session.Signal(ssh.SIGTERM)
		select {
		case err = <-ended:
		case <-time.After(graceAfterCancel):
			err = errors.New("still running there")
		}
		_ = client.Client.Close()
		return fmt.Errorf("%s: stopped (%w): %w", client.address, context.Cause(ctx), orUnknown(err))
	}

	var missing *ssh.ExitMissingError
	if errors.As(err, &missing) {
		if cause := client.alive.gaveUp(); cause != nil {
			err = fmt.Errorf("%w (%w)", cause, err)
		}
		return fmt.Errorf("%s: connection lost, the command may still be running there: %w", client.address, err)
	}
	return err
}

func orUnknown(err error) error {
	if err == nil {
		return errors.New("it had just ended well")
	}
	return err
}
