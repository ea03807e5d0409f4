package chain

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// aLog is a log as geth writes it.
const aLog = `{"address":"0xe111000000000000000000000000000000000001","topics":["0xa053c5ef","0x02"],"data":"0x0102","blockNumber":"0x10",` +
	`"transactionHash":"0x03","transactionIndex":"0x1","blockHash":"0x04","blockTimestamp":"0x6926","logIndex":"0x2","removed":false}`

// whole writes short hashes of a test with all their digits.
func whole(text string) string {
	for _, short := range []string{`"0xa053c5ef"`, `"0x02"`, `"0x03"`, `"0x04"`} {
		text = strings.ReplaceAll(text, short, short[:len(short)-1]+strings.Repeat("0", 68-len(short))+`"`)
	}
	return text
}

func asGeth(l *event.Log) types.Log {
	return types.Log{
		Address: l.Address, Topics: l.Topics, Data: l.Data, BlockNumber: l.Block.Number, BlockHash: l.Block.Hash, BlockTimestamp: l.Block.Time,
		TxHash: l.Tx, TxIndex: uint(l.TxIndex), Index: uint(l.Index),
	}
}

func decodeLogs(text string) ([]event.Log, error) {
	var r logReader
	s := &scanner{in: []byte(text)}
	err := r.read(s)
	if err == nil && s.peek() != 0 {
		err = errJSON
	}
	return r.logs, err
}

// TestLogsAreGeths: what a log says, in whatever order and with whatever besides, is what go-ethereum reads in it.
func TestLogsAreGeths(t *testing.T) {
	for name, text := range map[string]string{
		"one":              `[` + aLog + `]`,
		"none":             `[]`,
		"spaces":           " [ " + strings.ReplaceAll(strings.ReplaceAll(aLog, ":", " :\n"), ",", "\t, ") + "\r\n] ",
		"members besides":  `[` + strings.Replace(aLog, `{`, `{"l1":{"a":[1,-2.5e3,null,true,"x\"}"]},"":"\\",`, 1) + `]`,
		"no time":          `[` + strings.Replace(aLog, `"blockTimestamp":"0x6926",`, ``, 1) + `]`,
		"time null":        `[` + strings.Replace(aLog, `"0x6926"`, `null`, 1) + `]`,
		"no topics":        `[` + strings.Replace(aLog, `["0xa053c5ef","0x02"]`, `[]`, 1) + `]`,
		"no data":          `[` + strings.Replace(aLog, `"0x0102"`, `"0x"`, 1) + `]`,
		"capitals":         `[` + strings.Replace(aLog, `0xe111`, `0xE1aF`, 1) + `]`,
		"removed null":     `[` + strings.Replace(aLog, `false`, `null`, 1) + `]`,
		"many":             `[` + strings.Repeat(aLog+",", 5000) + aLog + `]`,
		"much data":        `[` + aLog + `,` + strings.Replace(aLog, `"0x0102"`, `"0x`+strings.Repeat("abcd", 100_000)+`"`, 1) + `,` + aLog + `]`,
		"the largest time": `[` + strings.Replace(aLog, `"0x6926"`, `"0xffffffffffffffff"`, 1) + `]`,
	} {
		t.Run(name, func(t *testing.T) {
			text := whole(text)
			var want []types.Log
			if err := json.Unmarshal([]byte(text), &want); err != nil {
				t.Fatal(err)
			}
			logs, err := decodeLogs(text)
			if err != nil {
				t.Fatal(err)
			}
			got := make([]types.Log, len(logs))
			for i := range logs {
				got[i] = asGeth(&logs[i])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-geth +ours):\n%.2000s", diff)
			}
		})
	}
}

// TestLogsThatAreNone: whatever is missing, or is something else, is an error, and not a log with zeros.
func TestLogsThatAreNone(t *testing.T) {
	change := func(old, replacement string) string {
		if !strings.Contains(aLog, old) {
			t.Fatalf("%s is not in the log", old)
		}
		return `[` + strings.Replace(aLog, old, replacement, 1) + `]`
	}
	for name, text := range map[string]string{
		"null":             `null`,
		"an object":        `{}`,
		"half":             `[` + aLog[:200],
		"not closed":       `[` + aLog,
		"a comma":          `[` + aLog + `,]`,
		"a number":         `[1]`,
		"no address":       change(`"address":"0xe111000000000000000000000000000000000001",`, ``),
		"no block":         change(`"blockNumber":"0x10",`, ``),
		"pending":          change(`"blockHash":"0x04"`, `"blockHash":null`),
		"no index":         change(`"logIndex":"0x2",`, ``),
		"taken back":       change(`"removed":false`, `"removed":true`),
		"a short address":  change(`0xe111000000000000000000000000000000000001`, `0xe1110000000000000000000000000000000001`),
		"a long hash":      change(`"0x03"`, `"0x`+strings.Repeat("00", 33)+`"`),
		"five topics":      change(`["0xa053c5ef","0x02"]`, `["0x02","0x02","0x02","0x02","0x02"]`),
		"no digits":        change(`"0x10"`, `"0x"`),
		"a leading zero":   change(`"0x10"`, `"0x010"`),
		"17 digits":        change(`"0x10"`, `"0x11111111111111111"`),
		"a large index":    change(`"logIndex":"0x2"`, `"logIndex":"0x100000000"`),
		"no 0x":            change(`"0x0102"`, `"0102"`),
		"half a byte":      change(`"0x0102"`, `"0x010"`),
		"not hexadecimal":  change(`"0x0102"`, `"0x01g2"`),
		"an open string":   change(`"0x0102"`, `"0x0102`),
		"nested too deep":  `[{"x":` + strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200) + `}]`,
		"a string instead": change(`["0xa053c5ef","0x02"]`, `"0x02"`),
	} {
		t.Run(name, func(t *testing.T) {
			if logs, err := decodeLogs(whole(text)); err == nil {
				t.Errorf("it is taken for %+v", logs)
			}
		})
	}
}

