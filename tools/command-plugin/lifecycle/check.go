package lifecycle

import p "github.com/pulumi/pulumi-go-provider"

// WithoutValues moves the name of the property into the reason. For a failure
// that names its property the engine prints the property's value beside it: of
// a connection that is the private key.
func WithoutValues(failures []p.CheckFailure) []p.CheckFailure {
	var bare []p.CheckFailure
	for _, failure := range failures {
		bare = append(bare, p.CheckFailure{Reason: failure.Property + ": " + failure.Reason})
	}
	return bare
}
