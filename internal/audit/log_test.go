package audit

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

var (
	auditor  = mustKey("auditor")
	stranger = mustKey("stranger")
)

func mustKey(name string) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte(name)))
	if err != nil {
		panic(err) // a constant
	}
	return key
}

// fataler is what testing.TB and rapid.T share.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

func addressOf(key *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(key.PublicKey) }

// sign makes a head without the code of this package, except for the text.
func sign(t fataler, log common.Hash, tip Tip, key *ecdsa.PrivateKey) *Head {
	t.Helper()
	h := &Head{Log: log, Seq: tip.Seq, Hash: tip.Hash, Time: 1_700_000_999, Signer: addressOf(key)}
	signature, err := crypto.Sign(accounts.TextHash([]byte(h.Text())), key)
	if err != nil {
		t.Fatal(err)
	}
	signature[64] += 27
	h.Signature = signature
	return h
}

// chain makes a log of n entries.
func chain(t testing.TB, project string, n int) []Entry {
	t.Helper()
	var out []Entry
	var tip Tip
	add := func(kind Kind, chainID uint64, body any) {
		e, err := tip.Next(1_700_000_000+int64(len(out)), kind, chainID, body)
		if err != nil {
			t.Fatal(err)
		}
		out, tip = append(out, e), e.Tip()
	}
	add(LogBegun, 0, Begun{Random: common.Hash{1}, Project: project})
	for i := len(out); i < n; i++ {
		switch i % 3 {
		case 0:
			add(DecisionMade, 1, Decision{Network: "ethereum", Kind: "wait", Steps: []string{}, Reason: "the timelock \"runs\", ähm\n<now>", Until: uint64(i)})
		case 1:
			add(TransactionSigned, 8453, Transaction{ID: int64(i), Step: fmt.Sprintf("step %d", i), Nonce: uint64(i), Hash: common.Hash{byte(i)}})
		default:
			add(TransactionReleased, 8453, Turn{ID: int64(i - 1), Hash: common.Hash{byte(i - 1)}})
		}
	}
	return out
}

func file(entries []Entry) string {
	var b strings.Builder
	for _, e := range entries {
		b.Write(e.Encode())
		b.WriteByte('\n')
	}
	return b.String()
}

func verify(t testing.TB, text string, head *Head, signers ...common.Address) Report {
	t.Helper()
	report, err := Verify(Read(strings.NewReader(text)), head, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// rewrite changes one entry and writes everything after it anew, with hashes that are right.
func rewrite(t testing.TB, entries []Entry, at int, change func(*Entry)) []Entry {
	t.Helper()
	out := slices.Clone(entries)
	change(&out[at])
	for i := at; i < len(out); i++ {
		if i > 0 {
			out[i].Previous = out[i-1].Hash
		}
		out[i].Hash = out[i].sum()
	}
	return out
}

func replace(s, old, with string) string {
	if strings.Count(s, old) == 0 {
		panic("there is no " + old)
	}
	return strings.Replace(s, old, with, 1)
}

func join(lines []string) string { return strings.Join(lines, "") }

func swap(lines []string, i, j int) []string {
	out := slices.Clone(lines)
	out[i], out[j] = out[j], out[i]
	return out
}

func onLine(lines []string, i int, old, with string) []string {
	out := slices.Clone(lines)
	out[i] = replace(out[i], old, with)
	return out
}

func writeAll(t testing.TB, entries []Entry) string {
	t.Helper()
	var b bytes.Buffer
	tip, err := Write(&b, func(yield func(Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	})
	if err != nil || tip != entries[len(entries)-1].Tip() {
		t.Fatalf("%+v, %v", tip, err)
	}
	return b.String()
}

// otherS is the second signature that the curve allows beside one.
func otherS(signature []byte) []byte {
	out := slices.Clone(signature)
	new(big.Int).Sub(crypto.S256().Params().N, new(big.Int).SetBytes(signature[32:64])).FillBytes(out[32:64])
	out[64] = 27 + 28 - signature[64]
	return out
}

// hashAlone is what verification costs at least.
func hashAlone(text string) {
	h := sha256.New()
	for line := range strings.Lines(text) {
		h.Reset()
		_, _ = io.WriteString(h, line)
		h.Sum(nil)
	}
}
