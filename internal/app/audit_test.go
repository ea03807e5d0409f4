package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// auditLog reads the audit log of the world's journal, which must be sound.
func (w *world) auditLog() (out []audit.Entry) {
	w.t.Helper()
	log, err := app.OpenAuditLog(w.t.Context(), filepath.Join(w.dir, "journal.db"))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			w.t.Error(err)
		}
	}()
	if r, err := log.VerifyAudit(w.t.Context(), nil); err != nil || !r.Sound() {
		w.t.Fatal(r.Problems, err)
	}
	for e, err := range log.Audit(w.t.Context(), 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// of returns the bodies of the entries of a kind.
func of[T any](t testing.TB, entries []audit.Entry, kind audit.Kind) (out []T) {
	t.Helper()
	for _, e := range entries {
		if e.Kind != kind {
			continue
		}
		var v T
		if err := json.Unmarshal(e.Body, &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func decisionKinds(ds []audit.Decision) (out []rollout.Kind) {
	for _, d := range ds {
		out = append(out, d.Kind)
	}
	return out
}

func TestDecisionsAreInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	w.must(one.Deploy(w.ctx(), one.m, false))
	w.must(one.Rollout(w.ctx(), one.m, one.file, false))
	entries := w.auditLog()
	if b := of[audit.Begun](t, entries, audit.LogBegun); len(b) != 1 || b[0].Project != "market" {
		t.Errorf("%+v", b)
	}
	ds := of[audit.Decision](t, entries, audit.DecisionMade)
	want := []rollout.Kind{rollout.Create, rollout.Renounce, rollout.Done, rollout.Commit, rollout.Wait, rollout.Activate, rollout.Done}
	if diff := cmp.Diff(want, decisionKinds(ds)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	// what was decided is what was signed, in the same order
	var decided, signed []string
	for i, d := range ds {
		decided = append(decided, d.Steps...)
		if d.Network != "local" || d.Block.Hash == (common.Hash{}) || d.Block.Time == 0 || (i >= 3) != (d.Run != 0) || d.Task != []string{"deploy", "rollout"}[min(i/3, 1)] {
			t.Errorf("%+v", d)
		}
	}
	for _, tx := range of[audit.Transaction](t, entries, audit.TransactionSigned) {
		signed = append(signed, tx.Step)
		if tx.Hash != tx.RawHash {
			t.Errorf("%s: hash %s, that of its bytes is %s", tx.Step, tx.Hash, tx.RawHash)
		}
	}
	if diff := cmp.Diff(decided, signed); diff != "" || len(signed) < 10 {
		t.Errorf("decided and signed:\n%s", diff)
	}
	if w := ds[4]; w.Reason != "the timelock runs" || w.Until <= w.Block.Time {
		t.Errorf("%+v", w)
	}
	// what was final is in the chain, in that block
	eth, err := ethclient.Dial(w.net.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer eth.Close()
	outcomes := of[audit.Outcome](t, entries, audit.TransactionConfirmed)
	for _, o := range outcomes {
		r, err := eth.TransactionReceipt(t.Context(), o.Hash)
		if err != nil || r.BlockNumber.Uint64() != o.BlockNumber || r.BlockHash != o.BlockHash || r.GasUsed != o.GasUsed {
			t.Errorf("%+v: the chain says %+v, %v", o, r, err)
		}
	}
	if len(outcomes) != len(signed) {
		t.Errorf("%d are final, %d were signed", len(outcomes), len(signed))
	}

	// again: nothing is to be done; that it was found out is written once
	for range 2 {
		again := w.version("lockstep.yaml")
		w.must(again.Rollout(w.ctx(), again.m, again.file, false))
	}
	added := w.auditLog()[len(entries):]
	if ds := of[audit.Decision](t, added, audit.DecisionMade); len(added) != 1 || len(ds) != 1 || ds[0].Kind != rollout.Done || ds[0].Run != 0 {
		t.Errorf("%d entries: %+v", len(added), ds)
	}
	// a dry run decides nothing
	if _, err := one.Act(w.ctx(), "pause", true); err != nil {
		t.Fatal(err)
	}
	w.must(one.Act(w.ctx(), "pause", false))
	ds = of[audit.Decision](t, w.auditLog()[len(entries)+1:], audit.DecisionMade)
	if !slices.Equal(decisionKinds(ds), []rollout.Kind{"pause", rollout.Done}) || ds[0].Task != "pause" || ds[1].Task != "pause" {
		t.Errorf("pause: %+v", ds)
	}
}

// TestHaltsAreInTheAuditLog: why a rollout stopped is part of what happened.
func TestHaltsAreInTheAuditLog(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	if _, err := one.Rollout(w.ctx(), one.m, one.file, false); err == nil {
		t.Fatal("a rollout without a dispatcher")
	}
	w.must(one.Deploy(w.ctx(), one.m, false))
	other := w.version("lockstep.yaml")
	w.atTimelock = func() { w.must(other.Act(w.ctx(), "cancel", false)) }
	if _, err := one.Rollout(w.ctx(), one.m, one.file, false); err == nil {
		t.Fatal("a rollout that was cancelled")
	}
	entries := w.auditLog()
	var halts []string
	for _, d := range of[audit.Decision](t, entries, audit.DecisionMade) {
		if d.Kind == rollout.Halt {
			halts = append(halts, d.Reason)
		}
	}
	if len(halts) != 2 || !strings.Contains(halts[0], "run lockstep deploy") || !strings.Contains(halts[1], "ended by another process") {
		t.Errorf("%q", halts)
	}
	if ends := of[audit.RunEnd](t, entries, audit.RunEnded); len(ends) != 1 || ends[0].Status != "abandoned" {
		t.Errorf("%+v", ends)
	}
}

func TestSignHead(t *testing.T) {
	w := newWorld(t)
	one := w.version("lockstep.yaml")
	if _, err := one.SignHead(w.ctx(), "guardian"); err == nil || !strings.Contains(err.Error(), "there is no journal") {
		t.Errorf("without a journal: %v", err)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "journal.db")); err == nil {
		t.Error("a journal was made")
	}
	if _, err := app.OpenAuditLog(t.Context(), filepath.Join(w.dir, "journal.db")); err == nil || !strings.Contains(err.Error(), "there is no journal") {
		t.Errorf("opened without a journal: %v", err)
	}
	w.status(one) // begins one
	if _, err := one.SignHead(w.ctx(), "nobody"); err == nil || !strings.Contains(err.Error(), "signer nobody is not in") {
		t.Errorf("with an unknown signer: %v", err)
	}
	first, err := one.SignHead(w.ctx(), "guardian")
	if err != nil || first.Seq != 1 || first.Signer != w.address("guardian") {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := one.SignHead(w.ctx(), "operator")
	if err != nil || second.Seq != 2 || second.Log != first.Log || second.Log != first.Hash {
		t.Fatalf("%+v, %v", second, err)
	}
	entries := w.auditLog()
	if diff := cmp.Diff([]audit.Head{first, second}, of[audit.Head](t, entries, audit.HeadSigned)); diff != "" {
		t.Errorf("in the log (-want +got):\n%s", diff)
	}
	log, err := app.OpenAuditLog(t.Context(), filepath.Join(w.dir, "journal.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	for _, h := range []audit.Head{first, second} {
		if r, err := log.VerifyAudit(t.Context(), &h, h.Signer); err != nil || !r.Sound() {
			t.Errorf("%v, %v", r.Problems, err)
		}
		if r, err := log.VerifyAudit(t.Context(), &h, w.address("admin")); err != nil || r.Sound() {
			t.Errorf("of somebody else: %v", err)
		}
	}
}
