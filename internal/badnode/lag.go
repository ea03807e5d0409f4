package badnode

import (
	"context"
	"encoding/json"
	"errors"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
)

// blockParam is where methods that read state have the block that they read it at.
var blockParam = map[string]int{
	"eth_getBlockByNumber": 0, "eth_call": 1, "eth_getCode": 1, "eth_getBalance": 1, "eth_getTransactionCount": 1,
	"eth_estimateGas": 1, "eth_simulateV1": 1, "eth_getStorageAt": 2,
}

// errUnknown says that a block has not been seen yet.
var errUnknown = errors.New("header not found")

// lag answers as a node does that has seen nothing after its block.
func (e *Endpoint) lag(ctx context.Context, req request) (response, error) {
	null := response{Version: "2.0", ID: req.ID, Result: json.RawMessage("null")}
	failed := func(message string) (response, error) {
		return response{Version: "2.0", ID: req.ID, Error: &rpcError{Code: -32000, Message: message}}, nil
	}
	if at, ok := blockParam[req.Method]; ok {
		switch err := e.pin(ctx, &req, at); {
		case errors.Is(err, errUnknown) && req.Method == "eth_getBlockByNumber":
			return null, nil
		case errors.Is(err, errUnknown):
			return failed(err.Error())
		case err != nil:
			return response{}, err
		}
	}
	switch req.Method {
	case "eth_blockNumber":
		return response{Version: "2.0", ID: req.ID, Result: e.tag()}, nil
	case "eth_sendRawTransaction":
		return e.take(ctx, req)
	case "eth_getLogs":
		switch some, err := e.pinLogs(ctx, &req); {
		case errors.Is(err, errUnknown):
			return failed("unknown block")
		case err != nil:
			return response{}, err
		case !some:
			return response{Version: "2.0", ID: req.ID, Result: json.RawMessage("[]")}, nil
		}
	}
	resp, err := e.forward(ctx, req)
	if err != nil {
		return response{}, err
	}
	switch req.Method {
	case "eth_getBlockByHash", "eth_getTransactionByHash", "eth_getTransactionReceipt":
		var in struct {
			Number      *hexutil.Uint64 `json:"number"`      // of a block
			BlockNumber *hexutil.Uint64 `json:"blockNumber"` // of what is in one
		}
		if resp.Error == nil && json.Unmarshal(resp.Result, &in) == nil {
			for _, n := range []*hexutil.Uint64{in.Number, in.BlockNumber} {
				if n != nil && uint64(*n) > e.stay() {
					return null, nil
				}
			}
		}
	}
	return resp, nil
}

func (e *Endpoint) tag() json.RawMessage {
	return json.RawMessage(`"` + hexutil.EncodeUint64(e.stay()) + `"`)
}

// pin makes a request that reads at the head, or says nothing of it, read at the endpoint's block. The error is errUnknown if it
// wants a later one.
func (e *Endpoint) pin(ctx context.Context, req *request, at int) error {
	for len(req.Params) <= at {
		req.Params = append(req.Params, json.RawMessage(`"latest"`))
	}
	var byHash struct {
		Hash *common.Hash `json:"blockHash"`
	}
	if json.Unmarshal(req.Params[at], &byHash) == nil && byHash.Hash != nil {
		var block *struct {
			Number hexutil.Uint64 `json:"number"`
		}
		if err := e.ask(ctx, &block, "eth_getBlockByHash", *byHash.Hash, false); err != nil {
			return err
		}
		if block == nil || uint64(block.Number) > e.stay() {
			return errUnknown
		}
		return nil
	}
	var number hexutil.Uint64
	isNumber := json.Unmarshal(req.Params[at], &number) == nil
	switch {
	case !isNumber: // a tag
		req.Params[at] = e.tag()
	case uint64(number) > e.stay():
		return errUnknown
	}
	return nil
}

// pinLogs makes a request for logs end at the endpoint's block, without a word, as nodes do. There are none if it begins later.
func (e *Endpoint) pinLogs(ctx context.Context, req *request) (some bool, err error) {
	var filter map[string]json.RawMessage
	if len(req.Params) != 1 {
		return false, errors.New("not a request for logs")
	}
	if err := json.Unmarshal(req.Params[0], &filter); err != nil {
		return false, err
	}
	if filter["blockHash"] != nil {
		return true, e.pin(ctx, &request{Params: req.Params}, 0)
	}
	var from, to hexutil.Uint64
	if json.Unmarshal(filter["fromBlock"], &from) == nil && uint64(from) > e.stay() {
		return false, nil
	}
	if json.Unmarshal(filter["toBlock"], &to) != nil || uint64(to) > e.stay() { // a tag, or a number
		filter["toBlock"] = e.tag()
	}
	raw, err := json.Marshal(filter)
	req.Params = []json.RawMessage{raw}
	return true, err
}

// take takes a transaction if the signer had the money for it at the endpoint's block, and passes it on to the network.
func (e *Endpoint) take(ctx context.Context, req request) (response, error) {
	var raw hexutil.Bytes
	var tx types.Transaction
	if len(req.Params) != 1 || json.Unmarshal(req.Params[0], &raw) != nil || tx.UnmarshalBinary(raw) != nil {
		return response{}, errors.New("not a transaction")
	}
	signer, err := types.Sender(types.LatestSignerForChainID(tx.ChainId()), &tx)
	if err != nil {
		return response{}, err
	}
	var balance hexutil.Big
	if err := e.ask(ctx, &balance, "eth_getBalance", signer, hexutil.EncodeUint64(e.stay())); err != nil {
		return response{}, err
	}
	resp := response{Version: "2.0", ID: req.ID}
	if (*big.Int)(&balance).Cmp(tx.Cost()) < 0 {
		resp.Error = &rpcError{Code: -32000, Message: "insufficient funds for gas * price + value"}
		return resp, nil
	}
	if _, err := e.forward(ctx, req); err != nil {
		return response{}, err
	}
	resp.Result = json.RawMessage(`"` + tx.Hash().Hex() + `"`)
	return resp, nil
}