// FuzzLogs: no input makes the reader panic, and whatever it takes for logs go-ethereum takes for the same.
func FuzzLogs(f *testing.F) {
	for _, text := range []string{`[]`, `[` + aLog + `]`, `[` + aLog + `,` + aLog + `]`, `[{"a":{"b":[]}}]`, `null`} {
		f.Add(whole(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		logs, err := decodeLogs(text)
		if err != nil {
			return
		}
		var want []types.Log
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			if !json.Valid([]byte(text)) || len(logs) == 0 {
				return // of what is passed over, only the end is looked for
			}
			t.Fatalf("go-ethereum says: %v", err)
		}
		if strings.Contains(strings.ToLower(text), `\`) || len(want) != len(logs) {
			if len(want) != len(logs) {
				t.Fatalf("%d logs, go-ethereum reads %d", len(logs), len(want))
			}
			return // names with escapes, which no node writes
		}
		for i := range logs {
			if diff := cmp.Diff(want[i], asGeth(&logs[i]), cmpopts.IgnoreFields(types.Log{}, "Removed"), cmpopts.EquateEmpty()); diff != "" && !folds(text) {
				t.Fatalf("(-geth +ours):\n%s", diff)
			}
		}
	})
}

// folds tells whether a member is written with other letters than nodes do, which encoding/json takes for the same.
func folds(text string) bool {
	var all []map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &all) != nil {
		return true
	}
	known := []string{
		"address", "topics", "data", "blockNumber", "transactionHash", "transactionIndex", "blockHash", "blockTimestamp", "logIndex", "removed",
	}
	for _, members := range all {
		for name := range members {
			for _, k := range known {
				if name != k && strings.EqualFold(name, k) {
					return true
				}
			}
		}
	}
	return false
}

// TestAnswers: the answers to calls are told apart in whatever order and with whatever beside them.
func TestAnswers(t *testing.T) {
	text := func(s *scanner) (string, error) {
		if s.null() {
			return "null", nil
		}
		b, err := s.text()
		return string(b), err
	}
	for name, c := range map[string]struct {
		answer string
		want   string // of two calls, or the error
	}{
		"in order":              {`[{"jsonrpc":"2.0","id":1,"result":"a"},{"id":2,"result":"b"}]`, "a b"},
		"the other way":         {`[{"id":2,"result":"b"},{"id":1,"result":"a"}]`, "a b"},
		"the id last":           {`[{"result":"b","id":2},{"result":"a","jsonrpc":"2.0","id":1}]`, "a b"},
		"ids as texts":          {`[{"id":"2","result":"b"},{"id":"1","result":"a"}]`, "a b"},
		"errors that are null":  {`[{"id":1,"result":"a","error":null},{"id":2,"error":null,"result":null}]`, "a null"},
		"an error":              {`[{"id":1,"result":"a"},{"id":2,"error":{"code":-32000,"message":"no"}}]`, "no"},
		"an error beside null":  {`[{"id":1,"result":"a"},{"id":2,"result":null,"error":{"code":-32000,"message":"no"}}]`, "no"},
		"an error that is text": {`[{"id":1,"error":"out of order"},{"id":2,"result":"a"}]`, `"out of order"`},
		"one for all":           {`{"id":null,"error":{"code":-32600,"message":"no batches"}}`, errNoBatch.Error()},
		"a limit for all":       {`{"id":null,"error":{"code":429,"message":"too many requests"}}`, "too many requests"},
		"one is missing":        {`[{"id":1,"result":"a"}]`, "its answer lacks that of two"},
		"one is there twice":    {`[{"id":1,"result":"a"},{"id":1,"result":"b"}]`, "its answer is to another request"},
		"one is of another":     {`[{"id":1,"result":"a"},{"id":3,"result":"b"}]`, "its answer is to another request"},
		"half":                  {`[{"id":1,"result":"a"},{"id":2,"res`, errJSON.Error()},
		"more":                  {`[{"id":1,"result":"a"},{"id":2,"result":"b"}]]`, errJSON.Error()},
		"nothing":               {``, errJSON.Error()},
		"a page":                {`<!doctype html>`, errJSON.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			got := make([]string, 2)
			calls := make([]call, 2)
			for i, method := range []string{"one", "two"} {
				calls[i] = call{method, "[]", func(s *scanner) (err error) { got[i], err = text(s); return err }}
			}
			err := readBatch(&scanner{in: []byte(c.answer)}, calls)
			said := strings.Join(got, " ")
			if err != nil {
				said = err.Error()
			}
			if said != c.want {
				t.Errorf("%s, want %s", said, c.want)
			}
		})
	}
}

// FuzzAnswers: no answer makes the reader panic.
func FuzzAnswers(f *testing.F) {
	f.Add(`[{"id":1,"result":{"number":"0x1"}},{"id":2,"result":[]}]`)
	f.Add(`{"id":1,"error":{"code":-32005,"message":"limit exceeded","data":{"a":1}}}`)
	f.Fuzz(func(_ *testing.T, text string) {
		var h event.Header
		var r logReader
		var found bool
		_ = readBatch(&scanner{in: []byte(text)}, []call{headerCall(1, &h, &found), logsCall(&r, `"fromBlock":"0x1"`, nil)})
		var c event.Call
		_, _ = readReceipt(&scanner{in: []byte(text)}, &c)
		_, _ = readInput(&scanner{in: []byte(text)}, &c)
	})
}

// TestTooLarge: what nodes and gateways say of requests for logs that are too large leads to smaller ones; what they say of rates and of what they
// lack leads to another endpoint.
func TestTooLarge(t *testing.T) {
	const large, other, answer = "too large", "another endpoint", "an answer"
	for _, c := range []struct {
		code    int
		message string
		want    string
	}{
		{-32005, "query returned more than 10000 results", large},
		{-32602, "query returned more than 20000 results. Try with this block range [0x1, 0x2].", large},
		{-32602, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range and no limit on the response size", large},
		{-32600, "You can make eth_getLogs requests with up to a 10 block range.", large},
		{-32005, "limit exceeded", large},
		{-32000, "exceed maximum block range: 5000", large},
		{-32000, "block range is too wide", large},
		{-32000, "block range too large", large},
		{-32614, "eth_getLogs is limited to a 10,000 range", large},
		{-32701, "Please specify an address in your request or, to remove restrictions, order a dedicated full node: block range limit", large},
		{-32000, "query timeout exceeded", large},
		{-32002, "request timed out", large},
		{-32603, "request timed out", large},
		{-32008, "Response is too big", large},
		{-32003, "response size exceeded", large},
		{-32000, "logs matched by query exceeds limit of 10000", large},
		{-32602, "max results exceeded: 20000 logs", large},
		{-32600, "requested too many blocks from 0 to 16777216, maximum is set to 2048", large},
		{-32005, "daily request count exceeded, request rate limited", other},
		{429, "Your app has exceeded its compute units per second capacity", other},
		{-32000, "rate limit exceeded", other},
		{-32005, "too many requests", other},
		{-32000, "unknown block", other},
		{-32602, "block range extends beyond current head block", other},
		{-32001, "Unable to find header: block not found", other},
		{-32601, "the method eth_getLogs does not exist/is not available", other},
		{-32602, "invalid argument 0: hex string without 0x prefix", answer},
	} {
		err := tooLarge(&callError{c.code, c.message, nil}, true)
		got := other
		switch {
		case errors.Is(err, event.ErrTooLarge):
			got = large
		case isAnswer(err):
			got = answer
		}
		if got != c.want {
			t.Errorf("%d %q leads to %s, want %s", c.code, c.message, got, c.want)
		}
		if c.want == large && errors.Is(tooLarge(&callError{c.code, c.message, nil}, false), event.ErrTooLarge) {
			t.Errorf("%q: one block cannot be made smaller", c.message)
		}
	}
}

// TestInOrder: logs that were not asked for, or are there twice, are an error of the endpoint; those out of order are put into it.
func TestInOrder(t *testing.T) {
	ours, block := common.Address{1}, func(n uint64, i uint32) event.Log {
		return event.Log{Address: common.Address{1}, Block: Block{Number: n, Hash: common.Hash{byte(n)}}, Index: i}
	}
	asked := func(b Block) bool { return b.Number >= 3 && b.Number <= 5 }
	all := []event.Log{block(3, 0), block(3, 2), block(4, 0), block(5, 1)}
	shuffled := append([]event.Log(nil), all...)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	for name, logs := range map[string][]event.Log{"in order": append([]event.Log(nil), all...), "shuffled": shuffled} {
		got, err := inOrder(logs, []common.Address{ours}, asked)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(all) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	foreign, two := block(4, 0), block(4, 1)
	foreign.Address, two.Block.Hash = common.Address{2}, common.Hash{0xff}
	for name, logs := range map[string][]event.Log{
		"twice": {all[0], all[0]}, "another contract": {foreign}, "a block before": {block(2, 0)}, "a block after": {block(6, 0)}, "two blocks": {all[2], two},
	} {
		if got, err := inOrder(logs, []common.Address{ours}, asked); err == nil {
			t.Errorf("%s is taken for %v", name, got)
		}
	}
}
