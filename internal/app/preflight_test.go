package app_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	market "github.com/seed-b6a97670/lockstep/examples/market"
	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

const goodID, badID = 31337, 31338

// pair is the example on two networks, one of which is good.
type pair struct {
	*world
	bad *devnet.Network
	app *app.App
	m   *manifest.Manifest
}

// newPair starts the second network with what change makes of its settings; more is added to its entry in the configuration.
func newPair(t *testing.T, more string, change func(p *pair, c *devnet.Config)) *pair {
	t.Helper()
	p := &pair{world: newWorld(t)}
	arachnid := common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c")
	cfg := devnet.Config{
		ChainID: badID, Alloc: map[common.Address]*big.Int{p.address("deployer"): big.NewInt(params.Ether)},
		Code: map[common.Address][]byte{arachnid: evm.ArachnidRuntime},
	}
	text, err := fs.ReadFile(market.Files, "lockstep.yaml")
	if err != nil {
		t.Fatal(err)
	}
	open := func(url string) (*app.App, error) {
		head, _, _ := strings.Cut(string(text), "\nnetworks:")
		_, tail, _ := strings.Cut(string(text), "\nsigners:")
		parsed, err := config.Parse("lockstep.yaml", fmt.Appendf(nil, "%s\nnetworks:\n"+
			"  - {name: good, chainId: %d, kind: local, rpc: [%q]}\n  - {name: bad, chainId: %d, kind: local, rpc: [%q]%s}\n\nsigners:%s",
			head, goodID, p.net.URL(), badID, url, more, tail))
		if err != nil {
			return nil, err
		}
		signers := map[string]*signer.Signer{}
		for s := range parsed.Signers {
			signers[s] = signer.FromKey(p.address(s), p.keys[s])
		}
		return app.New(app.Options{Config: parsed, Journal: filepath.Join(p.dir, "journal.db"), Signers: signers})
	}
	if p.app, err = open("http://127.0.0.1:1"); err != nil { // for the manifest: its addresses do not depend on endpoints
		t.Fatal(err)
	}
	if p.m, err = p.app.BuildManifestFrom(p.out); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(p, &cfg)
	}
	if p.bad, err = devnet.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.bad.Close(); err != nil {
			t.Error(err)
		}
	})
	if p.app, err = open(p.bad.URL()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.app.Close() })
	return p
}

// mustHaveSentNothing looks at the good network, to which a deployment could have sent.
func (p *pair) mustHaveSentNothing() {
	p.t.Helper()
	eth, err := ethclient.Dial(p.net.URL())
	if err != nil {
		p.t.Fatal(err)
	}
	defer eth.Close()
	nonce, err := eth.PendingNonceAt(p.t.Context(), p.address("deployer"))
	if err != nil || nonce != 0 {
		p.t.Errorf("the deployer has sent %d transactions to the good network (%v), want none", nonce, err)
	}
}

func TestPreflightRefusesAllForOne(t *testing.T) {
	for name, c := range map[string]struct {
		more   string
		change func(p *pair, c *devnet.Config)
		after  func(p *pair)
		want   string
	}{
		"no factory": {change: func(_ *pair, c *devnet.Config) { c.Code = nil }, want: "arachnid"},
		"factory with other code": {change: func(_ *pair, c *devnet.Config) {
			for a := range c.Code {
				c.Code[a] = []byte{0x60, 0x00}
			}
		}, want: "arachnid"},
		"other code at an address": {change: func(p *pair, c *devnet.Config) {
			c.Code[p.m.Facets[0].Address] = []byte{0x60, 0x00}
		}, want: "stands code with hash"},
		"poor deployer": {change: func(p *pair, c *devnet.Config) {
			c.Alloc[p.address("deployer")] = big.NewInt(1000)
		}, want: "fund it"},
		"gas cap":                   {more: ", gasCap: 700000", want: "deploy extension needs"},
		"foreign transaction":       {after: func(p *pair) { p.stuck(p.bad.URL()) }, want: "has 1 transactions that wait for a block and are not in the journal"},
		"journal ahead":             {after: func(p *pair) { p.journalled() }, want: "used 8 nonces by the journal"},
		"no oracle of the data fee": {more: ", l1Fee: opstack", want: "l1Fee"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, c.more, c.change)
			if c.after != nil {
				c.after(p)
			}
			for _, dryRun := range []bool{true, false} {
				outcomes, err := p.app.Deploy(p.ctx(), p.m, dryRun)
				if err == nil || !strings.Contains(err.Error(), "bad: ") || !strings.Contains(err.Error(), c.want) ||
					!strings.Contains(err.Error(), "nothing was sent") || strings.Contains(err.Error(), "good: ") {
					t.Errorf("dry run %v: got %v, want a refusal of the bad network that says %q", dryRun, err, c.want)
				}
				if len(outcomes) != 2 || outcomes[0].Preflight.Transactions == 0 {
					t.Errorf("dry run %v: outcomes %+v", dryRun, outcomes)
				}
			}
			p.mustHaveSentNothing()
		})
	}
}

