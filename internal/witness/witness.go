// Package witness reads what happened on a network without any of the code that made it happen: its own JSON-RPC client,
// its own decoding, and sums over the blocks themselves. What it reports can disagree with the sender, and that is what
// it is for.
package witness

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/sha3"
)

// maxAnswer bounds one answer, in bytes.
const maxAnswer = 64 << 20

// Report is what the chain says.
type Report struct {
	Name         string `json:"name"`
	ChainID      uint64 `json:"chainId"`
	Dispatcher   string `json:"dispatcher"`
	CodeHash     string `json:"codeHash"` // of the dispatcher
	ActiveRoot   string `json:"activeRoot"`
	ActiveEpoch  uint64 `json:"activeEpoch"`
	Transactions int    `json:"transactions"` // all that are in the chain and succeeded
	Failed       int    `json:"failed"`       // all that are in the chain and reverted
	Blocks       int    `json:"blocks"`       // that hold a transaction
	GasUsed      uint64 `json:"gasUsed"`
}

// Read reads the state of a dispatcher at the head, and counts every transaction of the chain from its first block. It is
// meant for short chains: it asks for each block.
func Read(ctx context.Context, name, endpoint, dispatcher string) (Report, error) {
	c := client{url: endpoint, http: &http.Client{Timeout: 10 * time.Second}}
	r := Report{Name: name, Dispatcher: dispatcher}
	var text string
	if err := c.call(ctx, &text, "eth_chainId"); err != nil {
		return r, err
	}
	var err error
	if r.ChainID, err = number(text); err != nil {
		return r, err
	}
	if err := c.call(ctx, &text, "eth_getCode", dispatcher, "latest"); err != nil {
		return r, err
	}
	code, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	if err != nil {
		return r, fmt.Errorf("code of %s: %w", dispatcher, err)
	}
	r.CodeHash = "0x" + hex.EncodeToString(keccak(code))
	if r.ActiveRoot, err = c.view(ctx, dispatcher, "activeRoot()"); err != nil {
		return r, err
	}
	epoch, err := c.view(ctx, dispatcher, "activeEpoch()")
	if err != nil {
		return r, err
	}
	if r.ActiveEpoch, err = number(epoch); err != nil {
		return r, err
	}
	return r, c.count(ctx, &r)
}

func (c client) count(ctx context.Context, r *Report) error {
	var text string
	if err := c.call(ctx, &text, "eth_blockNumber"); err != nil {
		return err
	}
	head, err := number(text)
	if err != nil {
		return err
	}
	for i := uint64(0); i <= head; i++ {
		var receipts []struct {
			Status  string `json:"status"`
			GasUsed string `json:"gasUsed"`
		}
		if err := c.call(ctx, &receipts, "eth_getBlockReceipts", "0x"+strconv.FormatUint(i, 16)); err != nil {
			return err
		}
		if len(receipts) > 0 {
			r.Blocks++
		}
		for _, receipt := range receipts {
			gas, err := number(receipt.GasUsed)
			if err != nil {
				return err
			}
			r.GasUsed += gas
			if receipt.Status == "0x1" {
				r.Transactions++
			} else {
				r.Failed++
			}
		}
	}
	return nil
}

type client struct {
	url  string
	http *http.Client
}

// view calls a function without arguments that returns one word.
func (c client) view(ctx context.Context, to, signature string) (string, error) {
	var out string
	call := map[string]string{"to": to, "data": "0x" + hex.EncodeToString(keccak([]byte(signature))[:4])}
	if err := c.call(ctx, &out, "eth_call", call, "latest"); err != nil {
		return "", err
	}
	if len(out) != 66 {
		return "", fmt.Errorf("%s of %s returned %q, want one word", signature, to, out)
	}
	return out, nil
}

func (c client) call(ctx context.Context, result any, method string, params ...any) (err error) {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the URL may hold a key
		}
		return fmt.Errorf("%s: %w", method, err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&answer); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	if answer.Error != nil {
		return fmt.Errorf("%s: %s", method, answer.Error.Message)
	}
	if len(answer.Result) == 0 || string(answer.Result) == "null" {
		return fmt.Errorf("%s: no result", method) // a pruned block, for one: it must not count as empty
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("%s: %w", method, err)
	}
	return nil
}

func number(text string) (uint64, error) {
	digits := strings.TrimLeft(strings.TrimPrefix(text, "0x"), "0")
	if digits == "" {
		return 0, nil
	}
	return strconv.ParseUint(digits, 16, 64)
}

func keccak(b []byte) []byte {
	h := sha3.NewLegacyKeccak256()
	h.Write(b) // never fails
	return h.Sum(nil)
}
