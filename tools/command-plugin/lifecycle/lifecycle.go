// Package lifecycle holds what the local and the remote Command have in common:
// which text runs when, and what becomes of its output.
package lifecycle

import "github.com/pulumi/pulumi-go-provider/infer"

// Inputs are the properties that decide what runs, and when.
type Inputs struct {
	Triggers               *[]any  `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Create                 *string `pulumi:"create,optional"`
	Update                 *string `pulumi:"update,optional"`
	Delete                 *string `pulumi:"delete,optional"`
	Stdin                  *string `pulumi:"stdin,optional"`
	AddPreviousOutputInEnv *bool   `pulumi:"addPreviousOutputInEnv,optional"`
}

func (i *Inputs) Annotate(a infer.Annotator) {
	a.Describe(&i.Triggers, "A change of any of these values replaces the resource.")
	a.Describe(&i.Create, "Runs when the resource is created, and when it is updated unless `update` is given.")
	a.Describe(&i.Update, "Runs when any input but `triggers` has changed.")
	a.Describe(&i.Delete, "Runs when the resource is deleted or has been replaced.")
	a.Describe(&i.Stdin, "Standard input of `create`, `update` and `delete` alike.")
	a.Describe(&i.AddPreviousOutputInEnv, "Give the output of the run before as PULUMI_COMMAND_STDOUT and "+
		"PULUMI_COMMAND_STDERR. Defaults to true.")
}

// OnUpdate is the text an update runs: `update`, else `create`, else nothing.
func (i Inputs) OnUpdate() *string {
	if i.Update != nil {
		return i.Update
	}
	return i.Create
}

// PreviousOutput is what the next run gets of the output of the one before, by
// the name of the environment variable.
func (i Inputs) PreviousOutput(previous Outputs) map[string]string {
	env := map[string]string{}
	if i.AddPreviousOutputInEnv != nil && !*i.AddPreviousOutputInEnv {
		return env
	}
	if previous.Stdout != "" {
		env["PULUMI_COMMAND_STDOUT"] = previous.Stdout
	}
	if previous.Stderr != "" {
		env["PULUMI_COMMAND_STDERR"] = previous.Stderr
	}
	return env
}

// Outputs are kept in state, without the last newline.
type Outputs struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

func (o *Outputs) Annotate(a infer.Annotator) {
	a.Describe(&o.Stdout, "Standard output of the last create or update.")
	a.Describe(&o.Stderr, "Standard error of the last create or update.")
}
