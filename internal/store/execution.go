package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// ExecutionStatus is how it stands with the carrying out of a plan.
type ExecutionStatus string

// A stopped execution can be begun again; one that is done cannot.
const (
	ExecutionRunning ExecutionStatus = "running"
	ExecutionStopped ExecutionStatus = "stopped"
	ExecutionDone    ExecutionStatus = "done"
)

// Execution is the carrying out of a plan.
type Execution struct {
	Plan      common.Hash
	Status    ExecutionStatus
	Served    bool // by lockstep serve, not by a command
	Released  bool // all networks were let go at once
	Reason    string
	CreatedAt int64 // unix seconds
	Networks  []ExecutionNetwork
}

// ExecutionNetwork is where it stands on one network.
type ExecutionNetwork struct {
	ChainID   uint64
	State     rollout.NetworkState
	Reason    string
	DoneAt    uint64        // block time
	Age       time.Duration // since it was last seen to be ready
	Retry     time.Duration // for how long it is left alone: at most a minute, or for years
	UpdatedAt int64         // unix seconds
}

// notBegun is the reason of a network that nobody has looked at.
const notBegun = "not looked at yet"

// ServedError says that a plan is in the hands of lockstep serve.
type ServedError struct {
	Plan common.Hash
}

func (e *ServedError) Error() string {
	return fmt.Sprintf("plan %s is carried out by lockstep serve: lockstep execution show tells how far it is; take it back with lockstep execution stop "+
		"before a command carries it out", e.Plan)
}

