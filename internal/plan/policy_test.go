package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var strict = NewPolicy(Policy{
	Approvers: []common.Address{{3}, {1}, {2}, {4}, {5}}, Required: 2, Hotfix: 3, Pause: 1, Cancel: 4, Others: 5, ValidFor: 3600, Mainnets: []uint64{7, 9},
})

// TestNeeds: every action, with a hotfix and without, on every kind of networks.
func TestNeeds(t *testing.T) {
	kinds := map[string][]string{
		"nowhere": {}, "local": {"local"}, "testnet": {"testnet"}, "testnets": {"testnet", "local", "testnet"}, "mainnet": {Mainnet},
		"mainnet behind others": {"testnet", "local", Mainnet}, "mainnet before others": {Mainnet, "testnet"},
	}
	plain := map[string]int{Deploy: 2, Rollout: 2, Rollback: 2, Pause: 1, Unpause: 2, Cancel: 4, ChangePolicy: 3}
	if len(plain) != len(Actions()) {
		t.Errorf("%d actions, want %v", len(plain), Actions())
	}
	for _, action := range Actions() {
		for name, list := range kinds {
			for _, hotfix := range []bool{false, true} {
				want := plain[action]
				if hotfix && action != Pause && action != Cancel {
					want = 3
				}
				if action != ChangePolicy && action != Pause && action != Cancel && !strings.HasPrefix(name, "mainnet") {
					want = 5
				}
				i := Intent{Action: action, Hotfix: hotfix}
				for at, kind := range list {
					i.Networks = append(i.Networks, Network{ChainID: uint64(at), Kind: kind})
				}
				if got := strict.Needs(i); got != want {
					t.Errorf("%s, hotfix %t, %s: %d, want %d", action, hotfix, name, got, want)
				}
			}
		}
	}
}

