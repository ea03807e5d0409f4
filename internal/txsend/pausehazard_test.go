package txsend_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// childPauser makes the test binary a process that pauses, and is killed between the journal and the network.
const childPauser = "LOCKSTEP_PAUSE_TEST"

func TestMain(m *testing.M) {
	if setting := os.Getenv(childPauser); setting != "" {
		pauseAndHang(strings.Split(setting, "|"))
	}
	os.Exit(m.Run())
}

// hangs says that it was asked to send something, and does not.
type hangs struct{ *chain.Client }

func (hangs) SendAll(context.Context, *types.Transaction, func(chain.Reply)) error {
	_, _ = os.Stdout.WriteString("about to send\n")
	select {}
}

func pauseAndHang(setting []string) {
	ctx := context.Background()
	s, err := store.Open(ctx, setting[0], "test")
	if err != nil {
		panic(err)
	}
	c, err := chain.New(chain.Config{Name: "test", ChainID: chainID, URLs: []string{setting[1]}})
	if err != nil {
		panic(err)
	}
	r := &pauseRig{rig: &rig{id: chainID}, dispatcher: common.HexToAddress(setting[2])}
	cfg := r.config("child", s, c)
	cfg.Chain = hangs{c}
	p := txsend.NewPauser(cfg)
	go p.Run(ctx)
	_, err = p.Pause(ctx, alert("codehash_mismatch"), time.Now())
	panic(err)
}

