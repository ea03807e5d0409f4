package plan

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// signing is something to sign, and what this program makes of it.
type signing struct {
	name      string
	plan      *Plan
	revoke    bool
	typedData []byte // as it is handed to a wallet
	hash      common.Hash
	approval  Approval
}

// signings are plans of every kind, with texts that are easily written in a wrong way.
func signings(t *testing.T) (out []signing) {
	t.Helper()
	odd := full()
	odd.Intent.Project, odd.Intent.Networks[0].Name = "märket \"x\" \\ <b> 😀 'y'", "l1 | `x`"
	odd.Preconditions[0].Network, odd.Intent.Expires = "l1 | `x`", 1<<40
	for _, c := range []struct {
		name string
		p    *Plan
	}{{"rollout", full()}, {"pause", pausePlan()}, {"policy", policyPlan()}, {"odd", odd}} {
		sealed(t, c.p)
		for _, revoke := range []bool{false, true} {
			s := signing{name: c.name, plan: c.p, revoke: revoke, approval: approval(t, c.p, alice, revoke)}
			if revoke {
				s.name += ", taken back"
			}
			data := c.p.TypedData(revoke)
			var err error
			if s.typedData, err = json.Marshal(data.Map()); err != nil {
				t.Fatal(err)
			}
			if s.hash, err = c.p.TypedDataHash(revoke); err != nil {
				t.Fatal(err)
			}
			out = append(out, s)
		}
	}
	return out
}

// TestEthersSaysTheSame: digest, hash of a policy, hash of the typed data, signer and signature.
func TestEthersSaysTheSame(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("node is missing: install Node.js 20 or newer: %v", err)
	}
	folder := filepath.Join("..", "..", "e2e", "ethers")
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "ethers")); err != nil {
		t.Fatalf("ethers is missing: run make setup (%v)", err)
	}
	script, err := os.ReadFile(filepath.Join("testdata", "wallet.js"))
	if err != nil {
		t.Fatal(err)
	}
	type item struct {
		Plan      *Plan           `json:"plan"`
		TypedData json.RawMessage `json:"typedData"`
		Key       string          `json:"key"`
		Signature hexutil.Bytes   `json:"signature"`
	}
	var items []item
	all := signings(t)
	for _, s := range all {
		items = append(items, item{s.plan, s.typedData, hexutil.Encode(crypto.FromECDSA(alice)), s.approval.Signature})
	}
	in, err := json.Marshal(items)
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), node, "-e", string(script))
	cmd.Dir, cmd.Stdin, cmd.Stderr = folder, bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	var got []struct {
		Digest, Policy, PrimaryType, Hash, Signer string
		Signature                                 hexutil.Bytes
	}
	if err := json.Unmarshal(out, &got); err != nil || len(got) != len(all) {
		t.Fatalf("%v: %s", err, out)
	}
	for i, s := range all {
		primary := "Approval"
		if s.revoke {
			primary = "Revocation"
		}
		g := got[i]
		if g.Digest != s.plan.Digest.Hex() || g.Hash != s.hash.Hex() || g.Signer != addressOf(alice).Hex() || g.PrimaryType != primary {
			t.Errorf("%s: %+v, want digest %s, hash %s, signer %s", s.name, g, s.plan.Digest, s.hash, addressOf(alice))
		}
		if !bytes.Equal(g.Signature, s.approval.Signature) {
			t.Errorf("%s: signature %s, want %s", s.name, g.Signature, s.approval.Signature)
		}
		if a, err := s.plan.Recover(g.Signature, s.revoke); err != nil || a.Signer != addressOf(alice) {
			t.Errorf("%s: %+v, %v", s.name, a, err)
		}
		if n := s.plan.Intent.NewPolicy; n != nil && g.Policy != n.Hash().Hex() {
			t.Errorf("%s: policy %s, want %s", s.name, g.Policy, n.Hash())
		}
	}
}

// TestCastSaysTheSame: what foundry signs is an approval, and it takes ours for one.
func TestCastSaysTheSame(t *testing.T) {
	cast := filepath.Join("..", "..", "contracts", "node_modules", "@foundry-rs", "cast-linux-amd64", "bin", "cast")
	if _, err := os.Stat(cast); err != nil {
		t.Fatalf("cast is missing: run make setup (%v)", err)
	}
	verify := func(data []byte, signature hexutil.Bytes) (string, error) {
		out, err := exec.CommandContext(t.Context(), cast, "wallet", "verify", "--address", addressOf(alice).Hex(), "--data", string(data),
			signature.String()).CombinedOutput()
		return string(out), err
	}
	all := signings(t)
	for i, s := range all {
		out, err := exec.CommandContext(t.Context(), cast, "wallet", "sign", "--private-key", hexutil.Encode(crypto.FromECDSA(alice)), "--data",
			string(s.typedData)).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", s.name, err, out)
			continue
		}
		signature, err := hexutil.Decode(strings.TrimSpace(string(out)))
		if err != nil {
			t.Errorf("%s: %v: %s", s.name, err, out)
			continue
		}
		if a, err := s.plan.Recover(signature, s.revoke); err != nil || a.Signer != addressOf(alice) || !bytes.Equal(a.Signature, s.approval.Signature) {
			t.Errorf("%s: %+v, %v", s.name, a, err)
		}
		if out, err := verify(s.typedData, s.approval.Signature); err != nil || !strings.Contains(out, "Validation succeeded") {
			t.Errorf("%s: %v: %s", s.name, err, out)
		}
		// it looks: another one's signature is none of this
		if out, err := verify(s.typedData, all[(i+1)%len(all)].approval.Signature); err == nil {
			t.Errorf("%s: cast takes the signature of another: %s", s.name, out)
		}
	}
}
