package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/plan"
)

// PlanUse is how far a plan has come on one network.
type PlanUse string

// A plan is used once: what is done or abandoned is not begun again.
const (
	PlanUnused    PlanUse = ""
	PlanBegun     PlanUse = "begun"
	PlanDone      PlanUse = "done"
	PlanAbandoned PlanUse = "abandoned"
)

// SavePlan keeps a plan's file by its digest. To save it again changes nothing.
func (s *Store) SavePlan(ctx context.Context, p *plan.Plan) error {
	body, err := plan.Encode(p)
	if err != nil {
		return err
	}
	err = s.within(ctx, func(tx *tx) error {
		at := now()
		res, err := tx.exec(ctx, `INSERT INTO plans (digest, action, body, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			p.Digest.Hex(), p.Intent.Action, body, at)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return appendEntry(ctx, tx, at, audit.PlanSaved, 0, planEntry(p.Digest, p.Intent.Action, body))
	})
	if err != nil {
		return fmt.Errorf("journal plan %s: %w", p.Digest, err)
	}
	return nil
}

func planEntry(digest common.Hash, action string, body []byte) audit.Plan {
	return audit.Plan{Digest: digest, Action: action, SHA256: sha256.Sum256(body)}
}

// Plan returns a plan by its digest, which is computed again.
func (s *Store) Plan(ctx context.Context, digest common.Hash) (*plan.Plan, error) {
	var body []byte
	err := s.read(ctx, func(db querier) error {
		return db.queryRow(ctx, `SELECT body FROM plans WHERE digest = ?`, digest.Hex()).Scan(&body)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("plan %s: %w", digest, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read plan %s: %w", digest, err)
	}
	p, err := plan.Decode(bytes.NewReader(body))
	if err == nil && p.Digest != digest {
		err = fmt.Errorf("it has digest %s", p.Digest)
	}
	if err != nil {
		return nil, fmt.Errorf("the journal's plan %s is not sound: %w", digest, err)
	}
	return p, nil
}

// PlanUsed tells how far a plan has come on a network.
func (s *Store) PlanUsed(ctx context.Context, digest common.Hash, chainID uint64) (PlanUse, error) {
	var status string
	err := s.read(ctx, func(db querier) error {
		return db.queryRow(ctx, `SELECT status FROM plan_uses WHERE plan = ? AND chain_id = ?`, digest.Hex(), chainID).Scan(&status)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return PlanUnused, nil
	}
	if err != nil {
		return PlanUnused, fmt.Errorf("read use of plan %s: %w", digest, err)
	}
	return PlanUse(status), nil
}

// PlansBegun lists the plans that are being carried out on a network.
func (s *Store) PlansBegun(ctx context.Context, chainID uint64) (out []common.Hash, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT plan FROM plan_uses WHERE chain_id = ? AND status = 'begun' ORDER BY created_at DESC, plan`, func(rows *sql.Rows) error {
			var digest string
			err := rows.Scan(&digest)
			out = append(out, common.HexToHash(digest))
			return err
		}, chainID)
	})
	if err != nil {
		return nil, fmt.Errorf("read plans: %w", err)
	}
	return out, nil
}

// UsedPlanError says that a plan was used on a network already.
type UsedPlanError struct {
	Plan    common.Hash
	ChainID uint64
	Use     PlanUse
}

func (e *UsedPlanError) Error() string {
	return fmt.Sprintf("plan %s is %s on chain %d, and a plan is used once: make a new one", e.Plan, e.Use, e.ChainID)
}

// BeginPlan records that a plan is begun on a network. One that is begun is gone on with; the error is a UsedPlanError if it has
// ended.
func (s *Store) BeginPlan(ctx context.Context, digest common.Hash, chainID uint64) error {
	err := s.within(ctx, func(tx *tx) error {
		at, status := now(), ""
		err := tx.queryRow(ctx, `SELECT status FROM plan_uses WHERE plan = ? AND chain_id = ?`, digest.Hex(), chainID).Scan(&status)
		switch {
		case err == nil && PlanUse(status) == PlanBegun:
			return nil
		case err == nil:
			return &UsedPlanError{digest, chainID, PlanUse(status)}
		case !errors.Is(err, sql.ErrNoRows):
			return err
		}
		_, err = tx.exec(ctx, `INSERT INTO plan_uses (plan, chain_id, status, created_at) VALUES (?, ?, 'begun', ?)`, digest.Hex(), chainID, at)
		if err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.PlanBegun, chainID, audit.PlanUse{Plan: digest})
	})
	if err != nil {
		return fmt.Errorf("begin plan: %w", err)
	}
	return nil
}

// EndPlan records that a plan that was begun on a network is done, or abandoned. To end it again changes nothing.
func (s *Store) EndPlan(ctx context.Context, digest common.Hash, chainID uint64, use PlanUse) error {
	if use != PlanDone && use != PlanAbandoned {
		return fmt.Errorf("end plan %s: %q is no end", digest, use)
	}
	err := s.within(ctx, func(tx *tx) error { return endUse(ctx, tx, now(), digest, chainID, use) })
	if err != nil {
		return fmt.Errorf("end plan: %w", err)
	}
	return nil
}

