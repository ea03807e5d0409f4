package chain

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// RevertData returns what a call reverted with, if err says so.
func RevertData(err error) ([]byte, bool) {
	var data rpc.DataError
	if !errors.As(err, &data) {
		return nil, false
	}
	text, ok := data.ErrorData().(string)
	if nested, is := data.ErrorData().(map[string]any); is { // of Hardhat
		text, ok = nested["data"].(string)
	}
	if !ok {
		return nil, false
	}
	raw, decodeErr := hexutil.Decode(strings.TrimPrefix(text, "Reverted ")) // of Nethermind
	return raw, decodeErr == nil
}

// isAnswer tells what a node says about a call from a failure to ask it.
func isAnswer(err error) bool {
	if errors.Is(err, ethereum.NotFound) || errors.Is(err, event.ErrTooLarge) {
		return true
	}
	var rpcErr rpc.Error
	if !errors.As(err, &rpcErr) {
		return false
	}
	return isRevert(rpcErr) || !isRefusalToServe(rpcErr) && rpcErr.ErrorCode() != -32603 // internal error
}

// isRevert tells whether the call was run. What a contract says when it reverts is its own choice of words.
func isRevert(err rpc.Error) bool {
	_, hasData := RevertData(err)
	return err.ErrorCode() == 3 || hasData || strings.Contains(strings.ToLower(err.Error()), "revert")
}

var (
	// limitText finds what gateways say over their limits, under whichever code.
	limitText = regexp.MustCompile(`rate.?limit|too many requests|limit exceeded|request limit|rps limit|requests per second|` +
		`compute units|quota|throttl`)
	// evmLimit finds limits of the EVM and of blocks, which the call exceeds, not the caller.
	evmLimit = regexp.MustCompile(`\b(gas|size|depth|stack) limit`)
)

// isRefusalToServe tells whether an endpoint did not look at a call: because of a rate limit, or because it does not serve
// such calls, or not now.
func isRefusalToServe(err rpc.Error) bool {
	if isRevert(err) {
		return false
	}
	text := strings.ToLower(err.Error())
	switch err.ErrorCode() {
	case -32700, -32600, -32601: // parse error, invalid request, no such method
		return true
	case -32002, 0: // resource unavailable, and an error without a code, which is not one of JSON-RPC
		return true
	case -32005, -32029, 429: // limits; one node has the first for the gas of transactions as well
		return !evmLimit.MatchString(text)
	}
	return limitText.MatchString(text) && !evmLimit.MatchString(text)
}

// lagText finds the ways in which nodes say that they do not have a block or its state: geth and erigon, besu, nethermind,
// reth, anvil, and gateways.
var lagText = regexp.MustCompile(`header not found|header for hash not found|unknown block|` +
	`block not found|block (0x)?[0-9a-f]+ not found|could not be found|resource not found|blockoutofrange|` +
	`could not find block|block is not available|requested block|no state available|world state unavailable|missing trie node|` +
	`historical state|not currently canonical|height in the future`)

// unknownBlock makes an endpoint that has not seen a block yet a failure, so that another one is asked.
func unknownBlock(err error) error {
	var rpcErr rpc.Error
	if !errors.As(err, &rpcErr) || isRevert(rpcErr) {
		return err
	}
	if phrase := lagText.FindString(strings.ToLower(err.Error())); phrase != "" {
		return fmt.Errorf("endpoint lags: %s", phrase)
	}
	return err
}

var (
	// largeText finds what nodes and gateways say of a request for logs that is too large: of its blocks, of its results, or of the time it takes.
	largeText = regexp.MustCompile(`returned more than|more than \d+ (results|logs|blocks)|block range|(range|query|response|result|interval)\b.{0,40}` +
		`\b(too|exceed|limit|max|larg|wide|big|greater)|too (large|wide|big)|too many (logs|results|blocks)|exceeds?\b.{0,30}\b(range|size|blocks|logs)|` +
		`(max|limited)\b.{0,30}\b(range|blocks|results|logs)|timed? ?out|limit exceeded|distance|please narrow`)
	// rateText finds what is about how often somebody asks, whatever they ask for.
	rateText = regexp.MustCompile(`rate.?limit|too many requests|request limit|request count|rps limit|requests? per|per second|compute units|quota|throttl|capacity`)
	// beyondText finds that the range ends after what the node has.
	beyondText = regexp.MustCompile(`beyond current head|invalid block range|after last|head block|greater than latest|block range .*not (yet )?available`)
)

// tooLarge makes of what a node says about a request for logs an event.ErrTooLarge, if it is that, or a failure, if it lags.
func tooLarge(err error, several bool) error {
	var said rpc.Error
	if !errors.As(err, &said) {
		return err
	}
	switch text := strings.ToLower(err.Error()); {
	case rateText.MatchString(text):
		return fmt.Errorf("it limits requests: %s", text)
	case beyondText.MatchString(text):
		return fmt.Errorf("endpoint lags: %s", text)
	case several && largeText.MatchString(text):
		return fmt.Errorf("%w: %s", event.ErrTooLarge, text)
	}
	return unknownBlock(err)
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

// nonceIsUsed recognises the ways in which nodes say that a block holds a transaction with this nonce.
func nonceIsUsed(err error) bool {
	text := strings.ToLower(err.Error())
	for _, phrase := range []string{"nonce too low", "nonce is too low", "oldnonce"} {
		if strings.Contains(text, phrase) {
			return true
		}
	}
	return false
}

// redact takes URLs out of transport errors: a path or query often holds an API key.
func redact(err error) error {
	var status rpc.HTTPError
	if errors.As(err, &status) {
		return errors.New("HTTP status " + status.Status) // many servers repeat the path in the body
	}
	var u *url.Error
	if errors.As(err, &u) {
		return fmt.Errorf("%s: %w", u.Op, u.Err)
	}
	return err
}