// TestKilledBeforeTheBroadcast kills a process that has the pause in the journal: the next one sends that very transaction.
func TestKilledBeforeTheBroadcast(t *testing.T) {
	r := newPauseRig(t, chainID)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childPauser+"="+strings.Join([]string{r.path, r.url, r.dispatcher.Hex()}, "|"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "about to send\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	before := r.transactions(r.journal)
	if len(before) != 1 || before[0].Status != rollout.Released || r.used() != 0 {
		t.Fatalf("journal %+v, %d sent", before, r.used())
	}
	p, _ := r.run(r.config("next", r.journal, r.chain))
	p.Follow()
	end := r.ended(1)
	after := r.transactions(r.journal)
	if end.Outcome != rollout.PauseLanded || len(after) != 1 || after[0].Hash != before[0].Hash || after[0].Status != rollout.Confirmed || !r.isPaused() {
		t.Errorf("%+v, journal %+v", end, after)
	}
	if report, err := r.journal.VerifyAudit(t.Context(), nil); err != nil || !report.Sound() {
		t.Errorf("audit log: %+v, %v", report.Problems, err)
	}
}

// TestEndpointsThatMisbehave: with one good endpoint of three, whatever the others do, the pause is out at once. None of them is waited for.
func TestEndpointsThatMisbehave(t *testing.T) {
	for _, fault := range badnode.All() {
		t.Run(string(fault), func(t *testing.T) {
			r := newPauseRig(t, chainID)
			var urls []string
			for range 2 {
				bad, err := badnode.Start(t.Context(), r.url, badnode.Always(fault))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(bad.Close)
				urls = append(urls, bad.URL)
			}
			c, err := chain.New(chain.Config{Name: "test", ChainID: r.id, URLs: append(urls, r.url), Timeout: 3 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			p := r.armed(r.config("one", r.journal, c))
			d := r.order(p)
			if d.Outcome != rollout.PauseSent || d.Took == 0 {
				t.Fatalf("%+v", d)
			}
			if waited := 3 * time.Second; time.Duration(d.Took)*time.Millisecond >= waited {
				t.Errorf("it took %d ms: an endpoint was waited for that is given %s", d.Took, waited)
			}
			if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded {
				t.Errorf("%+v", end)
			}
		})
	}
}

// TestAllEndpointsRefuse: the order says so, and the pause is out when one takes it again.
func TestAllEndpointsRefuse(t *testing.T) {
	r := newPauseRig(t, chainID)
	var mu sync.Mutex
	fault := badnode.None
	set := func(f badnode.Fault) { mu.Lock(); fault = f; mu.Unlock() }
	bad, err := badnode.Start(t.Context(), r.url, func(string) badnode.Fault { mu.Lock(); defer mu.Unlock(); return fault })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bad.Close)
	p := r.armed(r.config("one", r.journal, r.client(bad.URL)))
	set(badnode.Down)
	d, err := p.Pause(t.Context(), alert("codehash_mismatch"), time.Now())
	if err == nil || !strings.Contains(err.Error(), "nobody has taken it yet") || d.Outcome != rollout.PauseSent || d.Took != 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	set(badnode.None)
	if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded || !r.isPaused() {
		t.Errorf("%+v", end)
	}
}

func (r *pauseRig) mining(n caller, on bool) {
	r.t.Helper()
	if err := n.CallContext(r.t.Context(), nil, "evm_setAutomine", on); err != nil {
		r.t.Fatal(err)
	}
}

func (r *pauseRig) mine(n caller) {
	r.t.Helper()
	if err := n.CallContext(r.t.Context(), nil, "evm_mine"); err != nil {
		r.t.Fatal(err)
	}
}

type caller interface {
	CallContext(ctx context.Context, result any, method string, args ...any) error
}

// TestNotBehindARollout: the applier's transactions are stuck, since they offer less than the base fee, and the pause lands all the same.
func TestNotBehindARollout(t *testing.T) {
	r, n := newAnvilPauseRig(t)
	p := r.armed(r.config("one", r.journal, r.chain))
	r.mining(n.RPC, false)
	sender := r.rig.config()
	sender.StuckAfter, sender.MaxFee = time.Hour, big.NewInt(3*params.GWei)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- txsend.New(sender).Send(ctx, bump("apply 1", "apply 2", "apply 3"), rollout.Mark{}) }()
	r.until("the rollout's queue waits", func() bool {
		waiting, err := r.eth.PendingNonceAt(t.Context(), account)
		return err == nil && waiting == 3
	})
	call(t, n, "anvil_setNextBlockBaseFeePerGas", fmt.Sprintf("0x%x", int64(5*params.GWei)))
	r.mine(n.RPC)
	p.Look(t.Context())
	d := r.order(p)
	call(t, n, "anvil_setNextBlockBaseFeePerGas", fmt.Sprintf("0x%x", int64(5*params.GWei)))
	r.mine(n.RPC)
	if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded {
		t.Errorf("%+v", end)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the rollout: %v", err)
	}
	open := 0
	for _, tx := range r.transactions(r.journal) {
		if tx.Signer == account && tx.Status == rollout.Released {
			open++
		}
	}
	if open != 3 || r.count(t) != 0 {
		t.Errorf("%d of the rollout's transactions are open, %d landed", open, r.count(t))
	}
}

// TestPauseOffersMore: when the base fee passes what it offers, it is replaced within some blocks, until it lands.
func TestPauseOffersMore(t *testing.T) {
	r, n := newAnvilPauseRig(t)
	cfg := r.config("one", r.journal, r.chain)
	cfg.BlockTime = 100 * time.Millisecond
	p := r.armed(cfg)
	r.mining(n.RPC, false)
	d := r.order(p)
	var first types.Transaction
	if err := first.UnmarshalBinary(r.transactions(r.journal)[0].Raw); err != nil {
		t.Fatal(err)
	}
	high := new(big.Int).Add(first.GasFeeCap(), big.NewInt(params.GWei))
	call(t, n, "anvil_setNextBlockBaseFeePerGas", "0x"+high.Text(16))
	r.mine(n.RPC)
	if r.isPaused() {
		t.Fatal("it landed for less than the base fee")
	}
	r.until("it offers more, and lands", func() bool { // it is journalled a moment before the node has it
		call(t, n, "anvil_setNextBlockBaseFeePerGas", "0x"+high.Text(16))
		r.mine(n.RPC)
		return r.isPaused()
	})
	end := r.ended(d.ID)
	all := r.transactions(r.journal)
	last := all[len(all)-1]
	if end.Outcome != rollout.PauseLanded || end.Transaction != last.ID || last.Status != rollout.Confirmed || last.Nonce != first.Nonce() || !r.isPaused() {
		t.Errorf("%+v, journal %+v", end, all)
	}
	if all[0].Status != rollout.Dropped {
		t.Errorf("the first is %s", all[0].Status)
	}
	if report, err := r.journal.VerifyAudit(t.Context(), nil); err != nil || !report.Sound() {
		t.Errorf("audit log: %+v, %v", report.Problems, err)
	}
}

// TestSomebodyElseWasFirst: the dispatcher is paused by people while the pause waits for a block. Its transaction reverts, and that is no failure.
func TestSomebodyElseWasFirst(t *testing.T) {
	r, n := newAnvilPauseRig(t)
	p := r.armed(r.config("one", r.journal, r.chain))
	r.mining(n.RPC, false)
	d := r.order(p)
	r.adminSends(r.dispatcher, calls.PackPause()) // it tips more
	r.mine(n.RPC)
	end := r.ended(d.ID)
	if end.Outcome != rollout.PauseAlready || !strings.Contains(end.Note, "somebody else") || !r.isPaused() {
		t.Errorf("%+v", end)
	}
	if all := r.transactions(r.journal); len(all) != 1 || all[0].Status != rollout.Reverted {
		t.Errorf("journal %+v", all)
	}
}

// TestOpenPauseIsContinued: a second alert sends nothing new while the first pause is in no block, in this process or another one, which takes the
// nonces over.
func TestOpenPauseIsContinued(t *testing.T) {
	r, n := newAnvilPauseRig(t)
	p := r.armed(r.config("one", r.journal, r.chain))
	other := r.armed(r.config("two", r.openJournal(r.path), r.client(r.url)))
	r.mining(n.RPC, false)
	first := r.order(p)
	second := r.order(p)
	third := r.order(other)
	if first.Transaction == 0 || second.Transaction != first.Transaction || third.Transaction != first.Transaction {
		t.Errorf("transactions %d, %d, %d", first.Transaction, second.Transaction, third.Transaction)
	}
	r.mine(n.RPC)
	for _, d := range []rollout.Pause{first, second, third} {
		if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded {
			t.Errorf("%+v", end)
		}
	}
	if all := r.transactions(r.journal); len(all) != 1 || r.used() != 1 {
		t.Errorf("journal %+v, %d used", all, r.used())
	}
}

// TestPauseTakesAPlace: an operator has taken an earlier pause back, and that waits for a block. What is behind it would wait, so the pause takes its
// place.
func TestPauseTakesAPlace(t *testing.T) {
	r, n := newAnvilPauseRig(t)
	cfg := r.config("one", r.journal, r.chain)
	p, stop := r.run(cfg)
	r.until("it is armed", func() bool { return p.Status().Armed })
	r.mining(n.RPC, false)
	d := r.order(p)
	stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	dropping := cfg.Sender
	dropping.Chain, dropping.Journal = r.chain, r.journal
	mark, err := r.journal.Read(t.Context(), r.id, pauser)
	if err != nil {
		t.Fatal(err)
	}
	if err := txsend.New(dropping).Drop(ctx, mark.Open); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("to take it back: %v", err)
	}
	p, _ = r.run(r.config("one", r.journal, r.chain))
	r.until("it is armed", func() bool { return p.Status().Armed })
	again := r.order(p)
	r.mine(n.RPC)
	if end := r.ended(again.ID); end.Outcome != rollout.PauseLanded || !r.isPaused() {
		t.Errorf("%+v", end)
	}
	all := r.transactions(r.journal)
	var statuses []rollout.Status
	for _, tx := range all {
		statuses = append(statuses, tx.Status)
		if tx.Nonce != 0 {
			t.Errorf("nonce %d: %+v", tx.Nonce, tx)
		}
	}
	if want := []rollout.Status{rollout.Dropped, rollout.Dropped, rollout.Confirmed}; !slices.Equal(statuses, want) {
		t.Errorf("journal %v, want %v (%d)", statuses, want, d.ID)
	}
}

