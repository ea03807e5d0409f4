// Package plan is what people review, approve and then carry out: what is meant (the intent), what it was decided on (the
// preconditions), and what was seen when it was made (observations). The digest covers the first two. Whoever carries a plan
// out computes both again, and refuses a plan whose preconditions have moved.
package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Format names the version of the file format.
const Format = "lockstep-plan/1"

// MaxFileSize bounds what Decode reads, in bytes: the calls of a plan are few times the manifest's init code.
const MaxFileSize = 192 << 20

// Actions of plans.
const (
	Deploy       = "deploy"
	Rollout      = "rollout" // with the deployments that it needs
	Rollback     = "rollback"
	Pause        = "pause"
	Unpause      = "unpause"
	Cancel       = "cancel"
	ChangePolicy = "policy" // another approval policy; nothing is sent
)

// Actions lists them.
func Actions() []string {
	return []string{Deploy, Rollout, Rollback, Pause, Unpause, Cancel, ChangePolicy}
}

// Plan is a plan file.
type Plan struct {
	Format        string          `json:"format"`
	Digest        common.Hash     `json:"digest"` // of Intent and Preconditions: what is approved
	Intent        Intent          `json:"intent"`
	Preconditions []Preconditions `json:"preconditions"` // in the order of Intent.Networks
	Observations  Observations    `json:"observations"`  // outside the digest
}

// Intent is what is to be done.
type Intent struct {
	Project    string          `json:"project"`
	Action     string          `json:"action"`
	Created    int64           `json:"created"` // unix seconds
	Expires    int64           `json:"expires"` // unix seconds of block time by which it must be begun on each network
	Dispatcher common.Address  `json:"dispatcher"`
	Policy     common.Hash     `json:"policy"` // the approval policy under which it is approved
	Hotfix     bool            `json:"hotfix"` // errors that checks found are accepted; needs more approvals
	Accepted   []Accepted      `json:"accepted"`
	Senders    []Sender        `json:"senders"`
	Manifest   *Manifest       `json:"manifest,omitempty"`
	Source     *Source         `json:"source,omitempty"`
	Rollout    *rollout.Policy `json:"rollout,omitempty"`   // in which order the networks become live; each on its own if absent
	NewPolicy  *Policy         `json:"newPolicy,omitempty"` // that takes the place of the present one, of a plan of action policy
	Calls      []Call          `json:"calls"`               // each once, however many networks make it
	Networks   []Network       `json:"networks"`
}

// Accepted is an error that is accepted with a hotfix.
type Accepted struct {
	Check   string `json:"check"`
	Network string `json:"network"` // empty if it is about all
	Subject string `json:"subject"` // contract, account or file
}

// Sender is the account that sends for a role.
type Sender struct {
	Role    rollout.Role   `json:"role"`
	Address common.Address `json:"address"`
}

// Manifest names the manifest that a plan is about.
type Manifest struct {
	Root       common.Hash `json:"root"`
	RoutesRoot common.Hash `json:"routesRoot"`
	SHA256     common.Hash `json:"sha256"` // of the file
}

// Source is where the manifest was built from.
type Source struct {
	Commit string `json:"commit"` // of git; empty if there is none
	Clean  bool   `json:"clean"`
}

// Call is a transaction without what is only known when it is sent: nonce, gas, fees.
type Call struct {
	Step string         `json:"step"`
	By   rollout.Role   `json:"by"`
	From common.Address `json:"from"`
	To   common.Address `json:"to"`
	Data hexutil.Bytes  `json:"data"`
}

// Network is what is done on one network, in the order of Calls.
type Network struct {
	Name    string      `json:"name"`
	ChainID uint64      `json:"chainId"`
	Kind    string      `json:"kind"`
	Root    common.Hash `json:"root"`  // that becomes active; zero if none does
	Epoch   uint64      `json:"epoch"` // in which it does
	Calls   []int       `json:"calls"` // of Intent.Calls
}

// Preconditions are the facts of one network that the calls were decided on.
type Preconditions struct {
	Network string `json:"network"`
	Facts   []Fact `json:"facts"`
}

// Fact is one fact, in words that a reviewer reads and the program compares.
type Fact struct {
	What  string `json:"what"`
	Value string `json:"value"`
}

