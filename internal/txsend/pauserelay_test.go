package txsend_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/localnode"
	"github.com/seed-b6a97670/lockstep/internal/localrelay"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// overheard counts what a network's endpoints are given.
type overheard struct {
	*chain.Client
	given *atomic.Int32
}

func (o overheard) SendAll(ctx context.Context, tx *types.Transaction, told func(chain.Reply)) error {
	o.given.Add(1)
	return o.Client.SendAll(ctx, tx, told)
}

func (o overheard) Send(context.Context, *types.Transaction) error {
	o.given.Add(1)
	return errors.New("public")
}

// relayed is a pauser whose network has two relays, and makes no block by itself.
func (r *pauseRig) relayed(n *localnode.Node, direct bool) (cfg txsend.PauserConfig, local *localrelay.Relay, given *atomic.Int32) {
	r.t.Helper()
	ethers, err := filepath.Abs(filepath.Join("..", "..", "e2e", "ethers", "node_modules", "ethers"))
	if err != nil {
		r.t.Fatal(err)
	}
	if local, err = localrelay.Start(ethers, n.URL, "secret"); err != nil {
		r.t.Fatalf("%v (is make setup done?)", err)
	}
	r.t.Cleanup(func() { _ = local.Stop() })
	auth, err := relay.NewFlashbots(relay.FlashbotsConfig{Name: "one", URL: local.URL, Signer: signer.FromKey(crypto.PubkeyToAddress(otherKey.PublicKey), otherKey)})
	if err != nil {
		r.t.Fatal(err)
	}
	raw, err := relay.NewRPC(relay.RPCConfig{Name: "two", URL: local.URL + "/raw"})
	if err != nil {
		r.t.Fatal(err)
	}
	router, err := relay.NewRouter(relay.Config{
		Network: "test", ChainID: r.id, Privacy: network.Relay, Relays: []relay.Relay{auth, raw}, Records: records{r.journal},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	given = new(atomic.Int32)
	cfg = r.config("one", r.journal, r.chain)
	cfg.Relays, cfg.Direct, cfg.Chain = router, direct, overheard{r.chain, given}
	return cfg, local, given
}

func asked(t *testing.T, local *localrelay.Relay) (methods []string) {
	t.Helper()
	log, err := local.Log(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range log {
		method, _, err := l.Call()
		if err != nil {
			t.Fatal(err)
		}
		methods = append(methods, method)
	}
	slices.Sort(methods)
	return methods
}

// TestPauseStaysPrivate: all relays are given it at once, and the endpoints nothing, unless the policy makes the exception.
func TestPauseStaysPrivate(t *testing.T) {
	for name, public := range map[string]bool{"private": false, "public": true} {
		t.Run(name, func(t *testing.T) {
			r, n := newAnvilPauseRig(t)
			r.mining(n.RPC, false)
			cfg, local, given := r.relayed(n, public)
			p := r.armed(cfg)
			d := r.order(p)
			if d.Outcome != rollout.PauseSent || d.Took == 0 {
				t.Fatalf("%+v", d)
			}
			want := []string{"eth_sendPrivateTransaction", "eth_sendRawTransaction"}
			r.until("both relays were asked", func() bool { return len(asked(t, local)) >= 2 })
			if got := asked(t, local); !slices.Equal(got, want) {
				t.Errorf("relays were asked %v, want %v", got, want)
			}
			if waiting := r.used(); waiting != map[bool]uint64{true: 1}[public] {
				t.Errorf("everybody sees %d transactions", waiting)
			}
			if _, _, err := local.Mine(t.Context()); err != nil {
				t.Fatal(err)
			}
			if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded || !r.isPaused() {
				t.Errorf("%+v", end)
			}
			if got := given.Load(); (got > 0) != public {
				t.Errorf("endpoints were given %d transactions", got)
			}
		})
	}
}

// TestRelaysThatFailKeepItPrivate: no failure of relays makes a pause public, and one that comes back is given it.
func TestRelaysThatFailKeepItPrivate(t *testing.T) {
	r, n := newAnvilPauseRig(t)
	r.mining(n.RPC, false)
	cfg, local, given := r.relayed(n, false)
	p := r.armed(cfg)
	if err := local.Control(t.Context(), localrelay.Control{Fault: "500"}); err != nil {
		t.Fatal(err)
	}
	d, err := p.Pause(t.Context(), alert("codehash_mismatch"), time.Now())
	if err == nil || !strings.Contains(err.Error(), "nobody has taken it yet") || d.Outcome != rollout.PauseSent {
		t.Fatalf("%+v, %v", d, err)
	}
	if err := local.Control(t.Context(), localrelay.Control{}); err != nil {
		t.Fatal(err)
	}
	r.mine(n.RPC) // relays that did not answer are asked again once a block
	r.until("a relay has it", func() bool {
		_, landed, err := local.Mine(t.Context())
		return err == nil && len(landed) > 0
	})
	if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded || given.Load() != 0 || r.used() != 1 {
		t.Errorf("%+v, endpoints were given %d", end, given.Load())
	}
}

// TestOneRelayHangs: the other one has it at once.
func TestOneRelayHangs(t *testing.T) {
	r, n := newAnvilPauseRig(t)
	r.mining(n.RPC, false)
	cfg, local, _ := r.relayed(n, false)
	p := r.armed(cfg)
	if err := local.Control(t.Context(), localrelay.Control{Fault: "slow", Delay: 60_000, Of: []string{"/"}}); err != nil {
		t.Fatal(err)
	}
	d := r.order(p)
	if d.Outcome != rollout.PauseSent || d.Took >= 10_000 {
		t.Fatalf("%+v: a relay has 10 s to answer", d)
	}
	if _, _, err := local.Mine(t.Context()); err != nil {
		t.Fatal(err)
	}
	if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded {
		t.Errorf("%+v", end)
	}
}