// TestPauseTakenBack: what an operator has taken back has failed, and is not sent again.
func TestPauseTakenBack(t *testing.T) {
	r := newPauseRig(t, chainID)
	cfg := r.config("one", r.journal, r.chain)
	_, entry := r.undecided(cfg)
	dropping := cfg.Sender
	dropping.Chain, dropping.Journal = r.chain, r.journal
	if err := txsend.New(dropping).Drop(within(t, 5*time.Second), []rollout.Transaction{entry}); err != nil {
		t.Fatal(err)
	}
	p, _ := r.run(r.config("two", r.journal, r.chain))
	p.Follow()
	if end := r.ended(1); end.Outcome != rollout.PauseFailed || end.Note != "it was taken back" || r.isPaused() {
		t.Errorf("%+v, paused %v", end, r.isPaused())
	}
}

// TestPauseIsFenced: another process takes the nonces over between the journal and the network. This one sends nothing, the other goes on.
func TestPauseIsFenced(t *testing.T) {
	r := newPauseRig(t, chainID)
	cfg := r.config("one", r.journal, r.chain)
	sent := 0
	cfg.Chain = counting{r.chain, &sent}
	take := cfg.Take
	cfg.Take = func(ctx context.Context, seize bool) (*txsend.Tenure, error) {
		tenure, err := take(ctx, seize)
		if err == nil {
			tenure.Journal = seizedAfterDeciding{tenure.Journal, func() {
				if _, err := r.journal.Take(ctx, "two", func(string) bool { return true }, rollout.SignerLease(r.id, pauser)); err != nil {
					t.Error(err)
				}
			}}
		}
		return tenure, err
	}
	p, stop := r.run(cfg)
	r.until("it is armed", func() bool { return p.Status().Armed })
	d, err := p.Pause(t.Context(), alert("codehash_mismatch"), time.Now())
	stop()
	if !errors.Is(err, rollout.ErrFenced) || d.Outcome != rollout.PauseSent || sent != 0 || r.used() != 0 {
		t.Fatalf("%+v, %v; %d sent", d, err, sent)
	}
	other, _ := r.run(r.config("two", r.journal, r.chain))
	other.Follow()
	if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded || r.used() != 1 {
		t.Errorf("%+v, %d used", end, r.used())
	}
}

