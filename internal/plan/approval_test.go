package plan

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var alice, bob, carol, mallory = key("alice"), key("bob"), key("carol"), key("mallory")

func key(name string) *ecdsa.PrivateKey {
	k, err := crypto.ToECDSA(crypto.Keccak256([]byte(name)))
	if err != nil {
		panic(err)
	}
	return k
}

func addressOf(k *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(k.PublicKey) }

func sign(t testing.TB, p *Plan, k *ecdsa.PrivateKey, revoke bool) []byte {
	t.Helper()
	hash, err := p.TypedDataHash(revoke)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := crypto.Sign(hash[:], k)
	if err != nil {
		t.Fatal(err)
	}
	signature[64] += 27
	return signature
}

func approval(t testing.TB, p *Plan, k *ecdsa.PrivateKey, revoke bool) Approval {
	t.Helper()
	return Approval{p.Digest, addressOf(k), sign(t, p, k, revoke), revoke}
}

// TestTypedDataSaysWhatIsSigned: the words that a wallet shows.
func TestTypedDataSaysWhatIsSigned(t *testing.T) {
	policyWords := policyPlan().Intent.Describe()
	if !strings.HasPrefix(policyWords, "none; the approval policy becomes: approvers: 0x") || !strings.Contains(policyWords, policyPlan().Intent.NewPolicy.Lines()[1]) {
		t.Errorf("a policy in words: %s", policyWords)
	}
	p := sealed(t, full())
	words := apitypes.TypedDataMessage{
		"project": "market", "action": "rollout", "networks": "ethereum (chain 1) epoch 2, base (chain 8453) epoch 3", "root": common.Hash{0x11}.Hex(),
		"expires": "2023-11-17 22:13:20 UTC", "accepts": "hotfix: layout-changed (Vault), holder-delegated on base (" + operator.Hex() + ")", "policy": common.Hash{0x90}.Hex(), "plan": p.Digest.Hex(),
	}
	for revoke, primary := range map[bool]string{false: "Approval", true: "Revocation"} {
		data := p.TypedData(revoke)
		if diff := cmp.Diff(words, data.Message); diff != "" || data.PrimaryType != primary || len(data.Types) != 2 {
			t.Errorf("%s of %d types: (-want +got):\n%s", data.PrimaryType, len(data.Types), diff)
		}
		if len(data.Types[primary]) != len(words) || data.Domain.Name != "Lockstep plan" || data.Domain.Version != "1" || data.Domain.ChainId != nil {
			t.Errorf("%+v", data)
		}
	}
	for name, c := range map[string]struct {
		change func(*Plan)
		want   map[string]any
	}{
		"no hotfix": {func(p *Plan) { p.Intent.Hotfix = false }, map[string]any{"accepts": "nothing"}},
		// the first network may have the other root of the manifest already
		"rollback": {func(p *Plan) { p.Intent.Action = Rollback }, map[string]any{"action": "rollback", "root": common.Hash{0x12}.Hex()}},
		"pause":    {func(p *Plan) { *p = *pausePlan() }, map[string]any{"action": "pause", "root": common.Hash{}.Hex(), "networks": "ethereum (chain 1), base (chain 8453)"}},
		"policy":   {func(p *Plan) { *p = *policyPlan() }, map[string]any{"action": "policy", "root": common.Hash{}.Hex(), "networks": policyWords, "expires": "1970-01-01 00:00:02 UTC"}},
	} {
		p := full()
		c.change(p)
		message := sealed(t, p).TypedData(false).Message
		for word, want := range c.want {
			if message[word] != want {
				t.Errorf("%s: %s is %v, want %v", name, word, message[word], want)
			}
		}
	}
}

