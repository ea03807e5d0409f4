package app

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/reconcile"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// AuditLog is the audit log of a journal, to be read.
type AuditLog interface {
	// Audit reads the entries from one on.
	Audit(ctx context.Context, from uint64) iter.Seq2[audit.Entry, error]
	// VerifyAudit verifies the log, and compares the journal with it.
	VerifyAudit(ctx context.Context, head *audit.Head, signers ...common.Address) (audit.Report, error)
	Close() error
}

// OpenAuditLog opens the audit log of a journal, of any project, and changes nothing.
func OpenAuditLog(ctx context.Context, journal string) (AuditLog, error) {
	s, err := store.OpenReadOnly(ctx, journal)
	if err != nil {
		return nil, noJournal(journal, err)
	}
	return s, nil
}

// JournalName is what may be shown of where a journal is: a URL may hold a password.
func JournalName(journal string) string { return store.Name(journal) }

// SignHead verifies the audit log, signs where it ends with a signer of the configuration, and notes that in the log. A log
// that is not sound gives an audit.UnsoundError.
func (a *App) SignHead(ctx context.Context, signer string) (audit.Head, error) {
	// to open it to be written would begin one
	existing, err := OpenAuditLog(ctx, a.opts.Journal)
	if err != nil {
		return audit.Head{}, err
	}
	if err := existing.Close(); err != nil {
		return audit.Head{}, err
	}
	s, err := a.signer(signer)
	if err != nil {
		return audit.Head{}, err
	}
	if err := a.openJournal(ctx); err != nil {
		return audit.Head{}, err
	}
	report, err := a.store.VerifyAudit(ctx, nil)
	if err != nil {
		return audit.Head{}, err
	}
	if err := report.Err(); err != nil {
		return audit.Head{}, fmt.Errorf("nothing is signed: %w", err)
	}
	h := audit.Head{Log: report.Log, Seq: report.Tip.Seq, Hash: report.Tip.Hash, Time: time.Now().Unix(), Signer: s.Address()}
	if h.Signature, err = s.SignText(h.Text()); err != nil {
		return audit.Head{}, fmt.Errorf("signer %s: %w", signer, err)
	}
	return h, a.store.Append(ctx, audit.HeadSigned, 0, h)
}

// recorder returns what writes the decisions of a pilot to the audit log.
func (a *App) recorder(n *net, pilot reconcile.Pilot) func(context.Context, rollout.Block, rollout.Action) error {
	return func(ctx context.Context, at rollout.Block, action rollout.Action) error {
		d := audit.Decision{
			Network: n.Name, Kind: action.Kind, Steps: append([]string{}, steps(action)...), Reason: action.Reason, Until: action.Until, Block: at,
		}
		switch p := pilot.(type) {
		case *dispatcher.Deploy:
			d.Task = "deploy"
		case *runPilot:
			d.Task, d.Run = "rollout", p.inner.Run.ID
		case *actPilot:
			d.Task = p.what
		}
		return a.store.Decide(ctx, n.ChainID, d)
	}
}
