package audit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
)

func TestHeadFile(t *testing.T) {
	h := *sign(t, common.Hash{1}, Tip{7, common.Hash{2}}, auditor)
	data, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := DecodeHead(data)
	if diff := cmp.Diff(h, again); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if signer, err := again.Recover(); err != nil || signer != addressOf(auditor) {
		t.Errorf("%s, %v", signer, err)
	}
	want := fmt.Sprintf("Lockstep audit log, version 1\nlog: 0x01%062d\nentry: 7\nhash: 0x02%062d\ntime: 1700000999", 0, 0)
	if got := h.Text(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for name, text := range map[string]string{
		"nothing": "", "not JSON": "head", "a list": "[]", "null": "null", "empty": "{}", "something else": `{"seq":5}`,
		"after it": string(data) + "{}", "large": string(data) + strings.Repeat(" ", MaxHead), "short hash": replace(string(data), `"log": "0x01`, `"log": "0x1`),
	} {
		if h, err := DecodeHead([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// TestEveryFieldOfAHeadIsSigned changes one after the other.
func TestEveryFieldOfAHeadIsSigned(t *testing.T) {
	entries := chain(t, "market", 5)
	text := file(entries)
	for name, change := range map[string]func(*Head){
		"log":                func(h *Head) { h.Log[3] ^= 1 },
		"seq":                func(h *Head) { h.Seq-- },
		"hash":               func(h *Head) { h.Hash[3] ^= 1 },
		"seq and hash":       func(h *Head) { h.Seq, h.Hash = entries[2].Seq, entries[2].Hash },
		"time":               func(h *Head) { h.Time++ },
		"signer":             func(h *Head) { h.Signer = addressOf(stranger) },
		"no signature":       func(h *Head) { h.Signature = nil },
		"longer signature":   func(h *Head) { h.Signature = append(h.Signature, 0) },
		"v of another kind":  func(h *Head) { h.Signature[64] -= 27 },
		"the other v":        func(h *Head) { h.Signature[64] ^= 7 },
		"r":                  func(h *Head) { h.Signature[3] ^= 1 },
		"s":                  func(h *Head) { h.Signature[40] ^= 1 },
		"no r":               func(h *Head) { clear(h.Signature[:32]) },
		"the other s":        func(h *Head) { h.Signature = otherS(h.Signature) },
		"signature of later": func(h *Head) { h.Signature = sign(t, h.Log, entries[2].Tip(), auditor).Signature },
	} {
		h := sign(t, entries[0].Hash, entries[4].Tip(), auditor)
		change(h)
		r := verify(t, text, h, addressOf(auditor))
		if len(r.Problems) == 0 || r.Problems[0].What != WrongSigner {
			t.Errorf("%s: %v", name, r.Problems)
		}
	}
}
