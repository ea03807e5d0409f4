package e2e

import (
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/bindings"
)

var eventsFlag = flag.Int("events", 6000, "how many events the test of watching in chaos brings")

// offence is what somebody does to the dispatcher that no plan explains, and what the alert is about.
type offence struct {
	from    common.Address
	data    []byte
	rule    string
	subject string
	hash    common.Hash // of its transaction
}

// offender does such things, and has the dispatcher log much else.
type offender struct {
	*market
	dispatcher common.Address
	random     *rand.Rand
	graces     []int // that were not set yet
	refusals   int
	done       []*offence
	begun      uint64 // the block before all of it
	events     int
}

var dispatcherABI = bindings.NewManifestDispatcher()

// chatter calls a contract so many times with the same words: calldata are its address, the number, and what it is called with, 68 bytes.
//
//	calldatacopy(0, 64, 68)
//	for n := calldataload(32); n > 0; n = n - 1 { call(gas, calldataload(0), 0, 0, 68, 0, 0) }
const chatterCode = "0x60446040600037" + "6020355b" + "8015602757" + "60006000604460006000600035" + "5af150" + "60019003600a56" + "5b00"

var chatter = common.HexToAddress("0xc4a77e4")

// next is an offence that nobody has done before.
func (o *offender) next() *offence {
	random := func() common.Address {
		return common.BigToAddress(crypto.Keccak256Hash([]byte(fmt.Sprint(o.random.Uint64()))).Big())
	}
	low := func(a common.Address) string { return strings.ToLower(a.Hex()) }
	switch kind := o.random.IntN(4); {
	case kind == 0 && len(o.graces) > 0:
		grace := o.graces[0]
		o.graces = o.graces[1:]
		return &offence{from: devAddress(3), data: dispatcherABI.PackSetEtaGrace(uint32(grace)), rule: "unplanned_privilege", subject: fmt.Sprintf("grace %d", grace)}
	case kind == 1 && o.refusals < 12:
		o.refusals++
		from := random()
		return &offence{from: from, data: dispatcherABI.PackPause(), rule: "unauthorized_access", subject: low(from)}
	}
	to := random()
	return &offence{
		from: devAddress(3), data: dispatcherABI.PackGrantRole(crypto.Keccak256Hash([]byte("PAUSER_ROLE")), to), rule: "unplanned_privilege",
		subject: "granted PAUSER " + low(to),
	}
}

// send has a transaction mined, whatever becomes of it.
func (o *offender) send(from, to common.Address, data []byte) (hash common.Hash) {
	o.t.Helper()
	for method, args := range map[string][]any{"anvil_impersonateAccount": {from}, "anvil_setBalance": {from, "0xde0b6b3a7640000"}} {
		if err := o.node.call(o.t.Context(), nil, method, args...); err != nil {
			o.t.Fatal(err)
		}
	}
	err := o.node.call(o.t.Context(), &hash, "eth_sendTransaction", map[string]any{"from": from, "to": to, "data": hexutil.Bytes(data), "gas": "0x989680"})
	if err != nil {
		o.t.Fatal(err)
	}
	return hash
}

func (o *offender) offend(x *offence) {
	o.t.Helper()
	x.hash = o.send(x.from, o.dispatcher, x.data)
}

// chat has the dispatcher log some transfers of nothing.
func (o *offender) chat(n int) {
	o.t.Helper()
	transfer := slices.Concat(crypto.Keccak256([]byte("transfer(address,uint256)"))[:4], common.LeftPadBytes([]byte{7}, 32), make([]byte, 32))
	o.send(devAddress(0), chatter, slices.Concat(common.LeftPadBytes(o.dispatcher[:], 32), common.BigToHash(hexutil.MustDecodeBig(fmt.Sprintf("%#x", n))).Bytes(), transfer))
	o.events += n
}

// receipt is nil if a transaction is in no block.
func (o *offender) receipt(hash common.Hash) (r *types.Receipt) {
	o.t.Helper()
	if err := o.node.call(o.t.Context(), &r, "eth_getTransactionReceipt", hash); err != nil {
		o.t.Fatal(err)
	}
	return r
}

