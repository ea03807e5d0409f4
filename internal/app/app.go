// Package app wires the program: it is the only package that knows the adapters together.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/lease"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// Version of the program; a manifest tells which one wrote it.
const Version = "0.1.0"

// Event is something that happened on a network, for whoever shows progress.
type Event struct {
	Network string
	Kind    string // sent, confirmed, reverted, waiting, held, unreachable, busy, stuck, done, failed
	Step    string
	Tx      rollout.Transaction
	Now     rollout.Block // of waiting
	Until   uint64        // of waiting: unix seconds of block time
}

// Options of an App.
type Options struct {
	Config  *config.Config
	Journal string // path of the SQLite file
	// Careful and BatchDelay are as in the configuration, but for one command; the larger of both is used.
	Careful    bool
	BatchDelay time.Duration
	// Networks restricts the work to some networks of the configuration; all if empty.
	Networks []string
	// Signers replaces signers of the configuration by name.
	Signers  map[string]*signer.Signer
	Log      *slog.Logger // may be nil
	Progress func(Event)  // called from several goroutines; may be nil
	Record   string       // a file to which Serve adds everything that is seen; empty for none
	// Confirm is asked with what a deployment will do and cost, before the first transaction; nil agrees.
	Confirm func(context.Context, []Outcome) error
	// Relayed is told what was measured of relays, when it is in the journal; called from several goroutines; may be nil.
	Relayed func(relay.Measurement)
}

// App is the program for one configuration.
type App struct {
	opts     Options
	cfg      *config.Config
	networks []*net
	store    *store.Store
	leases   *lease.Keeper // of the journal
	holder   string        // this process, to whom leases belong

	signersMu sync.Mutex
	signers   map[string]*signer.Signer // that are open

	// examined is told what a check of a network's health has seen of its dispatcher; it may be nil
	examined func(NetworkStatus)

	// revoked is what is looked up of revocations before anything is sent, while a plan is carried out; nil if nothing is
	revoked func() []plan.Approval

	manifestsMu sync.Mutex
	manifests   map[common.Hash]*manifest.Manifest // of the journal, by root

	plansMu sync.Mutex
	plans   map[common.Hash]*plan.Plan // of the journal
}

// net is one network with its client.
type net struct {
	config.Network
	chain *chain.Client

	routerMu sync.Mutex
	router   *relay.Router // nil until it is needed
}

// New checks which networks are meant. Nothing is connected yet.
func New(opts Options) (*App, error) {
	a := &App{opts: opts, cfg: opts.Config, signers: map[string]*signer.Signer{}, plans: map[common.Hash]*plan.Plan{}, manifests: map[common.Hash]*manifest.Manifest{}}
	if a.opts.Progress == nil {
		a.opts.Progress = func(Event) {}
	}
	if a.opts.Confirm == nil {
		a.opts.Confirm = func(context.Context, []Outcome) error { return nil }
	}
	if a.opts.Log == nil {
		a.opts.Log = slog.New(slog.DiscardHandler)
	}
	for name, s := range opts.Signers {
		a.signers[name] = s
	}
	all, chosen := len(opts.Networks) == 0, map[string]bool{}
	for _, name := range opts.Networks {
		chosen[name] = true
	}
	for _, n := range a.cfg.Networks {
		if all || chosen[n.Name] {
			a.networks = append(a.networks, &net{Network: n})
		}
		delete(chosen, n.Name)
	}
	for name := range chosen {
		return nil, fmt.Errorf("network %s is not in %s; it has %s", name, a.cfg.File, strings.Join(a.names(), ", "))
	}
	return a, nil
}

func (a *App) names() []string {
	var out []string
	for _, n := range a.cfg.Networks {
		out = append(out, n.Name)
	}
	return out
}

// Networks returns the networks that the work is restricted to.
func (a *App) Networks() []network.Network {
	out := make([]network.Network, len(a.networks))
	for i, n := range a.networks {
		out[i] = n.Network.Network
	}
	return out
}

// Close ends connections and closes the journal.
func (a *App) Close() error {
	for _, n := range a.networks {
		if n.chain != nil {
			n.chain.Close()
		}
	}
	if a.store != nil {
		a.leases.Close()
		return a.store.Close()
	}
	return nil
}

// connect makes the clients of all networks; every endpoint is a reference that must resolve.
func (a *App) connect() error {
	var problems []error
	for _, n := range a.networks {
		if n.chain != nil {
			continue
		}
		var urls []string
		for _, ref := range n.RPC {
			u, err := a.cfg.Resolve(ref)
			if err != nil {
				problems = append(problems, fmt.Errorf("network %s: rpc: %w", n.Name, err))
				continue
			}
			urls = append(urls, u)
		}
		if len(urls) == 0 {
			continue
		}
		client, err := chain.New(chain.Config{Name: n.Name, ChainID: n.ChainID, URLs: urls, L1Fee: n.L1Fee, Legacy: n.LegacyFees})
		if err != nil {
			problems = append(problems, err)
			continue
		}
		n.chain = client
	}
	return errors.Join(problems...)
}

