// Package shim hands out the upstream provider. Upstream keeps its constructor
// under internal/, which Go lets only packages below the same module path
// import; this module's path is chosen to be one of them.
package shim

import (
	"github.com/hashicorp/terraform-plugin-framework/provider"

	upstream "github.com/hashicorp/terraform-provider-tls/internal/provider"
)

// NewProvider returns the upstream TLS provider.
func NewProvider() provider.Provider {
	return upstream.New()
}
