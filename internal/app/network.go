package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

// NetworkCheck is a live network beside what the catalogue says of it.
type NetworkCheck struct {
	Network   string         `json:"network"`
	ChainID   uint64         `json:"chainId"`
	Client    string         `json:"client,omitempty"`
	Block     uint64         `json:"block"`
	BlockTime uint64         `json:"blockTimestamp"`
	Factories []FactoryCheck `json:"factories"`
	// Problems keep a dispatcher from working; Differences are where the catalogue or the configuration is wrong.
	Problems    []string `json:"problems"`
	Differences []string `json:"differences"`
}

// FactoryCheck is a CREATE2 factory on a network.
type FactoryCheck struct {
	Name    string         `json:"name"`
	Address common.Address `json:"address"`
	State   string         `json:"state"` // known, missing, other code
}

// Usable tells whether a dispatcher works there.
func (c NetworkCheck) Usable() bool { return len(c.Problems) == 0 }

// CheckNetworks compares the networks of the configuration with their endpoints.
func (a *App) CheckNetworks(ctx context.Context) ([]NetworkCheck, error) {
	if err := a.connect(); err != nil {
		return nil, err
	}
	out := make([]NetworkCheck, len(a.networks))
	for i, n := range a.networks {
		check, err := checkNetwork(ctx, n.Network.Network, n.chain, a.cfg.Factory.Name)
		if err != nil {
			return nil, err
		}
		out[i] = check
	}
	return out, nil
}

// CheckNetwork compares a network with the endpoints at urls. Without a configuration, any factory of the catalogue will do.
func CheckNetwork(ctx context.Context, n network.Network, urls []string) (NetworkCheck, error) {
	c, err := chain.New(chain.Config{Name: n.Name, ChainID: n.ChainID, URLs: urls, L1Fee: n.L1Fee})
	if err != nil {
		return NetworkCheck{}, err
	}
	defer c.Close()
	return checkNetwork(ctx, n, c, "")
}

// checkNetwork asks for one factory, or for any if that is empty.
func checkNetwork(ctx context.Context, n network.Network, c *chain.Client, factory string) (NetworkCheck, error) {
	var accounts []common.Address
	for _, f := range network.Factories() {
		accounts = append(accounts, f.Address)
	}
	t, err := c.Probe(ctx, accounts...)
	if err != nil {
		return NetworkCheck{}, err
	}
	out := NetworkCheck{
		Network: n.Name, ChainID: n.ChainID, Client: t.Client, Block: t.Head.Number, BlockTime: t.Head.Time,
		Problems: []string{}, Differences: []string{},
	}
	problem := func(format string, args ...any) { out.Problems = append(out.Problems, fmt.Sprintf(format, args...)) }
	differs := func(format string, args ...any) {
		out.Differences = append(out.Differences, fmt.Sprintf(format, args...))
	}

	if refusal := n.Refusal(); refusal != "" {
		problem("%s", refusal)
	}
	live := network.Opcodes{Push0: t.Push0, Mcopy: t.Mcopy, TransientStorage: t.TransientStorage}
	for _, op := range live.Missing() {
		problem("it has no %s, which the dispatcher needs", op)
	}
	for _, op := range n.Opcodes.Missing() {
		if !slices.Contains(live.Missing(), op) {
			differs("it has %s, the catalogue says that it has not", op)
		}
	}
	if t.Keccak256 != nil && !*t.Keccak256 && n.CodeHash == network.Keccak256 {
		problem("its EXTCODEHASH is not the keccak256 of the code, so pinned code cannot be compared")
	}
	if !t.BaseFee {
		differs("its blocks have no base fee (EIP-1559), so transactions will carry gas prices: set fees to legacy")
	}
	if t.BlockGasLimit < n.GasCap {
		differs("gasCap is %d, but a block holds %d: set gasCap to less", n.GasCap, t.BlockGasLimit)
	}
	found := false
	for _, f := range network.Factories() {
		check := FactoryCheck{Name: f.Name, Address: f.Address, State: "known"}
		switch t.CodeHashes[f.Address] {
		case f.CodeHash:
		case common.Hash{}:
			check.State = "missing"
		default:
			check.State = "other code"
		}
		out.Factories = append(out.Factories, check)
		found = found || check.State == "known"
		switch {
		case check.State == "known":
		case f.Name == factory && check.State == "missing":
			problem("the CREATE2 factory %s at %s is missing: %s", f.Name, f.Address, create2.Remedy(f.Name))
		case f.Name == factory:
			problem("the CREATE2 factory %s at %s has other code: choose another one under factory", f.Name, f.Address)
		case slices.Contains(n.Factories, f.Name):
			differs("factory %s is %s", f.Name, check.State)
		}
	}
	if factory == "" && !found {
		problem("none of the known CREATE2 factories is there: deploy one first")
	}
	return out, nil
}