type counting struct {
	*chain.Client
	sent *int
}

func (c counting) SendAll(ctx context.Context, tx *types.Transaction, told func(chain.Reply)) error {
	*c.sent++
	return c.Client.SendAll(ctx, tx, told)
}

type seizedAfterDeciding struct {
	txsend.PauseJournal
	seize func()
}

func (j seizedAfterDeciding) DecidePause(
	ctx context.Context, d rollout.Pause, most int, t *rollout.Transaction, after rollout.Mark,
) (rollout.Pause, *rollout.Transaction, error) {
	d, entry, err := j.PauseJournal.DecidePause(ctx, d, most, t, after)
	j.seize()
	return d, entry, err
}

// TestPausesInAnHour: people unpause twice, and a third alert within the hour pauses no more. An hour later one does.
func TestPausesInAnHour(t *testing.T) {
	r := newPauseRig(t, chainID)
	p := r.armed(r.config("one", r.journal, r.chain))
	for range 2 {
		if end := r.ended(r.order(p).ID); end.Outcome != rollout.PauseLanded {
			t.Fatalf("%+v", end)
		}
		r.byAdmin(r.dispatcher, calls.PackUnpause())
	}
	d := r.order(p)
	if d.Outcome != rollout.PauseLimited || !strings.Contains(d.Note, "perHour") || d.Transaction != 0 || r.used() != 2 || r.isPaused() {
		t.Errorf("%+v, %d used", d, r.used())
	}
	r.alter("UPDATE pauses SET decided_ms = decided_ms - 3600000 WHERE id = 1")
	if end := r.ended(r.order(p).ID); end.Outcome != rollout.PauseLanded || r.used() != 3 {
		t.Errorf("%+v, %d used", end, r.used())
	}
}

// words is a network whose endpoints say what they are told to about whether the dispatcher is paused.
type words struct {
	*chain.Client
	say []string // of each: yes, no, nothing, or garbage
}

func (w words) CallAll(_ context.Context, _ time.Duration, _ ethereum.CallMsg, told func(chain.Reply)) {
	for _, word := range w.say {
		said := chain.Reply{Endpoint: "one"}
		switch word {
		case "yes":
			said.Out = []byte{1}
		case "no":
			said.Out = []byte{0}
		case "nothing":
			said.Err = errors.New("no answer")
		}
		told(said)
	}
}

