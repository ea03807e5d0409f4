package dispatcher

import (
	"bytes"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/contracts"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// PublishedGas is the published figure (contracts/gas.json) for a call of a rollout. It is 0 for what has none: any other call, and an
// activation with an init call, which may take anything. m is nil if the call is of none.
func PublishedGas(data []byte, m *manifest.Manifest) uint64 {
	if len(data) < 4 {
		return 0
	}
	methods := artifacts()["IManifestDispatcher"].ABI.Methods
	is := func(name string) bool { return bytes.Equal(data[:4], methods[name].ID) }
	switch gas := contracts.Published(); {
	case is("commitRoot"):
		return gas.Commit
	case is("applyRoutes"):
		args, err := methods["applyRoutes"].Inputs.Unpack(data[4:])
		if err != nil {
			return 0
		}
		page, ok := args[0].([]byte)
		if !ok {
			return 0
		}
		content, err := manifest.DecodePage(page)
		if err != nil {
			return 0
		}
		facets := map[common.Address]bool{}
		for _, r := range content.Routes {
			facets[r.Facet] = true
		}
		return gas.Apply(len(content.Routes), len(facets))
	case is("activateCommittedRoot") && m != nil:
		return gas.Activate(len(m.Facets))
	}
	return 0
}

// ErrorNames are the names of the errors with which a dispatcher refuses calls.
func ErrorNames() (out []string) {
	for name := range artifacts()["IManifestDispatcher"].ABI.Errors {
		out = append(out, name)
	}
	return out
}