// stuck leaves a transaction of the deployer in the pool: its fee is below the base fee.
func (p *pair) stuck(url string) {
	p.t.Helper()
	eth, err := ethclient.Dial(url)
	if err != nil {
		p.t.Fatal(err)
	}
	defer eth.Close()
	to := p.address("outsider")
	tx, err := types.SignNewTx(p.keys["deployer"], types.LatestSignerForChainID(big.NewInt(badID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(badID), Gas: 21_000, GasFeeCap: big.NewInt(2), GasTipCap: big.NewInt(1), To: &to,
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if err := eth.SendTransaction(p.t.Context(), tx); err != nil {
		p.t.Fatal(err)
	}
}

// journalled writes what the bad network does not know into the journal, as if it had been reset.
func (p *pair) journalled() {
	p.t.Helper()
	s, err := store.Open(p.t.Context(), filepath.Join(p.dir, "journal.db"), "test")
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	added, err := s.Add(p.t.Context(), []rollout.Transaction{
		{ChainID: badID, Signer: p.address("deployer"), Nonce: 7, Step: "old", Hash: common.Hash{7}, Raw: []byte{2}},
	}, rollout.Mark{})
	if err != nil {
		p.t.Fatal(err)
	}
	added[0].Status, added[0].BlockNumber = rollout.Confirmed, 1
	if err := s.Finish(p.t.Context(), added[0]); err != nil {
		p.t.Fatal(err)
	}
}

func TestPreflightTellsWhatWillHappen(t *testing.T) {
	p := newPair(t, "", nil)
	planned, err := p.app.Deploy(p.ctx(), p.m, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range planned {
		pre := o.Preflight
		if o.Status != "planned" || pre.Transactions != len(o.Steps) || pre.Transactions < 10 || pre.Rough != 0 || pre.Nonce != 0 || len(pre.Problems) != 0 {
			t.Errorf("%s: %s, %+v with %d steps", o.Network, o.Status, pre, len(o.Steps))
		}
	}
	done, err := p.app.Deploy(p.ctx(), p.m, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range done {
		pre := planned[i].Preflight
		if len(o.Transactions) != pre.Transactions || o.GasUsed > pre.Gas || o.GasUsed < pre.Gas*3/4 {
			t.Errorf("%s: %d transactions with %d gas; %d with limits of %d were foreseen", o.Network, len(o.Transactions), o.GasUsed,
				pre.Transactions, pre.Gas)
		}
		eth, err := ethclient.Dial([]string{p.net.URL(), p.bad.URL()}[i])
		if err != nil {
			t.Fatal(err)
		}
		balance, err := eth.BalanceAt(t.Context(), p.address("deployer"), nil)
		eth.Close()
		spent := new(big.Int).Sub(&pre.Balance.Int, balance)
		if err != nil || spent.Sign() <= 0 || spent.Cmp(&pre.Cost.Int) > 0 {
			t.Errorf("%s: spent %s wei (%v), at most %s were foreseen", o.Network, spent, err, pre.Cost)
		}
	}
	// again: nothing is left to do
	again, err := p.app.Deploy(p.ctx(), p.m, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range again {
		if o.Preflight.Transactions != 0 || o.Preflight.Gas != 0 || o.Preflight.Nonce == 0 {
			t.Errorf("%s: %+v, want nothing to do", o.Network, o.Preflight)
		}
	}
}

func TestNothingIsSentWithoutConsent(t *testing.T) {
	w := newWorld(t)
	v := w.versionWith("lockstep.yaml", func(o *app.Options) {
		o.Confirm = func(_ context.Context, planned []app.Outcome) error {
			if len(planned) != 1 || planned[0].Preflight.Transactions == 0 {
				t.Errorf("asked about %+v", planned)
			}
			return errors.New("no")
		}
	})
	if _, err := v.Deploy(w.ctx(), v.m, false); err == nil || err.Error() != "no" {
		t.Fatalf("got %v, want the refusal", err)
	}
	if nonce := w.nonce("deployer"); nonce != 0 {
		t.Errorf("%d transactions were sent", nonce)
	}
}

func (w *world) nonce(name string) uint64 {
	w.t.Helper()
	eth, err := ethclient.Dial(w.net.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	defer eth.Close()
	var nonce hexutil.Uint64
	if err := eth.Client().CallContext(w.t.Context(), &nonce, "eth_getTransactionCount", w.address(name), "pending"); err != nil {
		w.t.Fatal(err)
	}
	return uint64(nonce)
}

// TestPagesFitTheLowestGasCap: nobody said how large pages are, and one network takes small transactions only.
func TestPagesFitTheLowestGasCap(t *testing.T) {
	for more, want := range map[string]int{"": 50, ", gasCap: 400000": 13, ", gasCap: 300000": 8} {
		p := newPair(t, more, nil)
		if p.m.PageSize != want {
			t.Errorf("gas cap %q: pages of %d routes, want %d", more, p.m.PageSize, want)
		}
	}
}