// digested is what the digest covers.
type digested struct {
	Format        string          `json:"format"`
	Intent        Intent          `json:"intent"`
	Preconditions []Preconditions `json:"preconditions"`
}

// ComputeDigest is the keccak256 of the canonical JSON (RFC 8785) of format, intent and preconditions.
func (p *Plan) ComputeDigest() (common.Hash, error) {
	raw, err := json.Marshal(digested{p.Format, p.Intent, p.Preconditions})
	if err != nil {
		return common.Hash{}, fmt.Errorf("encode plan: %w", err)
	}
	canonical, err := audit.Canonical(raw)
	if err != nil {
		return common.Hash{}, fmt.Errorf("encode plan: %w", err)
	}
	return crypto.Keccak256Hash(canonical), nil
}

// Seal sets the digest of a plan that Decode will take. What was observed is put into words that can be shown: nodes say what
// they like.
func (p *Plan) Seal() (err error) {
	p.Format = Format
	for _, text := range p.Observations.texts() {
		*text = printable(*text)
	}
	if err := p.check(); err != nil {
		return fmt.Errorf("make plan: %w", err)
	}
	p.Digest, err = p.ComputeDigest()
	return err
}

// AddCall notes a call of a network, and keeps it once.
func (i *Intent) AddCall(n *Network, c Call) {
	at := slices.IndexFunc(i.Calls, func(o Call) bool {
		return o.Step == c.Step && o.By == c.By && o.From == c.From && o.To == c.To && bytes.Equal(o.Data, c.Data)
	})
	if at < 0 {
		at = len(i.Calls)
		i.Calls = append(i.Calls, c)
	}
	n.Calls = append(n.Calls, at)
}

// Network returns the part of a network.
func (i *Intent) Network(chainID uint64) (Network, bool) {
	at := slices.IndexFunc(i.Networks, func(n Network) bool { return n.ChainID == chainID })
	if at < 0 {
		return Network{}, false
	}
	return i.Networks[at], true
}

// CallsOf returns the calls of a network in their order.
func (i *Intent) CallsOf(n Network) []Call {
	out := make([]Call, len(n.Calls))
	for at, c := range n.Calls {
		out[at] = i.Calls[c]
	}
	return out
}

// Holds tells whether a plan holds a call on a network.
func (p *Plan) Holds(chainID uint64, from, to common.Address, data []byte) bool {
	n, ok := p.Intent.Network(chainID)
	return ok && slices.ContainsFunc(p.Intent.CallsOf(n), func(c Call) bool {
		return c.From == from && c.To == to && bytes.Equal(c.Data, data)
	})
}

// Encode returns the file of a plan.
func Encode(p *Plan) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("encode plan: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads a plan. It refuses other formats, unknown fields, files that are too large, a digest that is not that of what
// the file says, and what another reader of JSON could read in another way.
func Decode(r io.Reader) (*Plan, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read plan: %w", err)
	}
	if len(data) > MaxFileSize {
		return nil, fmt.Errorf("plan is larger than %d bytes", MaxFileSize)
	}
	var p Plan
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return nil, fmt.Errorf("not a plan: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a plan: data after its end")
	}
	if p.Format != Format {
		return nil, fmt.Errorf("plan has format %.80q, this program reads %q", p.Format, Format)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("not a plan: %w", err)
	}
	digest, err := p.ComputeDigest()
	if err != nil {
		return nil, err
	}
	if digest != p.Digest {
		return nil, fmt.Errorf("the plan says that its digest is %s, what it holds has digest %s: it was changed after it was made", p.Digest, digest)
	}
	if err := p.saysTheSame(data); err != nil {
		return nil, fmt.Errorf("not a plan: %w", err)
	}
	return &p, nil
}

// saysTheSame refuses a file in which a member stands twice, is missing, or is spelled in another way: whoever reads it with
// another program may see another plan than the one that was digested.
func (p *Plan) saysTheSame(data []byte) error {
	file, err := audit.Canonical(data)
	if err != nil {
		return err
	}
	again, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	if again, err = audit.Canonical(again); err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	if !bytes.Equal(file, again) {
		return errors.New("members are missing, or are not written as this program writes them")
	}
	return nil
}

// Is tells whether a file seems to be a plan, sound or not.
func Is(data []byte) bool {
	var head struct {
		Format string `json:"format"`
	}
	return json.Unmarshal(data, &head) == nil && strings.HasPrefix(head.Format, "lockstep-plan/")
}

