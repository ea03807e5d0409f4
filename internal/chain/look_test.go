package chain

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/google/go-cmp/cmp"
	"github.com/holiman/uint256"

	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// limits is what an endpoint before a node does not take.
type limits struct {
	batch  int  // a batch has at most so many requests; 0 for any number, 1 for no batch at all
	status int  // of HTTP, with which a batch is refused; 0 for an error of JSON-RPC
	hashes bool // a state cannot be named by a block's hash
	lacks  []string
}

// picky is an endpoint with limits, and what it was sent.
type picky struct {
	url  string
	mu   sync.Mutex
	sent []int // requests in each body
}

func startPicky(t testing.TB, upstream string, l limits) *picky {
	t.Helper()
	p := &picky{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		var requests []struct {
			ID     json.RawMessage   `json:"id"`
			Method string            `json:"method"`
			Params []json.RawMessage `json:"params"`
		}
		batch := bytes.HasPrefix(body, []byte("["))
		text := body
		if !batch {
			text = slices.Concat([]byte("["), body, []byte("]"))
		}
		if err := json.Unmarshal(text, &requests); err != nil {
			panic(http.ErrAbortHandler)
		}
		p.mu.Lock()
		p.sent = append(p.sent, len(requests))
		p.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		refuse := func(id, message string, code string) {
			answer := `{"jsonrpc":"2.0","id":` + id + `,"error":{"code":` + code + `,"message":"` + message + `"}}`
			if batch && id != "null" {
				answer = "[" + answer + "]"
			}
			_, _ = io.WriteString(w, answer)
		}
		switch {
		case batch && l.batch > 0 && len(requests) > l.batch && l.status > 0:
			http.Error(w, "no batches", l.status)
			return
		case batch && l.batch == 1:
			refuse("null", "batches are not supported", "-32600")
			return
		case batch && l.batch > 0 && len(requests) > l.batch:
			refuse(string(requests[0].ID), "batch too large", "-32600") // as geth does
			return
		}
		for _, request := range requests {
			if slices.Contains(l.lacks, request.Method) {
				refuse(string(request.ID), "the method does not exist", "-32601")
				return
			}
			if last := len(request.Params) - 1; l.hashes && last >= 0 && bytes.Contains(request.Params[last], []byte("blockHash")) {
				refuse(string(request.ID), "invalid argument: cannot unmarshal object into Go value of type string", "-32602")
				return
			}
		}
		resp, err := http.Post(upstream, "application/json", bytes.NewReader(body))
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer func() { _ = resp.Body.Close() }()
		_, _ = io.Copy(w, resp.Body)
	}))
	p.url = server.URL
	t.Cleanup(server.Close)
	return p
}

// bodies returns how many requests were in each body since the last time.
func (p *picky) bodies() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := p.sent
	p.sent = nil
	return out
}

// darkCode is code of which the hash begins with 0xef, with which no contract may begin.
func darkCode() []byte {
	for i := byte(0); ; i++ {
		if code := []byte{0x60, i, 0x60, i}; crypto.Keccak256(code)[0] == 0xef {
			return code
		}
	}
}