func endUse(ctx context.Context, tx *tx, at int64, digest common.Hash, chainID uint64, use PlanUse) error {
	res, err := tx.exec(ctx, `UPDATE plan_uses SET status = ?, finished_at = ? WHERE plan = ? AND chain_id = ? AND status = 'begun'`,
		string(use), at, digest.Hex(), chainID)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err // it has ended before, or was not begun
	}
	return appendEntry(ctx, tx, at, audit.PlanEnded, chainID, audit.PlanUse{Plan: digest, Status: string(use)})
}

// SaveApproval keeps an approval, or that it was taken back. Whether it is signed by whom it says is not checked here. To
// save it again changes nothing.
func (s *Store) SaveApproval(ctx context.Context, a plan.Approval) error {
	kind, revoked := audit.ApprovalGiven, 0
	if a.Revoked {
		kind, revoked = audit.ApprovalRevoked, 1
	}
	err := s.within(ctx, func(tx *tx) error {
		at := now()
		res, err := tx.exec(ctx, `INSERT INTO approvals (plan, signer, revoked, signature, created_at) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT DO NOTHING`, a.Plan.Hex(), a.Signer.Hex(), revoked, a.Signature.String(), at)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return appendEntry(ctx, tx, at, kind, 0, audit.Approval{Plan: a.Plan, Signer: a.Signer, Signature: a.Signature})
	})
	if err != nil {
		return fmt.Errorf("journal approval of %s: %w", a.Signer, err)
	}
	return nil
}

// Approvals lists what was signed about a plan.
func (s *Store) Approvals(ctx context.Context, digest common.Hash) (out []plan.Approval, err error) {
	err = s.read(ctx, func(db querier) error {
		out = nil
		return each(ctx, db, `SELECT signer, revoked, signature FROM approvals WHERE plan = ? ORDER BY signer, revoked`, func(rows *sql.Rows) error {
			a := plan.Approval{Plan: digest}
			var signer, signature string
			err := rows.Scan(&signer, &a.Revoked, &signature)
			if err != nil {
				return err
			}
			a.Signer = common.HexToAddress(signer)
			if a.Signature, err = hexutil.Decode(signature); err != nil {
				return fmt.Errorf("that of %s is not a signature: %w", signer, err)
			}
			out = append(out, a)
			return nil
		}, digest.Hex())
	})
	if err != nil {
		return nil, fmt.Errorf("read approvals: %w", err)
	}
	return out, nil
}

// Policy returns the approval policy in force; the error is ErrNotFound if there was never one.
func (s *Store) Policy(ctx context.Context) (p plan.Policy, err error) {
	var body string
	err = s.read(ctx, func(db querier) error {
		return db.queryRow(ctx, `SELECT body FROM policies ORDER BY id DESC LIMIT 1`).Scan(&body)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return p, fmt.Errorf("approval policy: %w", ErrNotFound)
	}
	if err == nil {
		p, err = decodePolicy(body)
	}
	if err != nil {
		return p, fmt.Errorf("read approval policy: %w", err)
	}
	return p, nil
}

// encodePolicy and decodePolicy are the row of a policy. What is written in another way is none: a member that is missing would ask
// for no approvals.
func encodePolicy(p plan.Policy) (string, error) {
	body, err := json.Marshal(plan.NewPolicy(p))
	if err == nil {
		_, err = audit.Canonical(body)
	}
	return string(body), err
}

func decodePolicy(body string) (plan.Policy, error) {
	var p plan.Policy
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		return plan.Policy{}, err
	}
	if again, err := encodePolicy(p); err != nil || again != body {
		return plan.Policy{}, errors.Join(errors.New("the journal's approval policy is not written as one is"), err)
	}
	return p, nil
}

// SetPolicy puts an approval policy in force: under a plan, if it is looser than the one before. was is the one that is in force, nil if there
// is none; if that has changed meanwhile, nothing is done, and the error says so; so it does if the same is done again.
func (s *Store) SetPolicy(ctx context.Context, p plan.Policy, was *plan.Policy, under common.Hash) error {
	err := s.within(ctx, func(tx *tx) error {
		var before sql.NullString
		err := tx.queryRow(ctx, `SELECT body FROM policies ORDER BY id DESC LIMIT 1`).Scan(&before)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		var inForce *plan.Policy
		if before.Valid {
			p, err := decodePolicy(before.String)
			if err != nil {
				return err
			}
			inForce = &p
		}
		if (inForce == nil) != (was == nil) || was != nil && inForce.Hash() != was.Hash() {
			return errors.New("it was changed by another process meanwhile: run the command again")
		}
		body, err := encodePolicy(p)
		if err != nil {
			return err
		}
		at, entry := now(), audit.Policy{Hash: p.Hash(), Body: json.RawMessage(body), Plan: under}
		err = tx.queryRow(ctx, `INSERT INTO policies (body, plan, created_at) VALUES (?, ?, ?) RETURNING id`, body, orNull(under), at).Scan(&entry.ID)
		if err != nil {
			return err
		}
		return appendEntry(ctx, tx, at, audit.PolicySet, 0, entry)
	})
	if err != nil {
		return fmt.Errorf("set approval policy: %w", err)
	}
	return nil
}
