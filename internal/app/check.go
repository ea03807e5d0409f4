package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/signer"
)

// CheckReferences finds what a sound configuration refers to and what is not there: environment variables, key files,
// contracts in the build output.
func CheckReferences(cfg *config.Config) []config.Problem {
	var problems []config.Problem
	add := func(line int, format string, args ...any) {
		problems = append(problems, config.Problem{File: cfg.File, Line: line, Message: fmt.Sprintf(format, args...)})
	}
	for _, n := range cfg.Networks {
		for _, ref := range n.RPC {
			if _, err := cfg.Resolve(ref); err != nil {
				add(n.Line, "network %s: rpc: %v", n.Name, err)
			}
		}
	}
	if cfg.Serve.Traces != "" {
		if _, err := collectorOf(cfg); err != nil {
			add(1, "%v", err)
		}
	}
	for _, s := range cfg.Alerts.Sinks {
		_, err := outlet(cfg, s)
		for _, err := range each(err) {
			add(s.Line, "alerts: %v", err)
		}
	}
	chainIDs := map[string]uint64{}
	for _, n := range cfg.Networks {
		chainIDs[n.Name] = n.ChainID
	}
	for name, in := range cfg.Alerts.Inbound {
		_, err := hookOf(cfg, name, in, chainIDs)
		for _, err := range each(err) {
			add(in.Line, "%v", err)
		}
	}
	addresses := map[string]common.Address{}
	for name, s := range cfg.Signers {
		addresses[name] = s.Address
		if s.Keystore == "" {
			continue
		}
		opened, err := signer.OpenKeystore(cfg.Path(s.Keystore), nil)
		switch {
		case errors.Is(err, os.ErrNotExist):
			add(s.Line, "signer %s: there is no key file %s: make one with lockstep key new", name, s.Keystore)
		case err != nil:
			add(s.Line, "signer %s: %v", name, err)
		case s.Address != (common.Address{}) && s.Address != opened.Address():
			add(s.Line, "signer %s: its key file is of %s, address says %s", name, opened.Address(), s.Address)
		}
		if err == nil {
			addresses[name] = opened.Address()
		}
		if _, err := cfg.Resolve(s.Password); err != nil {
			add(s.Line, "signer %s: password: %v", name, err)
		}
	}
	for _, n := range cfg.Networks {
		for _, err := range checkRelays(cfg, n, addresses) {
			add(n.Line, "network %s: %v", n.Name, err)
		}
	}
	if deployer := addresses[cfg.Dispatcher.Deployer]; deployer != (common.Address{}) {
		for _, err := range checkDeployer(cfg, deployer, addresses) {
			add(cfg.Signers[cfg.Dispatcher.Deployer].Line, "signer %s: %v", cfg.Dispatcher.Deployer, err)
		}
	}
	out, err := build.Read(cfg.Dir, build.Location(cfg.Build))
	if err != nil {
		add(1, "build: %v", err)
	} else {
		for _, f := range cfg.Facets {
			if _, err := out.Find(f.Contract); err != nil {
				add(f.Line, "%v", err)
			}
		}
		if cfg.Init != nil {
			if _, err := out.Find(cfg.Init.Contract); err != nil {
				add(cfg.Init.Line, "%v", err)
			}
		}
	}
	slices.SortStableFunc(problems, func(a, b config.Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return strings.Compare(a.Message, b.Message)
	})
	return problems
}

// each are the errors of which one is made; none if it is nil.
func each(err error) []error {
	var joined interface{ Unwrap() []error }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &joined):
		return joined.Unwrap()
	}
	return []error{err}
}