// TestAskIsWhatSingleRequestsSay compares one batch with the requests one by one, by another client, on each kind of node, whatever the
// endpoint before it does not take.
func TestAskIsWhatSingleRequestsSay(t *testing.T) {
	all := nodes(t)
	all["hardhat"] = startHardhat(t)
	for name, url := range all {
		for limit, c := range map[string]struct {
			limits limits
			most   int // requests in a body in the end
		}{
			"takes all":                          {limits{}, 26},
			"takes no batch":                     {limits{batch: 1}, 1},
			"takes no batch, by HTTP":            {limits{batch: 1, status: http.StatusBadRequest}, 1},
			"takes few":                          {limits{batch: 7}, 6},
			"takes few, by HTTP":                 {limits{batch: 7, status: http.StatusForbidden}, 6},
			"takes no hash":                      {limits{hashes: true}, 26},
			"takes neither a hash nor any batch": {limits{hashes: true, batch: 1}, 1},
		} {
			t.Run(name+", "+limit, func(t *testing.T) {
				before := startPicky(t, url, c.limits)
				client, eth, ctx := newClient(t, 1077, before.url), dial(t, url), t.Context()
				nonce, err := eth.NonceAt(ctx, sender, nil)
				if err != nil {
					t.Fatal(err)
				}
				tx := sendNow(t, eth, nonce, &counter, []byte{0xc0, 0x07})
				receipt, err := eth.TransactionReceipt(ctx, tx.Hash())
				if err != nil {
					t.Fatal(err)
				}
				at, err := client.BlockByNumber(ctx, receipt.BlockNumber)
				if err != nil {
					t.Fatal(err)
				}
				q := Question{
					Block: at, Codes: []common.Address{counter, {0xaa}, sender, angry}, Code: []common.Address{angry, {0xaa}},
					Balances: []common.Address{sender, {0xaa}}, Wanted: &Wanted{To: map[common.Address]bool{counter: true}},
				}
				want := Answer{
					Codes: []CodeOf{{Hash: crypto.Keccak256Hash(counterCode)}, {}, {}, {Hash: crypto.Keccak256Hash(angryCode)}},
					Code:  [][]byte{angryCode, {}}, Sent: []Sent{{Hash: tx.Hash(), Block: at, From: sender, To: counter, Input: []byte{0xc0, 0x07}}},
				}
				for i := range int64(20) {
					q.Slots = append(q.Slots, Slot{counter, common.BigToHash(big.NewInt(i))})
					value, err := eth.StorageAt(ctx, counter, common.BigToHash(big.NewInt(i)), receipt.BlockNumber)
					if err != nil {
						t.Fatal(err)
					}
					want.Words = append(want.Words, common.BytesToHash(value))
				}
				if want.Words[0] == (common.Hash{}) {
					t.Fatal("nothing was counted")
				}
				for _, account := range q.Balances {
					balance, err := eth.BalanceAt(ctx, account, receipt.BlockNumber)
					if err != nil {
						t.Fatal(err)
					}
					want.Balances = append(want.Balances, balance)
				}
				// a later block is another state
				sendNow(t, eth, nonce+1, &counter, nil)
				for range 2 {
					before.bodies()
					got, err := client.Ask(ctx, q)
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); diff != "" {
						t.Fatalf("(-want +got):\n%s", diff)
					}
				}
				// what it does not take it is not sent again
				bodies := before.bodies()
				if slices.Max(bodies) != c.most || c.most == 26 && len(bodies) > 2 { // where a hash is not taken, the number is looked at again
					t.Errorf("requests in a body: %v, want at most %d", bodies, c.most)
				}
			})
		}
	}
}

// TestAskKeepsBatchesAfterAFailure: one call that fails, or a limit on how often we ask, says nothing about batches.
func TestAskKeepsBatchesAfterAFailure(t *testing.T) {
	url := startDevnet(t, 1077).URL()
	for name, l := range map[string]limits{"lacks a method": {lacks: []string{"eth_getBalance"}}, "429": {batch: 2, status: http.StatusTooManyRequests}} {
		before := startPicky(t, url, l)
		c := newClient(t, 1077, before.url)
		head, err := c.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		q := Question{Block: head, Slots: []Slot{{Account: counter}, {Account: counter}}, Balances: []common.Address{sender}}
		for range 3 {
			if _, err := c.Ask(t.Context(), q); !errors.Is(err, rollout.ErrUnavailable) {
				t.Errorf("%s: %v", name, err)
			}
		}
		before.bodies()
		q.Balances = nil
		if _, err := c.Ask(t.Context(), q); err != nil || slices.Max(before.bodies()) != 2 {
			t.Errorf("%s: it is not asked in one batch: %v", name, err)
		}
		if n := c.endpoints[0].batches.Load(); n != batchSize {
			t.Errorf("%s: batches of %d", name, n)
		}
	}
}

