package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/bytecode"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/layout"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/source"
	"github.com/seed-b6a97670/lockstep/internal/sourcify"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// journalManifest returns the manifest with a routes root, nil if the journal does not hold it.
func (a *App) journalManifest(ctx context.Context, routesRoot common.Hash) (*manifest.Manifest, error) {
	if routesRoot == (common.Hash{}) {
		return nil, nil
	}
	file, err := a.store.Manifest(ctx, routesRoot)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return manifest.Decode(strings.NewReader(string(file)))
}
