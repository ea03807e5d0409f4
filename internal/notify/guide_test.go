package notify

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestReceiverOfTheGuide has the program of the guide verify requests, as a receiver does that has no code of ours.
func TestReceiverOfTheGuide(t *testing.T) {
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```js\n(import [^`]*? 'node:crypto'.*?)```").FindSubmatch(guide)
	if block == nil {
		t.Fatal("the guide has no such program")
	}
	const secret, now = "0123456789abcdef", begun
	encoded := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	type request struct {
		Secret, ID, At, Signature, Body string
	}
	signed := func(secret string, at int64, body string) request {
		h := secretOf(t, secret).Sign("m1", time.Unix(at, 0), []byte(body))
		return request{secret, h.Get(headerID), h.Get(headerTimestamp), h.Get(headerSignature), body}
	}
	forged := signed(secret, now, `{"a":"ü"}`)
	forged.Body = `{"a":"u"}`
	short := signed(secret, now, "x")
	short.Signature = "v1,AAAA"
	requests := []request{
		signed(secret, now, `{"a":"ü"}`), signed(secret, now, `{"a":"ü"}`), signed(encoded, now-300, ""), signed(secret, now-301, "x"), signed(secret, now+301, "x"),
		forged, short,
		{Secret: secret, Body: "x"},
	}
	const want = "true false true error error error error error"
	data, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	program := string(block[1]) + `
import { readFileSync } from 'node:fs'
const out = [], seen = {}
for (const r of JSON.parse(readFileSync('requests.json', 'utf8'))) {
  const headers = { 'webhook-id': r.ID || undefined, 'webhook-timestamp': r.At || undefined, 'webhook-signature': r.Signature || undefined }
  try { out.push(verify(r.Secret, headers, Buffer.from(r.Body), seen[r.Secret] ??= new Set(), 1700000000)) } catch { out.push('error') }
}
console.log(out.join(' '))
`
	for name, text := range map[string]string{"receive.mjs": program, "requests.json": string(data)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", "receive.mjs")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != want {
		t.Errorf("%v: %s, want %s", err, got, want)
	}
	// our own receiver agrees
	for i, r := range requests {
		h := http.Header{headerID: {r.ID}, headerTimestamp: {r.At}, headerSignature: {r.Signature}}
		_, err := secretOf(t, r.Secret).Verify(h, time.Unix(now, 0), []byte(r.Body))
		if wanted := strings.Fields(want)[i]; (err != nil) != (wanted == "error") {
			t.Errorf("%d: %v, the program says %s", i, err, wanted)
		}
	}
}
