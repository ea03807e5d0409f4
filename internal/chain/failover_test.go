package chain

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/devnet"
)

// TestMain lets more tests run side by side than there are processors: those that do wait for endpoints that do not answer.
// A flag on the command line still wins.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", strconv.Itoa(max(12, runtime.GOMAXPROCS(0)))); err != nil {
		fmt.Fprintln(os.Stderr, "chain:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// scene is a network with endpoints that misbehave, all of which were started before anything happened on it: those that
// lag have seen nothing of what is asked for below.
type scene struct {
	node     *devnet.Network
	bad      map[badnode.Fault]*badnode.Endpoint // with every request
	betrayed map[badnode.Fault]*badnode.Endpoint // with every request but that for the chain id, so that they are trusted
	pairs    map[badnode.Fault]*pair

	head    Block
	created common.Address // counts its calls; called once
	angry   common.Address // reverts
	tx      common.Hash    // the call
	receipt Receipt
	gas     uint64 // of a second call

	keys chan *ecdsa.PrivateKey // of accounts with money and nonce 0
}

// pair are two endpoints, the good one of which changes.
type pair struct {
	good atomic.Int32
	urls []string
}

const money = params.Ether / 1000

func newScene(t *testing.T, chainID uint64) *scene {
	t.Helper()
	s := &scene{
		node: startDevnet(t, chainID), bad: map[badnode.Fault]*badnode.Endpoint{}, betrayed: map[badnode.Fault]*badnode.Endpoint{},
		pairs: map[badnode.Fault]*pair{}, keys: make(chan *ecdsa.PrivateKey, 200),
	}
	start := func(choose func(string) badnode.Fault) *badnode.Endpoint {
		e, err := badnode.Start(t.Context(), s.node.URL(), choose)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.Close)
		return e
	}
	for _, f := range badnode.All() {
		s.bad[f] = start(badnode.Always(f))
		if f != badnode.WrongChain {
			s.betrayed[f] = start(func(method string) badnode.Fault {
				if method == "eth_chainId" {
					return badnode.None
				}
				return f
			})
		}
		p := &pair{}
		for i := range int32(2) {
			p.urls = append(p.urls, start(func(string) badnode.Fault {
				if p.good.Load() == i {
					return badnode.None
				}
				return f
			}).URL)
		}
		s.pairs[f] = p
	}

	c, ctx := newClient(t, chainID, s.node.URL()), t.Context()
	nonce := uint64(0)
	transact := func(to *common.Address, value int64, data []byte) common.Hash {
		fees, err := c.Fees(ctx)
		if err != nil {
			t.Fatal(err)
		}
		id := new(big.Int).SetUint64(chainID)
		tx, err := types.SignNewTx(key, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce, GasTipCap: fees.Tip, GasFeeCap: fees.Cap, Gas: 200_000, To: to, Value: big.NewInt(value), Data: data,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Send(ctx, tx); err != nil {
			t.Fatal(err)
		}
		nonce++
		return tx.Hash()
	}
	create := func(code []byte) common.Address {
		// PUSH1 length, PUSH1 11, PUSH0, CODECOPY, PUSH1 length, PUSH0, RETURN, padding
		init := append([]byte{0x60, byte(len(code)), 0x60, 11, 0x5f, 0x39, 0x60, byte(len(code)), 0x5f, 0xf3, 0}, code...)
		address := crypto.CreateAddress(sender, nonce)
		transact(nil, 0, init)
		return address
	}
	for range cap(s.keys) {
		k, err := crypto.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		to := crypto.PubkeyToAddress(k.PublicKey)
		transact(&to, money, nil)
		s.keys <- k
	}
	s.created, s.angry = create(counterCode), create(angryCode)
	s.tx = transact(&s.created, 0, nil)
	if err := s.node.Mine(1); err != nil {
		t.Fatal(err)
	}
	var err error
	if s.head, err = c.Head(ctx); err != nil {
		t.Fatal(err)
	}
	if s.receipt, err = c.Receipt(ctx, s.tx); err != nil || s.receipt.Status != 1 {
		t.Fatalf("%+v, %v", s.receipt, err)
	}
	if s.gas, err = c.EstimateGasAt(ctx, s.head.Number, ethereum.CallMsg{From: sender, To: &s.created}); err != nil {
		t.Fatal(err)
	}
	return s
}

// questions are all that a client is asked, each with what is wrong about an answer that a good node would not give.
func (s *scene) questions() map[string]func(context.Context, *Client) error {
	later := func(got Block, err error) error {
		if err == nil && (got.Number < s.head.Number || got.Hash == common.Hash{} || got.Time < s.head.Time) {
			return fmt.Errorf("%+v, which is before %+v", got, s.head)
		}
		return err
	}
	differs := func(err error, got, want any) error {
		if err == nil && fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("%v, want %v", got, want)
		}
		return err
	}
	return map[string]func(context.Context, *Client) error{
		"Head":   func(ctx context.Context, c *Client) error { return later(c.Head(ctx)) },
		"HeadAt": func(ctx context.Context, c *Client) error { return later(c.HeadAt(ctx, s.head.Number)) },
		"BlockByNumber": func(ctx context.Context, c *Client) error {
			got, err := c.BlockByNumber(ctx, new(big.Int).SetUint64(s.head.Number))
			return differs(err, got, s.head)
		},
		"Call": func(ctx context.Context, c *Client) error {
			got, err := c.Call(ctx, s.head.Hash, ethereum.CallMsg{To: &s.created})
			return differs(err, got, common.BigToHash(big.NewInt(2)).Bytes())
		},
		"Call that reverts": func(ctx context.Context, c *Client) error {
			_, err := c.Call(ctx, s.head.Hash, ethereum.CallMsg{To: &s.angry})
			return reverted(err)
		},
		"Code": func(ctx context.Context, c *Client) error {
			got, err := c.Code(ctx, s.head.Hash, s.created)
			return differs(err, got, counterCode)
		},
		"NonceAt": func(ctx context.Context, c *Client) error {
			got, err := c.NonceAt(ctx, s.head.Hash, sender)
			return differs(err, got, cap(s.keys)+3)
		},
		"BalanceAt": func(ctx context.Context, c *Client) error {
			k := <-s.keys
			s.keys <- k
			got, err := c.BalanceAt(ctx, s.head.Hash, crypto.PubkeyToAddress(k.PublicKey))
			return differs(err, got, big.NewInt(money))
		},
		"EstimateGasAt": func(ctx context.Context, c *Client) error {
			got, err := c.EstimateGasAt(ctx, s.head.Number, ethereum.CallMsg{From: sender, To: &s.created})
			return differs(err, got, s.gas)
		},
		"EstimateGasAt that reverts": func(ctx context.Context, c *Client) error {
			_, err := c.EstimateGasAt(ctx, s.head.Number, ethereum.CallMsg{From: sender, To: &s.angry})
			return reverted(err)
		},
		"Receipt": func(ctx context.Context, c *Client) error {
			got, err := c.Receipt(ctx, s.tx)
			return differs(err, got.Block, s.receipt.Block)
		},
		"Receipt of nothing": func(ctx context.Context, c *Client) error {
			_, err := c.Receipt(ctx, common.Hash{1})
			if !errors.Is(err, ethereum.NotFound) {
				return fmt.Errorf("%w, want ethereum.NotFound", err)
			}
			return nil
		},
		"Known": func(ctx context.Context, c *Client) error {
			got, err := c.Known(ctx, s.tx)
			return differs(err, got, true)
		},
		"Ask": func(ctx context.Context, c *Client) error {
			got, err := c.Ask(ctx, Question{
				Block: s.head, Slots: []Slot{{Account: s.created}}, Codes: []common.Address{s.created, s.angry}, Balances: []common.Address{{0x0b}},
				Wanted: &Wanted{To: map[common.Address]bool{s.created: true}},
			})
			if err != nil {
				return err
			}
			return differs(nil, []any{got.Words, got.Codes, got.Balances}, []any{
				[]common.Hash{{31: 1}}, []CodeOf{{Hash: crypto.Keccak256Hash(counterCode)}, {Hash: crypto.Keccak256Hash(angryCode)}}, []*big.Int{{}},
			})
		},
		"BlockTransactions": func(ctx context.Context, c *Client) error {
			got, err := c.BlockTransactions(ctx, 1, s.head, Wanted{To: map[common.Address]bool{s.created: true}})
			if err == nil && (len(got) != 1 || got[0].Hash != s.tx || got[0].Block.Number != s.receipt.Block.Number) {
				return fmt.Errorf("%+v, want one of %s", got, s.tx)
			}
			return err
		},
		"Outcomes": func(ctx context.Context, c *Client) error {
			got, err := c.Outcomes(ctx, []Sent{{Hash: s.tx, Block: s.receipt.Block}})
			return differs(err, got, []Outcome{{GasUsed: s.receipt.GasUsed}})
		},
		"Send": s.send,
	}
}