func dial(t testing.TB, url string) *ethclient.Client {
	t.Helper()
	eth, err := ethclient.DialContext(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(eth.Close)
	return eth
}

// sendNow sends a transaction of sender and has it mined, whatever becomes of it.
func sendNow(t testing.TB, eth *ethclient.Client, nonce uint64, to *common.Address, data []byte) *types.Transaction {
	t.Helper()
	tx := signed(t, nonce, to, data)
	if err := eth.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	_ = eth.Client().CallContext(t.Context(), nil, "evm_mine") // it may be mined already
	receipt, err := eth.TransactionReceipt(t.Context(), tx.Hash())
	if err != nil {
		t.Fatal(err)
	}
	for { // receipts are there a moment before the head is
		if head, err := eth.BlockNumber(t.Context()); err != nil || head >= receipt.BlockNumber.Uint64() {
			return tx
		}
	}
}

func signed(t testing.TB, nonce uint64, to *common.Address, data []byte) *types.Transaction {
	t.Helper()
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(1077)), &types.DynamicFeeTx{
		ChainID: big.NewInt(1077), Nonce: nonce, GasTipCap: big.NewInt(1e9), GasFeeCap: big.NewInt(1e11), Gas: 300_000, To: to, Data: data,
	})
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestCodesOfMany: more accounts than one call takes, in which the first and the last have code whose hash no contract may begin with.
func TestCodesOfMany(t *testing.T) {
	dark, light := common.Address{0xda}, common.Address{0x11}
	all := nodes(t)
	all["hardhat"] = startHardhat(t)
	for name, url := range all {
		c, eth := newClient(t, 1077, url), dial(t, url)
		created := map[common.Address][]byte{dark: darkCode(), light: angryCode}
		for account, code := range created {
			method := map[string]string{"anvil": "anvil_setCode", "hardhat": "hardhat_setCode"}[name]
			if method == "" { // geth has none
				delete(created, account)
				nonce, err := eth.NonceAt(t.Context(), sender, nil)
				if err != nil {
					t.Fatal(err)
				}
				init := append([]byte{0x60, byte(len(code)), 0x60, 11, 0x5f, 0x39, 0x60, byte(len(code)), 0x5f, 0xf3, 0}, code...)
				sendNow(t, eth, nonce, nil, init)
				created[crypto.CreateAddress(sender, nonce)] = code
				continue
			}
			if err := eth.Client().CallContext(t.Context(), nil, method, account, "0x"+common.Bytes2Hex(code)); err != nil {
				t.Fatal(err)
			}
		}
		_ = eth.Client().CallContext(t.Context(), nil, "evm_mine")
		head, err := c.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		hashes := map[common.Address]common.Hash{}
		for account, code := range created {
			hashes[account] = crypto.Keccak256Hash(code)
		}
		for _, n := range []int{1, 2, codesAtOnce - 1, codesAtOnce, codesAtOnce + 1, 3*codesAtOnce + 5} {
			var accounts []common.Address
			for i := range n {
				accounts = append(accounts, common.BigToAddress(big.NewInt(int64(0x10000+i))))
			}
			i := 0
			for account := range created {
				accounts[i] = account
				i = n - 1
			}
			got, err := c.Ask(t.Context(), Question{Block: head, Codes: accounts})
			if err != nil || len(got.Codes) != n {
				t.Fatalf("%s: %d of %d accounts, %v", name, len(got.Codes), n, err)
			}
			for i, account := range accounts {
				if got.Codes[i] != (CodeOf{Hash: hashes[account]}) {
					t.Errorf("%s: account %d of %d has %+v, want %s", name, i, n, got.Codes[i], hashes[account])
				}
			}
		}
	}
}

// TestCodeOfADelegation: an account that has signed a delegation (EIP-7702) has code, and it is known for one.
func TestCodeOfADelegation(t *testing.T) {
	for name, url := range nodes(t) {
		c, eth := newClient(t, 1077, url), dial(t, url)
		delegate(t, eth, counter)
		head, err := c.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Ask(t.Context(), Question{Block: head, Codes: []common.Address{sender}})
		want := CodeOf{Hash: crypto.Keccak256Hash(types.AddressToDelegation(counter)), Delegate: counter}
		if err != nil || got.Codes[0] != want {
			t.Errorf("%s: %+v, %v; want %+v", name, got.Codes, err, want)
		}
	}
}