// BeginExecution notes that a plan is carried out on networks: by serve, or by a command. To begin again what runs, or was stopped, goes on
// with it, and may add networks; one that is done is begun again only with more. A command cannot begin what serve carries out: the error is a
// ServedError.
func (s *Store) BeginExecution(ctx context.Context, plan common.Hash, served bool, chains []uint64, by string) error {
	err := s.within(ctx, func(tx *tx) error {
		at := now()
		was, err := wholeExecution(ctx, tx.querier, plan)
		e := Execution{Plan: plan, Status: ExecutionRunning, Served: served, CreatedAt: at}
		switch {
		case errors.Is(err, sql.ErrNoRows):
			_, err = tx.exec(ctx, `INSERT INTO executions (plan, status, served, released, reason, created_at) VALUES (?, ?, ?, 0, '', ?)`,
				plan.Hex(), string(e.Status), bit(served), at)
			if err == nil {
				err = appendEntry(ctx, tx, at, audit.ExecutionBegun, 0, e.entry(by))
			}
		case err != nil:
		case was.Served && !served && was.Status == ExecutionRunning:
			err = &ServedError{plan}
		case was.Status == ExecutionDone && !slices.ContainsFunc(chains, was.lacks):
			err = fmt.Errorf("plan %s is done: networks that were taken out of it are brought to the others with lockstep sync", plan)
		case was.Status != ExecutionRunning || was.Served != served:
			e.Released = was.Released
			err = setExecution(ctx, tx, at, audit.ExecutionBegun, e, by)
		}
		if err != nil {
			return err
		}
		for _, id := range chains {
			n := ExecutionNetwork{ChainID: id, State: rollout.StateWaiting, Reason: notBegun}
			res, err := tx.exec(ctx, `INSERT INTO execution_networks (plan, chain_id, state, reason, done_at, ready_ms, retry_ms, updated_at)
				VALUES (?, ?, ?, ?, 0, 0, 0, ?) ON CONFLICT DO NOTHING`, plan.Hex(), id, string(n.State), n.Reason, at)
			if err != nil {
				return err
			}
			if rows, err := res.RowsAffected(); err != nil || rows == 0 {
				if err != nil {
					return err
				}
				continue
			}
			if err := appendEntry(ctx, tx, at, audit.ExecutionNetworkSet, id, n.entry(plan, by)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("begin execution: %w", err)
	}
	return nil
}

// lacks tells whether a network is not among those of an execution.
func (e Execution) lacks(chainID uint64) bool {
	return !slices.ContainsFunc(e.Networks, func(n ExecutionNetwork) bool { return n.ChainID == chainID })
}

// stored is a text as both engines can hold it: what nodes say ends in reasons, and a text of PostgreSQL holds no zero byte.
func stored(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

func bit(is bool) int {
	if is {
		return 1
	}
	return 0
}

func (e Execution) entry(by string) audit.Execution {
	return audit.Execution{Plan: e.Plan, Status: string(e.Status), Served: e.Served, Released: e.Released, Reason: e.Reason, By: by}
}

func (n ExecutionNetwork) entry(plan common.Hash, by string) audit.ExecutionNetwork {
	return audit.ExecutionNetwork{Plan: plan, State: string(n.State), Reason: n.Reason, DoneAt: n.DoneAt, By: by}
}

func setExecution(ctx context.Context, tx *tx, at int64, kind audit.Kind, e Execution, by string) error {
	var finished *int64
	if e.Status == ExecutionDone {
		finished = &at
	}
	_, err := tx.exec(ctx, `UPDATE executions SET status = ?, served = ?, released = ?, reason = ?, finished_at = ? WHERE plan = ?`,
		string(e.Status), bit(e.Served), bit(e.Released), e.Reason, finished, e.Plan.Hex())
	if err != nil {
		return err
	}
	return appendEntry(ctx, tx, at, kind, 0, e.entry(by))
}

// execution reads one without its networks; the error is sql.ErrNoRows if there is none.
func execution(ctx context.Context, db querier, plan common.Hash) (Execution, error) {
	e := Execution{Plan: plan}
	err := db.queryRow(ctx, `SELECT status, served, released, reason, created_at FROM executions WHERE plan = ?`, plan.Hex()).
		Scan(&e.Status, &e.Served, &e.Released, &e.Reason, &e.CreatedAt)
	return e, err
}

// SetNetwork notes where an execution stands on a network, and for how long it is to be left alone. That it stands there already is no change, and
// not written to the audit log again. What has ended stays so, also if an operator has taken it out, and when all networks have ended, so has the
// execution.
func (s *Store) SetNetwork(ctx context.Context, plan common.Hash, n ExecutionNetwork, by string) error {
	_, err := s.NoteNetwork(ctx, plan, n, by)
	return err
}

// NoteNetwork is SetNetwork. It tells whether that has ended the execution, which it does once.
func (s *Store) NoteNetwork(ctx context.Context, plan common.Hash, n ExecutionNetwork, by string) (over bool, err error) {
	n.Reason = stored(n.Reason)
	err = s.within(ctx, func(tx *tx) error {
		over = false
		at := now()
		var was ExecutionNetwork
		err := tx.queryRow(ctx, `SELECT state, reason, done_at FROM execution_networks WHERE plan = ? AND chain_id = ?`, plan.Hex(), n.ChainID).
			Scan(&was.State, &was.Reason, &was.DoneAt)
		if err != nil {
			return err
		}
		was.ChainID = n.ChainID
		if was.State.Ended() {
			return nil
		}
		clock := s.engine.words().clock
		ready := "ready_ms"
		if n.State == rollout.StateReady {
			ready = clock
		}
		retry := "?"
		if n.Retry > 0 { // else it is no time, which would be later than now if the clock is set back
			retry = clock + " + ?"
		}
		_, err = tx.exec(ctx, `UPDATE execution_networks SET state = ?, reason = ?, done_at = ?, ready_ms = `+ready+`,
			retry_ms = `+retry+`, updated_at = ? WHERE plan = ? AND chain_id = ?`,
			string(n.State), n.Reason, n.DoneAt, n.Retry.Milliseconds(), at, plan.Hex(), n.ChainID)
		if err != nil {
			return err
		}
		if was.State == n.State && was.Reason == n.Reason && was.DoneAt == n.DoneAt {
			return nil
		}
		if err := appendEntry(ctx, tx, at, audit.ExecutionNetworkSet, n.ChainID, n.entry(plan, by)); err != nil {
			return err
		}
		over, err = s.endExecution(ctx, tx, at, plan, by)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("note how far plan %s is on chain %d: %w", plan, n.ChainID, err)
	}
	return over, nil
}

// StillWaiting notes why a network may not begin yet, if it has not begun meanwhile.
func (s *Store) StillWaiting(ctx context.Context, plan common.Hash, chainID uint64, reason, by string) error {
	n := ExecutionNetwork{ChainID: chainID, State: rollout.StateWaiting, Reason: stored(reason)}
	err := s.within(ctx, func(tx *tx) error {
		at := now()
		res, err := tx.exec(ctx, `UPDATE execution_networks SET reason = ?, updated_at = ? WHERE plan = ? AND chain_id = ? AND state = 'waiting' AND reason <> ?`,
			n.Reason, at, plan.Hex(), chainID, n.Reason)
		if err != nil {
			return err
		}
		if changed, err := res.RowsAffected(); err != nil || changed == 0 {
			return err
		}
		return appendEntry(ctx, tx, at, audit.ExecutionNetworkSet, chainID, n.entry(plan, by))
	})
	if err != nil {
		return fmt.Errorf("note why plan %s waits on chain %d: %w", plan, chainID, err)
	}
	return nil
}

// endExecution ends an execution whose networks have all ended.
func (s *Store) endExecution(ctx context.Context, tx *tx, at int64, plan common.Hash, by string) (ended bool, err error) {
	var open int
	err = tx.queryRow(ctx, `SELECT count(*) FROM execution_networks WHERE plan = ? AND state NOT IN ('done', 'excluded')`, plan.Hex()).Scan(&open)
	if err != nil || open > 0 {
		return false, err
	}
	e, err := execution(ctx, tx.querier, plan)
	if err != nil || e.Status == ExecutionDone {
		return false, err
	}
	e.Status = ExecutionDone
	return true, setExecution(ctx, tx, at, audit.ExecutionEnded, e, by)
}

// LetGo lets all networks of a plan go at once, if decide agrees with how they stand at that moment. It tells whether they are let go, now or
// before.
func (s *Store) LetGo(ctx context.Context, plan common.Hash, by string, decide func(Execution) bool) (released bool, err error) {
	err = s.within(ctx, func(tx *tx) error {
		e, err := wholeExecution(ctx, tx.querier, plan)
		if err != nil {
			return err
		}
		if released = e.Released; released {
			return nil
		}
		if e.Status != ExecutionRunning || !decide(e) {
			return nil
		}
		released, e.Released = true, true
		return setExecution(ctx, tx, now(), audit.ExecutionReleased, e, by)
	})
	if err != nil {
		return false, fmt.Errorf("let the networks of plan %s go: %w", plan, err)
	}
	return released, nil
}

// StopExecution takes a plan back from whoever carries it out. What was sent stays sent.
func (s *Store) StopExecution(ctx context.Context, plan common.Hash, reason, by string) error {
	reason = stored(reason)
	return s.alterExecution(ctx, plan, func(tx *tx, e Execution) error {
		if e.Status != ExecutionRunning {
			return fmt.Errorf("it is %s already", e.Status)
		}
		e.Status, e.Reason = ExecutionStopped, reason
		return setExecution(ctx, tx, now(), audit.ExecutionStopped, e, by)
	})
}

// Exclude takes a network out of an execution, for good: the others no longer wait for it.
func (s *Store) Exclude(ctx context.Context, plan common.Hash, chainID uint64, reason, by string) error {
	reason = stored(reason)
	return s.alterExecution(ctx, plan, func(tx *tx, e Execution) error {
		i := slices.IndexFunc(e.Networks, func(n ExecutionNetwork) bool { return n.ChainID == chainID })
		switch {
		case i < 0:
			return fmt.Errorf("chain %d is not among its networks", chainID)
		case e.Networks[i].State.Ended():
			return fmt.Errorf("it is %s on chain %d already", e.Networks[i].State, chainID)
		}
		n := ExecutionNetwork{ChainID: chainID, State: rollout.StateExcluded, Reason: reason}
		at := now()
		_, err := tx.exec(ctx, `UPDATE execution_networks SET state = ?, reason = ?, done_at = 0, updated_at = ? WHERE plan = ? AND chain_id = ?`,
			string(n.State), n.Reason, at, plan.Hex(), chainID)
		if err != nil {
			return err
		}
		if err := appendEntry(ctx, tx, at, audit.ExecutionNetworkSet, chainID, n.entry(plan, by)); err != nil {
			return err
		}
		// nothing more is sent there for the plan
		if err := endUse(ctx, tx, at, plan, chainID, PlanAbandoned); err != nil {
			return err
		}
		_, err = s.endExecution(ctx, tx, at, plan, by)
		return err
	})
}

// Retry lets networks that have halted be looked at again, at once.
func (s *Store) Retry(ctx context.Context, plan common.Hash, by string) error {
	return s.alterExecution(ctx, plan, func(tx *tx, e Execution) error {
		at := now()
		if !e.Served {
			return errors.New("it is carried out by a command: run that again, or hand the plan over with lockstep start")
		}
		if e.Status == ExecutionStopped {
			e.Status, e.Reason = ExecutionRunning, ""
			if err := setExecution(ctx, tx, at, audit.ExecutionBegun, e, by); err != nil {
				return err
			}
		}
		for _, n := range e.Networks {
			if n.State != rollout.StateHalted {
				continue
			}
			n.State, n.Reason = rollout.StateWaiting, "an operator asked for another look: it was halted, "+n.Reason
			_, err := tx.exec(ctx, `UPDATE execution_networks SET state = ?, reason = ?, retry_ms = 0, updated_at = ? WHERE plan = ? AND chain_id = ?`,
				string(n.State), n.Reason, at, plan.Hex(), n.ChainID)
			if err != nil {
				return err
			}
			if err := appendEntry(ctx, tx, at, audit.ExecutionNetworkSet, n.ChainID, n.entry(plan, by)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) alterExecution(ctx context.Context, plan common.Hash, f func(*tx, Execution) error) error {
	err := s.within(ctx, func(tx *tx) error {
		e, err := wholeExecution(ctx, tx.querier, plan)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return ErrNotFound
		case err != nil:
			return err
		case e.Status == ExecutionDone:
			return errors.New("it is done already")
		}
		return f(tx, e)
	})
	if err != nil {
		return fmt.Errorf("execution of plan %s: %w", plan, err)
	}
	return nil
}

// longestRetry is for how long a network is left alone at most that is not left alone for good.
const longestRetry = time.Minute

// left is for how long a network is left alone. What is longer than anybody asks for was noted by a clock that was ahead.
func left(retry time.Duration) time.Duration {
	const years = 365 * 24 * time.Hour
	if retry < 0 || retry > longestRetry && retry < years {
		return 0
	}
	return retry
}

func wholeExecution(ctx context.Context, db querier, plan common.Hash) (Execution, error) {
	e, err := execution(ctx, db, plan)
	if err != nil {
		return e, err
	}
	clock := db.engine.words().clock
	err = each(ctx, db, `SELECT chain_id, state, reason, done_at, `+clock+` - ready_ms, retry_ms - `+clock+`, updated_at
		FROM execution_networks WHERE plan = ? ORDER BY chain_id`, func(rows *sql.Rows) error {
		var n ExecutionNetwork
		var age, retry int64
		err := rows.Scan(&n.ChainID, &n.State, &n.Reason, &n.DoneAt, &age, &retry, &n.UpdatedAt)
		// one that was ready later than now was so by a clock that was ahead, and nobody knows when
		n.Age, n.Retry = (time.Duration(age) * time.Millisecond).Abs(), left(time.Duration(retry)*time.Millisecond)
		e.Networks = append(e.Networks, n)
		return err
	}, plan.Hex())
	return e, err
}

// Execution returns how the carrying out of a plan stands; the error is ErrNotFound if nobody has begun it.
func (s *Store) Execution(ctx context.Context, plan common.Hash) (e Execution, err error) {
	err = s.view(ctx, func(db querier) (err error) {
		e, err = wholeExecution(ctx, db, plan)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return e, fmt.Errorf("execution of plan %s: %w", plan, ErrNotFound)
	}
	if err != nil {
		return e, fmt.Errorf("read the execution of plan %s: %w", plan, err)
	}
	return e, nil
}

// Executions lists executions, newest first: all, or those that run and are served.
func (s *Store) Executions(ctx context.Context, served bool) (out []Execution, err error) {
	err = s.view(ctx, func(db querier) error {
		out = nil
		var plans []common.Hash
		where := ""
		if served {
			where = `WHERE status = 'running' AND served = 1`
		}
		err := each(ctx, db, `SELECT plan FROM executions `+where+` ORDER BY created_at DESC, plan`, func(rows *sql.Rows) error {
			var plan string
			err := rows.Scan(&plan)
			plans = append(plans, common.HexToHash(plan))
			return err
		})
		if err != nil {
			return err
		}
		for _, plan := range plans {
			e, err := wholeExecution(ctx, db, plan)
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read executions: %w", err)
	}
	return out, nil
}