// open connects and opens the journal.
func (a *App) open(ctx context.Context) error {
	if err := a.connect(); err != nil {
		return err
	}
	return a.openJournal(ctx)
}

func (a *App) openJournal(ctx context.Context) error {
	if a.store != nil {
		return nil
	}
	holder, err := lease.Holder()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, a.opts.Journal, a.cfg.Project)
	if err != nil {
		return err
	}
	a.store, a.leases, a.holder = s, lease.NewKeeper(s, holder, a.opts.Log), holder
	return a.keepMainnets(ctx)
}

// signer returns a signer of the configuration by name.
func (a *App) signer(name string) (*signer.Signer, error) {
	// several networks may be the first to need it
	a.signersMu.Lock()
	defer a.signersMu.Unlock()
	if s, ok := a.signers[name]; ok {
		return s, nil
	}
	sc, ok := a.cfg.Signers[name]
	if !ok {
		return nil, fmt.Errorf("signer %s is not in %s", name, a.cfg.File)
	}
	if sc.Keystore == "" {
		return nil, fmt.Errorf("signer %s has no keystore in %s: it cannot sign here", name, a.cfg.File)
	}
	s, err := signer.OpenKeystore(a.cfg.Path(sc.Keystore), func() (string, error) { return a.cfg.Resolve(sc.Password) })
	if err != nil {
		return nil, fmt.Errorf("signer %s: %w", name, err)
	}
	if sc.Address != (common.Address{}) && sc.Address != s.Address() {
		return nil, fmt.Errorf("signer %s: its keystore is of %s, the configuration says %s", name, s.Address(), sc.Address)
	}
	a.signers[name] = s
	return s, nil
}

// isOpen tells whether a signer is open already.
func (a *App) isOpen(name string) bool {
	a.signersMu.Lock()
	defer a.signersMu.Unlock()
	return a.signers[name] != nil
}

// addressOf returns the address of a signer without unlocking it.
func (a *App) addressOf(name string) (common.Address, error) {
	// a machine that only watches, or only pauses, has no key file of the deployer
	if sc, ok := a.cfg.Signers[name]; ok && sc.Address != (common.Address{}) && !a.isOpen(name) {
		return sc.Address, nil
	}
	s, err := a.signer(name)
	if err != nil {
		return common.Address{}, err
	}
	return s.Address(), nil
}

// account returns the address of a role holder.
func (a *App) account(acc config.Account) (common.Address, error) {
	if acc.Signer == "" {
		return acc.Address, nil
	}
	return a.addressOf(acc.Signer)
}

// signerFor returns the name of the signer that sends for a role: the first of the role's holders that can sign here.
func (a *App) signerFor(role rollout.Role) (string, error) {
	if role == rollout.Deployer {
		return a.cfg.Dispatcher.Deployer, nil
	}
	for _, acc := range a.cfg.Dispatcher.Roles[string(role)] {
		if acc.Signer != "" && (a.isOpen(acc.Signer) || a.cfg.Signers[acc.Signer].Keystore != "") {
			return acc.Signer, nil
		}
	}
	return "", fmt.Errorf("nobody in dispatcher.roles.%s of %s can sign here: name a signer with a keystore", role, a.cfg.File)
}

// unlock returns the signer of each role, ready to sign.
func (a *App) unlock(roles ...rollout.Role) (map[rollout.Role]*signer.Signer, error) {
	out := map[rollout.Role]*signer.Signer{}
	for _, role := range roles {
		name, err := a.signerFor(role)
		if err != nil {
			return nil, err
		}
		s, err := a.signer(name)
		if err != nil {
			return nil, err
		}
		if err := s.Unlock(); err != nil {
			return nil, fmt.Errorf("signer %s: %w", name, err)
		}
		out[role] = s
	}
	return out, nil
}

// factory is the CREATE2 factory of the configuration.
func (a *App) factory() manifest.Factory { return manifest.Factory(a.cfg.Factory) }

// deployment computes the dispatcher of the configuration.
func (a *App) deployment() (dispatcher.Deployment, error) {
	deployer, err := a.addressOf(a.cfg.Dispatcher.Deployer)
	if err != nil {
		return dispatcher.Deployment{}, err
	}
	return dispatcher.NewDeployment(a.factory(), a.cfg.Salt, a.cfg.Dispatcher.Delay, deployer)
}

// Dispatcher is the address of the dispatcher on every network.
func (a *App) Dispatcher() (common.Address, error) {
	d, err := a.deployment()
	return d.Address, err
}

// BuildManifest makes the manifest of the configuration from the build output.
func (a *App) BuildManifest() (*manifest.Manifest, error) {
	out, err := build.Read(a.cfg.Dir, build.Location(a.cfg.Build))
	if err != nil {
		return nil, err
	}
	return a.BuildManifestFrom(out)
}

