package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
)

// CodeBaselines returns the code hashes that accounts of a network had when they were first watched, of those that may have any code.
func (s *Store) CodeBaselines(ctx context.Context, chainID uint64) (map[common.Address]common.Hash, error) {
	out := map[common.Address]common.Hash{}
	err := s.read(ctx, func(db querier) error {
		clear(out)
		return each(ctx, db, `SELECT account, code_hash FROM code_baselines WHERE chain_id = ?`, func(rows *sql.Rows) error {
			var account, hash string
			err := rows.Scan(&account, &hash)
			out[common.HexToAddress(account)] = common.HexToHash(hash)
			return err
		}, chainID)
	})
	if err != nil {
		return nil, fmt.Errorf("read which code accounts of chain %d had at first: %w", chainID, err)
	}
	return out, nil
}

// KeepCodeBaselines keeps which code accounts had at first; of those that are nil it is forgotten.
func (s *Store) KeepCodeBaselines(ctx context.Context, chainID uint64, changed map[common.Address]*common.Hash) error {
	err := s.within(ctx, func(tx *tx) error {
		for account, hash := range changed {
			_, err := tx.exec(ctx, `DELETE FROM code_baselines WHERE chain_id = ? AND account = ?`, chainID, account.Hex())
			if err == nil && hash != nil {
				_, err = tx.exec(ctx, `INSERT INTO code_baselines (chain_id, account, code_hash, created_at) VALUES (?, ?, ?, ?)`, chainID, account.Hex(), hash.Hex(), now())
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("journal which code accounts of chain %d have: %w", chainID, err)
	}
	return nil
}