// TestLooser changes each field of a policy in both directions.
func TestLooser(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Policy)
		want   string
	}{
		"nothing":           {func(*Policy) {}, ""},
		"required less":     {func(p *Policy) { p.Required-- }, "required was 2, is 1"},
		"required more":     {func(p *Policy) { p.Required++ }, ""},
		"hotfix less":       {func(p *Policy) { p.Hotfix-- }, "hotfix was 3, is 2"},
		"hotfix more":       {func(p *Policy) { p.Hotfix++ }, ""},
		"pause less":        {func(p *Policy) { p.Pause-- }, "pause was 1, is 0"},
		"pause more":        {func(p *Policy) { p.Pause++ }, ""},
		"cancel less":       {func(p *Policy) { p.Cancel-- }, "cancel was 4, is 3"},
		"cancel more":       {func(p *Policy) { p.Cancel++ }, ""},
		"others less":       {func(p *Policy) { p.Others-- }, "others was 5, is 4"},
		"others more":       {func(p *Policy) { p.Others++ }, ""},
		"validFor longer":   {func(p *Policy) { p.ValidFor++ }, "validFor was 3600, is 3601"},
		"validFor shorter":  {func(p *Policy) { p.ValidFor-- }, ""},
		"an approver less":  {func(p *Policy) { p.Approvers = p.Approvers[1:] }, ""},
		"no approver":       {func(p *Policy) { p.Approvers = nil }, ""},
		"an approver more":  {func(p *Policy) { p.Approvers = append(p.Approvers, common.Address{9}) }, "approvers are added: " + common.Address{9}.Hex()},
		"an approver other": {func(p *Policy) { p.Approvers[2] = common.Address{9} }, "approvers are added: " + common.Address{9}.Hex()},
		"another order":     {func(p *Policy) { slices.Reverse(p.Approvers); slices.Reverse(p.Mainnets) }, ""},
		"a mainnet less":    {func(p *Policy) { p.Mainnets = p.Mainnets[1:] }, "chain 7 is no mainnet any more"},
		"a mainnet more":    {func(p *Policy) { p.Mainnets = append(p.Mainnets, 8) }, ""},
		"all of it": {
			func(p *Policy) { *p = Policy{Approvers: []common.Address{{8}, {9}}, ValidFor: 3601} },
			"approvers are added: " + common.Address{8}.Hex() + ", " + common.Address{9}.Hex() +
				"; chain 7 is no mainnet any more; chain 9 is no mainnet any more; required was 2, is 0; hotfix was 3, is 0; pause was 1, is 0; cancel was 4, is 0; others was 5, is 0; validFor was 3600, is 3601",
		},
		// what is stricter in one does not make up for what is looser in another
		"more, and less": {func(p *Policy) { p.Required, p.Pause = 5, 0 }, "pause was 1, is 0"},
	} {
		p := NewPolicy(strict)
		c.change(&p)
		if got := strings.Join(p.Looser(strict), "; "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	// each field that is added later must be looked at, too
	if n := reflect.TypeFor[Policy]().NumField(); n != 8 {
		t.Errorf("a policy has %d fields: what of the new ones is looser?", n)
	}
}

func anyPolicy(t *rapid.T, name string) Policy {
	n := func(what string) int { return rapid.IntRange(0, 3).Draw(t, name+what) }
	p := Policy{Required: n("required"), Hotfix: n("hotfix"), Pause: n("pause"), Cancel: n("cancel"), Others: n("others"), ValidFor: int64(n("validFor"))}
	for _, b := range rapid.SliceOfN(rapid.ByteRange(1, 4), 0, 6).Draw(t, name+"approvers") {
		p.Approvers = append(p.Approvers, common.Address{b})
	}
	return p
}

// TestNotLooserAsksForNoLess: whatever is approved under a policy that is not looser is approved under the one before.
func TestNotLooserAsksForNoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		was, is := anyPolicy(t, "was"), anyPolicy(t, "is")
		i := Intent{Action: rapid.SampledFrom(Actions()).Draw(t, "action"), Hotfix: rapid.Bool().Draw(t, "hotfix")}
		for range rapid.IntRange(0, 2).Draw(t, "networks") {
			i.Networks = append(i.Networks, Network{Kind: rapid.SampledFrom([]string{Mainnet, "testnet"}).Draw(t, "kind")})
		}
		enough := func(p Policy, signed map[byte]bool) bool {
			n := 0
			for _, a := range NewPolicy(p).Approvers {
				if signed[a[0]] {
					n++
				}
			}
			return n >= p.Needs(i)
		}
		signed := rapid.MapOf(rapid.ByteRange(1, 4), rapid.Just(true)).Draw(t, "signed")
		if len(is.Looser(was)) == 0 && enough(is, signed) && !enough(was, signed) {
			t.Fatalf("%+v lets pass what %+v does not, signed by %v", is, was, signed)
		}
		if len(was.Looser(was)) > 0 {
			t.Fatal("it is looser than itself")
		}
	})
}

// TestPolicyHash: the order of approvers, and one who stands twice, make no difference; everything else does.
func TestPolicyHash(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPolicy(t, "")
		other := p
		other.Approvers = append(rapid.Permutation(p.Approvers).Draw(t, "order"), p.Approvers...)
		if p.Hash() != other.Hash() || NewPolicy(p).Hash() != p.Hash() {
			t.Fatalf("%+v and %+v", p, other)
		}
		q := anyPolicy(t, "another")
		if same := cmp.Equal(NewPolicy(p), NewPolicy(q)); same != (p.Hash() == q.Hash()) {
			t.Fatalf("%+v and %+v: the hashes are the same: %t", p, q, !same)
		}
	})
	if got, want := strict.Hash().Hex(), "0xcd6940014825a5b30c6ac60c2c5ccacc5b1ef13bdb36fef8a594aa8cdb57ec02"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestNewPolicy leaves what it is given as it is.