// TestWhoSaysThatItIsPaused: an endpoint that lies keeps no pause from being sent, if there is another one.
func TestWhoSaysThatItIsPaused(t *testing.T) {
	r := newPauseRig(t, chainID)
	for _, c := range []struct {
		say  []string
		want rollout.PauseOutcome
	}{
		{[]string{"yes"}, rollout.PauseAlready},
		{[]string{"yes", "yes"}, rollout.PauseAlready},
		{[]string{"yes", "nothing", "yes"}, rollout.PauseAlready},
		{[]string{"no"}, rollout.PauseDryRun},
		{[]string{"yes", "no"}, rollout.PauseDryRun},
		{[]string{"yes", "yes", "no"}, rollout.PauseDryRun},
		{[]string{"yes", "nothing"}, rollout.PauseDryRun},
		{[]string{"yes", "garbage"}, rollout.PauseDryRun},
		{[]string{"nothing", "nothing"}, rollout.PauseDryRun},
		{[]string{"garbage"}, rollout.PauseDryRun},
	} {
		cfg := r.config("one", r.journal, r.chain)
		cfg.Chain, cfg.Mode, cfg.PerHour = words{r.chain, c.say}, rollout.PauseDry, 99
		cfg.Paused = func(out []byte) (bool, error) {
			if len(out) != 1 {
				return false, errors.New("garbage")
			}
			return out[0] == 1, nil
		}
		if d := r.order(txsend.NewPauser(cfg)); d.Outcome != c.want {
			t.Errorf("%v: %s, want %s", c.say, d.Outcome, c.want)
		}
	}
}

// undecidedJournal has no decision, whatever was decided.
type undecidedJournal struct{ txsend.PauseJournal }

func (undecidedJournal) PauseBy(context.Context, uint64, common.Address, uint64) (rollout.Pause, error) {
	return rollout.Pause{}, store.ErrNotFound
}

// TestNothingWithoutADecision: what the journal does not hold a decision for is not given to anybody, not even right after it was made.
func TestNothingWithoutADecision(t *testing.T) {
	r := newPauseRig(t, chainID)
	cfg := r.config("one", r.journal, r.chain)
	sent := 0
	cfg.Chain, cfg.Journal = counting{r.chain, &sent}, undecidedJournal{r.journal}
	p, stop := r.run(cfg)
	r.until("it is armed", func() bool { return p.Status().Armed })
	_, err := p.Pause(t.Context(), alert("codehash_mismatch"), time.Now())
	r.until("it says why", func() bool { return len(r.troubles()) > 0 })
	stop()
	var refused *txsend.UnapprovedError
	if !errors.As(err, &refused) || !errors.Is(err, store.ErrNotFound) || !errors.As(r.troubles()[0], &refused) || sent != 0 || r.used() != 0 {
		t.Errorf("%v, %v; %d sent", err, r.troubles()[0], sent)
	}
}

// forgetful is a network that takes everything, and forgets it.
type forgetful struct{ *chain.Client }

func (forgetful) SendAll(_ context.Context, _ *types.Transaction, told func(chain.Reply)) error {
	told(chain.Reply{Endpoint: "one"})
	return nil
}

// TestPauseThatIsForgottenOffersMore: nobody refuses it, and it is in no block after some.
func TestPauseThatIsForgottenOffersMore(t *testing.T) {
	r := newPauseRig(t, chainID)
	cfg := r.config("one", r.journal, r.chain)
	cfg.Chain, cfg.BlockTime = forgetful{r.chain}, 10*time.Millisecond
	p := r.armed(cfg)
	r.order(p)
	r.until("it offers more", func() bool { return len(r.transactions(r.journal)) > 1 })
	var first, second types.Transaction
	all := r.transactions(r.journal)
	if err := errors.Join(first.UnmarshalBinary(all[0].Raw), second.UnmarshalBinary(all[1].Raw)); err != nil {
		t.Fatal(err)
	}
	if second.Nonce() != first.Nonce() || second.GasFeeCap().Cmp(first.GasFeeCap()) <= 0 || second.GasTipCap().Cmp(first.GasTipCap()) <= 0 {
		t.Errorf("%v and %v", &first, &second)
	}
}
