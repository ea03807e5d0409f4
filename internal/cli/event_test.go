package cli

import (
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

func init() {
	withoutData["lockstep event"] = "help, for people"
	withoutData["lockstep upgrade"] = "help, for people"
	root := common.Hash{0xaa}.Hex()
	exercises = append(exercises, []exercise{
		{command: "lockstep event list", args: "--journal @old.db --network 31337"}, // an earlier release knew none
		{command: "lockstep upgrade list", args: "--journal @old.db"},
		{command: "lockstep event list", args: "--config @one.yaml --network local", before: keptEvents},
		{command: "lockstep event list", args: "--journal @lockstep.db --network 31337 --name Committed --from 1 --to 9 --limit 1"},
		{command: "lockstep event list", args: "--journal @lockstep.db --network 31337 --tx " + root},
		{command: "lockstep event list", args: "--journal @lockstep.db", code: exitUsage, fails: true},
		{command: "lockstep event list", args: "--journal @lockstep.db --network local --tx 0xaa", code: exitUsage, fails: true},
		{command: "lockstep event list", args: "--journal @lockstep.db --network nowhere", code: exitUsage, fails: true},
		{command: "lockstep event list", args: "--journal @lockstep.db --network 1 --limit 0", code: exitUsage, fails: true},
		{command: "lockstep event list", args: "--journal @nowhere.db --network 1", code: exitFailed, fails: true},
		{command: "lockstep upgrade list", args: "--config @one.yaml --network local --status cancelled --root " + root},
		{command: "lockstep upgrade list", args: "--journal @lockstep.db --limit 1"},
		{command: "lockstep upgrade list", args: "--journal @lockstep.db --status odd", code: exitUsage, fails: true},
		{command: "lockstep upgrade list", args: "--journal @lockstep.db --root 0xaa", code: exitUsage, fails: true},
		{command: "lockstep upgrade list", args: "--journal @lockstep.db --limit 0", code: exitUsage, fails: true},
		{command: "lockstep upgrade list", args: "--journal @nowhere.db", code: exitFailed, fails: true},
	}...)
}

// keptEvents puts two commitments into the index.
func keptEvents(t *testing.T, r *rig) {
	t.Helper()
	s, err := store.Open(t.Context(), r.path("lockstep.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	contracts := []event.Contract{{Kind: dispatcher.Kind, Address: common.Address{0xd1}, From: 1}}
	if _, err := s.Watch(t.Context(), 31337, contracts); err != nil {
		t.Fatal(err)
	}
	batch := event.Batch{ChainID: 31337, Contracts: contracts, From: 1, To: 8}
	for i := range uint64(2) {
		at := rollout.Block{Number: 5 + i, Hash: common.Hash{byte(5 + i)}, Time: 1_700_000_000 + i}
		d := event.Decoded{Kind: dispatcher.Kind.Name(), Log: event.Log{
			Address: common.Address{0xd1}, Block: at, Tx: common.Hash{byte(1 + i)}, Data: common.BigToHash(big.NewInt(1_700_003_600)).Bytes(),
			Topics: []common.Hash{crypto.Keccak256Hash([]byte("Committed(bytes32,uint256,uint256)")), {0xaa + byte(i)}, common.BigToHash(common.Big1)},
		}}
		d.Name, d.Fields = dispatcher.Kind.Decode(nil, &d.Log)
		batch.Logs = append(batch.Logs, d)
		batch.Blocks = append(batch.Blocks, event.Header{Block: at})
	}
	for i, l := range []event.Log{
		{Topics: []common.Hash{crypto.Keccak256Hash([]byte("SelectorRouted(bytes4,address)")), {0x12, 0x34, 0x56, 0x78}, {31: 1}}},
		{Topics: []common.Hash{crypto.Keccak256Hash([]byte("RoutesApplied(bytes32,uint256)")), {0xab}}, Data: common.BigToHash(common.Big1).Bytes()},
	} {
		l.Address, l.Block, l.Tx, l.Index = common.Address{0xd1}, batch.Blocks[1].Block, common.Hash{3}, uint32(1+i)
		d := event.Decoded{Kind: dispatcher.Kind.Name(), Log: l}
		d.Name, d.Fields = dispatcher.Kind.Decode(nil, &d.Log)
		batch.Logs = append(batch.Logs, d)
	}
	if err := s.SaveBatch(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	u, err := s.Settle(t.Context(), 31337, contracts[0], event.Place{Block: 6}, nil, nil)
	if err != nil || len(u.Selectors) == 0 {
		t.Fatalf("%+v, %v", u, err)
	}
}
