// Package manifest holds the desired state of a ManifestDispatcher: which facets, deployed at which addresses with
// which code, answer which selectors, and the Merkle root that stands for all of it on chain.
//
// A manifest is a file of canonical JSON. Everything in it but its inputs (init code, routes, init call, networks) is
// computed, so that anyone can compute it again from the file alone:
//
//	libraries ─► addresses in init code
//	init code ─► address (EIP-1014) ─► run under each chain id ─► code hash ─┐
//	routes ──────────────────────────────────────────────────────────────────┴─► pages ─► leaves ─► routesRoot
//	init call ──────────────────────────────────────────────────────────────────► initHash ─► root ◄──┘
//
// The package is pure: it reads no file and runs no code; whoever calls it passes a Runner that executes init code.
package manifest
