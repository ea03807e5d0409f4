// Package demo is the whole path on networks in process: deploy, roll out, use, upgrade with an init call, return.
// The networks are real geth nodes; everything goes through their JSON-RPC, as with any other network.
package demo

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"path/filepath"
	"sync"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"golang.org/x/sync/errgroup"

	market "github.com/seed-b6a97670/lockstep/examples/market"
	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/witness"
)

// Options of a demo.
type Options struct {
	Dir string // for the journal
	Log *slog.Logger
	// All starts every network of the catalogue that is in use and can hold a dispatcher, not three.
	All bool
	// Say is told what happens, a line at a time; calls do not overlap.
	Say func(string)
}

// Result is one document about a demo. Root is what the last step made active; everything under Networks was read from
// the chains by package witness.
type Result struct {
	Root       common.Hash      `json:"root"`
	Consistent bool             `json:"consistent"` // every network runs Root at the same address with the same code
	Networks   []witness.Report `json:"networks"`
	Steps      []Step           `json:"steps"`
}

// Step is what one step cost, summed over the networks.
type Step struct {
	Name         string  `json:"name"`
	Transactions int     `json:"transactions"`
	Blocks       int     `json:"blocks"`
	GasUsed      uint64  `json:"gasUsed"`
	Seconds      float64 `json:"seconds"` // by the clock of this machine
}

// Demo is a running demo.
type Demo struct {
	opts  Options
	nets  map[string]*devnet.Network
	names []string
	keys  map[string]*ecdsa.PrivateKey
	out   *build.Output
	sayMu sync.Mutex
	steps []Step
	// atTimelock is what is done on a network, once in each rollout, when its timelock runs
	mu         sync.Mutex
	atTimelock func(network string, now uint64, until uint64)
}

// accounts of the demo. Their keys follow from their names: they are worth nothing.
var accounts = []string{"deployer", "operator", "guardian", "admin", "alice", "bob", "carol"}

func demoKey(name string) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("lockstep demo " + name)))
	if err != nil {
		panic(err) // a hash that is no key has never been seen
	}
	return key
}

// Start brings the networks up.
func Start(opts Options) (_ *Demo, err error) {
	d := &Demo{opts: opts, nets: map[string]*devnet.Network{}, keys: map[string]*ecdsa.PrivateKey{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	alloc := map[common.Address]*big.Int{}
	for _, name := range accounts {
		d.keys[name] = demoKey(name)
		alloc[d.address(name)] = new(big.Int).Mul(big.NewInt(1000), big.NewInt(params.Ether))
	}
	artifacts, err := fs.Sub(market.Files, "artifacts")
	if err != nil {
		return nil, err
	}
	if d.out, err = build.ReadForge(artifacts); err != nil {
		return nil, err
	}
	cfg, err := d.config("lockstep.yaml")
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var g errgroup.Group
	for _, n := range cfg.Networks {
		d.names = append(d.names, n.Name)
		g.Go(func() error {
			started, err := devnet.Start(devnet.Config{
				ChainID: n.ChainID, Alloc: alloc,
				Code: map[common.Address][]byte{common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c"): evm.ArachnidRuntime},
			})
			if err != nil {
				return fmt.Errorf("start %s: %w", n.Name, err)
			}
			mu.Lock()
			d.nets[n.Name] = started
			mu.Unlock()
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return d, nil
}

// Close stops the networks.
func (d *Demo) Close() error {
	var errs []error
	for _, n := range d.nets {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

// Endpoint is where a network of the demo can be reached.
type Endpoint struct {
	Name    string `json:"name"`
	ChainID uint64 `json:"chainId"`
	URL     string `json:"url"`
}

// Endpoints lists the networks.
func (d *Demo) Endpoints() []Endpoint {
	var out []Endpoint
	for _, name := range d.names {
		out = append(out, Endpoint{name, d.nets[name].ChainID(), d.nets[name].URL()})
	}
	return out
}

func (d *Demo) address(name string) common.Address {
	return crypto.PubkeyToAddress(d.keys[name].PublicKey)
}

func (d *Demo) say(format string, args ...any) {
	d.sayMu.Lock()
	defer d.sayMu.Unlock()
	d.opts.Say(fmt.Sprintf(format, args...))
}

// config reads an example configuration and points it at the networks of the demo.
func (d *Demo) config(name string) (*config.Config, error) {
	text, err := fs.ReadFile(market.Files, name)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Parse("examples/market/"+name, text)
	if err != nil {
		return nil, err
	}
	for _, n := range cfg.Networks {
		delete(cfg.Signers, n.RelayKey)
	}
	if d.opts.All {
		cfg.Networks = nil
		for _, n := range network.All() {
			if n.Usable() {
				cfg.Networks = append(cfg.Networks, config.Network{Network: n})
			}
		}
	}
	for i := range cfg.Networks {
		n := &cfg.Networks[i]
		// blocks are made when there are transactions, so nothing ever gets deeper than one block
		n.Confirmations, n.BlockTime = 1, 0.02
		// and whatever the network charges for data on another chain, geth in process does not
		n.L1Fee = "none"
		// nobody but this process can reach its mempool, and no relay it
		n.Relays, n.RelayKey, n.AllowPublic = nil, "", true
		if running, ok := d.nets[n.Name]; ok {
			n.RPC = []config.Ref{config.Ref(running.URL())}
		}
	}
	return cfg, nil
}

func (d *Demo) journal() string { return filepath.Join(d.opts.Dir, "journal.db") }

// version is one version of the protocol, ready to be deployed.
type version struct {
	app      *app.App
	manifest *manifest.Manifest
	file     []byte
}

func (d *Demo) version(name string) (*version, error) {
	cfg, err := d.config(name)
	if err != nil {
		return nil, err
	}
	signers := map[string]*signer.Signer{}
	for name := range cfg.Signers {
		signers[name] = signer.FromKey(d.address(name), d.keys[name])
	}
	a, err := app.New(app.Options{
		Config: cfg, Journal: d.journal(), Signers: signers, Log: d.opts.Log, Progress: d.progress,
	})
	if err != nil {
		return nil, err
	}
	m, err := a.BuildManifestFrom(d.out)
	if err != nil {
		return nil, err
	}
	file, err := manifest.Encode(m)
	if err != nil {
		return nil, err
	}
	return &version{a, m, file}, nil
}

// progress shows what happens on the networks.
func (d *Demo) progress(e app.Event) {
	switch e.Kind {
	case "confirmed", "reverted":
		d.say("    %-16s %-34s block %-4d %9d gas", e.Network, e.Step, e.Tx.BlockNumber, e.Tx.GasUsed)
	case "waiting":
		d.mu.Lock()
		f := d.atTimelock
		d.mu.Unlock()
		f(e.Network, e.Now.Time, e.Until)
	}
}
