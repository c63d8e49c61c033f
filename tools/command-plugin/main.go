// The `command` resource provider for machines that cannot fetch the vendor's
// build of version 1.2.1: the same tokens, properties and version.
package main

import (
	"context"
	"fmt"
	"os"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"

	"veza-edge/tools/command-plugin/engine"
	"veza-edge/tools/command-plugin/local"
	"veza-edge/tools/command-plugin/remote"
)

// The version whose npm SDK this build answers to: the engine asks for it by
// number.
const version = "1.2.1"

func main() {
	provider, err := newProvider()
	if err == nil {
		err = provider.Run(untilEngineEnds(), "command", version)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-resource-command: %s\n", err)
		os.Exit(1)
	}
}

// The engine names its address as the last word. Without one, somebody has
// started this by hand for an engine to attach to.
func untilEngineEnds() context.Context {
	ctx := context.Background()
	if len(os.Args) < 2 {
		return ctx
	}
	return engine.Alive(ctx, os.Args[len(os.Args)-1])
}

// Tokens come from the Go package and type names: command:local:Command,
// command:remote:Command, command:remote:CopyToRemote.
func newProvider() (p.Provider, error) {
	return infer.NewProviderBuilder().
		WithNamespace("pulumi").
		WithDisplayName("Command").
		WithDescription("Runs commands and copies files, here or over SSH, as resources.").
		WithLicense("MIT").
		WithResources(
			infer.Resource(local.Command{}),
			infer.Resource(remote.Command{}),
			infer.Resource(remote.CopyToRemote{}),
		).
		Build()
}