// checkRelays finds what is wrong with the relays of a network, as far as it is seen without asking them.
func checkRelays(cfg *config.Config, n config.Network, addresses map[string]common.Address) (problems []error) {
	var key relay.TextSigner
	if sc := cfg.Signers[n.RelayKey]; sc.Keystore != "" {
		if s, err := signer.OpenKeystore(cfg.Path(sc.Keystore), nil); err == nil { // what is wrong with it is said of the signer
			key = s
		}
		if err := cfg.RelayKeyAlone(n, func(name string) common.Address { return addresses[name] }); err != nil {
			problems = append(problems, err)
		}
	}
	for _, r := range n.Relays {
		if _, err := cfg.Resolve(r.Authorization); err != nil {
			problems = append(problems, fmt.Errorf("relay %s: authorization: %w", r.Name, err))
		}
		if r.Kind == network.RelayFlashbots && key == nil {
			continue
		}
		if _, err := makeRelay(cfg, r, key); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// checkDeployer finds what is wrong with the deployer's address, as far as addresses of signers are known: a salt that is
// another's, and roles on a mainnet.
func checkDeployer(cfg *config.Config, deployer common.Address, addresses map[string]common.Address) []error {
	var problems []error
	if err := create2.CheckDeployer(cfg.Factory.Name, cfg.Salt, deployer); err != nil {
		problems = append(problems, err)
	}
	for _, role := range config.RoleKeys {
		for _, acc := range cfg.Dispatcher.Roles[role] {
			account := acc.Address
			if acc.Signer != "" {
				account = addresses[acc.Signer]
			}
			if err := mayHold(cfg, role, account, deployer); err != nil {
				problems = append(problems, err)
			}
		}
	}
	return problems
}

// mayHold refuses a role for the deployer's address where there is a mainnet, whatever the file calls that account.
func mayHold(cfg *config.Config, role string, account, deployer common.Address) error {
	if account != deployer {
		return nil
	}
	return cfg.DeployerMayHold(role)
}

// EncryptKey makes a key file from a private key in hex, or from a new key if it is empty. password is a reference.
func EncryptKey(key, password string) ([]byte, common.Address, error) {
	if !strings.HasPrefix(password, "env:") && !strings.HasPrefix(password, "file:") {
		return nil, common.Address{}, errors.New("the password must be referred to with env:NAME or file:PATH")
	}
	secret, err := (&config.Config{}).Resolve(config.Ref(password))
	if err != nil {
		return nil, common.Address{}, fmt.Errorf("password: %w", err)
	}
	return signer.Encrypt(key, secret)
}

// PreviousManifest returns the file of the manifest whose routes were active before the present ones: the same on all
// networks, by the journal.
func (a *App) PreviousManifest(ctx context.Context) ([]byte, error) {
	address, err := a.Dispatcher()
	if err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	var root common.Hash
	for i, n := range a.networks {
		found, err := a.previousRoot(ctx, n, address)
		if err != nil {
			return nil, err
		}
		if i > 0 && found != root {
			return nil, fmt.Errorf("%s was at %s before, %s at %s: say which to return to with --to",
				a.networks[0].Name, root, n.Name, found)
		}
		root = found
	}
	return a.store.Manifest(ctx, root)
}

func (a *App) previousRoot(ctx context.Context, n *net, address common.Address) (common.Hash, error) {
	at, err := n.chain.Head(ctx)
	if err != nil {
		return common.Hash{}, err
	}
	state, err := dispatcher.ReadState(ctx, n.chain, at.Hash, address)
	var missing *dispatcher.NotDeployedError
	if errors.As(err, &missing) {
		return common.Hash{}, fmt.Errorf("%s: %w: run lockstep deploy", n.Name, err)
	}
	if err != nil {
		return common.Hash{}, fmt.Errorf("%s: %w", n.Name, err)
	}
	runs, err := a.store.Previous(ctx, n.ChainID, address)
	if err != nil {
		return common.Hash{}, err
	}
	for _, run := range runs {
		if run.Epoch+1 == state.ActiveEpoch {
			return run.Manifest, nil
		}
	}
	return common.Hash{}, fmt.Errorf("%s: the journal does not hold what was active before epoch %d: name a manifest with --to",
		n.Name, state.ActiveEpoch)
}
