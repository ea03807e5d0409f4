package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/holiman/uint256"

	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
)

// openWallet is a contract that makes any call for anybody. Its calldata is the address to call as a word, then the data.
//
//	data to memory: PUSH1 32, CALLDATASIZE, SUB; DUP1, PUSH1 32, PUSH0, CALLDATACOPY
//	call:           PUSH0, PUSH0, SWAP2, PUSH0, PUSH0, PUSH0, CALLDATALOAD, GAS, CALL
//	answer:         RETURNDATASIZE, PUSH0, PUSH0, RETURNDATACOPY; PUSH1 28, JUMPI
//	                RETURNDATASIZE, PUSH0, REVERT; JUMPDEST, RETURNDATASIZE, PUSH0, RETURN
const openWallet = "0x602036038060205f375f5f915f5f5f355af13d5f5f3e601c573d5ffd5b3d5ff3"

// TestDelegatedAccounts lets two accounts delegate by EIP-7702, in a real transaction of type 4. One is to be a facet,
// and is refused. The other holds two roles and lets anybody act for it: it gives these roles away and no more, the
// timelock runs in full, and the guardian cancels in time.
func TestDelegatedAccounts(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	n := newAnvil(t)
	m := newMarket(t, n, n.url, 50)
	m.write("one.yaml", strings.Replace(fmt.Sprintf(marketConfig, 50, facetsOne, n.url), "delay: 5\n", "delay: 3600\n", 1))
	target := m.dispatcher()
	m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
	abi := bindings.NewManifestDispatcher()

	// an outsider sends all that follows: the first account holds no role
	outsider, self := devKey(t, 0), devAddress(0)
	holder := devAddress(1)
	facetKey, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	facet := crypto.PubkeyToAddress(facetKey.PublicKey)

	// PUSH32 code, PUSH0, MSTORE; PUSH1 32, PUSH0, RETURN
	n.mustSend(t, outsider, nil, append(append([]byte{0x7f}, common.FromHex(openWallet)...), common.FromHex("0x5f5260205ff3")...))
	nonce, err := n.nonce(ctx, self)
	if err != nil {
		t.Fatal(err)
	}
	wallet := crypto.CreateAddress(self, nonce-1)
	n.mustSend(t, outsider, &self, nil, n.delegation(t, facetKey, wallet), n.delegation(t, devKey(t, 1), wallet))
	for _, a := range []common.Address{facet, holder} {
		var code hexutil.Bytes
		if err := n.call(ctx, &code, "eth_getCode", a, "latest"); err != nil || !bytes.Equal(code, types.AddressToDelegation(wallet)) {
			t.Fatalf("code of %s: %#x (%v), want a delegation", a, []byte(code), err)
		}
	}
	through := func(data []byte) []byte { return append(common.LeftPadBytes(target[:], 32), data...) }
	mustRefuse := func(data []byte, want string) {
		t.Helper()
		got, err := n.refusal(ctx, self, holder, through(data))
		if err != nil || got != want {
			t.Errorf("refused with %q (%v), want %q", got, err, want)
		}
	}

	// the roles are the outsider's now, but a delegated account is no facet
	page, root := pageOfOne(facet, types.AddressToDelegation(wallet))
	n.mustSend(t, outsider, &holder, through(abi.PackCommitRoot(root, 1)))
	mustRefuse(abi.PackApplyRoutes(page, nil, common.Hash{}), fmt.Sprintf("CodeForbidden(Account: %s)", facet))

	page, root = pageOfOne(wallet, common.FromHex(openWallet))
	n.mustSend(t, outsider, &holder, through(abi.PackCommitRoot(root, 1)))
	n.mustSend(t, outsider, &holder, through(abi.PackApplyRoutes(page, nil, common.Hash{})))
	var head struct{ Timestamp hexutil.Uint64 }
	if err := n.call(ctx, &head, "eth_getBlockByNumber", "latest", false); err != nil {
		t.Fatal(err)
	}
	s, err := n.state(ctx, target)
	if err != nil || s.pendingRoot != root || s.eta <= uint64(head.Timestamp)+3000 {
		t.Fatalf("root %s is pending until %d, at %d (%v), want %s for an hour", s.pendingRoot, s.eta, head.Timestamp, err, root)
	}

	// neither does it shorten the timelock, nor reach another role
	got, err := n.refusal(ctx, self, holder, through(abi.PackActivateCommittedRoot()))
	if want := fmt.Sprintf("ActivationNotReady(Eta: %d,", s.eta); err != nil || !strings.HasPrefix(got, want) {
		t.Errorf("refused with %q (%v), want %q", got, err, want)
	}
	mustRefuse(abi.PackCommitRoot(root, 1), fmt.Sprintf("AlreadyPending(Root: %s)", root))
	for role, data := range map[string][]byte{
		"":                abi.PackGrantRole(crypto.Keccak256Hash([]byte("EMERGENCY_ROLE")), holder),
		"GOVERNANCE_ROLE": abi.PackSetEtaGrace(30),
		"PAUSER_ROLE":     abi.PackPause(),
		"EMERGENCY_ROLE":  abi.PackCancelCommit(),
	} {
		id := common.Hash{}
		if role != "" {
			id = crypto.Keccak256Hash([]byte(role))
		}
		mustRefuse(data, fmt.Sprintf("AccessControlUnauthorizedAccount(Account: %s, NeededRole: %s)", holder, id))
	}

	n.castSend(t, 2, target, "cancelCommit()")
	if err := n.passTime(ctx, 3600); err != nil {
		t.Fatal(err)
	}
	mustRefuse(abi.PackActivateCommittedRoot(), "NothingPending()")
	if s, err := n.state(ctx, target); err != nil || s.activeEpoch != 0 {
		t.Errorf("epoch %d is active (%v), want none", s.activeEpoch, err)
	}
}

