package lifecycle

import (
	"context"

	p "github.com/pulumi/pulumi-go-provider"
)

// LogChoices are the values of `logging`, with what each means.
var LogChoices = []struct{ Value, Description string }{
	{"stdout", "Log standard output only."},
	{"stderr", "Log standard error only."},
	{"stdoutAndStderr", "Log both."},
	{"none", "Log nothing."},
}

// CheckLogging reports a value of `logging` that is none of LogChoices.
func CheckLogging(logging string) []p.CheckFailure {
	for _, choice := range LogChoices {
		if logging == choice.Value {
			return nil
		}
	}
	return []p.CheckFailure{{
		Property: "logging", Reason: `must be "stdout", "stderr", "stdoutAndStderr" or "none", not "` + logging + `"`,
	}}
}

// Loggers returns where each stream's lines go; nil where they are not logged.
// Without a choice both are.
func Loggers(ctx context.Context, logging *string) (stdout, stderr func(line string)) {
	log := p.GetLogger(ctx).InfoStatus
	if logging == nil || *logging == "stdout" || *logging == "stdoutAndStderr" {
		stdout = log
	}
	if logging == nil || *logging == "stderr" || *logging == "stdoutAndStderr" {
		stderr = log
	}
	return stdout, stderr
}
