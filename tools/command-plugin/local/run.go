package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"veza-edge/tools/command-plugin/lifecycle"
)

// How long a cancelled command has between SIGTERM and SIGKILL.
const graceAfterCancel = 5 * time.Second

func (in CommandInputs) run(ctx context.Context, command string, previous lifecycle.Outputs) (lifecycle.Outputs, error) {
	interpreter := []string{"/bin/sh", "-c"}
	if in.Interpreter != nil && len(*in.Interpreter) > 0 {
		interpreter = *in.Interpreter
	}
	cmd := exec.Command(interpreter[0], append(interpreter[1:len(interpreter):len(interpreter)], command)...)
	if in.Dir != nil {
		// Without this the error would say that the interpreter is not there.
		if _, err := os.Stat(*in.Dir); err != nil {
			return lifecycle.Outputs{}, fmt.Errorf("working directory (dir): %w: running %q", err, command)
		}
		cmd.Dir = *in.Dir
	}
	cmd.Env = in.environment(previous)
	if in.Stdin != nil && *in.Stdin != "" {
		cmd.Stdin = strings.NewReader(*in.Stdin)
	}
	// A session of its own: what the command starts can be ended with it, also
	// what timeout(1) puts into another process group, and nothing in it can sit
	// and wait at the terminal for an answer.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}

	var recorder lifecycle.Recorder
	logStdout, logStderr := lifecycle.Loggers(ctx, (*string)(in.Logging))
	stdout, stderr := recorder.Stdout(logStdout), recorder.Stderr(logStderr)
	cmd.Stdout, cmd.Stderr = stdout, stderr

	err := cmd.Start()
	if err == nil {
		ended := endWithContext(ctx, cmd.Process.Pid)
		err = cmd.Wait()
		ended()
		if err != nil && ctx.Err() != nil {
			err = fmt.Errorf("stopped (%w): %w", context.Cause(ctx), err)
		}
	}
	_ = stdout.Close()
	_ = stderr.Close()

	if errors.Is(err, syscall.E2BIG) {
		err = fmt.Errorf("%w (text and environment together, or one of them, exceed what the kernel takes; "+
			"pass it on stdin, and set addPreviousOutputInEnv to false where outputs are large)", err)
	}
	if err != nil {
		return lifecycle.Outputs{}, recorder.Failure(err, command)
	}
	return recorder.Outputs(), nil
}

func (in CommandInputs) environment(previous lifecycle.Outputs) []string {
	env := os.Environ()
	if in.Environment != nil {
		for name, value := range *in.Environment {
			env = append(env, name+"="+value)
		}
	}
	for name, value := range in.PreviousOutput(previous) {
		env = append(env, name+"="+value)
	}
	return env
}

// endWithContext ends the whole session of a command when its context does:
// SIGTERM, a grace period, SIGKILL. The function it returns is to be called
// once the command itself is gone; it returns when nothing of a cancelled
// session is left.
func endWithContext(ctx context.Context, session int) (ended func()) {
	gone, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-gone:
			return
		case <-ctx.Done():
		}
		signalSession(session, syscall.SIGTERM)
		deadline := time.Now().Add(graceAfterCancel)
		for signalSession(session, 0) > 0 && time.Now().Before(deadline) {
			time.Sleep(50 * time.Millisecond)
		}
		// More than once: a process may have forked while the list was read.
		for range 20 {
			if signalSession(session, syscall.SIGKILL) == 0 {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	return func() {
		close(gone)
		<-done
	}
}
