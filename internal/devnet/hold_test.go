package devnet

import (
	"testing"
	"time"
)

func TestHold(t *testing.T) {
	n, client := startNetwork(t, testConfig(1015))
	before := head(t, client).Number.Uint64()
	n.Hold()
	for nonce := range uint64(3) {
		send(t, client, transfer(t, n.ChainID(), nonce))
	}
	time.Sleep(50 * time.Millisecond)
	if number := head(t, client).Number.Uint64(); number != before {
		t.Errorf("block %d was mined", number)
	}
	n.Release()
	var in uint64
	for nonce := range uint64(3) {
		r := receipt(t, client, transfer(t, n.ChainID(), nonce).Hash())
		if in == 0 {
			in = r.BlockNumber.Uint64()
		}
		if r.BlockNumber.Uint64() != in {
			t.Errorf("transaction %d is in block %d, the first in %d", nonce, r.BlockNumber, in)
		}
	}
}