func reverted(err error) error {
	if data, ok := RevertData(err); !ok || !bytes.Equal(data, common.FromHex("0xdeadbeef")) {
		return fmt.Errorf("%w, want a revert with its data", err)
	}
	return nil
}

// send sends from an account that had no money at first, and looks whether the node got it.
func (s *scene) send(ctx context.Context, c *Client) error {
	id := new(big.Int).SetUint64(c.ChainID())
	tx, err := types.SignNewTx(<-s.keys, types.LatestSignerForChainID(id), &types.DynamicFeeTx{
		ChainID: id, GasTipCap: big.NewInt(params.GWei), GasFeeCap: big.NewInt(3 * params.GWei), Gas: 21_000, To: &common.Address{1},
	})
	if err != nil {
		return err
	}
	if err := c.Send(ctx, tx); err != nil {
		return err
	}
	direct, err := New(Config{Name: "direct", ChainID: c.ChainID(), URLs: []string{s.node.URL()}})
	if err != nil {
		return err
	}
	defer direct.Close()
	if known, err := direct.Known(ctx, tx.Hash()); err != nil || !known {
		return fmt.Errorf("the node has not got it: %w", err)
	}
	return nil
}

// inTurn runs a test for each fault, side by side, but for those that have a short timeout: the good endpoint must not miss it
// because the machine is busy with the others.
func inTurn(t *testing.T, test func(*testing.T, badnode.Fault)) {
	t.Helper()
	busy := slices.DeleteFunc(badnode.All(), func(f badnode.Fault) bool { return f == badnode.Hanging })
	for name, faults := range map[string][]badnode.Fault{"at once": busy, "in time": {badnode.Hanging}} {
		t.Run(name, func(t *testing.T) {
			for _, f := range faults {
				test(t, f)
			}
		})
	}
}

