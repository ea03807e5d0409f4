package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"

	"github.com/ethereum/go-ethereum/common"
)

// Version of the encoding of entries.
const Version = 1

// MaxEntry bounds the encoding of an entry, in bytes. What is larger belongs elsewhere, and its hash into the log.
const MaxEntry = 1 << 20

// Entry is one entry of a log.
type Entry struct {
	Version  uint64
	Seq      uint64 // from 1, without gaps
	Time     int64  // unix seconds, by the clock of the machine that wrote it
	Kind     Kind
	ChainID  uint64          // 0 if it is about no network
	Body     json.RawMessage // an object, canonical
	Previous common.Hash     // hash of the entry before, zero for the first
	Hash     common.Hash
}

// Tip is where a log ends. The zero Tip is that of a log without entries.
type Tip struct {
	Seq  uint64
	Hash common.Hash
}

// Next returns the entry that follows. The body is what encoding/json makes of it.
func (t Tip) Next(time int64, kind Kind, chainID uint64, body any) (Entry, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Entry{}, fmt.Errorf("audit entry %s: %w", kind, err)
	}
	e := Entry{Version: Version, Seq: t.Seq + 1, Time: time, Kind: kind, ChainID: chainID, Previous: t.Hash}
	if e.Body, err = Canonical(raw); err != nil {
		return Entry{}, fmt.Errorf("audit entry %s: %w", kind, err)
	}
	if err := e.Check(); err != nil {
		return Entry{}, fmt.Errorf("audit entry %s: %w", kind, err)
	}
	e.Hash = e.sum()
	return e, nil
}

// Tip is where a log ends with this entry.
func (e Entry) Tip() Tip { return Tip{e.Seq, e.Hash} }

var kindPattern = regexp.MustCompile(`^[a-z]{1,32}(\.[a-z]{1,32})?$`)

// Check tells whether an entry can be encoded; it does not look at its hash. The error is an UnreadableError.
func (e Entry) Check() error {
	unreadable := func(what What, format string, args ...any) error {
		return &UnreadableError{what, fmt.Sprintf(format, args...)}
	}
	switch {
	case e.Version != Version:
		return unreadable(UnknownVersion, "it is of version %d, this program knows version %d: use a newer release", e.Version, Version)
	case e.Seq == 0 || e.Seq > maxInteger:
		return unreadable(Unreadable, "its number %d is not one of an entry", e.Seq)
	case e.Time < 0 || e.Time > maxInteger:
		return unreadable(Unreadable, "its time %d is out of range", e.Time)
	case e.ChainID > maxInteger:
		return unreadable(Unreadable, "its chain id %d is out of range", e.ChainID)
	case !kindPattern.MatchString(string(e.Kind)):
		return unreadable(Unreadable, "its kind %.100q is not one of an entry", e.Kind)
	case len(e.Body) > MaxEntry-1024:
		return unreadable(Unreadable, "its body has %d bytes, which is too much", len(e.Body))
	case !bytes.HasPrefix(e.Body, []byte("{")):
		return unreadable(Unreadable, "its body is not a JSON object")
	}
	canonical, err := Canonical(e.Body)
	if err != nil {
		return unreadable(Unreadable, "its body: %v", err)
	}
	if !bytes.Equal(canonical, e.Body) {
		return unreadable(Changed, "its body is not in the canonical encoding")
	}
	return nil
}

// Encode returns the canonical encoding of an entry, which must pass Check. It has no end of line.
func (e Entry) Encode() []byte { return e.encode(true) }

// sum is the hash that an entry must have: SHA-256 of the canonical encoding without it.
func (e Entry) sum() common.Hash { return sha256.Sum256(e.encode(false)) }

// encode writes the keys in their order. Nothing but the body can hold a character that would have to be escaped.
func (e Entry) encode(withHash bool) []byte {
	b := make([]byte, 0, len(e.Body)+320)
	b = append(append(b, `{"body":`...), e.Body...)
	if e.ChainID != 0 {
		b = strconv.AppendUint(append(b, `,"chainId":`...), e.ChainID, 10)
	}
	if withHash {
		b = append(hex.AppendEncode(append(b, `,"hash":"0x`...), e.Hash[:]), '"')
	}
	b = append(append(append(b, `,"kind":"`...), e.Kind...), '"')
	b = append(hex.AppendEncode(append(b, `,"previous":"0x`...), e.Previous[:]), '"')
	b = strconv.AppendUint(append(b, `,"seq":`...), e.Seq, 10)
	b = strconv.AppendInt(append(b, `,"time":`...), e.Time, 10)
	b = strconv.AppendUint(append(b, `,"version":`...), e.Version, 10)
	return append(b, '}')
}

// Decode reads the encoding of an entry. What is not the canonical encoding of an entry gives an UnreadableError; whether the
// hash is right is not looked at.
func Decode(line []byte) (Entry, error) {
	var f struct {
		Body     json.RawMessage `json:"body"`
		ChainID  uint64          `json:"chainId"`
		Hash     common.Hash     `json:"hash"`
		Kind     Kind            `json:"kind"`
		Previous common.Hash     `json:"previous"`
		Seq      uint64          `json:"seq"`
		Time     int64           `json:"time"`
		Version  uint64          `json:"version"`
	}
	if err := json.Unmarshal(line, &f); err != nil {
		return Entry{}, &UnreadableError{Unreadable, fmt.Sprintf("it is not an entry: %v", err)}
	}
	e := Entry{f.Version, f.Seq, f.Time, f.Kind, f.ChainID, f.Body, f.Previous, f.Hash}
	if err := e.Check(); err != nil {
		return Entry{}, err
	}
	if !bytes.Equal(e.Encode(), line) {
		return Entry{}, &UnreadableError{Changed, "it is not in the canonical encoding"}
	}
	return e, nil
}