// Moved is a fact that is no longer what a plan was decided on, or a part of the intent that would be another one now.
type Moved struct {
	Network string `json:"network"`
	What    string `json:"what"`
	Was     string `json:"was"`
	Is      string `json:"is"`
}

func (m Moved) String() string {
	text := fmt.Sprintf("%s was %s, is %s", m.What, m.Was, m.Is)
	if m.Network != "" {
		text = m.Network + ": " + text
	}
	return text
}

const nothing = "nothing"

// MovedSince says what is another thing now than it was when a plan was made: fresh is the same plan, made now. Only the networks
// of fresh are compared.
func (p *Plan) MovedSince(fresh *Plan) []Moved {
	var out []Moved
	compare := func(network, what, was, is string) {
		if was != is {
			out = append(out, Moved{network, what, was, is})
		}
	}
	for at, n := range fresh.Intent.Networks {
		then := slices.IndexFunc(p.Intent.Networks, func(o Network) bool { return o.ChainID == n.ChainID })
		if then < 0 {
			compare(n.Name, "network", nothing, n.Name)
			continue
		}
		old := p.Intent.Networks[then]
		compare(n.Name, "name", old.Name, n.Name)
		compare(n.Name, "kind", old.Kind, n.Kind)
		compareFacts(n.Name, p.Preconditions[then].Facts, fresh.Preconditions[at].Facts, compare)
		compare(n.Name, "root", old.Root.Hex(), n.Root.Hex())
		compare(n.Name, "epoch", fmt.Sprint(old.Epoch), fmt.Sprint(n.Epoch))
		compareCalls(n.Name, p.Intent.CallsOf(old), fresh.Intent.CallsOf(n), compare)
	}
	compare("", "project", p.Intent.Project, fresh.Intent.Project)
	compare("", "dispatcher", p.Intent.Dispatcher.Hex(), fresh.Intent.Dispatcher.Hex())
	compare("", "approval policy", p.Intent.Policy.Hex(), fresh.Intent.Policy.Hex())
	compare("", "manifest", p.Intent.Manifest.name(), fresh.Intent.Manifest.name())
	compare("", "new policy", p.Intent.NewPolicy.name(), fresh.Intent.NewPolicy.name())
	return out
}

func (m *Manifest) name() string {
	if m == nil {
		return nothing
	}
	return fmt.Sprintf("%s (file %s)", m.Root, m.SHA256)
}

func compareFacts(network string, was, is []Fact, compare func(network, what, was, is string)) {
	var names []string
	then, now := map[string][]string{}, map[string][]string{}
	for _, list := range []struct {
		facts  []Fact
		values map[string][]string
	}{{was, then}, {is, now}} {
		for _, f := range list.facts {
			if then[f.What] == nil && now[f.What] == nil {
				names = append(names, f.What)
			}
			list.values[f.What] = append(list.values[f.What], f.Value)
		}
	}
	value := func(of []string) string {
		if of == nil {
			return nothing
		}
		return strings.Join(of, ", ")
	}
	for _, name := range names {
		compare(network, name, value(then[name]), value(now[name]))
	}
}

// compareCalls names the first call that is another one: those behind it follow from it. Calls of the deployer may have become
// needless, since anybody can put a contract with given code where it belongs; what they were decided on is among the facts.
func compareCalls(network string, was, is []Call, compare func(network, what, was, is string)) {
	name := func(calls []Call, at int) string {
		if at >= len(calls) {
			return nothing
		}
		c := calls[at]
		return fmt.Sprintf("%s by %s %s to %s with data of hash %s", c.Step, c.By, c.From, c.To, crypto.Keccak256Hash(c.Data))
	}
	// whether the call that comes next now is one of the later ones
	comesLater := func(at, now int) bool {
		for k := at + 1; k < len(was); k++ {
			if name(was, k) == name(is, now) {
				return true
			}
		}
		return now == len(is)
	}
	now := 0
	for at := range was {
		switch {
		case name(was, at) == name(is, now):
			now++
		case was[at].By != rollout.Deployer || !comesLater(at, now):
			compare(network, fmt.Sprintf("call %d", at+1), name(was, at), name(is, now))
			return
		}
	}
	compare(network, fmt.Sprintf("call %d", len(was)+1), nothing, name(is, now))
}