// The good endpoint answers, wherever it stands, and whatever the others do wrong: from the start, or once they are trusted.
func TestOneGoodEndpointIsEnough(t *testing.T) {
	s := newScene(t, 1082)
	inTurn(t, func(t *testing.T, fault badnode.Fault) {
		for when, bad := range map[string]*badnode.Endpoint{"from the start": s.bad[fault], "once trusted": s.betrayed[fault]} {
			if bad == nil {
				continue // nobody trusts it
			}
			for place, urls := range map[string][]string{
				"before two": {s.node.URL(), bad.URL, bad.URL}, "between two": {bad.URL, s.node.URL(), bad.URL},
				"after two": {bad.URL, bad.URL, s.node.URL()}, "nowhere": {bad.URL},
			} {
				t.Run(fmt.Sprintf("%s %s, the good one %s", fault, when, place), func(t *testing.T) {
					t.Parallel()
					var asking sync.WaitGroup
					defer asking.Wait()
					for question, ask := range s.questions() {
						if place == "nowhere" && fault == badnode.Lagging && question == "Receipt of nothing" {
							continue // that is right at any time
						}
						c := s.client(t, fault, urls...)
						asking.Go(func() {
							err := ask(t.Context(), c)
							switch {
							case place == "nowhere" && fault != badnode.Slow && err == nil:
								t.Errorf("%s: the fault is none", question)
							case place != "nowhere" && err != nil:
								t.Errorf("%s: %v", question, err)
							}
						})
					}
				})
			}
		}
	})
}