func TestNewPolicy(t *testing.T) {
	given := []common.Address{{3}, {1}, {3}, {2}}
	p := NewPolicy(Policy{Approvers: given, Required: 7})
	if diff := cmp.Diff(Policy{Approvers: []common.Address{{1}, {2}, {3}}, Required: 7, Mainnets: []uint64{}}, p); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if given[0] != (common.Address{3}) {
		t.Errorf("%v", given)
	}
	if p := NewPolicy(Policy{}); p.Approvers == nil {
		t.Error("no approvers are null in JSON")
	}
}

func TestPolicyLines(t *testing.T) {
	want := []string{
		"approvers: " + common.Address{1}.Hex() + ", " + common.Address{2}.Hex(),
		"approvals where there is a mainnet: 2, of a hotfix 3, to pause 1, to cancel 4",
		"approvals elsewhere: 5",
		"a plan must be begun within 72 hours",
	}
	p := strict
	p.Approvers, p.ValidFor = []common.Address{{1}, {2}}, 72*3600
	if diff := cmp.Diff(want, p.Lines()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	p.Approvers, p.ValidFor = nil, 5400
	if got := p.Lines(); got[0] != "approvers: nobody" || got[3] != "a plan must be begun within 1h30m0s" {
		t.Errorf("%q", got)
	}
}

// TestPlanForAPolicyThatNobodyCouldMeet is refused: it would be the last one.
func TestPlanForAPolicyThatNobodyCouldMeet(t *testing.T) {
	three := []common.Address{{1}, {2}, {3}}
	for name, c := range map[string]struct {
		p    Policy
		want string
	}{
		"sound":                 {Policy{three, 1, 2, 0, 0, 0, 3600, nil}, ""},
		"all of them":           {Policy{three, 3, 3, 3, 3, 3, 1, nil}, ""},
		"one more than all":     {Policy{three, 1, 4, 0, 0, 0, 1, nil}, "asks for up to 4 approvals, and has 3 approvers"},
		"one more to pause":     {Policy{three, 1, 2, 4, 0, 0, 1, nil}, "asks for up to 4 approvals"},
		"one more to cancel":    {Policy{three, 1, 2, 0, 4, 0, 1, nil}, "asks for up to 4 approvals"},
		"one more elsewhere":    {Policy{three, 1, 2, 0, 0, 4, 1, nil}, "asks for up to 4 approvals"},
		"nobody":                {Policy{nil, 1, 1, 0, 0, 0, 1, nil}, "asks for up to 1 approvals, and has 0 approvers"},
		"nobody need approve":   {Policy{three, 0, 2, 0, 0, 0, 1, nil}, "asks for 0 approvals"},
		"hotfix under required": {Policy{three, 3, 2, 0, 0, 0, 1, nil}, "asks for 3 approvals, of a hotfix 2"},
		"pause below nothing":   {Policy{three, 1, 2, -1, 0, 0, 1, nil}, "to pause -1"},
		"cancel below nothing":  {Policy{three, 1, 2, 0, -1, 0, 1, nil}, "to cancel -1"},
		"others below nothing":  {Policy{three, 1, 2, 0, 0, -1, 1, nil}, "elsewhere -1"},
		"no time":               {Policy{three, 1, 2, 0, 0, 0, 0, nil}, "within 0 s"},
		"another order":         {Policy{[]common.Address{{2}, {1}}, 1, 2, 0, 0, 0, 1, nil}, "not in order, each once"},
		"one twice":             {Policy{[]common.Address{{1}, {1}}, 1, 2, 0, 0, 0, 1, nil}, "not in order, each once"},
		"the zero address":      {Policy{[]common.Address{{}, {1}}, 1, 2, 0, 0, 0, 1, nil}, "not in order, each once"},
	} {
		p := policyPlan()
		p.Intent.NewPolicy = &c.p
		if err := p.Seal(); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// A plan says what the policy is that it is for.
func TestSummaryOfAPolicy(t *testing.T) {
	text := fmt.Sprint(policyPlan().Summary())
	for _, line := range policyPlan().Intent.NewPolicy.Lines() {
		if !strings.Contains(text, line) {
			t.Errorf("%s does not say %s", text, line)
		}
	}
}
