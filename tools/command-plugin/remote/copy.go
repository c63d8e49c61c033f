package remote

import (
	"context"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/infer/types"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"veza-edge/tools/command-plugin/lifecycle"
)

// CopyToRemote is the resource command:remote:CopyToRemote.
type CopyToRemote struct{}

type CopyToRemoteInputs struct {
	Connection *Connection          `pulumi:"connection" provider:"secret"`
	Triggers   *[]any               `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Source     types.AssetOrArchive `pulumi:"source"`
	RemotePath string               `pulumi:"remotePath"`
}

type CopyToRemoteOutputs struct{ CopyToRemoteInputs }

func (c *CopyToRemote) Annotate(a infer.Annotator) {
	a.Describe(c, "Files copied to another machine over SFTP. Deleting the resource deletes no file.")
}

func (c *CopyToRemoteInputs) Annotate(a infer.Annotator) {
	a.Describe(&c.Connection, "How to reach the machine.")
	a.Describe(&c.Triggers, "A change of any of these values replaces the resource.")
	a.Describe(&c.Source, "A file, a text, or a directory or archive file; archives are copied as they are.")
	a.Describe(&c.RemotePath, "Where it goes; missing parent directories are made. A file or directory goes "+
		"into a directory that exists; the contents of a directory given with a trailing slash go there too.")
}

func (CopyToRemote) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[CopyToRemoteInputs], error) {
	inputs, failures, err := infer.DefaultCheck[CopyToRemoteInputs](ctx, req.NewInputs)
	failures = append(failures, inputs.Connection.check(req.NewInputs.Get("connection"))...)
	if err == nil && !req.NewInputs.Get("source").HasComputed() {
		failures = append(failures, checkSource(inputs.Source)...)
	}
	return infer.CheckResponse[CopyToRemoteInputs]{Inputs: inputs, Failures: lifecycle.WithoutValues(failures)}, err
}

func checkSource(source types.AssetOrArchive) []p.CheckFailure {
	refused := func(reason string) []p.CheckFailure {
		return []p.CheckFailure{{Property: "source", Reason: reason}}
	}
	switch {
	case source.Asset == nil && source.Archive == nil:
		return refused("must be an asset or an archive")
	case source.Asset != nil && !source.Asset.IsPath() && !source.Asset.IsText():
		return refused("must be a FileAsset or a StringAsset")
	case source.Archive != nil && !source.Archive.IsPath():
		return refused("must be a FileArchive")
	}
	return nil
}

func (CopyToRemote) Create(
	ctx context.Context, req infer.CreateRequest[CopyToRemoteInputs],
) (infer.CreateResponse[CopyToRemoteOutputs], error) {
	response := infer.CreateResponse[CopyToRemoteOutputs]{Output: CopyToRemoteOutputs{req.Inputs}}
	if req.DryRun {
		return response, nil
	}
	id, err := resource.NewUniqueHex("", 8, 0)
	if err != nil {
		return response, err
	}
	response.ID = id
	return response, req.Inputs.upload(ctx)
}

// Update copies again whatever it is that has changed, also to a new machine.
func (CopyToRemote) Update(
	ctx context.Context, req infer.UpdateRequest[CopyToRemoteInputs, CopyToRemoteOutputs],
) (infer.UpdateResponse[CopyToRemoteOutputs], error) {
	response := infer.UpdateResponse[CopyToRemoteOutputs]{Output: CopyToRemoteOutputs{req.Inputs}}
	if req.DryRun {
		return response, nil
	}
	return response, req.Inputs.upload(ctx)
}