// client has a short timeout where the test waits for it to pass. It waits as long for all: on a busy machine the good
// endpoint may be the slow one.
func (s *scene) client(t *testing.T, f badnode.Fault, urls ...string) *Client {
	t.Helper()
	timeout := DefaultTimeout
	if f == badnode.Hanging {
		timeout = 5 * time.Second
	}
	c := impatient(t, timeout, s.node.ChainID(), urls...)
	c.brief = timeout
	return c
}

// With every fault in the list at once, in several orders, one client gets every answer right, and again.
func TestOneGoodEndpointAmongAllBadOnes(t *testing.T) {
	s := newScene(t, 1083)
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("order ", seed), func(t *testing.T) {
			t.Parallel()
			urls := []string{s.node.URL()}
			for _, f := range badnode.All() {
				if f == badnode.Slow {
					continue // it is right, and may well be the one that is preferred
				}
				urls = append(urls, s.bad[f].URL)
				if e := s.betrayed[f]; e != nil {
					urls = append(urls, e.URL)
				}
			}
			random := rand.New(rand.NewPCG(seed, 7))
			random.Shuffle(len(urls), func(i, j int) { urls[i], urls[j] = urls[j], urls[i] })
			c := s.client(t, badnode.Hanging, urls...)
			c.brief = time.Second
			for range 2 {
				questions := s.questions()
				names := make([]string, 0, len(questions))
				for name := range questions {
					names = append(names, name)
				}
				slices.Sort(names)
				random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
				for _, name := range names {
					if err := questions[name](t.Context(), c); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		})
	}
}

// The good endpoint turns bad and the bad one good: the client follows, in the next call.
func TestTheGoodEndpointChanges(t *testing.T) {
	s := newScene(t, 1084)
	inTurn(t, func(t *testing.T, fault badnode.Fault) {
		if fault == badnode.WrongChain {
			return // what is trusted is not asked for its chain id again before it fails
		}
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			pair := s.pairs[fault]
			clients := map[string]*Client{}
			for question := range s.questions() {
				clients[question] = s.client(t, fault, pair.urls...)
			}
			for _, good := range []int32{0, 1, 0} {
				pair.good.Store(good)
				var asking sync.WaitGroup
				for question, ask := range s.questions() {
					asking.Go(func() {
						if err := ask(t.Context(), clients[question]); err != nil {
							t.Errorf("%s, while endpoint %d is good: %v", question, good, err)
						}
					})
				}
				asking.Wait()
			}
		})
	})
}

// An endpoint does something else wrong with every request, and many ask at once.
func TestFlippingEndpoint(t *testing.T) {
	s := newScene(t, 1085)
	faults := slices.DeleteFunc(append(badnode.All(), badnode.None), func(f badnode.Fault) bool {
		return f == badnode.Hanging || f == badnode.Slow // the time they take is not what is tested here
	})
	random := rand.New(rand.NewPCG(8, 9))
	flipping, err := badnode.Start(t.Context(), s.node.URL(), func(string) badnode.Fault { return faults[random.IntN(len(faults))] })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(flipping.Close)
	for round := range 10 {
		c := s.client(t, badnode.None, flipping.URL, s.node.URL())
		var asking sync.WaitGroup
		for question, ask := range s.questions() {
			asking.Go(func() {
				for range 2 {
					if err := ask(t.Context(), c); err != nil {
						t.Errorf("round %d: %s: %v", round, question, err)
					}
				}
			})
		}
		asking.Wait()
	}
}
