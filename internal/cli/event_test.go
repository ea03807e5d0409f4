package cli

import (
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// indexed makes indexed.db: a journal with the events of a commitment that was applied and cancelled, and of one that is active and not settled.
func indexed(t *testing.T, r *rig) {
	t.Helper()
	s, err := store.Open(t.Context(), r.path("indexed.db"), "market")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	contract := event.Contract{Kind: dispatcher.Kind, Address: common.Address{0xd1}, From: 1}
	if _, err := s.Watch(t.Context(), 31337, []event.Contract{contract}); err != nil {
		t.Fatal(err)
	}
	word := func(n byte) common.Hash { return common.Hash{31: n} }
	root := common.HexToHash("0xabcd" + strings.Repeat("0", 60))
	topic := func(signature string) common.Hash { return crypto.Keccak256Hash([]byte(signature)) }
	b := event.Batch{ChainID: 31337, Contracts: []event.Contract{contract}, From: 1, To: 6, Follows: true}
	log := func(block uint64, topics []common.Hash, data ...common.Hash) {
		l := event.Log{Address: contract.Address, Topics: topics, Block: rollout.Block{Number: block, Hash: word(byte(block)), Time: 1_700_000_000 + block}, Tx: word(byte(0x70 + block))}
		for _, w := range data {
			l.Data = append(l.Data, w[:]...)
		}
		d := event.Decoded{Log: l, Kind: "dispatcher"}
		d.Name, d.Fields = dispatcher.Kind.Decode(nil, &d.Log)
		b.Logs = append(b.Logs, d)
	}
	eta := common.BytesToHash([]byte{0x65, 0x60, 0, 0})
	log(1, []common.Hash{topic("Committed(bytes32,uint256,uint256)"), root, word(1)}, eta)
	log(2, []common.Hash{topic("RoutesApplied(bytes32,uint256)"), root}, word(1))
	log(3, []common.Hash{topic("Cancelled(bytes32,uint256,address)"), root, word(1), word(0xaa)})
	log(4, []common.Hash{topic("Committed(bytes32,uint256,uint256)"), root, word(1)}, eta)
	log(5, []common.Hash{topic("Activated(bytes32,uint256)"), root, word(1)})
	log(6, []common.Hash{topic("Another()")})
	for n := uint64(1); n <= 6; n++ {
		b.Blocks = append(b.Blocks, event.Header{Block: rollout.Block{Number: n, Hash: word(byte(n)), Time: 1_700_000_000 + n}})
	}
	err = s.SaveBatch(t.Context(), b)
	if err == nil {
		var txs []event.Transaction
		var calls []event.Call
		for n := uint64(1); n <= 3; n++ {
			calls = append(calls, event.Call{Block: rollout.Block{Number: n, Hash: word(byte(n))}})
			txs = append(txs, event.Transaction{Hash: word(byte(0x70 + n)), Block: n, GasUsed: 1000})
		}
		txs[1].Pages = []event.Page{{Contract: contract.Address, Root: root, RoutesRoot: root, Of: 1, Selectors: []string{"0x01020304"}}}
		_, err = s.Settle(t.Context(), 31337, contract, event.Place{Block: 1}, calls, txs)
	}
	if err == nil {
		err = s.SaveRefused(t.Context(), 31337, []event.Refused{{
			Contract: contract.Address, Block: rollout.Block{Number: 2, Hash: word(2), Time: 1_700_000_002}, Tx: word(0x99), From: common.Address{1}, Selector: "0x01020304",
			Error: "NothingPending", Fields: []byte(`{}`), Source: "block",
		}, {
			Contract: contract.Address, Block: rollout.Block{Number: 2, Hash: word(2), Time: 1_700_000_002}, From: common.Address{1}, Selector: "0x01020304", Source: "simulation",
		}})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestEventsForPeople: what is printed tells what happened.
func TestEventsForPeople(t *testing.T) {
	r := newRig(t)
	indexed(t, r)
	for args, want := range map[string][]string{
		"event list":                      {"Committed", "root=0xabcd0000.. epoch=1 eta=1700790272", "unknown", "2023-11-14 22:13:21"},
		"event list --name Cancelled":     {"by=0x00000000.."},
		"event list --last 1":             {"unknown"},
		"upgrade list":                    {"CANCELLED", "ACTIVATED", "0+", "3000"},
		"upgrade list --status cancelled": {"3000"},
		"upgrade show 0xabcd":             {"local: epoch 1, root 0xabcd", "status      CANCELLED", "applied     2023-11-14 22:13:22", "refused at 2023-11-14 22:13:22: NothingPending"},
	} {
		code, stdout, stderr := r.run(t, "", append(strings.Fields(args), "--config", "@one.yaml", "--journal", "@indexed.db")...)
		if code != exitDone {
			t.Fatalf("%s: exit code %d\n%s", args, code, stderr)
		}
		for _, w := range want {
			if !strings.Contains(stdout, w) {
				t.Errorf("%s does not say %q:\n%s", args, w, stdout)
			}
		}
		if strings.Contains(args, "Cancelled") && strings.Contains(stdout, "Committed") || strings.Contains(args, "--last 1") && strings.Contains(stdout, "Cancelled") {
			t.Errorf("%s says more:\n%s", args, stdout)
		}
	}
}
