package chain

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
)

// RevertData returns what a call reverted with, if err says so.
func RevertData(err error) ([]byte, bool) {
	var data rpc.DataError
	if !errors.As(err, &data) {
		return nil, false
	}
	text, ok := data.ErrorData().(string)
	if !ok {
		return nil, false
	}
	raw, decodeErr := hexutil.Decode(text)
	return raw, decodeErr == nil
}

// unknownBlock makes an endpoint that has not seen a block yet a failure, so that another one is asked.
func unknownBlock(err error) error {
	if err == nil {
		return nil
	}
	text := strings.ToLower(err.Error())
	for _, phrase := range []string{"header not found", "unknown block", "block not found", "header for hash not found"} {
		if strings.Contains(text, phrase) {
			return fmt.Errorf("endpoint lags: %s", phrase)
		}
	}
	return err
}

// alreadyKnown recognises the ways in which nodes say that they hold a transaction.
func alreadyKnown(err error) bool {
	text := strings.ReplaceAll(strings.ToLower(err.Error()), "unknown transaction", "")
	for _, phrase := range []string{"already known", "already imported", "known transaction", "already in mempool"} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

// limitTransport bounds the size of answers.
type limitTransport struct{ next http.RoundTripper }

func (t limitTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxResponse), resp.Body}
	return resp, nil
}
