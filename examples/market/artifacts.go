// Package market carries the example protocol: its two configurations and what forge built from src/.
package market

import "embed"

// Files holds lockstep.yaml (version 1), lockstep-v2.yaml and artifacts/, which CI rebuilds and compares byte for byte.
//
//go:embed lockstep.yaml lockstep-v2.yaml artifacts/*.json
var Files embed.FS
