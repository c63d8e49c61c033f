// Package local is command:local:Command: a process on the machine that runs
// the program.
package local

import (
	"context"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"veza-edge/tools/command-plugin/lifecycle"
)

// Command is the resource command:local:Command.
type Command struct{}

type CommandInputs struct {
	lifecycle.Inputs
	Interpreter  *[]string          `pulumi:"interpreter,optional"`
	Dir          *string            `pulumi:"dir,optional"`
	Environment  *map[string]string `pulumi:"environment,optional"`
	Logging      *Logging           `pulumi:"logging,optional"`
	AssetPaths   *[]string          `pulumi:"assetPaths,optional"`
	ArchivePaths *[]string          `pulumi:"archivePaths,optional"`
}

type CommandOutputs struct {
	CommandInputs
	lifecycle.Outputs
}

// Logging says which streams are logged.
type Logging string

func (Logging) Values() []infer.EnumValue[Logging] {
	var values []infer.EnumValue[Logging]
	for _, choice := range lifecycle.LogChoices {
		values = append(values, infer.EnumValue[Logging]{Value: Logging(choice.Value), Description: choice.Description})
	}
	return values
}

func (c *Command) Annotate(a infer.Annotator) {
	a.Describe(c, "A command that runs on this machine. It has failed when its exit status is not 0.")
}

func (c *CommandInputs) Annotate(a infer.Annotator) {
	a.Describe(&c.Interpreter, "Program and arguments that get the command's text as last argument. "+
		"Defaults to `/bin/sh -c`.")
	a.Describe(&c.Dir, "Working directory; must exist. Defaults to the program's.")
	a.Describe(&c.Environment, "Variables added to the environment of the engine.")
	a.Describe(&c.Logging, "Which streams are logged; both are kept as outputs anyway. Defaults to both.")
	a.Describe(&c.AssetPaths, "Not implemented by this build: refused.")
	a.Describe(&c.ArchivePaths, "Not implemented by this build: refused.")
}

func (Command) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[CommandInputs], error) {
	inputs, failures, err := infer.DefaultCheck[CommandInputs](ctx, req.NewInputs)
	if inputs.AssetPaths != nil {
		failures = append(failures, notImplemented("assetPaths"))
	}
	if inputs.ArchivePaths != nil {
		failures = append(failures, notImplemented("archivePaths"))
	}
	if inputs.Logging != nil && !req.NewInputs.Get("logging").HasComputed() {
		failures = append(failures, lifecycle.CheckLogging(string(*inputs.Logging))...)
	}
	return infer.CheckResponse[CommandInputs]{Inputs: inputs, Failures: lifecycle.WithoutValues(failures)}, err
}

func notImplemented(property string) p.CheckFailure {
	return p.CheckFailure{
		Property: property,
		Reason: "is not implemented by this build of the command provider (tools/command-plugin); " +
			"have the command print what you need, or use the vendor's build",
	}
}

func (Command) Create(
	ctx context.Context, req infer.CreateRequest[CommandInputs],
) (infer.CreateResponse[CommandOutputs], error) {
	response := infer.CreateResponse[CommandOutputs]{Output: CommandOutputs{CommandInputs: req.Inputs}}
	id, err := resource.NewUniqueHex(req.Name, 8, 0)
	if err != nil {
		return response, err
	}
	response.ID = id
	if req.DryRun || req.Inputs.Create == nil {
		return response, nil
	}
	response.Output.Outputs, err = req.Inputs.run(ctx, *req.Inputs.Create, lifecycle.Outputs{})
	return response, err
}

func (Command) Update(
	ctx context.Context, req infer.UpdateRequest[CommandInputs, CommandOutputs],
) (infer.UpdateResponse[CommandOutputs], error) {
	response := infer.UpdateResponse[CommandOutputs]{
		Output: CommandOutputs{CommandInputs: req.Inputs, Outputs: req.State.Outputs},
	}
	command := req.Inputs.OnUpdate()
	if req.DryRun || command == nil {
		return response, nil
	}
	var err error
	response.Output.Outputs, err = req.Inputs.run(ctx, *command, req.State.Outputs)
	return response, err
}

// Delete runs the text that state holds, in the surroundings that state holds.
func (Command) Delete(ctx context.Context, req infer.DeleteRequest[CommandOutputs]) (infer.DeleteResponse, error) {
	if req.State.Delete == nil {
		return infer.DeleteResponse{}, nil
	}
	_, err := req.State.CommandInputs.run(ctx, *req.State.Delete, req.State.Outputs)
	return infer.DeleteResponse{}, err
}
