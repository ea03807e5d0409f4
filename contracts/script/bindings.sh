#!/bin/sh
# Writes internal/bindings from the committed artifacts. abigen is the one of go.mod's go-ethereum.
set -eu
cd "$(dirname "$0")/../.."
abi=$(mktemp)
trap 'rm -f "$abi"' EXIT
node -e 'console.log(JSON.stringify(require("./contracts/artifacts/IManifestDispatcher.json").abi))' > "$abi"
go run github.com/ethereum/go-ethereum/cmd/abigen --v2 --abi "$abi" --pkg bindings --type ManifestDispatcher \
  --out internal/bindings/manifestdispatcher.go