// BuildManifestFrom is BuildManifest with a build output that was read already.
func (a *App) BuildManifestFrom(out *build.Output) (*manifest.Manifest, error) {
	if create2.Owner(a.cfg.Factory.Name, a.cfg.Salt) != (common.Address{}) {
		// whether that is the deployer is only known with the deployer's address
		if _, err := a.deployment(); err != nil {
			return nil, err
		}
	}
	spec := manifest.Spec{
		Project: a.cfg.Project, Tool: "lockstep " + Version, Factory: a.factory(), Salt: a.cfg.Salt, PageSize: a.pageSize(),
	}
	for _, n := range a.cfg.Networks {
		spec.Networks = append(spec.Networks, manifest.Network{Name: n.Name, ChainID: n.ChainID})
	}
	// every contract that is missing is named, not only the first
	var problems []error
	for _, f := range a.cfg.Facets {
		art, err := out.Find(f.Contract)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s:%d: %w", a.cfg.File, f.Line, err))
			continue
		}
		spec.Facets = append(spec.Facets, manifest.FacetSpec{Artifact: art, Args: f.Args, Include: f.Include, Exclude: f.Exclude})
	}
	if i := a.cfg.Init; i != nil {
		art, err := out.Find(i.Contract)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s:%d: %w", a.cfg.File, i.Line, err))
		}
		spec.Init = &manifest.InitSpec{Artifact: art, Args: i.Args, Function: i.Function, CallArgs: i.CallArgs}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return manifest.Build(spec, evm.Runner{}, Rules())
}

// pageSize is that of the configuration, or as many routes as the gas cap of every network allows, up to the default.
func (a *App) pageSize() int {
	if a.cfg.PageSize > 0 {
		return a.cfg.PageSize
	}
	size := manifest.DefaultPageSize
	for _, n := range a.cfg.Networks {
		size = min(size, dispatcher.RoutesWithin(n.GasCap))
	}
	return max(size, 1)
}

// Rules are what manifests are checked against, whatever the configuration: any factory of the catalogue will do.
func Rules() manifest.Rules {
	rules := manifest.Rules{Reserved: dispatcher.Reserved()}
	for _, f := range network.Factories() {
		rules.Factories = append(rules.Factories, manifest.Factory(f))
	}
	return rules
}

// VerifyManifest computes a manifest again from the file alone.
func VerifyManifest(file []byte) (*manifest.Manifest, []manifest.Difference, error) {
	return manifest.Verify(file, evm.Runner{}, Rules())
}

// sender returns what sends for a signer on a network.
func (a *App) sender(n *net, s txsend.Signer) *txsend.Sender { return txsend.New(a.sends(n, s)) }

func (a *App) sends(n *net, s txsend.Signer) txsend.Config {
	cfg := a.sendingOf(n, s)
	cfg.Relays, cfg.StuckAfter, cfg.Approval = a.relays(n), n.stuckAfter(), a.approval(n)
	cfg.Careful, cfg.BatchDelay = a.cfg.Sending.Careful || a.opts.Careful, max(a.cfg.Sending.BatchDelay, a.opts.BatchDelay)
	cfg.Check = func(ctx context.Context, tx *types.Transaction) error { return mustNotReplace(ctx, n, tx) }
	return cfg
}

// sendingOf is how transactions of a signer are sent on a network, whatever they are for.
func (a *App) sendingOf(n *net, s txsend.Signer) txsend.Config {
	return txsend.Config{
		Chain: n.chain, Signer: s, Journal: a.store, Confirmations: n.Confirmations, GasCap: n.GasCap, Poll: n.poll(), MaxFee: n.MaxFee,
		Mainnet: n.Kind == network.Mainnet, Explain: dispatcher.ExplainRevert,
		Sent: func(t rollout.Transaction) {
			a.opts.Progress(Event{Network: n.Name, Kind: "sent", Step: t.Step, Tx: t})
		},
		Stuck: func(t rollout.Transaction, err error) {
			a.opts.Progress(Event{Network: n.Name, Kind: "stuck", Step: fmt.Sprintf("%s: %v", t.Step, err), Tx: t})
		},
		Kept: func(t rollout.Transaction, err error) {
			a.opts.Log.Info("relays may still have what was replaced; whichever lands tells", "network", n.Name, "tx", t.Hash, "err", err)
		},
		Final: func(t rollout.Transaction) {
			a.opts.Progress(Event{Network: n.Name, Kind: string(t.Status), Step: t.Step, Tx: t})
		},
	}
}

// mustNotReplace refuses to send a commit that would take the place of a root which somebody else has committed since it
// was decided: perhaps long ago, if the program was killed before it could send.
func mustNotReplace(ctx context.Context, n *net, tx *types.Transaction) error {
	if !dispatcher.Commits(tx) {
		return nil
	}
	at, err := n.chain.Head(ctx)
	if err != nil {
		return err
	}
	other, err := dispatcher.Replaces(ctx, n.chain, at.Hash, tx)
	if err != nil || other == (common.Hash{}) {
		return err
	}
	return fmt.Errorf("it is signed, and not sent, because root %s is pending, which it would replace: find out who committed "+
		"that; lockstep cancel takes that back, lockstep transaction drop takes this back", other)
}

// poll is how often a network is asked for news: thrice a block, within bounds.
func (n *net) poll() time.Duration {
	if n.Kind == network.Local {
		return 20 * time.Millisecond
	}
	return min(max(time.Duration(n.BlockTime*float64(time.Second))/3, 20*time.Millisecond), 4*time.Second)
}
