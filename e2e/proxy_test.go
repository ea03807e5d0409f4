package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// account is a signer and a nonce: what one transaction of the chain is known by.
type account struct {
	signer common.Address
	nonce  uint64
}

// proxy stands before a node and remembers every transaction that is sent through it.
type proxy struct {
	url string

	mu     sync.Mutex
	hashes map[account]map[common.Hash]bool // all that came in
	passed map[common.Hash]bool             // those that went on to the node
	trap   func(before bool) bool           // see arm
	cut    string                           // what requests hold that are not answered; all are cut off by "{"
}

// cutOff leaves requests without an answer that hold a text, all of them that hold a brace; none if the text is empty.
func (p *proxy) cutOff(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = text
}

func (p *proxy) isCut(body []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut != "" && bytes.Contains(body, []byte(p.cut))
}

func newProxy(t testing.TB, upstream string) *proxy {
	p := &proxy{hashes: map[account]map[common.Hash]bool{}, passed: map[common.Hash]bool{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler) // the client was killed
		}
		if p.isCut(body) {
			panic(http.ErrAbortHandler)
		}
		hash, err := p.note(body)
		if err != nil {
			t.Error(err)
		}
		sent := hash != common.Hash{}
		if sent && p.sprung(true) {
			panic(http.ErrAbortHandler)
		}
		resp, err := http.Post(upstream, "application/json", bytes.NewReader(body))
		if err != nil {
			panic(http.ErrAbortHandler) // the node has been stopped
		}
		defer func() { _ = resp.Body.Close() }()
		if sent {
			p.mu.Lock()
			p.passed[hash] = true
			p.mu.Unlock()
		}
		if sent && p.sprung(false) {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body) // the client may have been killed
	}))
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// arm sets what is asked before and after a transaction goes on to the node: if it answers true, the program has been
// killed, and no answer is given.
func (p *proxy) arm(trap func(before bool) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.trap = trap
}

func (p *proxy) sprung(before bool) bool {
	p.mu.Lock()
	trap := p.trap
	p.mu.Unlock()
	return trap != nil && trap(before)
}

// note remembers a transaction if the request sends one, and returns its hash.
func (p *proxy) note(body []byte) (common.Hash, error) {
	var request struct {
		Method string          `json:"method"`
		Params []hexutil.Bytes `json:"params"`
	}
	if !bytes.Contains(body, []byte("eth_sendRawTransaction")) {
		return common.Hash{}, nil
	}
	if err := json.Unmarshal(body, &request); err != nil || len(request.Params) != 1 {
		return common.Hash{}, fmt.Errorf("not a request for eth_sendRawTransaction: %s", body)
	}
	var tx types.Transaction
	if err := tx.UnmarshalBinary(request.Params[0]); err != nil {
		return common.Hash{}, fmt.Errorf("not a transaction: %w", err)
	}
	signer, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), &tx)
	if err != nil {
		return common.Hash{}, fmt.Errorf("transaction %s: %w", tx.Hash(), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := account{signer, tx.Nonce()}
	if p.hashes[key] == nil {
		p.hashes[key] = map[common.Hash]bool{}
	}
	p.hashes[key][tx.Hash()] = true
	return tx.Hash(), nil
}

func (p *proxy) hasPassed(hash common.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed[hash]
}

// checkOneEach fails if two different transactions were sent for one nonce, or one that a chain does not hold. It returns
// how many there were.
func (p *proxy) checkOneEach(t testing.TB, chain []mined) int {
	t.Helper()
	held := map[common.Hash]bool{}
	for _, tx := range chain {
		held[tx.Hash] = true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, hashes := range p.hashes {
		if len(hashes) != 1 {
			t.Errorf("%s sent %d different transactions with nonce %d: %v", key.signer, len(hashes), key.nonce, hashes)
		}
		for hash := range hashes {
			if !held[hash] {
				t.Errorf("%s with nonce %d of %s was sent and is not in the chain", hash, key.nonce, key.signer)
			}
		}
	}
	return len(p.hashes)
}
