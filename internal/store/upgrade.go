package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// upgradeColumns are those of the table of upgrades, in the order in which rows are written and read.
const upgradeColumns = `chain_id, block_number, log_index, tx_hash, dispatcher, root, routes_root, epoch, eta, status, committed_at, applied_at,
	activated_at, ended_at, gas_used, selectors, settled`

func saveUpgrades(ctx context.Context, tx *tx, upgrades []event.Upgrade) error {
	for i := range upgrades {
		u := &upgrades[i]
		selectors, err := json.Marshal(append([]string{}, u.Selectors...))
		if err != nil {
			return err
		}
		settled := 0
		if u.Settled {
			settled = 1
		}
		_, err = tx.exec(ctx, `INSERT INTO upgrades (`+upgradeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (chain_id, block_number, log_index) DO UPDATE SET tx_hash = excluded.tx_hash, dispatcher = excluded.dispatcher,
			root = excluded.root, routes_root = excluded.routes_root, epoch = excluded.epoch, eta = excluded.eta, status = excluded.status,
			committed_at = excluded.committed_at, applied_at = excluded.applied_at, activated_at = excluded.activated_at,
			ended_at = excluded.ended_at, gas_used = excluded.gas_used, selectors = excluded.selectors, settled = excluded.settled`,
			u.ChainID, u.Commit.Block, u.Commit.Index, u.Tx[:], u.Dispatcher[:], u.Root[:], bytesOrNull(u.RoutesRoot), u.Epoch, u.Eta, string(u.Status),
			u.CommittedAt, u.AppliedAt, u.ActivatedAt, u.EndedAt, u.GasUsed, string(selectors), settled)
		if err != nil {
			return err
		}
	}
	return nil
}

// bytesOrNull is a hash as it is stored in bytes where there may be none.
func bytesOrNull(h common.Hash) []byte {
	if h == (common.Hash{}) {
		return nil
	}
	return h[:]
}

// Upgrades returns upgrades.
func (s *Store) Upgrades(ctx context.Context, f event.UpgradeFilter) (out []event.Upgrade, err error) {
	err = s.read(ctx, func(db querier) error {
		out, err = upgrades(ctx, db, f)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read upgrades: %w", err)
	}
	return out, nil
}

func upgrades(ctx context.Context, db querier, f event.UpgradeFilter) (out []event.Upgrade, err error) {
	if has, err := db.has(ctx, "upgrades"); err != nil || !has { // as of events
		return nil, err
	}
	where, args := []string{"1 = 1"}, []any{}
	narrow := func(condition string, values ...any) {
		where, args = append(where, condition), append(args, values...)
	}
	if f.ChainID > 0 {
		narrow(`chain_id = ?`, f.ChainID)
	}
	if f.Dispatcher != (common.Address{}) {
		narrow(`dispatcher = ?`, f.Dispatcher[:])
	}
	if f.Root != (common.Hash{}) {
		narrow(`(root = ? OR routes_root = ?)`, f.Root[:], f.Root[:])
	}
	if len(f.Statuses) > 0 {
		statuses := make([]any, len(f.Statuses))
		for i, s := range f.Statuses {
			statuses[i] = string(s)
		}
		narrow(`status IN (?`+strings.Repeat(", ?", len(statuses)-1)+`)`, statuses...)
	}
	limit := int64(math.MaxInt64)
	if f.Limit > 0 {
		limit = int64(f.Limit)
	}
	err = each(ctx, db, `SELECT `+upgradeColumns+` FROM upgrades WHERE `+strings.Join(where, " AND ")+`
		ORDER BY committed_at DESC, chain_id, block_number DESC, log_index DESC LIMIT ?`,
		func(rows *sql.Rows) error {
			u, err := scanUpgrade(rows)
			out = append(out, u)
			return err
		}, append(args, limit)...)
	return out, err
}

func scanUpgrade(rows *sql.Rows) (u event.Upgrade, err error) {
	var tx, dispatcher, root, routesRoot []byte
	var status, selectors string
	err = rows.Scan(&u.ChainID, &u.Commit.Block, &u.Commit.Index, &tx, &dispatcher, &root, &routesRoot, &u.Epoch, &u.Eta, &status, &u.CommittedAt,
		&u.AppliedAt, &u.ActivatedAt, &u.EndedAt, &u.GasUsed, &selectors, &u.Settled)
	if err != nil {
		return u, err
	}
	u.Tx, u.Dispatcher, u.Root, u.RoutesRoot = common.BytesToHash(tx), common.BytesToAddress(dispatcher), common.BytesToHash(root), common.BytesToHash(routesRoot)
	u.Status = event.UpgradeStatus(status)
	if err := json.Unmarshal([]byte(selectors), &u.Selectors); err != nil {
		return u, fmt.Errorf("selectors of %s: %w", u.ID(), err)
	}
	if len(u.Selectors) == 0 {
		u.Selectors = nil
	}
	return u, nil
}

// life is what is known of the commitment of a contract in a place.
func life(ctx context.Context, db querier, chainID uint64, contract event.Contract, commit event.Place) (event.Life, error) {
	l := event.Life{ChainID: chainID, Transactions: map[common.Hash]event.Transaction{}}
	begins, others := contract.Kind.(event.Upgrader).Lifecycle()
	err := db.queryRow(ctx, `SELECT time FROM event_blocks WHERE chain_id = ? ORDER BY number DESC LIMIT 1`, chainID).Scan(&l.Now)
	if err != nil {
		return l, err
	}
	first, err := eventAt(ctx, db, chainID, commit)
	if err != nil {
		return l, err
	}
	l.Events = []event.Decoded{first}
	f := event.Filter{
		ChainID: chainID, Contract: contract.Address, Names: []string{begins}, From: commit.Block, To: math.MaxInt64, Oldest: true, After: commit, Limit: 1,
	}
	next, err := events(ctx, db, f)
	if err != nil {
		return l, err
	}
	f.Names, f.Limit = others, 0
	if len(next) > 0 {
		l.Next, f.To = next[0].Block, next[0].Block.Number
	}
	rest, err := events(ctx, db, f)
	if err != nil {
		return l, err
	}
	if len(next) > 0 {
		rest = slices.DeleteFunc(rest, func(e event.Decoded) bool {
			return e.Block.Number == next[0].Block.Number && e.Index > next[0].Index
		})
	}
	l.Events = append(l.Events, rest...)
	if l.Refused, err = refused(ctx, db, event.RefusedFilter{ChainID: chainID, Contract: contract.Address, From: commit.Block, To: f.To, Source: "block", Oldest: true}); err != nil {
		return l, err
	}
	if l.Earlier, err = pagesBefore(ctx, db, chainID, contract.Address, commit.Block); err != nil {
		return l, err
	}
	return l, transactionsBetween(ctx, db, &l, commit.Block, f.To)
}

// eventAt is the event in a place.
func eventAt(ctx context.Context, db querier, chainID uint64, p event.Place) (d event.Decoded, err error) {
	err = ErrNotFound
	readErr := each(ctx, db, `SELECT `+eventColumns+` FROM events WHERE chain_id = ? AND block_number = ? AND log_index = ?`, func(rows *sql.Rows) error {
		d, err = scanEvent(rows)
		return err
	}, chainID, p.Block, p.Index)
	if readErr != nil {
		err = readErr
	}
	return d, err
}

func pagesBefore(ctx context.Context, db querier, chainID uint64, contract common.Address, block uint64) (out []event.Page, err error) {
	err = each(ctx, db, `SELECT pages FROM event_transactions WHERE chain_id = ? AND block_number < ? AND pages <> '[]' ORDER BY block_number`,
		func(rows *sql.Rows) error {
			var text string
			if err := rows.Scan(&text); err != nil {
				return err
			}
			var pages []event.Page
			if err := json.Unmarshal([]byte(text), &pages); err != nil {
				return err
			}
			for _, p := range pages {
				if p.Contract == contract {
					out = append(out, p)
				}
			}
			return nil
		}, chainID, block)
	return out, err
}

// transactionsBetween reads what is known of the transactions of a life.
func transactionsBetween(ctx context.Context, db querier, l *event.Life, from, to uint64) error {
	wanted := map[common.Hash]bool{}
	for i := range l.Events {
		wanted[l.Events[i].Tx] = true
	}
	for i := range l.Refused {
		wanted[l.Refused[i].Tx] = true
	}
	for hash := range wanted {
		var text string
		t := event.Transaction{Hash: hash}
		err := db.queryRow(ctx, `SELECT block_number, gas_used, pages FROM event_transactions WHERE chain_id = ? AND tx_hash = ? AND block_number BETWEEN ? AND ?`,
			l.ChainID, hash[:], from, to).Scan(&t.Block, &t.GasUsed, &text)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			continue
		case err != nil:
			return err
		}
		if err := json.Unmarshal([]byte(text), &t.Pages); err != nil {
			return err
		}
		l.Transactions[hash] = t
	}
	return nil
}
