package txsend_test

import (
	"database/sql"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// undecided stops a pause between the journal and everybody: its decision stays open.
func (r *pauseRig) undecided(cfg txsend.PauserConfig) (*txsend.Pauser, rollout.Transaction) {
	r.t.Helper()
	cfg.Chain = deaf{r.chain}
	p, stop := r.run(cfg)
	r.until("it has looked", func() bool { return p.Status().Balance != nil })
	_, err := p.Pause(r.t.Context(), alert("codehash_mismatch"), time.Now())
	if err == nil || !strings.Contains(err.Error(), "nobody has taken it yet") {
		r.t.Fatalf("a pause that nobody could be given: %v", err)
	}
	stop()
	all := r.transactions(r.journal)
	if len(all) != 1 || all[0].Status != rollout.Released {
		r.t.Fatalf("journal %+v", all)
	}
	return p, all[0]
}

// alter changes decisions as nobody but somebody with a SQL shell could.
func (r *pauseRig) alter(statement string) {
	r.t.Helper()
	db, err := sql.Open("sqlite", "file:"+r.path+"?_pragma=busy_timeout(5000)")
	if err == nil {
		_, err = db.ExecContext(r.t.Context(), statement)
	}
	if err = errors.Join(err, db.Close()); err != nil {
		r.t.Fatal(err)
	}
}

// TestExemptionIsExact: without an approval nothing passes on a mainnet but the call that pauses, by its signer, to the dispatcher, for the sake
// of an alert of the last hour.
func TestExemptionIsExact(t *testing.T) {
	r := newPauseRig(t, 1)
	cfg := r.config("one", r.journal, r.chain)
	p, entry := r.undecided(cfg)
	var pause types.Transaction
	if err := pause.UnmarshalBinary(entry.Raw); err != nil {
		t.Fatal(err)
	}
	if err := p.MaySend(t.Context(), &pause); err != nil {
		t.Fatalf("the pause itself: %v", err)
	}
	id := big.NewInt(1)
	signed := func(s txsend.Signer, change func(*types.DynamicFeeTx)) *types.Transaction {
		t.Helper()
		to := r.dispatcher
		inner := &types.DynamicFeeTx{
			ChainID: id, Nonce: entry.Nonce, Gas: 90_000, GasFeeCap: big.NewInt(params.GWei), GasTipCap: big.NewInt(1), To: &to, Data: calls.PackPause(),
		}
		change(inner)
		tx, err := s.Sign(1, types.NewTx(inner))
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	own := cfg.Sender.Signer
	for name, c := range map[string]struct {
		tx   *types.Transaction
		want string
	}{
		"unpause":        {signed(own, func(d *types.DynamicFeeTx) { d.Data = calls.PackUnpause() }), "something else than pause()"},
		"pause and more": {signed(own, func(d *types.DynamicFeeTx) { d.Data = append(calls.PackPause(), 0) }), "something else than pause()"},
		"no data":        {signed(own, func(d *types.DynamicFeeTx) { d.Data = nil }), "something else than pause()"},
		"renounce":       {signed(own, func(d *types.DynamicFeeTx) { d.Data = calls.PackRenounceRole(common.Hash{1}, pauser) }), "something else than pause()"},
		"another target": {signed(own, func(d *types.DynamicFeeTx) { d.To = &counter }), "not to the dispatcher"},
		"a creation":     {signed(own, func(d *types.DynamicFeeTx) { d.To = nil }), "not to the dispatcher"},
		"value":          {signed(own, func(d *types.DynamicFeeTx) { d.Value = big.NewInt(1) }), "carries value"},
		"money for itself": {
			signed(own, func(d *types.DynamicFeeTx) { d.To, d.Data, d.Value = &pauser, nil, big.NewInt(1) }), "not to the dispatcher",
		},
		"an access list": {
			signed(own, func(d *types.DynamicFeeTx) { d.AccessList = types.AccessList{{Address: counter}} }), "not a plain call",
		},
		"another signer":         {signed(signer.FromKey(admin, adminKey), func(*types.DynamicFeeTx) {}), "is signed by " + admin.Hex()},
		"a nonce of no decision": {signed(own, func(d *types.DynamicFeeTx) { d.Nonce++ }), "no alert asks for it"},
		"another account's code": {types.NewTx(&types.SetCodeTx{
			ChainID: uint256.NewInt(1), To: r.dispatcher, Data: calls.PackPause(), AuthList: []types.SetCodeAuthorization{{Address: counter}},
		}), "not a plain call"},
		"blobs": {types.NewTx(&types.BlobTx{ChainID: uint256.NewInt(1), To: r.dispatcher, Data: calls.PackPause(), BlobHashes: []common.Hash{{1}}}), "not a plain call"},
	} {
		var refused *txsend.UnapprovedError
		if err := p.MaySend(t.Context(), c.tx); !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	other := r.signedBy(pauseKey, entry.Nonce, r.dispatcher, calls.PackPause(), params.GWei)
	if tx, err := own.Sign(5, types.NewTx(&types.DynamicFeeTx{ChainID: big.NewInt(5), Nonce: entry.Nonce, To: other.To(), Data: other.Data()})); err != nil {
		t.Error(err)
	} else if err := p.MaySend(t.Context(), tx); err == nil || !strings.Contains(err.Error(), "signature") {
		t.Errorf("for another chain: %v", err)
	}
	// what only uses the nonce takes the pause back, which needs no approval
	if err := p.MaySend(t.Context(), signed(own, func(d *types.DynamicFeeTx) { d.To, d.Data = &pauser, nil })); err != nil {
		t.Errorf("to take it back: %v", err)
	}
	// nobody else is exempt, not even with the same key
	sender := cfg.Sender
	sender.Chain, sender.Journal, sender.Mainnet = r.chain, r.journal, true
	var refused *txsend.UnapprovedError
	if _, err := txsend.New(sender).Settle(within(t, 5*time.Second)); !errors.As(err, &refused) {
		t.Errorf("another sender: %v", err)
	}
	for mode, want := range map[rollout.PauseMode]string{rollout.PauseDry: "mode is dry-run", rollout.PauseOff: "mode is off", "": "mode is "} {
		cfg := r.config("one", r.journal, r.chain)
		cfg.Mode = mode
		if err := txsend.NewPauser(cfg).MaySend(t.Context(), &pause); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("mode %q: %v", mode, err)
		}
	}
	// the decision must be one of this dispatcher, of the last hour, not of a dry run, and not have ended
	before, err := r.journal.Pauses(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ alter, back, want string }{
		{"UPDATE pauses SET decided_ms = decided_ms - 3601000", "UPDATE pauses SET decided_ms = decided_ms + 3601000", "good for an hour"},
		{"UPDATE pauses SET decided_ms = decided_ms + 3700000", "UPDATE pauses SET decided_ms = decided_ms - 3700000", "good for an hour"},
		{"UPDATE pauses SET dispatcher = '" + counter.Hex() + "'", "UPDATE pauses SET dispatcher = '" + r.dispatcher.Hex() + "'", "is not one to pause " + r.dispatcher.Hex()},
		{"UPDATE pauses SET outcome = 'landed'", "UPDATE pauses SET outcome = 'sent'", "no alert asks for it"},
		{"UPDATE pauses SET tx = NULL, outcome = 'refused'", "UPDATE pauses SET tx = 1, outcome = 'sent'", "no alert asks for it"},
		{"UPDATE pauses SET chain_id = 10", "UPDATE pauses SET chain_id = 1", "no alert asks for it"},
		{"CREATE TEMP TABLE kept AS SELECT * FROM pauses; DELETE FROM pauses", "", "no alert asks for it"},
	} {
		r.alter(c.alter)
		if err := p.MaySend(t.Context(), &pause); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.alter, err, c.want)
		}
		if c.back != "" {
			r.alter(c.back)
			if err := p.MaySend(t.Context(), &pause); err != nil {
				t.Fatalf("%s: %v", c.back, err)
			}
		}
	}
	if len(before) != 1 || r.used() != 0 {
		t.Errorf("%d transactions of %+v", r.used(), before)
	}
}

// TestOldDecisionIsNotSent: a process that begins a day later sends nothing for the sake of an alert of yesterday. A new alert goes on with what
// is open, in the same place.
func TestOldDecisionIsNotSent(t *testing.T) {
	r := newPauseRig(t, chainID)
	_, entry := r.undecided(r.config("one", r.journal, r.chain))
	r.alter("UPDATE pauses SET decided_ms = decided_ms - 86400000")
	p := r.armed(r.config("two", r.journal, r.chain))
	p.Follow()
	r.until("it says why not", func() bool { return len(r.troubles()) > 0 })
	if err := r.troubles()[0]; !strings.Contains(err.Error(), "24h0m0s old") || !strings.Contains(err.Error(), "transaction drop") {
		t.Errorf("%v", err)
	}
	if r.used() != 0 || r.isPaused() {
		t.Fatalf("%d transactions, paused %v", r.used(), r.isPaused())
	}
	d := r.order(p)
	if d.Transaction != entry.ID {
		t.Errorf("%+v, want transaction %d", d, entry.ID)
	}
	if end := r.ended(d.ID); end.Outcome != rollout.PauseLanded || r.used() != 1 {
		t.Errorf("%+v, %d transactions", end, r.used())
	}
}
