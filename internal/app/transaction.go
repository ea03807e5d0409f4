package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/signer"
	"github.com/seed-b6a97670/lockstep/internal/txsend"
)

// JournalEntry is a transaction of the journal.
type JournalEntry struct {
	Network string         `json:"network"`
	ChainID uint64         `json:"chainId"`
	ID      int64          `json:"id"`
	Signer  common.Address `json:"signer"`
	Nonce   uint64         `json:"nonce"`
	Step    string         `json:"step"`
	Hash    common.Hash    `json:"hash"`
	// Status is signed (never sent), released (perhaps sent), replaced, confirmed, reverted, dropped, lost or void.
	Status   rollout.Status `json:"status"`
	Block    uint64         `json:"block"`    // 0 until it is final
	GasUsed  uint64         `json:"gasUsed"`  // 0 until it is final
	Replaces int64          `json:"replaces"` // id of the one whose nonce it takes; 0 if none
}

// Journal lists the transactions of the networks, oldest first, or only those that may still land. No network is asked.
func (a *App) Journal(ctx context.Context, open bool) ([]JournalEntry, error) {
	if err := a.openJournal(ctx); err != nil {
		return nil, err
	}
	out := []JournalEntry{}
	for _, n := range a.networks {
		ts, err := a.store.Transactions(ctx, n.ChainID)
		if err != nil {
			return nil, err
		}
		for _, t := range ts {
			if open && !t.Status.Open() && t.Status != rollout.Replaced {
				continue
			}
			out = append(out, JournalEntry{
				n.Name, n.ChainID, t.ID, t.Signer, t.Nonce, t.Step, t.Hash, t.Status, t.BlockNumber, t.GasUsed, t.Replaces,
			})
		}
	}
	return out, nil
}

// Drop takes an open transaction back, and with it the later ones of its account, which were to follow on it. What was never
// sent is made void, any other is replaced by one that does nothing. hash may be the beginning of one, and that of a transaction
// that was replaced.
func (a *App) Drop(ctx context.Context, hash string) (Outcome, error) {
	if err := a.open(ctx); err != nil {
		return Outcome{}, err
	}
	found := map[*net][]rollout.Transaction{}
	for _, n := range a.networks {
		entries, err := a.openFrom(ctx, n, hash)
		if err != nil {
			return Outcome{}, err
		}
		if len(entries) > 0 {
			found[n] = entries
		}
	}
	if len(found) > 1 {
		return Outcome{}, fmt.Errorf("%s begins the hash of open transactions on %d networks: give more of it", hash, len(found))
	}
	for n, entries := range found {
		outcomes, err := a.eachOf(ctx, []*net{n}, func(ctx context.Context, n *net, out *Outcome) error { return a.drop(ctx, n, entries, out) })
		return outcomes[0], err
	}
	return Outcome{}, fmt.Errorf("no open transaction of the journal has the hash %s: see lockstep transaction list --open", hash)
}

// openFrom returns the open transactions of an account from the one with a hash on; none if that is not open.
func (a *App) openFrom(ctx context.Context, n *net, hash string) ([]rollout.Transaction, error) {
	ts, err := a.store.Transactions(ctx, n.ChainID)
	if err != nil {
		return nil, err
	}
	ts = slices.DeleteFunc(ts, func(t rollout.Transaction) bool {
		open := t.Status.Open() || t.Status == rollout.Replaced
		return !open || !strings.HasPrefix(t.Hash.Hex(), strings.ToLower(hash))
	})
	if len(ts) == 0 {
		return nil, nil
	}
	if len(ts) > 1 {
		return nil, fmt.Errorf("%s begins the hash of %d open transactions on %s: give more of it", hash, len(ts), n.Name)
	}
	mark, err := a.store.Read(ctx, n.ChainID, ts[0].Signer)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(mark.Open, func(t rollout.Transaction) bool { return t.Nonce == ts[0].Nonce })
	if i < 0 {
		return nil, nil // it became final meanwhile
	}
	return mark.Open[i:], nil
}

