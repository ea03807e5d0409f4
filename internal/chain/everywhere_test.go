package chain

import (
	"context"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/badnode"
)

// beside is a client whose first endpoint misbehaves, and whose second one is good.
func beside(t *testing.T, good string, fault badnode.Fault, timeout time.Duration) (c *Client, bad string) {
	t.Helper()
	e, err := badnode.Start(t.Context(), good, badnode.Always(fault))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	if c, err = New(Config{Name: "test", ChainID: 4242, URLs: []string{e.URL + "/k3y", good}, Timeout: timeout}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, e.URL
}

// TestSendAll gives a transaction to a good endpoint and to one that misbehaves, which it has not been asked anything before. The good one is told as
// soon as it has answered.
func TestSendAll(t *testing.T) {
	for _, fault := range append(badnode.All(), badnode.None) {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			n := startDevnet(t, 4242)
			c, bad := beside(t, n.URL(), fault, 2*time.Second)
			direct, err := New(Config{Name: "test", ChainID: 4242, URLs: []string{n.URL()}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(direct.Close)
			tx := sign(t, direct, 0, counter)
			said := map[string]Reply{}
			order := []string{}
			if err := c.SendAll(t.Context(), tx, func(s Reply) { said[s.Endpoint] = s; order = append(order, s.Endpoint) }); err != nil {
				t.Fatal(err)
			}
			if len(said) != 2 || len(order) != 2 {
				t.Fatalf("%d endpoints said something: %v", len(said), said)
			}
			if s := said[n.URL()]; s.Err != nil {
				t.Errorf("the good one: %v", s.Err)
			}
			takes := map[badnode.Fault]bool{badnode.None: true, badnode.Slow: true, badnode.Lagging: true, badnode.WrongChain: true}
			other := said[bad]
			if other.Err != nil && nonceIsUsed(other.Err) { // the transaction was in a block before this one came to it
				other.Err = nil
			}
			switch {
			case (other.Err == nil) != takes[fault] && fault != badnode.Lagging:
				t.Errorf("the other one: %v", other.Err)
			case other.Err != nil && strings.Contains(other.Err.Error(), "k3y"):
				t.Errorf("a secret is shown: %v", other.Err)
			case fault == badnode.Hanging && order[0] != n.URL():
				t.Errorf("the good one was told as number 2: %v", order)
			}
			for {
				_, err := direct.Receipt(t.Context(), tx.Hash())
				if err == nil {
					break
				}
				if !errors.Is(err, ethereum.NotFound) {
					t.Fatal(err)
				}
				time.Sleep(5 * time.Millisecond)
			}
			// when it is in a block, whoever has it says that the nonce is used
			err = nil
			_ = c.SendAll(t.Context(), tx, func(s Reply) {
				if s.Endpoint == n.URL() {
					err = s.Err
				}
			})
			if err == nil || !nonceIsUsed(err) {
				t.Errorf("again: %v", err)
			}
		})
	}
}

// TestSendAllIsRefused: what no endpoint takes each says, in the words of its node.
func TestSendAllIsRefused(t *testing.T) {
	n := startDevnet(t, 4242)
	c, _ := beside(t, n.URL(), badnode.None, 2*time.Second)
	tx := sign(t, c, 0, counter)
	other, err := New(Config{Name: "test", ChainID: 4242, URLs: []string{startDevnet(t, 7).URL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	var errs []error
	if err := other.SendAll(t.Context(), tx, func(s Reply) { errs = append(errs, s.Err) }); err != nil {
		t.Fatal(err)
	}
	if len(errs) != 1 || errs[0] == nil || !strings.Contains(errs[0].Error(), "chain id") {
		t.Errorf("an endpoint of another chain: %v", errs)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	errs = nil
	_ = c.SendAll(ctx, tx, func(s Reply) { errs = append(errs, s.Err) })
	if len(errs) != 2 || !errors.Is(errs[0], context.Canceled) || !errors.Is(errs[1], context.Canceled) {
		t.Errorf("when nobody waits any more: %v", errs)
	}
}

// TestSendAllWaitsForNoProof: an endpoint that somebody is asking for its chain, and that does not answer that, is given the transaction all the same.
func TestSendAllWaitsForNoProof(t *testing.T) {
	n := startDevnet(t, 4242)
	var mu sync.Mutex
	hang := false
	e, err := badnode.Start(t.Context(), n.URL(), func(method string) badnode.Fault {
		mu.Lock()
		defer mu.Unlock()
		if hang && method == "eth_chainId" {
			return badnode.Hanging
		}
		return badnode.None
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	c, err := New(Config{Name: "test", ChainID: 4242, URLs: []string{e.URL}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	tx := sign(t, c, 0, counter)
	mu.Lock()
	hang = true
	mu.Unlock()
	c.Doubt()
	waiting := make(chan error, 1)
	go func() {
		_, err := c.Head(t.Context())
		waiting <- err
	}()
	for len(c.endpoints[0].turn) == 0 { // until it is asked
		time.Sleep(time.Millisecond)
	}
	sent := errors.New("nothing was said")
	if err := c.SendAll(t.Context(), tx, func(s Reply) { sent = s.Err }); err != nil || sent != nil {
		t.Errorf("%v, %v", err, sent)
	}
	select {
	case err := <-waiting:
		t.Errorf("the proof was waited for: %v", err)
	default:
	}
	if err := <-waiting; err == nil {
		t.Error("the proof came after all")
	}
}

func TestCallAll(t *testing.T) {
	n := startDevnet(t, 4242)
	for _, fault := range []badnode.Fault{badnode.Hanging, badnode.Down, badnode.HTML, badnode.None} {
		c, bad := beside(t, n.URL(), fault, 10*time.Second)
		said := map[string]Reply{}
		to := counter
		c.CallAll(t.Context(), 400*time.Millisecond, ethereum.CallMsg{To: &to}, func(s Reply) { said[s.Endpoint] = s })
		if len(said) != 2 || said[n.URL()].Err != nil || (said[bad].Err == nil) != (fault == badnode.None) {
			t.Errorf("%s: %+v", fault, said)
		}
		if fault == badnode.Hanging && said[bad].Took >= 10*time.Second {
			t.Errorf("it was waited for longer than was asked for: %s", said[bad].Took)
		}
		reverted := said
		to = angry
		c.CallAll(t.Context(), 400*time.Millisecond, ethereum.CallMsg{To: &to, Data: common.FromHex("0x00"), Value: new(big.Int)}, func(s Reply) { reverted[s.Endpoint] = s })
		if _, ok := RevertData(reverted[n.URL()].Err); !ok {
			t.Errorf("a call that reverts: %v", reverted[n.URL()].Err)
		}
	}
}
