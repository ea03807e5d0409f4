// Package contracts carries the compiled ManifestDispatcher and its extension.
package contracts

import "embed"

// Artifacts holds artifacts/<Name>.json in forge's form, rebuilt from src/ and compared byte for byte in CI.
//
//go:embed artifacts/*.json
var Artifacts embed.FS
