package dispatcher

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"sync"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/event"
)

// Kind is the ManifestDispatcher as a kind of contract whose events and refusals are known. All of its ABI are, and besides Error(string) and
// Panic(uint256), with which Solidity reverts by itself.
var Kind event.Kind = kind{}

type kind struct{}

func (kind) Name() string { return "dispatcher" }

// Names are those of the kind's events.
func Names() []string {
	var out []string
	for _, l := range layouts().events {
		out = append(out, l.name)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Decode says what a log says.
func (kind) Decode(dst []byte, l *event.Log) (string, []byte) {
	if len(l.Topics) == 0 {
		return "", dst
	}
	layout := layouts().events[l.Topics[0]]
	if layout == nil || len(l.Topics) != layout.topics || len(l.Data) != 32*layout.words {
		return "", dst
	}
	return layout.append(dst, func(p *parameter) []byte {
		if p.indexed {
			return l.Topics[p.at][:]
		}
		return l.Data[32*p.at : 32*p.at+32]
	})
}

// Refusal says what a call was refused with.
func (kind) Refusal(dst, data []byte) (string, []byte) {
	if len(data) < 4 {
		return "", dst
	}
	if [4]byte(data) == errorSelector {
		return refusedWithReason(dst, data)
	}
	layout := layouts().errors[[4]byte(data)]
	if layout == nil || len(data) != 4+32*layout.words {
		return "", dst
	}
	return layout.append(dst, func(p *parameter) []byte { return data[4+32*p.at : 4+32*p.at+32] })
}

// layout is how an event or an error is encoded: all of the dispatcher's parameters take one word each.
type layout struct {
	name       string
	topics     int // the first included, which is the event's own
	words      int // of data
	parameters []parameter
}

type parameter struct {
	member  string // of a JSON object, up to its colon
	indexed bool
	at      int // which topic, or which word of data
	append  func(dst, word []byte) (out []byte, ok bool)
}

// append appends the parameters as a JSON object. A word that a compiler would not have written makes it none of the kind.
func (l *layout) append(dst []byte, word func(*parameter) []byte) (string, []byte) {
	out := append(dst, '{')
	for i := range l.parameters {
		p := &l.parameters[i]
		out = append(out, p.member...)
		var ok bool
		if out, ok = p.append(out, word(p)); !ok {
			return "", dst
		}
	}
	return l.name, append(out, '}')
}

type layoutsOf struct {
	events map[common.Hash]*layout
	errors map[[4]byte]*layout
}

// layouts are those of the ABI.
var layouts = sync.OnceValue(func() layoutsOf {
	out := layoutsOf{map[common.Hash]*layout{}, map[[4]byte]*layout{}}
	contract := artifacts()["IManifestDispatcher"].ABI
	for _, e := range contract.Events {
		out.events[e.ID] = newLayout(e.RawName, e.Inputs)
	}
	for _, e := range contract.Errors {
		out.errors[[4]byte(e.ID[:4])] = newLayout(e.Name, e.Inputs)
	}
	out.errors[panicSelector] = newLayout("Panic", abi.Arguments{{Name: "code", Type: abi.Type{T: abi.UintTy, Size: 256}}})
	return out
})

var (
	errorSelector = [4]byte(crypto.Keccak256([]byte("Error(string)")))
	panicSelector = [4]byte(crypto.Keccak256([]byte("Panic(uint256)")))
)

func newLayout(name string, inputs abi.Arguments) *layout {
	l := &layout{name: name, topics: 1}
	for i, in := range inputs {
		p := parameter{member: fmt.Sprintf("%s%q:", [...]string{"", ","}[min(i, 1)], in.Name), indexed: in.Indexed, append: appender(in.Type)}
		if in.Indexed {
			p.at = l.topics
			l.topics++
		} else {
			p.at = l.words
			l.words++
		}
		l.parameters = append(l.parameters, p)
	}
	return l
}

func appender(t abi.Type) func(dst, word []byte) ([]byte, bool) {
	switch t.T {
	case abi.UintTy:
		return func(dst, word []byte) ([]byte, bool) { return appendUint(dst, word, t.Size) }
	case abi.BoolTy:
		return appendBool
	case abi.AddressTy:
		return func(dst, word []byte) ([]byte, bool) { return appendHex(dst, word[12:]), zero(word[:12]) }
	case abi.FixedBytesTy:
		return func(dst, word []byte) ([]byte, bool) { return appendHex(dst, word[:t.Size]), zero(word[t.Size:]) }
	}
	panic("the ABI of the dispatcher has a parameter of type " + t.String()) // embedded, read by a test
}

func zero(bytes []byte) bool { return !slices.ContainsFunc(bytes, func(b byte) bool { return b != 0 }) }

func appendHex(dst, bytes []byte) []byte {
	return append(hex.AppendEncode(append(dst, `"0x`...), bytes), '"')
}

func appendBool(dst, word []byte) ([]byte, bool) {
	if word[31] > 1 || !zero(word[:31]) {
		return dst, false
	}
	return strconv.AppendBool(dst, word[31] == 1), true
}

// appendUint appends an integer as a number if all programs that read JSON can hold it, and else as a text.
func appendUint(dst, word []byte, bits int) ([]byte, bool) {
	if !zero(word[:32-bits/8]) {
		return dst, false
	}
	n := binary.BigEndian.Uint64(word[24:])
	if zero(word[:24]) && n < 1<<53 {
		return strconv.AppendUint(dst, n, 10), true
	}
	return append(new(big.Int).SetBytes(word).Append(append(dst, '"'), 10), '"'), true
}

// refusedWithReason reads Error(string).
func refusedWithReason(dst, data []byte) (string, []byte) {
	reason, err := abi.UnpackRevert(data)
	if err != nil {
		return "", dst
	}
	text, err := json.Marshal(reason)
	if err != nil {
		return "", dst
	}
	return "Error", append(append(append(dst, `{"message":`...), text...), '}')
}
