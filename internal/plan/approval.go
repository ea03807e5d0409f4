package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

// Approval is a signature of one account over a plan: that it is approved, or that it is no longer. The one about a plan is
// signed once for all networks: the domain has no chain id.
type Approval struct {
	Plan      common.Hash    `json:"plan"` // digest
	Signer    common.Address `json:"signer"`
	Signature hexutil.Bytes  `json:"signature"` // of TypedData: r, s and v, 65 bytes
	Revoked   bool           `json:"revoked"`   // what is signed takes an approval back
}

// MaxApproval bounds the file of an approval, in bytes.
const MaxApproval = 4096

// TypedData is what an approver signs (EIP-712): words that a wallet shows, which follow from the plan, and its digest. If
// revoke, it is what takes an approval back.
func (p *Plan) TypedData(revoke bool) apitypes.TypedData {
	i := p.Intent
	words := []struct{ name, kind, value string }{
		{"project", "string", i.Project},
		{"action", "string", i.Action},
		{"networks", "string", i.Describe()},
		{"root", "bytes32", i.root().Hex()},
		{"expires", "string", time.Unix(i.Expires, 0).UTC().Format("2006-01-02 15:04:05 UTC")},
		{"accepts", "string", i.accepts()},
		{"policy", "bytes32", i.Policy.Hex()},
		{"plan", "bytes32", p.Digest.Hex()},
	}
	primary := "Approval"
	if revoke {
		primary = "Revocation"
	}
	data := apitypes.TypedData{
		Types: apitypes.Types{
			"EIP712Domain": {{Name: "name", Type: "string"}, {Name: "version", Type: "string"}},
			primary:        {},
		},
		PrimaryType: primary,
		Domain:      apitypes.TypedDataDomain{Name: "Lockstep plan", Version: "1"},
		Message:     apitypes.TypedDataMessage{},
	}
	for _, w := range words {
		data.Types[primary] = append(data.Types[primary], apitypes.Type{Name: w.name, Type: w.kind})
		data.Message[w.name] = w.value
	}
	return data
}

// root is the manifest's; of a rollback, the one that becomes active without the manifest's init call.
func (i *Intent) root() common.Hash {
	switch {
	case i.Manifest == nil:
		return common.Hash{}
	case i.Action == Rollback:
		return i.Manifest.RoutesRoot
	}
	return i.Manifest.Root
}

// accepts says what is accepted that checks found.
func (i *Intent) accepts() string {
	if !i.Hotfix {
		return "nothing"
	}
	var out []string
	for _, a := range i.Accepted {
		out = append(out, strings.TrimSuffix(a.Check+" on "+a.Network, " on ")+" ("+a.Subject+")")
	}
	return "hotfix: " + strings.Join(out, ", ")
}

// TypedDataHash is the EIP-712 hash that is signed.
func (p *Plan) TypedDataHash(revoke bool) (common.Hash, error) {
	hash, _, err := apitypes.TypedDataAndHash(p.TypedData(revoke))
	if err != nil {
		return common.Hash{}, fmt.Errorf("typed data of plan %s: %w", p.Digest, err)
	}
	return common.BytesToHash(hash), nil
}

// Recover returns the approval that a signature is.
func (p *Plan) Recover(signature []byte, revoke bool) (Approval, error) {
	hash, err := p.TypedDataHash(revoke)
	if err != nil {
		return Approval{}, err
	}
	if len(signature) != crypto.SignatureLength {
		return Approval{}, fmt.Errorf("a signature has %d bytes, this has %d", crypto.SignatureLength, len(signature))
	}
	compact := bytes.Clone(signature)
	if v := compact[crypto.RecoveryIDOffset]; v >= 27 {
		compact[crypto.RecoveryIDOffset] = v - 27
	}
	// one of two forms, as wallets make it: others do not verify the other one
	r, s := new(big.Int).SetBytes(compact[:32]), new(big.Int).SetBytes(compact[32:64])
	if !crypto.ValidateSignatureValues(compact[crypto.RecoveryIDOffset], r, s, true) {
		return Approval{}, errors.New("not a signature: r, s or v is not one that a wallet makes")
	}
	key, err := crypto.SigToPub(hash[:], compact)
	if err != nil {
		return Approval{}, fmt.Errorf("not a signature: %w", err)
	}
	compact[crypto.RecoveryIDOffset] += 27
	return Approval{Plan: p.Digest, Signer: crypto.PubkeyToAddress(*key), Signature: compact, Revoked: revoke}, nil
}

// Verify tells whether an approval is of this plan, and signed by whom it says.
func (p *Plan) Verify(a Approval) error {
	if a.Plan != p.Digest {
		return fmt.Errorf("it is of plan %s, not of %s", a.Plan, p.Digest)
	}
	got, err := p.Recover(a.Signature, a.Revoked)
	if err != nil {
		return err
	}
	if got.Signer != a.Signer {
		return fmt.Errorf("it says that %s signed this plan, but the signature is of somebody else or of something else", a.Signer)
	}
	return nil
}

// EncodeApproval returns the file of an approval.
func EncodeApproval(a Approval) ([]byte, error) {
	out, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode approval: %w", err)
	}
	return append(out, '\n'), nil
}

// DecodeApproval reads an approval. It does not verify it.
func DecodeApproval(data []byte) (Approval, error) {
	var a Approval
	if len(data) > MaxApproval {
		return a, fmt.Errorf("an approval is not larger than %d bytes", MaxApproval)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&a); err != nil {
		return a, fmt.Errorf("not an approval: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return a, errors.New("not an approval: data after its end")
	}
	return a, nil
}

// Tally is who has approved a plan by a policy.
type Tally struct {
	Needed   int              `json:"needed"`
	Approved []common.Address `json:"approved"` // approvers whose approval counts
	Revoked  []common.Address `json:"revoked"`
	Others   []common.Address `json:"others"` // who approved and is no approver
}

// Enough tells whether a plan is approved.
func (t Tally) Enough() bool { return len(t.Approved) >= t.Needed }

// Count counts approvals under a policy. What does not verify is an error. Who has taken an approval back cannot give it again:
// whoever has the first signature could.
func (p *Plan) Count(policy Policy, approvals []Approval) (Tally, error) {
	t := Tally{Needed: policy.Needs(p.Intent), Approved: []common.Address{}, Revoked: []common.Address{}, Others: []common.Address{}}
	for _, a := range approvals {
		if err := p.Verify(a); err != nil {
			return t, fmt.Errorf("approval of %s: %w", a.Signer, err)
		}
		if a.Revoked {
			t.Revoked = append(t.Revoked, a.Signer)
		}
	}
	for _, a := range approvals {
		switch {
		case a.Revoked || slices.Contains(t.Revoked, a.Signer) || slices.Contains(t.Approved, a.Signer) || slices.Contains(t.Others, a.Signer):
		case slices.Contains(policy.Approvers, a.Signer):
			t.Approved = append(t.Approved, a.Signer)
		default:
			t.Others = append(t.Others, a.Signer)
		}
	}
	for _, list := range []*[]common.Address{&t.Approved, &t.Revoked, &t.Others} {
		slices.SortFunc(*list, common.Address.Cmp)
		*list = slices.Compact(*list)
	}
	return t, nil
}