// pageOfOne is the page of a manifest with one route to one facet, and its root.
func pageOfOne(facet common.Address, code []byte) (page []byte, root common.Hash) {
	hash := crypto.Keccak256(code)
	// first byte, pages, index, routes, seed, one displacement; selector and number of the facet
	page = bytes.Join([][]byte{{0, 1, 0, 1, 1, 0}, {0xa7, 0x7a, 0xc4, 0x01, 0}, facet[:], hash}, nil)
	return page, crypto.Keccak256Hash(crypto.Keccak256(page))
}

func devKey(t *testing.T, i int) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.HexToECDSA(devKeys[i])
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (n *node) nonce(ctx context.Context, account common.Address) (uint64, error) {
	var nonce hexutil.Uint64
	err := n.call(ctx, &nonce, "eth_getTransactionCount", account, "latest")
	return uint64(nonce), err
}

// anvilChain is the chain id that anvil has by default.
const anvilChain = 31337

// delegation is an account's authorization to run a contract's code as its own.
func (n *node) delegation(t *testing.T, key *ecdsa.PrivateKey, to common.Address) types.SetCodeAuthorization {
	t.Helper()
	nonce, err := n.nonce(t.Context(), crypto.PubkeyToAddress(key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	auth, err := types.SignSetCode(key, types.SetCodeAuthorization{ChainID: *uint256.NewInt(anvilChain), Address: to, Nonce: nonce})
	if err != nil {
		t.Fatal(err)
	}
	return auth
}

// mustSend sends a transaction, of type 4 if it carries delegations, and waits until it has succeeded.
func (n *node) mustSend(t *testing.T, key *ecdsa.PrivateKey, to *common.Address, data []byte, delegations ...types.SetCodeAuthorization) {
	t.Helper()
	ctx := t.Context()
	nonce, err := n.nonce(ctx, crypto.PubkeyToAddress(key.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	const gas, tip, fee = 3_000_000, 1_000_000_000, 10_000_000_000
	var content types.TxData = &types.DynamicFeeTx{
		ChainID: big.NewInt(anvilChain), Nonce: nonce, GasTipCap: big.NewInt(tip), GasFeeCap: big.NewInt(fee), Gas: gas, To: to, Data: data,
	}
	if len(delegations) != 0 {
		content = &types.SetCodeTx{
			ChainID: uint256.NewInt(anvilChain), Nonce: nonce, GasTipCap: uint256.NewInt(tip), GasFeeCap: uint256.NewInt(fee), Gas: gas,
			To: *to, Data: data, AuthList: delegations,
		}
	}
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(anvilChain)), content)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := tx.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.call(ctx, nil, "eth_sendRawTransaction", hexutil.Bytes(raw)); err != nil {
		t.Fatal(err)
	}
	var receipt *types.Receipt
	err = n.awaitBlock(ctx, func(ctx context.Context) (bool, error) {
		err := n.call(ctx, &receipt, "eth_getTransactionReceipt", tx.Hash())
		return receipt != nil, err
	})
	if err != nil || receipt.Status != types.ReceiptStatusSuccessful || int(receipt.Type) != int(tx.Type()) {
		t.Fatalf("transaction %s of type %d did not succeed: %v", tx.Hash(), tx.Type(), err)
	}
}

// refusal is what a call reverts with, in words.
func (n *node) refusal(ctx context.Context, from, to common.Address, data []byte) (string, error) {
	err := n.call(ctx, nil, "eth_call", map[string]any{"from": from, "to": to, "data": hexutil.Bytes(data)}, "latest")
	if err == nil {
		return "", errors.New("it was not refused")
	}
	var reverted rpc.DataError
	if !errors.As(err, &reverted) {
		return "", err
	}
	text, ok := reverted.ErrorData().(string)
	if !ok {
		return "", err
	}
	return dispatcher.ExplainRevert(common.FromHex(text)), nil
}