// delegate has the sender delegate to code.
func delegate(t testing.TB, eth *ethclient.Client, to common.Address) {
	t.Helper()
	nonce, err := eth.NonceAt(t.Context(), sender, nil)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := types.SignSetCode(key, types.SetCodeAuthorization{ChainID: *u256(1077), Address: to, Nonce: nonce + 1})
	if err != nil {
		t.Fatal(err)
	}
	tx, err := types.SignNewTx(key, types.LatestSignerForChainID(big.NewInt(1077)), &types.SetCodeTx{
		ChainID: u256(1077), Nonce: nonce, GasTipCap: u256(1e9), GasFeeCap: u256(1e11), Gas: 100_000, To: sender, AuthList: []types.SetCodeAuthorization{auth},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := eth.SendTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	mustMine(t.(*testing.T), eth, tx)
}

// TestReadCodesRefusesAnotherAnswer: a node that does not run creation code answers nothing, or anything.
func TestReadCodesRefusesAnotherAnswer(t *testing.T) {
	for _, answer := range [][]byte{nil, {1}, make([]byte, 32), make([]byte, 95), make([]byte, 32+65), make([]byte, 32+128)} {
		if got, err := readCodes(answer, 1); err == nil {
			t.Errorf("%d bytes: %+v", len(answer), got)
		}
	}
	other := newFake(t, map[string]any{"eth_call": "0x"})
	if _, err := newClient(t, 7, other.url).Ask(t.Context(), Question{Codes: []common.Address{sender}}); err == nil || !strings.Contains(err.Error(), "it does not run creation code") {
		t.Errorf("%v", err)
	}
}

// TestEachEndpointIsAsked: what they say is told apart, and one that is down is named.
func TestEachEndpointIsAsked(t *testing.T) {
	one := startDevnet(t, 1077)
	two, err := devnet.Start(devnet.Config{ChainID: 1077, Time: 1_700_000_000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = two.Close() }) // it is only read
	if err := two.Mine(1); err != nil {
		t.Fatal(err)
	}
	down := deadURL(t)
	c := newClient(t, 1077, one.URL(), down, two.URL())
	states := map[string]EndpointState{}
	for _, s := range c.Endpoints(t.Context()) {
		states[s.Name] = s
	}
	if len(states) != 3 || states[one.URL()].Err != nil || states[two.URL()].Err != nil || states[down].Err == nil ||
		states[one.URL()].Block.Number+1 != states[two.URL()].Block.Number {
		t.Errorf("%+v", states)
	}
	hashes := map[string]common.Hash{}
	for _, s := range c.HashesAt(t.Context(), 1) {
		if s.Err == nil {
			hashes[s.Name] = s.Block.Hash
		}
	}
	if len(hashes) != 2 || hashes[one.URL()] == hashes[two.URL()] {
		t.Errorf("two networks have %v", hashes)
	}
	var good []string
	for _, s := range c.AskEach(t.Context(), Question{Block: states[one.URL()].Block, Codes: []common.Address{counter}}, 2) {
		if s.Err == nil {
			good = append(good, s.Endpoint)
			if s.Answer.Codes[0].Hash != crypto.Keccak256Hash(counterCode) {
				t.Errorf("%+v", s)
			}
		}
	}
	if !slices.Equal(good, []string{one.URL()}) { // the other one does not have the block
		t.Errorf("%v", good)
	}
}

// TestEndpointsWithOneHost are told apart by a number: what follows the host may be secret.
func TestEndpointsWithOneHost(t *testing.T) {
	c, err := New(Config{Name: "testnet", ChainID: 7, URLs: []string{"http://a.example/hunter2", "http://b.example/x", "http://a.example/hunter3", "https://a.example", "http://a.example"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range c.endpoints {
		got = append(got, e.label)
	}
	want := []string{"http://a.example", "http://b.example", "http://a.example (2)", "https://a.example", "http://a.example (3)"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func u256(n uint64) *uint256.Int { return uint256.NewInt(n) }

// TestAskOverWebSocket is the same as over HTTP.
func TestAskOverWebSocket(t *testing.T) {
	n := startDevnet(t, 1077)
	eth := dial(t, n.URL())
	tx := sendNow(t, eth, 0, &counter, []byte{7})
	receipt, err := eth.TransactionReceipt(t.Context(), tx.Hash())
	if err != nil {
		t.Fatal(err)
	}
	http, ws := newClient(t, 1077, n.URL()), newClient(t, 1077, n.WSURL())
	at, err := http.BlockByNumber(t.Context(), receipt.BlockNumber)
	if err != nil {
		t.Fatal(err)
	}
	q := Question{
		Block: at, Slots: []Slot{{Account: counter}}, Codes: []common.Address{counter, sender}, Code: []common.Address{angry}, Balances: []common.Address{sender},
		Wanted: &Wanted{Hashes: map[common.Hash]bool{tx.Hash(): true}},
	}
	want, err := http.Ask(t.Context(), q)
	if err != nil || len(want.Sent) != 1 {
		t.Fatal(want, err)
	}
	got, err := ws.Ask(t.Context(), q)
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })); err != nil || diff != "" {
		t.Errorf("%v (-http +ws):\n%s", err, diff)
	}
}
