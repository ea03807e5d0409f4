package txsend_test

import (
	"testing"

	"github.com/ethereum/go-ethereum/ethclient"
)

// dialEth returns a client that shares nothing with the one under test.
func dialEth(t *testing.T, url string) *ethclient.Client {
	t.Helper()
	eth, err := ethclient.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(eth.Close)
	return eth
}
