// Package remote is command:remote:Command, a command on another machine over
// SSH, and command:remote:CopyToRemote, files to another machine over SFTP.
package remote

import (
	"context"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"veza-edge/tools/command-plugin/lifecycle"
)

// Command is the resource command:remote:Command.
type Command struct{}

type CommandInputs struct {
	lifecycle.Inputs
	Connection  *Connection        `pulumi:"connection" provider:"secret"`
	Environment *map[string]string `pulumi:"environment,optional"`
	Logging     *Logging           `pulumi:"logging,optional"`
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
	a.Describe(c, "A command that the login shell of another machine's user runs, over SSH.")
}

func (c *CommandInputs) Annotate(a infer.Annotator) {
	a.Describe(&c.Connection, "How to reach the machine.")
	a.Describe(&c.Environment, "Variables for the command; the server has to allow each (AcceptEnv).")
	a.Describe(&c.Logging, "Which streams are logged; both are kept as outputs anyway. Defaults to both.")
}

func (Command) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[CommandInputs], error) {
	inputs, failures, err := infer.DefaultCheck[CommandInputs](ctx, req.NewInputs)
	if inputs.Logging != nil && !req.NewInputs.Get("logging").HasComputed() {
		failures = append(failures, lifecycle.CheckLogging(string(*inputs.Logging))...)
	}
	failures = append(failures, inputs.Connection.check(req.NewInputs.Get("connection"))...)
	return infer.CheckResponse[CommandInputs]{Inputs: inputs, Failures: lifecycle.WithoutValues(failures)}, err
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

// Delete runs the text that state holds, over the connection that state holds.
func (Command) Delete(ctx context.Context, req infer.DeleteRequest[CommandOutputs]) (infer.DeleteResponse, error) {
	if req.State.Delete == nil {
		return infer.DeleteResponse{}, nil
	}
	_, err := req.State.CommandInputs.run(ctx, *req.State.Delete, req.State.Outputs)
	return infer.DeleteResponse{}, err
}