// reorganise takes the newest blocks out of the chain. Half of the offences that were in them are done again at once.
func (o *offender) reorganise() {
	o.t.Helper()
	h, err := o.node.head(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	depth := min(1+o.random.Uint64N(8), uint64(h.Number)-o.begun)
	if depth == 0 {
		return
	}
	var before []*offence
	for _, x := range o.done {
		if o.receipt(x.hash) != nil {
			before = append(before, x)
		}
	}
	if err := o.node.call(o.t.Context(), nil, "anvil_reorg", depth, []any{}); err != nil {
		o.t.Fatal(err)
	}
	for _, x := range before {
		if o.receipt(x.hash) == nil && o.random.IntN(2) == 0 {
			o.offend(x)
		}
	}
}

func (o *offender) newest() uint64 {
	o.t.Helper()
	h, err := o.node.head(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	return uint64(h.Number)
}

// storm makes an endpoint fail now and then.
type storm struct {
	mu     sync.Mutex
	random *rand.Rand
	on     bool
}

func (s *storm) set(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.on = on
}

func (s *storm) fault(string) badnode.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on || s.random.IntN(8) > 0 {
		return badnode.None
	}
	faults := []badnode.Fault{
		badnode.Dead, badnode.TooMany, badnode.Down, badnode.Limited, badnode.HTML, badnode.Empty, badnode.Truncated, badnode.WrongType, badnode.Lagging,
		badnode.Broken, badnode.NoBatches,
	}
	return faults[s.random.IntN(len(faults))]
}

// TestChaosWatching has a daemon watch a dispatcher that logs much and whose privileges are changed without a plan, while the chain is reorganised, its
// endpoints fail, and the daemon is killed. In the end the rows are the logs of the chain, and each offence that is in the chain has one alert, which fires;
// what has left the chain has none that does.
func TestChaosWatching(t *testing.T) {
	chaos(t, func(t *testing.T, random *rand.Rand) {
		n := newAnvil(t)
		var urls []string
		weather := []*storm{{random: rand.New(rand.NewPCG(random.Uint64(), 1))}, {random: rand.New(rand.NewPCG(random.Uint64(), 2))}}
		for _, w := range weather {
			urls = append(urls, newBadNode(t, n.url, w.fault).URL)
		}
		m := newMarket(t, n, endpoints(urls[0], urls[1]), 50)
		m.must("--config", "one.yaml", "deploy", "one.json", "--yes")
		o := &offender{market: m, dispatcher: m.dispatcher(), random: random}
		m.keepTime(o.dispatcher, 1, m.manifest("one"))
		m.must("--config", "one.yaml", "rollout", "one.json", "--yes")
		m.write("one.yaml", strings.Replace(mustRead(t, filepath.Join(m.dir, "one.yaml")), "kind: local,", "kind: local, confirmations: 12,", 1)+"serve: { listen: \"127.0.0.1:0\" }\n")
		if err := n.call(t.Context(), nil, "anvil_setCode", chatter, chatterCode); err != nil {
			t.Fatal(err)
		}
		for grace := 61; grace < 290; grace++ {
			o.graces = append(o.graces, grace)
		}
		random.Shuffle(len(o.graces), func(i, j int) { o.graces[i], o.graces[j] = o.graces[j], o.graces[i] })
		f := &fleet{market: m}
		d := f.serve("one.yaml")
		o.await("the beginning", func() bool { return o.position() >= o.newest() })
		o.begun = o.newest()

		kills, reorgs := 0, 0
		for o.events < *eventsFlag {
			switch random.IntN(12) {
			case 0, 1:
				x := o.next()
				o.offend(x)
				o.done = append(o.done, x)
			case 2:
				if random.IntN(3) > 0 {
					time.Sleep(between(random, 0, time.Second))
				}
				o.reorganise()
				reorgs++
			case 3:
				d.kill()
				for range random.IntN(3) {
					x := o.next()
					o.offend(x)
					o.done = append(o.done, x)
				}
				if random.IntN(2) == 0 {
					o.reorganise()
					reorgs++
				}
				d = f.serve("one.yaml")
				kills++
			case 4:
				for _, w := range weather {
					w.set(random.IntN(3) > 0)
				}
			default:
				o.chat(1 + random.IntN(60))
			}
		}
		for _, w := range weather {
			w.set(false)
		}
		if err := n.call(t.Context(), nil, "anvil_mine", "0x20"); err != nil {
			t.Fatal(err)
		}
		o.await("the end", func() bool { return o.position() >= o.newest()-11 && o.settled() == "" })
		if why := o.settled(); why != "" {
			t.Error(why)
		}
		d.kill()
		o.checkRows()
		t.Logf("%d events, %d offences, %d reorganisations, %d kills", o.events, len(o.done), reorgs, kills)
	})
}

// await waits until something is so, but not longer than a minute.
func (o *offender) await(what string, is func() bool) {
	o.t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			o.t.Logf("%s did not come", what)
			return
		}
	}
}

