package app_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// sent is how many transactions an account has in the chain.
func (w *world) sent(name string) uint64 {
	w.t.Helper()
	eth, err := ethclient.Dial(w.net.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	defer eth.Close()
	n, err := eth.NonceAt(w.t.Context(), w.address(name), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// TestRestoredJournalIsOld: what was sent after the backup is not in it. Whoever sent it is stopped, whatever is to be done, until an operator
// says that it is accounted for; then it goes on from what the chain says.
func TestRestoredJournalIsOld(t *testing.T) {
	w := newWorld(t)
	one, two := w.version("lockstep.yaml"), w.version("lockstep-v2.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	w.must(one.Rollout(w.ctx(), one.m, one.file, false))
	backup := filepath.Join(w.dir, "backup.db")
	c, err := app.BackUpJournal(t.Context(), filepath.Join(w.dir, "journal.db"), backup, false)
	if err != nil || c.Project != "market" {
		t.Fatalf("%+v, %v", c, err)
	}
	w.must(two.Deploy(w.ctx(), two.m, false))
	w.must(two.Rollout(w.ctx(), two.m, two.file, false))

	restored := filepath.Join(w.dir, "restored.db")
	if _, err := app.RestoreJournal(t.Context(), backup, restored, "market"); err != nil {
		t.Fatal(err)
	}
	old := func(name string) version {
		return w.versionWith(name, func(o *app.Options) { o.Journal = restored })
	}
	back, again := old("lockstep.yaml"), old("lockstep-v2.yaml")
	accounts := []string{"deployer", "operator"}
	before := []uint64{w.sent("deployer"), w.sent("operator")}
	count := func() (out []uint64) {
		for _, name := range accounts {
			out = append(out, w.sent(name))
		}
		return out
	}
	// what is done already is not done again, whoever remembers it
	if out, err := again.Rollout(w.ctx(), again.m, again.file, false); err != nil || out[0].Status != "unchanged" {
		t.Errorf("again: %+v, %v", out, err)
	}
	var foreign *txsend.ForeignNonceError
	if _, err := back.Rollback(w.ctx(), back.m, back.file, false); !errors.As(err, &foreign) || foreign.Account != w.address("operator") ||
		!strings.Contains(err.Error(), "lockstep transaction adopt") {
		t.Fatalf("it went on: %v", err)
	}
	if after := count(); !slices.Equal(before, after) {
		t.Fatalf("%v have sent %v transactions, before it was %v", accounts, after, before)
	}
	if _, err := back.Adopt(w.ctx(), "operator"); err != nil {
		t.Fatal(err)
	}
	back = old("lockstep.yaml")
	out := w.must(back.Rollback(w.ctx(), back.m, back.file, false))
	if s := w.status(back); len(out.Transactions) != 2 || s.ActiveEpoch != 3 || s.ActiveRoot != back.m.RoutesRoot || s.PendingRoot != (common.Hash{}) {
		t.Errorf("%+v, %+v", out, s)
	}
	if h, err := app.CheckJournal(t.Context(), restored, nil); err != nil || len(h.Problems) != 0 {
		t.Errorf("%v, %v", h.Problems, err)
	}
}
