// pulumi-resource-tls serves the upstream TLS provider to Pulumi through the
// Terraform bridge, with the tokens that the published plugin uses
// (tls:index/privateKey:PrivateKey and so on).
package main

import (
	"context"

	"github.com/hashicorp/terraform-provider-tls/shim"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
)

// version is set by the linker to the version of @pulumi/tls that this stands in for.
var version = "0.0.0-dev"

func main() {
	info := tfbridge.ProviderInfo{
		Name:         "tls",
		Version:      version,
		P:            pf.ShimProvider(shim.NewProvider()),
		MetadataInfo: tfbridge.NewProviderMetadata([]byte("{}")),
	}
	info.MustComputeTokens(tokens.SingleModule("tls_", "index", tokens.MakeStandard("tls")))
	// The package schema serves code generation only; nothing is generated from this binary.
	pf.Main(context.Background(), "tls", info, pf.ProviderMetadata{PackageSchema: []byte("{}")})
}