func (o *offender) query(row []any, query string, args ...any) {
	o.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(o.dir, "lockstep.db")+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(o.t.Context(), query, args...).Scan(row...); err != nil {
		o.t.Fatal(err)
	}
}

// position is the block before the first that is not indexed.
func (o *offender) position() (n uint64) {
	o.t.Helper()
	o.query([]any{&n}, `SELECT coalesce(max(next_block), 1) - 1 FROM indexed`)
	return n
}

// settled says what alerts are not as the chain says that they must be.
func (o *offender) settled() string {
	o.t.Helper()
	var doc struct {
		Alerts []struct {
			ID                     int64
			Rule, Subject, Summary string
			ResolvedAt             int64
			Resolution             string
		}
	}
	if err := json.Unmarshal([]byte(o.must("--config", "one.yaml", "alert", "list", "--all", "--limit", "0", "--json")), &doc); err != nil {
		o.t.Fatal(err)
	}
	kept, firing := map[string]int{}, map[string]bool{}
	for _, a := range doc.Alerts {
		key := a.Rule + " " + a.Subject
		kept[key]++
		firing[key] = firing[key] || a.ResolvedAt == 0
	}
	var wrong []string
	for _, x := range o.done {
		key := x.rule + " " + x.subject
		there := o.receipt(x.hash) != nil
		if there && kept[key] != 1 || kept[key] > 1 || firing[key] != there {
			wrong = append(wrong, fmt.Sprintf("%s: in the chain %t, %d alerts, fires %t", key, there, kept[key], firing[key]))
		}
		delete(kept, key)
	}
	for key, n := range kept {
		if name, _, _ := strings.Cut(key, " "); !slices.Contains([]string{"index_lag", "rpc_down", "rpc_disagrees"}, name) {
			wrong = append(wrong, fmt.Sprintf("%s: nobody has done that, %d alerts", key, n))
		}
	}
	return strings.Join(wrong, "\n")
}

// checkRows compares the rows with what another scan of the chain finds.
func (o *offender) checkRows() {
	o.t.Helper()
	var logs []types.Log
	filter := map[string]any{"address": o.dispatcher, "fromBlock": "0x0", "toBlock": hexutil.EncodeUint64(o.position())}
	if err := o.node.call(o.t.Context(), &logs, "eth_getLogs", filter); err != nil {
		o.t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(o.dir, "lockstep.db")+"?mode=ro")
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(o.t.Context(), `SELECT block_number, block_hash, log_index, tx_hash, topics, data FROM events ORDER BY block_number, log_index`)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	count := 0
	for ; rows.Next(); count++ {
		var number, index uint64
		var block, tx, topics, data []byte
		if err := rows.Scan(&number, &block, &index, &tx, &topics, &data); err != nil {
			o.t.Fatal(err)
		}
		if count >= len(logs) {
			continue
		}
		l := logs[count]
		var want []byte
		for _, topic := range l.Topics {
			want = append(want, topic[:]...)
		}
		if number != l.BlockNumber || uint(index) != l.Index || common.BytesToHash(block) != l.BlockHash || common.BytesToHash(tx) != l.TxHash ||
			!slices.Equal(topics, want) || !slices.Equal(data, l.Data) {
			o.t.Fatalf("row %d is of block %d and log %d, the chain has block %d and log %d", count, number, index, l.BlockNumber, l.Index)
		}
	}
	if err := rows.Err(); err != nil || count != len(logs) {
		o.t.Errorf("%d rows, %v; the chain has %d logs", count, err, len(logs))
	}
}
