package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// What Flashbots' relay takes: https://docs.flashbots.net/flashbots-auction/advanced/rpc-endpoint ("at most 100 transactions
// and ... 300,000 bytes"; "for the next 25 blocks").
const (
	maxBundle      = 100
	maxBundleBytes = 300_000
	privateBlocks  = 25
)

// TextSigner signs texts as wallets do (EIP-191). A signer.Signer is one.
type TextSigner interface {
	Address() common.Address
	SignText(text string) ([]byte, error)
}

// FlashbotsConfig configures a relay that speaks Flashbots' methods.
type FlashbotsConfig struct {
	Name      string
	URL       string
	StatusURL string // of the status API, without the hash; empty if there is none
	// Signer signs requests. Relays know whose they are by it, so it lasts, but it holds no money and is no account that sends.
	Signer   TextSigner
	Builders []string      // by the names that the relay knows, besides its own; usually none
	Timeout  time.Duration // of one request; 10 s if zero
}

// flashbots gives one transaction with eth_sendPrivateTransaction, and several as a bundle for the next block, so that they land
// together or not at all.
type flashbots struct {
	cfg    FlashbotsConfig
	rpc    *client
	status *client // nil if there is none
}

// NewFlashbots makes a relay that speaks Flashbots' methods.
func NewFlashbots(cfg FlashbotsConfig) (Relay, error) {
	if cfg.Signer == nil {
		return nil, fmt.Errorf("relay %s needs a key of its own to sign requests with: configure one that no account uses", cfg.Name)
	}
	rpc, err := newClient(cfg.Name, cfg.URL, cfg.Timeout)
	if err != nil {
		return nil, err
	}
	f := &flashbots{cfg: cfg, rpc: rpc}
	if cfg.StatusURL != "" {
		if f.status, err = newClient(cfg.Name, cfg.StatusURL, cfg.Timeout); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *flashbots) Name() string    { return f.cfg.Name }
func (f *flashbots) Privacy() string { return network.Relay }

// What the methods take: https://docs.flashbots.net/flashbots-auction/advanced/rpc-endpoint
type (
	privateTransaction struct {
		Tx          hexutil.Bytes  `json:"tx"`
		MaxBlock    hexutil.Uint64 `json:"maxBlockNumber"`
		Preferences preferences    `json:"preferences"`
	}
	preferences struct {
		Privacy privacy `json:"privacy"`
	}
	// privacy says what searchers are told: by default more than the hash. With only the hash "all identifiable transaction data
	// ... is concealed" (https://docs.flashbots.net/flashbots-protect/mev-refunds, Max Privacy).
	privacy struct {
		Hints    []string `json:"hints"`
		Builders []string `json:"builders,omitempty"`
	}
	bundle struct {
		Txs         []hexutil.Bytes `json:"txs"`
		Block       hexutil.Uint64  `json:"blockNumber"`
		Replacement string          `json:"replacementUuid"`
		Builders    []string        `json:"builders,omitempty"`
	}
)

func (f *flashbots) Submit(ctx context.Context, b Batch) (uint64, error) {
	from, err := b.check()
	if err != nil {
		return 0, refused(f.cfg.Name, "is given nothing: %v", err)
	}
	if from == f.cfg.Signer.Address() {
		return 0, refused(f.cfg.Name, "is given nothing: its requests would be signed by %s, which sends the transactions: configure a key of its own", from)
	}
	if b.Next > b.Last {
		return 0, refused(f.cfg.Name, "is given nothing: the transactions are for blocks up to %d, and %d comes next", b.Last, b.Next)
	}
	raw, err := f.encode(b.Txs)
	if err != nil {
		return 0, err
	}
	if len(raw) > 1 {
		return b.Next, f.sendBundle(ctx, b, raw)
	}
	until := min(b.Last, b.Next+privateBlocks-1)
	result, err := f.call(ctx, "eth_sendPrivateTransaction", privateTransaction{
		Tx: raw[0], MaxBlock: hexutil.Uint64(until), Preferences: preferences{privacy{[]string{"hash"}, f.cfg.Builders}},
	})
	if err != nil {
		return 0, err
	}
	return until, sameHash(f.cfg.Name, result, b.Txs[0].Hash())
}

// encode looks at what the relay would not look at, or would look at in vain.
func (f *flashbots) encode(txs []*types.Transaction) ([]hexutil.Bytes, error) {
	var out []hexutil.Bytes
	var size int
	for _, tx := range txs {
		// "Transactions with 0 priority fee will not be shared with block builders":
		// https://docs.flashbots.net/flashbots-protect/additional-documentation/eth-sendPrivateTransaction
		if tx.GasTipCap().Sign() == 0 {
			return nil, refused(f.cfg.Name, "is given nothing: %s offers no tip, and such a transaction it shows to no builder: offer one", tx.Hash())
		}
		raw, err := tx.MarshalBinary()
		if err != nil {
			return nil, refused(f.cfg.Name, "is given nothing: encode %s: %v", tx.Hash(), err)
		}
		out, size = append(out, raw), size+len(raw)
	}
	if len(out) > maxBundle || len(out) > 1 && size > maxBundleBytes {
		return nil, refused(f.cfg.Name, "takes bundles of %d transactions and %d bytes at most, these are %d of %d bytes: submit fewer at once",
			maxBundle, maxBundleBytes, len(out), size)
	}
	return out, nil
}

func (f *flashbots) sendBundle(ctx context.Context, b Batch, raw []hexutil.Bytes) error {
	// one with the same UUID takes the place of that for the block before:
	// https://docs.flashbots.net/flashbots-auction/advanced/bundle-cancellations
	result, err := f.call(ctx, "eth_sendBundle", bundle{Txs: raw, Block: hexutil.Uint64(b.Next), Replacement: b.ID, Builders: f.cfg.Builders})
	if err != nil {
		return err
	}
	var answer struct {
		Hash common.Hash `json:"bundleHash"`
	}
	if json.Unmarshal(result, &answer) != nil || answer.Hash == (common.Hash{}) {
		return inDoubt(f.cfg.Name, "gives an answer without the hash of a bundle: check its URL")
	}
	return nil
}

// sameHash tells whether a result is the hash of the transaction that was sent.
func sameHash(name string, result json.RawMessage, want common.Hash) error {
	var got common.Hash
	if json.Unmarshal(result, &got) != nil {
		return inDoubt(name, "gives an answer that is not the hash of a transaction: check its URL")
	}
	if got != want {
		return inDoubt(name, "gives the hash of another transaction: configure another relay")
	}
	return nil
}

func (f *flashbots) Status(ctx context.Context, hash common.Hash) (Status, error) {
	if f.status == nil {
		return Unknown, unsupported(f.cfg.Name, "has no status API that is configured: look at the chain")
	}
	return askStatus(ctx, f.status, hash)
}

func (f *flashbots) Cancel(ctx context.Context, b Batch) error {
	if len(b.Txs) == 1 {
		return f.cancelPrivate(ctx, b)
	}
	if _, err := f.call(ctx, "eth_cancelBundle", struct {
		Replacement string `json:"replacementUuid"`
	}{b.ID}); err != nil {
		return err
	}
	// the first may have been submitted alone before the others joined it; mostly it was not
	if err := f.cancelPrivate(ctx, b); err != nil && !errors.Is(err, ErrRefused) {
		return err
	}
	return nil
}

func (f *flashbots) cancelPrivate(ctx context.Context, b Batch) error {
	result, err := f.call(ctx, "eth_cancelPrivateTransaction", struct {
		Hash common.Hash `json:"txHash"`
	}{b.Txs[0].Hash()})
	if err != nil {
		return err
	}
	var done bool // "true if tx successfully cancelled, false if not"
	if json.Unmarshal(result, &done) != nil {
		return inDoubt(f.cfg.Name, "does not say whether it has cancelled: look at the chain")
	}
	if !done {
		return refused(f.cfg.Name, "has not cancelled %s: it may be in a block, or with other relays only", b.Txs[0].Hash())
	}
	return nil
}

func (f *flashbots) call(ctx context.Context, method string, param any) (json.RawMessage, error) {
	return f.rpc.call(ctx, method, []any{param}, f.sign)
}

// sign makes the header by which the relay knows who asks: the EIP-191 signature over the hex text of the body's hash
// (https://docs.flashbots.net/flashbots-auction/advanced/rpc-endpoint, Authentication).
func (f *flashbots) sign(_ context.Context, body []byte) (header, error) {
	signature, err := f.cfg.Signer.SignText(crypto.Keccak256Hash(body).Hex())
	if err != nil {
		return header{}, fmt.Errorf("its request cannot be signed: %w", err)
	}
	if len(signature) != crypto.SignatureLength {
		return header{}, errors.New("its request cannot be signed: the signer gives something else than a signature")
	}
	return header{"X-Flashbots-Signature", f.cfg.Signer.Address().Hex() + ":" + hexutil.Encode(signature)}, nil
}