// TestTypedDataHashCoversTheDigest: what changes the digest changes what is signed, whatever the words say; and an approval is
// never a revocation.
func TestTypedDataHashCoversTheDigest(t *testing.T) {
	p := sealed(t, full())
	hash := func(p *Plan, revoke bool) common.Hash {
		h, err := p.TypedDataHash(revoke)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	other := full()
	other.Preconditions[0].Facts[1].Value = "true" // no word tells of it
	sealed(t, other)
	hashes := []common.Hash{hash(p, false), hash(p, true), hash(other, false), hash(other, true)}
	slices.SortFunc(hashes, common.Hash.Cmp)
	if n := len(slices.Compact(hashes)); n != 4 {
		t.Errorf("%d hashes of four", n)
	}
	if again := sealed(t, full()); hash(again, false) != hash(p, false) {
		t.Error("it is another hash the next time")
	}
}

func TestRecover(t *testing.T) {
	p := sealed(t, full())
	for _, revoke := range []bool{false, true} {
		sound := sign(t, p, alice, revoke)
		want := Approval{p.Digest, addressOf(alice), sound, revoke}
		for _, v := range []byte{sound[64], sound[64] - 27} { // wallets write it in two ways
			signature := slices.Clone(sound)
			signature[64] = v
			got, err := p.Recover(signature, revoke)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("v %d: (-want +got):\n%s", v, diff)
			}
			if signature[64] != v {
				t.Error("what was given was changed")
			}
			if err := p.Verify(Approval{p.Digest, addressOf(alice), signature, revoke}); err != nil {
				t.Errorf("v %d: %v", v, err)
			}
		}
		// the other v is a signature of somebody else
		other := slices.Clone(sound)
		other[64] = 27 + 28 - sound[64]
		if got, err := p.Recover(other, revoke); err != nil || got.Signer == addressOf(alice) {
			t.Errorf("the other v: %+v, %v", got, err)
		}
		// and so is this one of a revocation, for an approval
		if got, err := p.Recover(sound, !revoke); err != nil || got.Signer == addressOf(alice) {
			t.Errorf("revoke %t: %+v, %v", !revoke, got, err)
		}
	}
	sound := sign(t, p, alice, false)
	with := func(change func([]byte) []byte) []byte { return change(slices.Clone(sound)) }
	put := func(at int, values ...byte) []byte {
		return with(func(s []byte) []byte { copy(s[at:], values); return s })
	}
	for name, c := range map[string]struct {
		signature []byte
		want      string
	}{
		"nothing":   {nil, "a signature has 65 bytes, this has 0"},
		"64 bytes":  {sound[:64], "this has 64"},
		"66 bytes":  {append(slices.Clone(sound), 0), "this has 66"},
		"v 2":       {put(64, 2), "not a signature"},
		"v 26":      {put(64, 26), "not a signature"},
		"v 29":      {put(64, 29), "not a signature"},
		"v 37":      {put(64, 37), "not a signature"},
		"v 255":     {put(64, 255), "not a signature"},
		"r is 0":    {put(0, make([]byte, 32)...), "not a signature"},
		"s is 0":    {put(32, make([]byte, 32)...), "not a signature"},
		"all of it": {make([]byte, 65), "not a signature"},
		"s in the upper half": {with(func(s []byte) []byte {
			upper := new(big.Int).Sub(crypto.S256().Params().N, new(big.Int).SetBytes(s[32:64]))
			upper.FillBytes(s[32:64])
			s[64] = 27 + 28 - s[64]
			return s
		}), "not a signature: r, s or v is not one that a wallet makes"},
		"r over the order": {put(0, slices.Repeat([]byte{0xff}, 32)...), "not a signature"},
	} {
		if got, err := p.Recover(c.signature, false); err == nil || !strings.Contains(err.Error(), c.want) || got.Signer != (common.Address{}) {
			t.Errorf("%s: %+v, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestVerify(t *testing.T) {
	p := sealed(t, full())
	other := full()
	other.Intent.Created++
	sealed(t, other)
	a := approval(t, p, alice, false)
	for name, c := range map[string]struct {
		change func(*Approval)
		want   string
	}{
		"sound":                             {func(*Approval) {}, ""},
		"of another plan":                   {func(a *Approval) { *a = approval(t, other, alice, false) }, "it is of plan " + other.Digest.Hex()},
		"of another plan, which it says":    {func(a *Approval) { a.Signature = sign(t, other, alice, false) }, "of somebody else or of something else"},
		"says that it is of another plan":   {func(a *Approval) { a.Plan = other.Digest }, "it is of plan"},
		"by another":                        {func(a *Approval) { a.Signature = sign(t, p, bob, false) }, "it says that " + addressOf(alice).Hex() + " signed this plan"},
		"says that it is by another":        {func(a *Approval) { a.Signer = addressOf(bob) }, "of somebody else or of something else"},
		"by nobody":                         {func(a *Approval) { a.Signer = common.Address{} }, "of somebody else or of something else"},
		"an approval as revocation":         {func(a *Approval) { a.Revoked = true }, "of somebody else or of something else"},
		"a revocation as approval":          {func(a *Approval) { a.Signature = sign(t, p, alice, true) }, "of somebody else or of something else"},
		"no signature":                      {func(a *Approval) { a.Signature = nil }, "this has 0"},
		"a signature of the digest, no EIP": {func(a *Approval) { a.Signature = bare(t, p) }, "of somebody else or of something else"},
	} {
		b := a
		c.change(&b)
		if err := p.Verify(b); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func bare(t *testing.T, p *Plan) []byte {
	t.Helper()
	signature, err := crypto.Sign(p.Digest[:], alice)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func TestCount(t *testing.T) {
	p := sealed(t, full())
	policy := NewPolicy(Policy{Approvers: []common.Address{addressOf(alice), addressOf(bob), addressOf(carol)}, Required: 2, Hotfix: 2, ValidFor: 1})
	yes := func(k *ecdsa.PrivateKey) Approval { return approval(t, p, k, false) }
	no := func(k *ecdsa.PrivateKey) Approval { return approval(t, p, k, true) }
	short := yes(alice)
	short.Signature = slices.Clone(short.Signature)
	short.Signature[64] -= 27 // another way to write the same
	type keys = []*ecdsa.PrivateKey
	for name, c := range map[string]struct {
		approvals                 []Approval
		approved, revoked, others keys
		enough                    bool
	}{
		"nobody":                       {nil, nil, nil, nil, false},
		"one":                          {[]Approval{yes(alice)}, keys{alice}, nil, nil, false},
		"two":                          {[]Approval{yes(alice), yes(bob)}, keys{alice, bob}, nil, nil, true},
		"three":                        {[]Approval{yes(alice), yes(bob), yes(carol)}, keys{alice, bob, carol}, nil, nil, true},
		"one twice":                    {[]Approval{yes(alice), yes(alice)}, keys{alice}, nil, nil, false},
		"one in two ways":              {[]Approval{yes(alice), short}, keys{alice}, nil, nil, false},
		"one, and a stranger":          {[]Approval{yes(alice), yes(mallory), yes(mallory)}, keys{alice}, nil, keys{mallory}, false},
		"one, and one taken back":      {[]Approval{yes(alice), yes(bob), no(bob)}, keys{alice}, keys{bob}, nil, false},
		"taken back before it is read": {[]Approval{no(bob), yes(alice), yes(bob)}, keys{alice}, keys{bob}, nil, false},
		"given, taken back, and given": {[]Approval{yes(bob), no(bob), yes(bob), yes(alice)}, keys{alice}, keys{bob}, nil, false},
		"taken back twice":             {[]Approval{no(bob), no(bob)}, nil, keys{bob}, nil, false},
		"taken back, never given":      {[]Approval{no(carol), yes(alice), yes(bob)}, keys{alice, bob}, keys{carol}, nil, true},
		"a stranger takes back":        {[]Approval{yes(alice), yes(bob), no(mallory)}, keys{alice, bob}, keys{mallory}, nil, true},
		"a stranger, taken back":       {[]Approval{yes(mallory), no(mallory)}, nil, keys{mallory}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			tally, err := p.Count(policy, c.approvals)
			if err != nil {
				t.Fatal(err)
			}
			addresses := func(ks keys) []common.Address {
				out := []common.Address{}
				for _, k := range ks {
					out = append(out, addressOf(k))
				}
				slices.SortFunc(out, common.Address.Cmp)
				return out
			}
			want := Tally{2, addresses(c.approved), addresses(c.revoked), addresses(c.others)}
			if diff := cmp.Diff(want, tally); diff != "" || tally.Enough() != c.enough {
				t.Errorf("enough: %t; (-want +got):\n%s", tally.Enough(), diff)
			}
		})
	}
	for name, bad := range map[string]Approval{
		"of another": {p.Digest, addressOf(bob), sign(t, p, mallory, false), false}, "no signature": {p.Digest, addressOf(bob), nil, false},
		"of another plan": {common.Hash{1}, addressOf(bob), sign(t, p, bob, false), false}, "turned": {p.Digest, addressOf(bob), sign(t, p, bob, false), true},
	} {
		tally, err := p.Count(policy, []Approval{yes(alice), yes(carol), bad})
		if err == nil || !strings.Contains(err.Error(), addressOf(bob).Hex()) || tally.Enough() {
			t.Errorf("%s: %+v, %v", name, tally, err)
		}
	}
	// whoever asks for none
	if tally, err := p.Count(Policy{}, nil); err != nil || !tally.Enough() {
		t.Errorf("%+v, %v", tally, err)
	}
}

// TestCountDoesNotDependOnTheOrder: in which approvals are read, and how often.
func TestCountDoesNotDependOnTheOrder(t *testing.T) {
	p := sealed(t, full())
	policy := NewPolicy(Policy{Approvers: []common.Address{addressOf(alice), addressOf(bob), addressOf(carol)}, Required: 2, Hotfix: 2})
	var all []Approval
	for _, k := range []*ecdsa.PrivateKey{alice, bob, carol, mallory} {
		all = append(all, approval(t, p, k, false), approval(t, p, k, true))
	}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.SampledFrom(all), 0, 10).Draw(t, "approvals")
		first, err := p.Count(policy, some)
		if err != nil {
			t.Fatal(err)
		}
		second, err := p.Count(policy, append(rapid.Permutation(some).Draw(t, "order"), some...))
		if err != nil || !cmp.Equal(first, second) {
			t.Fatalf("%+v, %+v, %v", first, second, err)
		}
		if len(first.Approved) > 3 || first.Enough() != (len(first.Approved) >= 2) {
			t.Fatalf("%+v", first)
		}
		for _, a := range some {
			if a.Revoked && (slices.Contains(first.Approved, a.Signer) || !slices.Contains(first.Revoked, a.Signer)) {
				t.Fatalf("%s took it back: %+v", a.Signer, first)
			}
		}
	})
}

func TestApprovalFile(t *testing.T) {
	a := approval(t, sealed(t, full()), alice, true)
	data, err := EncodeApproval(a)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeApproval(data); err != nil || !cmp.Equal(a, got) {
		t.Errorf("%+v, %v", got, err)
	}
	var members map[string]any
	if err := json.Unmarshal(data, &members); err != nil || len(members) != 4 || members["revoked"] != true {
		t.Errorf("%v, %v", members, err)
	}
	for name, c := range map[string]struct{ text, want string }{
		"nothing": {"", "not an approval: EOF"}, "a list": {"[]", "not an approval"}, "data behind": {string(data) + "{}", "data after its end"},
		"unknown field": {strings.Replace(string(data), `{`, `{"by": 1,`, 1), `unknown field "by"`}, "signature is no hex": {strings.Replace(string(data), `"signature": "0x`, `"signature": "0y`, 1), "not an approval"},
		"too large": {string(data) + strings.Repeat(" ", MaxApproval), "not larger than 4096 bytes"},
	} {
		if _, err := DecodeApproval([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := DecodeApproval([]byte(string(data) + strings.Repeat(" ", MaxApproval-len(data)))); err != nil {
		t.Errorf("at the bound: %v", err)
	}
}

func FuzzDecodeApproval(f *testing.F) {
	p := sealed(f, full())
	data, err := EncodeApproval(approval(f, p, alice, false))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"signature":"0x","revoked":true}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := DecodeApproval(data)
		if err != nil {
			return
		}
		again, err := EncodeApproval(a)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) > MaxApproval {
			return // it was written without spaces
		}
		b, err := DecodeApproval(again)
		if err != nil {
			t.Fatal(err)
		}
		if last, err := EncodeApproval(b); err != nil || !bytes.Equal(again, last) {
			t.Fatalf("%s, %s, %v", again, last, err)
		}
		if p.Verify(a) == nil && a.Signer != addressOf(alice) {
			t.Fatalf("%+v is of nobody", a)
		}
	})
}