// Describe names the networks of a plan in words, with their epochs where a root becomes active; or the policy that it is for.
func (i *Intent) Describe() string {
	if i.NewPolicy != nil {
		return "none; the approval policy becomes: " + strings.Join(i.NewPolicy.Lines(), "; ")
	}
	var out []string
	for _, n := range i.Networks {
		text := fmt.Sprintf("%s (chain %d)", n.Name, n.ChainID)
		if n.Epoch > 0 {
			text += fmt.Sprintf(" epoch %d", n.Epoch)
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// Observations are what was seen when a plan was made. They are not approved.
type Observations struct {
	Tool     string         `json:"tool"` // program and version
	Networks []Observation  `json:"networks"`
	Checks   []Check        `json:"checks"`
	Routes   []RouteChanges `json:"routes"` // what changes for callers
	Init     string         `json:"init"`   // what runs at activation: contract and function; empty if nothing does
}

// Observation is what was seen on one network. Amounts are in wei, as decimal numbers.
type Observation struct {
	Network   string        `json:"network"`
	Block     rollout.Block `json:"block"`
	Simulated bool          `json:"simulated"`
	Calls     []Result      `json:"calls"` // as Network.Calls
	Gas       uint64        `json:"gas"`   // limits of all calls
	MaxFee    string        `json:"maxFee"`
	Cost      string        `json:"cost"` // of all calls, at most
	Accounts  []Account     `json:"accounts"`
	Changes   []Change      `json:"changes"` // of state, by the simulation
	Traced    bool          `json:"traced"`  // the endpoints told which storage and code the calls change
	Storage   []Slot        `json:"storage"` // that changes, at most SlotsAtMost
	Slots     int           `json:"slots"`   // that change, in all
}

// SlotsAtMost bounds the slots that a plan lists for a network.
const SlotsAtMost = 200

// Slot is one of an account's storage that the calls change in all.
type Slot struct {
	Account common.Address `json:"account"`
	Slot    common.Hash    `json:"slot"`
	From    common.Hash    `json:"from"`
	To      common.Hash    `json:"to"`
}

// Of is what was seen on a network; nothing, if it was not looked at.
func (o *Observations) Of(network string) Observation {
	at := slices.IndexFunc(o.Networks, func(n Observation) bool { return n.Network == network })
	if at < 0 {
		return Observation{Network: network}
	}
	return o.Networks[at]
}

// Result is what a simulated call did.
type Result struct {
	Gas     uint64 `json:"gas"` // the limit that it would be sent with; a guess if it was not simulated
	Refused string `json:"refused,omitempty"`
}

// Account is one that sends.
type Account struct {
	Address common.Address `json:"address"`
	Nonce   uint64         `json:"nonce"`
	Balance string         `json:"balance"`
	Cost    string         `json:"cost"` // of its calls, at most
}

// Change is a part of the state that will be another one.
type Change struct {
	What string `json:"what"`
	From string `json:"from"`
	To   string `json:"to"`
}

// RouteChanges are what changes for callers on some networks.
type RouteChanges struct {
	Networks  []string               `json:"networks"`
	Changes   []manifest.RouteChange `json:"changes"`
	Unchanged int                    `json:"unchanged"` // routes
}

func (o *Observations) texts() []*string {
	out := []*string{&o.Tool, &o.Init}
	for i := range o.Networks {
		n := &o.Networks[i]
		out = append(out, &n.Network, &n.MaxFee, &n.Cost)
		for j := range n.Calls {
			out = append(out, &n.Calls[j].Refused)
		}
		for j := range n.Accounts {
			out = append(out, &n.Accounts[j].Balance, &n.Accounts[j].Cost)
		}
		for j := range n.Changes {
			out = append(out, &n.Changes[j].What, &n.Changes[j].From, &n.Changes[j].To)
		}
	}
	for i := range o.Checks {
		c := &o.Checks[i]
		out = append(out, &c.ID, (*string)(&c.Severity), &c.Network, &c.Subject, &c.Message, &c.Remedy)
	}
	for i := range o.Routes {
		r := &o.Routes[i]
		for j := range r.Networks {
			out = append(out, &r.Networks[j])
		}
		for j := range r.Changes {
			c := &r.Changes[j]
			out = append(out, &c.Kind, &c.Signature, &c.From, &c.To)
		}
	}
	return out
}