func (a *App) drop(ctx context.Context, n *net, entries []rollout.Transaction, out *Outcome) error {
	var signed, released []rollout.Transaction
	for _, t := range entries {
		if t.Status == rollout.Signed {
			signed = append(signed, t)
		} else {
			released = append(released, t)
		}
	}
	if len(released) == 0 {
		return wrap(n, a.store.Void(ctx, signed))
	}
	s, err := a.signerOf(released[0].Signer)
	if err != nil {
		return err
	}
	if err := a.routable(ctx, n); err != nil {
		return err
	}
	sender := a.sender(n, s)
	ctx, release, err := a.hold(n, a.store, []*txsend.Sender{sender}, true)(ctx)
	if err != nil {
		return wrap(n, err)
	}
	defer release()
	if len(signed) > 0 {
		if err := a.store.Void(ctx, signed); err != nil {
			return wrap(n, err)
		}
	}
	// one that reverted landed all the same
	var reverted *rollout.RevertedError
	if err := sender.Drop(ctx, released); err != nil && !errors.As(err, &reverted) {
		return wrap(n, err)
	}
	return a.dropped(ctx, n, released, out)
}

// wrap names the network of an error.
func wrap(n *net, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", n.Name, err)
}

// dropped tells what landed: what was meant to, or what was to be taken back.
func (a *App) dropped(ctx context.Context, n *net, entries []rollout.Transaction, out *Outcome) error {
	ts, err := a.store.Transactions(ctx, n.ChainID)
	if err != nil {
		return err
	}
	var late []string
	for _, t := range ts {
		i := slices.IndexFunc(entries, func(e rollout.Transaction) bool { return e.Signer == t.Signer && e.Nonce == t.Nonce })
		if i < 0 || t.Status != rollout.Confirmed && t.Status != rollout.Reverted {
			continue
		}
		out.Transactions = append(out.Transactions, TransactionSummary{t.Step, t.Hash, t.BlockNumber, t.GasUsed, t.Status == rollout.Reverted})
		if !strings.HasPrefix(t.Step, txsend.Dropping) {
			late = append(late, t.Step)
		}
	}
	if len(late) > 0 {
		return fmt.Errorf("%s: it landed before it could be taken back: %s", n.Name, strings.Join(late, ", "))
	}
	return nil
}

// signerOf returns the signer with an address, ready to sign.
func (a *App) signerOf(address common.Address) (*signer.Signer, error) {
	var unread []error // key files of others need not be here
	for _, name := range slices.Sorted(maps.Keys(a.cfg.Signers)) {
		sc := a.cfg.Signers[name]
		known := sc.Address != (common.Address{})
		if sc.Keystore == "" && !a.isOpen(name) || known && sc.Address != address {
			continue
		}
		s, err := a.signer(name)
		if err != nil {
			unread = append(unread, err)
			continue
		}
		if s.Address() != address {
			continue
		}
		if err := s.Unlock(); err != nil {
			return nil, fmt.Errorf("signer %s: %w", name, err)
		}
		return s, nil
	}
	return nil, errors.Join(append(unread, fmt.Errorf("no signer of %s with a keystore is %s", a.cfg.File, address))...)
}

// Adopted says from which nonce on the journal accounts for a signer.
type Adopted struct {
	Network string         `json:"network"`
	ChainID uint64         `json:"chainId"`
	Signer  common.Address `json:"signer"`
	Nonce   uint64         `json:"nonce"`
}

// Adopt accepts what a signer has sent elsewhere: from now on the journal goes on from the nonces of the chains.
func (a *App) Adopt(ctx context.Context, name string) ([]Adopted, error) {
	address, err := a.addressOf(name)
	if err != nil {
		return nil, err
	}
	if err := a.open(ctx); err != nil {
		return nil, err
	}
	// all are asked before anything is written
	out := make([]Adopted, len(a.networks))
	for i, n := range a.networks {
		at, err := n.chain.Head(ctx)
		if err != nil {
			return nil, err
		}
		nonce, err := n.chain.NonceAt(ctx, at.Hash, address)
		if err != nil {
			return nil, err
		}
		out[i] = Adopted{n.Name, n.ChainID, address, nonce}
	}
	for _, o := range out {
		if err := a.store.Adopt(ctx, o.ChainID, address, o.Nonce); err != nil {
			return nil, err
		}
	}
	return out, nil
}
