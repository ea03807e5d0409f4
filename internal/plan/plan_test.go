package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

var (
	dispatcher = common.HexToAddress("0xd15")
	operator   = common.HexToAddress("0x09e7")
	deployer   = common.HexToAddress("0xde9")
)

// full is a plan in which everything says something. It is made anew at each call.
func full() *Plan {
	return &Plan{
		Format: Format,
		Intent: Intent{
			Project: "market", Action: Rollout, Created: 1_700_000_000, Expires: 1_700_259_200, Dispatcher: dispatcher, Policy: common.Hash{0x90},
			Hotfix: true, Accepted: []Accepted{{LayoutChanged, "", "Vault"}, {HolderDelegated, "base", operator.Hex()}},
			Senders:  []Sender{{rollout.Deployer, deployer}, {rollout.Committer, operator}, {rollout.Applier, operator}},
			Manifest: &Manifest{Root: common.Hash{0x11}, RoutesRoot: common.Hash{0x12}, SHA256: common.Hash{0x13}},
			Source:   &Source{Commit: "deadbeef", Clean: true},
			Rollout: &rollout.Policy{Kind: rollout.Waves, Waves: []rollout.Wave{
				{Name: "first", Chains: []uint64{8453}, Soak: 600}, {Name: "second", Chains: []uint64{1}},
			}},
			Calls: []Call{
				{"deploy Token", rollout.Deployer, deployer, common.HexToAddress("0xfac"), []byte{1, 2, 3}},
				{"commit 0x1100 epoch 2", rollout.Committer, operator, dispatcher, []byte{4, 5}},
				{"activate 0x1100 epoch 2", rollout.Applier, operator, dispatcher, []byte{6}},
			},
			Networks: []Network{
				{"ethereum", 1, Mainnet, common.Hash{0x11}, 2, []int{0, 1, 2}},
				{"base", 8453, Mainnet, common.Hash{0x12}, 3, []int{1, 2}},
			},
		},
		Preconditions: []Preconditions{
			{"ethereum", []Fact{{"active root", "0x00"}, {"paused", "false"}}},
			{"base", []Fact{{"active root", "0x00"}, {"code of dispatcher", "0xc0de"}}},
		},
		Observations: Observations{
			Tool: "lockstep 1.2.3",
			Networks: []Observation{
				{
					Network: "ethereum", Block: rollout.Block{Number: 7, Hash: common.Hash{0x77}, Time: 1_700_000_001}, Simulated: true,
					Calls: []Result{{Gas: 50_000}, {Gas: 60_000}, {Gas: 21_000, Refused: "said no"}}, Gas: 131_000, MaxFee: "30", Cost: "3930000",
					Accounts: []Account{{operator, 4, "1000", "900"}}, Changes: []Change{{"active epoch", "1", "2"}},
					Traced: true, Storage: []Slot{{dispatcher, common.Hash{1}, common.Hash{2}, common.Hash{3}}}, Slots: 1,
				},
				{
					Network: "base", Block: rollout.Block{Number: 8}, Calls: []Result{{Gas: 1}, {Gas: 2}}, MaxFee: "1", Cost: "3",
					Accounts: []Account{}, Changes: []Change{}, Storage: []Slot{},
				},
			},
			Checks: []Check{Trip(LayoutChanged, "", "src/Market.sol:Market", "slot 3 has another type", "keep it")},
			Routes: []RouteChanges{{[]string{"ethereum", "base"}, []manifest.RouteChange{{
				Kind: manifest.Moved, Selector: manifest.Selector{0xa9, 5, 9, 0xcb}, Signature: "transfer(address,uint256)", From: "Token", To: "TokenV2",
			}}, 12}},
			Init: "src/Migrate.sol:Migrate migrate(uint256)",
		},
	}
}

// policyPlan is a plan of action policy.
func policyPlan() *Plan {
	p := NewPolicy(Policy{Approvers: []common.Address{{3}, {1}, {2}}, Required: 1, Hotfix: 2, ValidFor: 3600})
	return &Plan{
		Intent: Intent{
			Project: "market", Action: ChangePolicy, Created: 1, Expires: 2, Policy: common.Hash{0x90}, Accepted: []Accepted{}, NewPolicy: &p,
			Calls: []Call{}, Networks: []Network{},
		},
		Preconditions: []Preconditions{},
		Observations:  Observations{Networks: []Observation{}, Checks: []Check{}, Routes: []RouteChanges{}},
	}
}

func sealed(t testing.TB, p *Plan) *Plan {
	t.Helper()
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return p
}

func encoded(t testing.TB, p *Plan) []byte {
	t.Helper()
	data, err := Encode(p)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func digest(t testing.TB, p *Plan) common.Hash {
	t.Helper()
	d, err := p.ComputeDigest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// leaf is a value that can be another one.
type leaf struct {
	path   string
	change func()
	set    func(text string) // of a text
}

// leaves finds everything in a value that can be changed: what it holds, and how much of it there is.
func leaves(v reflect.Value, path string) (out []leaf) {
	at := func(what string, change func()) {
		out = append(out, leaf{path: strings.TrimPrefix(path+what, "."), change: change})
	}
	switch v.Kind() {
	case reflect.Pointer:
		at(" gone", func() { v.SetZero() })
		out = append(out, leaves(v.Elem(), path)...)
	case reflect.Struct:
		for i := range v.NumField() {
			out = append(out, leaves(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	case reflect.Array:
		at("", func() { v.Index(v.Len() - 1).SetUint(v.Index(v.Len()-1).Uint() ^ 1) })
	case reflect.Slice:
		at(" one more", func() { v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem())) })
		if v.Len() == 0 {
			return out
		}
		at(" one less", func() { v.Set(v.Slice(0, v.Len()-1)) })
		if v.Len() > 1 && !reflect.DeepEqual(v.Index(0).Interface(), v.Index(1).Interface()) {
			at(" in another order", func() { reflect.Swapper(v.Interface())(0, 1) })
		}
		for i := range v.Len() {
			out = append(out, leaves(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.String:
		at("", func() { v.SetString(v.String() + "x") })
	case reflect.Bool:
		at("", func() { v.SetBool(!v.Bool()) })
	case reflect.Int, reflect.Int64:
		at("", func() { v.SetInt(v.Int() + 1) })
	case reflect.Uint64, reflect.Uint8:
		at("", func() { v.SetUint(v.Uint() ^ 1) })
	default:
		panic(path + " is of a kind that this does not change: " + v.Kind().String())
	}
	return out
}

// TestDigestCoversIntentAndPreconditions changes each field of them, and then each that was observed: a field that is added
// later is covered, too.
func TestDigestCoversIntentAndPreconditions(t *testing.T) {
	// nobody could carry this out; it has everything that a plan can have
	everything := func() *Plan {
		p := full()
		policy := NewPolicy(Policy{Approvers: []common.Address{{1}, {2}}, Required: 1, Hotfix: 2, Pause: 1, Cancel: 1, Others: 1, ValidFor: 3600})
		p.Intent.NewPolicy = &policy
		return p
	}
	base := digest(t, everything())
	part := func(p *Plan, name string) []leaf {
		return leaves(reflect.ValueOf(p).Elem().FieldByName(name), "."+name)
	}
	seen := map[common.Hash]string{base: "nothing"}
	for _, name := range []string{"Format", "Intent", "Preconditions"} {
		for i := range part(everything(), name) {
			p := everything()
			l := part(p, name)[i]
			l.change()
			d := digest(t, p)
			if other, ok := seen[d]; ok {
				t.Errorf("%s: the digest is the same as after a change of %s", l.path, other)
			}
			seen[d] = l.path
		}
	}
	if len(seen) < 90 {
		t.Errorf("%d changes: are all fields looked at?", len(seen))
	}
	observations := 0
	for i := range part(everything(), "Observations") {
		p := everything()
		l := part(p, "Observations")[i]
		l.change()
		if digest(t, p) != base {
			t.Errorf("%s changes the digest", l.path)
		}
		observations++
	}
	if observations < 60 {
		t.Errorf("%d observations changed", observations)
	}
	p := everything()
	if p.Digest[0] ^= 1; digest(t, p) != base {
		t.Error("the digest covers itself")
	}
}

// TestDigestIsTheKnownOne: whatever is changed here later, plans that people have signed keep their digests.
func TestDigestIsTheKnownOne(t *testing.T) {
	unordered := full()
	unordered.Intent.Rollout = nil
	for name, c := range map[string]struct {
		p    *Plan
		want string
	}{
		"no order": {unordered, "0xa7c0df7bf06309b49b1f2f50729e876d6f851a2ba72bd1b37010689c2b3ae8df"},
		"rollout":  {full(), "0x409c21a07a9cf48c231e37e826767bc1991fa790d97fad2ab17444edae13b4cc"},
		"policy":   {policyPlan(), "0x3176d7d42c49e84d77fc5a89b24405273e44d131dce2c1fbdefcd4438fb6f1fd"},
	} {
		if got := sealed(t, c.p).Digest.Hex(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestSealAndDecode(t *testing.T) {
	for name, p := range map[string]*Plan{"rollout": full(), "policy": policyPlan(), "pause": pausePlan()} {
		p.Format = ""
		sealed(t, p)
		if p.Format != Format || p.Digest != digest(t, p) {
			t.Errorf("%s: %s, %s", name, p.Format, p.Digest)
		}
		got, err := Decode(bytes.NewReader(encoded(t, p)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Errorf("%s: (-want +got):\n%s", name, diff)
		}
		if !Is(encoded(t, p)) {
			t.Errorf("%s: Is does not know it", name)
		}
	}
	for text, want := range map[string]bool{
		`{"format":"lockstep-plan/1"}`: true, `{"format":"lockstep-plan/99","x":1}`: true, `{"format":"lockstep-manifest/1"}`: false,
		`{"format":"lockstep-plan"}`: false, `{"format":7}`: false, `[]`: false, ``: false, `{"format":"lockstep-plan/1"`: false,
	} {
		if Is([]byte(text)) != want {
			t.Errorf("Is(%s) is %t", text, !want)
		}
	}
}

func pausePlan() *Plan {
	p := full()
	i := &p.Intent
	guardian := common.Address{0x60}
	i.Action, i.Hotfix, i.Accepted, i.Manifest, i.Source, i.Rollout = Pause, false, []Accepted{}, nil, nil, nil
	i.Senders, i.Calls = []Sender{{rollout.Pauser, guardian}}, []Call{{"pause", rollout.Pauser, guardian, dispatcher, []byte{0x99}}}
	for at := range i.Networks {
		i.Networks[at].Root, i.Networks[at].Epoch, i.Networks[at].Calls = common.Hash{}, 0, []int{0}
	}
	return p
}

// written is a JSON value with its members in any order, and any space between.
func written(random *rand.Rand, v any) string {
	space := func() string { return strings.Repeat(string(" \n\t\r"[random.IntN(4)]), random.IntN(3)) }
	var parts []string
	begin, end := "[", "]"
	switch v := v.(type) {
	case map[string]any:
		begin, end = "{", "}"
		for key, value := range v {
			name, err := json.Marshal(key)
			if err != nil {
				panic(err)
			}
			parts = append(parts, string(name)+space()+":"+written(random, value))
		}
		slices.Sort(parts)
		random.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	case []any:
		for _, value := range v {
			parts = append(parts, written(random, value))
		}
	case string:
		// each character may be escaped, but those of a hash, an address and data
		var b strings.Builder
		for _, r := range v {
			if random.IntN(4) == 0 && r < 0x10000 && !strings.HasPrefix(v, "0x") {
				fmt.Fprintf(&b, `\u%04X`, r)
				continue
			}
			quoted, err := json.Marshal(string(r))
			if err != nil {
				panic(err)
			}
			b.Write(quoted[1 : len(quoted)-1])
		}
		return space() + `"` + b.String() + `"` + space()
	default:
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return space() + string(text) + space()
	}
	return space() + begin + space() + strings.Join(parts, ",") + space() + end + space()
}

// TestDigestDoesNotDependOnTheWriting: a file with its members in another order, other spaces and escapes is the same plan.
func TestDigestDoesNotDependOnTheWriting(t *testing.T) {
	want := full()
	want.Intent.Project = "märket 😀 <&> \"\\"
	sealed(t, want)
	var value any
	dec := json.NewDecoder(bytes.NewReader(encoded(t, want)))
	dec.UseNumber()
	if err := dec.Decode(&value); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := written(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), value)
		got, err := Decode(strings.NewReader(text))
		if err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

// TestDecodeRefuses changes a sound plan. Where it says so, the digest is made to fit: then it is the rest that is refused.
func TestDecodeRefuses(t *testing.T) {
	text := func(old, with string) func(*Plan, []byte) []byte {
		return func(_ *Plan, data []byte) []byte {
			if !bytes.Contains(data, []byte(old)) {
				panic("the file does not hold " + old)
			}
			return bytes.Replace(data, []byte(old), []byte(with), 1)
		}
	}
	// fits changes a plan before its digest is computed
	fits := func(change func(*Plan)) func(*Plan, []byte) []byte {
		return func(p *Plan, _ []byte) []byte {
			change(p)
			var err error
			if p.Digest, err = p.ComputeDigest(); err != nil {
				panic(err)
			}
			data, err := Encode(p)
			if err != nil {
				panic(err)
			}
			return data
		}
	}
	long := strings.Repeat("x", maxText+1)
	for name, c := range map[string]struct {
		change func(*Plan, []byte) []byte
		want   string
	}{
		"nothing":                             {func(*Plan, []byte) []byte { return nil }, "not a plan: EOF"},
		"no JSON":                             {func(*Plan, []byte) []byte { return []byte("plan") }, "not a plan: invalid character"},
		"a list":                              {func(*Plan, []byte) []byte { return []byte("[]") }, "not a plan: json: cannot unmarshal array"},
		"null":                                {func(*Plan, []byte) []byte { return []byte("null") }, `plan has format ""`},
		"half of it":                          {func(_ *Plan, data []byte) []byte { return data[:len(data)/2] }, "not a plan: unexpected EOF"},
		"data behind":                         {func(_ *Plan, data []byte) []byte { return append(data, "{}"...) }, "not a plan: data after its end"},
		"a letter behind":                     {func(_ *Plan, data []byte) []byte { return append(data, 'x') }, "not a plan: data after its end"},
		"a bracket behind":                    {func(_ *Plan, data []byte) []byte { return append(data, '}') }, "not a plan: data after its end"},
		"another format":                      {text(`"lockstep-plan/1"`, `"lockstep-plan/2"`), `plan has format "lockstep-plan/2", this program reads "lockstep-plan/1"`},
		"a manifest":                          {text(`"lockstep-plan/1"`, `"lockstep-manifest/1"`), `plan has format "lockstep-manifest/1"`},
		"unknown field":                       {text(`"intent": {`, `"intent": {"gas": 1, `), `not a plan: json: unknown field "gas"`},
		"unknown field, of what was observed": {text(`"observations": {`, `"observations": {"gas": 1, `), `not a plan: json: unknown field "gas"`},
		"a fraction":                          {text(`"epoch": 2`, `"epoch": 2.5`), "not a plan: json: cannot unmarshal number 2.5"},
		"a number below 0":                    {text(`"epoch": 2`, `"epoch": -2`), "not a plan: json: cannot unmarshal number -2"},
		"a number that others cannot read":    {text(`"epoch": 2`, `"epoch": 9007199254740993`), "2^53-1"},
		"an observed one":                     {text(`"gas": 131000`, `"gas": 9007199254740993`), "2^53-1"},
		"a short address":                     {text(`"0x0000000000000000000000000000000000000d15"`, `"0xd15"`), "not a plan: "},
		"the digest":                          {func(p *Plan, data []byte) []byte { p.Digest[3] ^= 1; return encoded(t, p) }, "it was changed after it was made"},
		"the intent":                          {text(`"hotfix": true`, `"hotfix": false`), "it was changed after it was made"},
		"the preconditions":                   {text(`"value": "false"`, `"value": "true"`), "it was changed after it was made"},
		"a call":                              {text(`"0x0405"`, `"0x0406"`), "it was changed after it was made"},
		// what one reader sees and another does not
		"a member twice, the last one counts": {text(`"project": "market"`, `"project": "harmless", "project": "market"`), `key "project" is there twice`},
		"the intent twice":                    {text(`"intent": {`, `"intent": {"hotfix": false}, "intent": {`), `key "intent" is there twice`},
		"an observation twice":                {text(`"simulated": true`, `"simulated": false, "simulated": true`), `key "simulated" is there twice`},
		"another spelling":                    {text(`"project": "market"`, `"Project": "market"`), "not written as this program writes them"},
		"another spelling beside it":          {text(`"project": "market"`, `"PROJECT": "harmless", "project": "market"`), "not written as this program writes them"},
		"a member that says nothing":          {text(`"project": "market"`, `"project": "market", "newPolicy": null`), "not written as this program writes them"},
		"a member is missing":                 {text(`"tool": "lockstep 1.2.3",`, ``), "not written as this program writes them"},
		"an address in capitals":              {text(`0x0000000000000000000000000000000000000d15`, `0x0000000000000000000000000000000000000D15`), "not written as this program writes them"},
		// what no plan of this program is, though its digest is right
		"unknown action":          {fits(func(p *Plan) { p.Intent.Action = "destroy" }), `action "destroy" is not known`},
		"action in capitals":      {fits(func(p *Plan) { p.Intent.Action = "Rollout" }), `action "Rollout" is not known`},
		"call behind the last":    {fits(func(p *Plan) { p.Intent.Networks[1].Calls = []int{3} }), `network "base" makes call 3, there are 3`},
		"call before the first":   {fits(func(p *Plan) { p.Intent.Networks[0].Calls = []int{-1} }), `network "ethereum" makes call -1, there are 3`},
		"chain id twice":          {fits(func(p *Plan) { p.Intent.Networks[1].ChainID = 1 }), `network "base" with chain id 1 stands twice`},
		"name twice":              {fits(func(p *Plan) { p.Intent.Networks[1].Name, p.Preconditions[1].Network = "ethereum", "ethereum" }), `network "ethereum" with chain id 8453 stands twice`},
		"unknown kind":            {fits(func(p *Plan) { p.Intent.Networks[0].Kind = "Mainnet" }), `network "ethereum" is of kind "Mainnet", must be mainnet, testnet or local`},
		"no kind":                 {fits(func(p *Plan) { p.Intent.Networks[0].Kind = "" }), `is of kind ""`},
		"no networks":             {fits(func(p *Plan) { p.Intent.Networks, p.Preconditions = []Network{}, []Preconditions{} }), "it is for no network"},
		"preconditions missing":   {fits(func(p *Plan) { p.Preconditions = p.Preconditions[:1] }), "it has 2 networks, and preconditions of 1"},
		"preconditions more":      {fits(func(p *Plan) { p.Preconditions = append(p.Preconditions, p.Preconditions[0]) }), "it has 2 networks, and preconditions of 3"},
		"preconditions exchanged": {fits(func(p *Plan) { slices.Reverse(p.Preconditions) }), `the preconditions of network "ethereum" are of "base"`},
		"another root":            {fits(func(p *Plan) { p.Intent.Networks[0].Root[5] ^= 1 }), `on network "ethereum" root 0x1100000000010000`},
		"a root of a deployment":  {fits(func(p *Plan) { p.Intent.Action, p.Intent.Rollout = Deploy, nil }), `on network "ethereum" root`},
		"an order to deploy": {fits(func(p *Plan) {
			p.Intent.Action = Deploy
			for i := range p.Intent.Networks {
				p.Intent.Networks[i].Root, p.Intent.Networks[i].Epoch = common.Hash{}, 0
			}
		}), "action deploy has no order of networks"},
		"a network in no wave": {
			fits(func(p *Plan) { p.Intent.Rollout.Waves = p.Intent.Rollout.Waves[:1] }), "the order of networks: chain 1 is in no wave",
		},
		"a wave of unprintable name": {fits(func(p *Plan) { p.Intent.Rollout.Waves[0].Name = "a\x1b[2J" }), "cannot be printed"},
		"nobody sends":               {fits(func(p *Plan) { p.Intent.Senders = []Sender{} }), "nobody sends"},
		"nobody sends, no calls":     {fits(func(p *Plan) { p.Intent.Senders, p.Intent.Calls = nil, nil }), "nobody sends"},
		"two for a role":             {fits(func(p *Plan) { p.Intent.Senders = append(p.Intent.Senders, p.Intent.Senders[0]) }), `two accounts send for "deployer"`},
		"a call of another":          {fits(func(p *Plan) { p.Intent.Calls[1].From[0] ^= 1 }), `call 1 is sent by 0x01000000000000000000000000000000000009E7 for "commit", which is not among the senders`},
		"a call of no role":          {fits(func(p *Plan) { p.Intent.Calls[1].By = rollout.Pauser }), `call 1 is sent by`},
		"no manifest":                {fits(func(p *Plan) { p.Intent.Manifest = nil }), "action rollout, manifest nothing"},
		"a manifest to pause":        {fits(func(p *Plan) { p.Intent.Action = Pause }), "action pause, manifest 0x11"},
		"a policy in a rollout":      {fits(func(p *Plan) { p.Intent.NewPolicy = policyPlan().Intent.NewPolicy }), "action rollout, new policy true"},
		"no policy":                  {fits(func(p *Plan) { *p = *policyPlan(); p.Format = Format; p.Intent.NewPolicy = nil }), "action policy, new policy false"},
		"a policy that sends": {fits(func(p *Plan) {
			p.Intent.Action, p.Intent.Manifest, p.Intent.NewPolicy = ChangePolicy, nil, policyPlan().Intent.NewPolicy
		}), "it is for a policy, and sends something"},
		"project too long":        {fits(func(p *Plan) { p.Intent.Project = long }), "is too long, or holds characters that cannot be printed"},
		"right to left":           {fits(func(p *Plan) { p.Intent.Project = "tekram\u202e" }), "cannot be printed"},
		"step rings":              {fits(func(p *Plan) { p.Intent.Calls[0].Step = "deploy\a" }), "cannot be printed"},
		"fact with escapes":       {fits(func(p *Plan) { p.Preconditions[1].Facts[0].What = "\x1b[2Jroot" }), "cannot be printed"},
		"value on two lines":      {fits(func(p *Plan) { p.Preconditions[1].Facts[0].Value = "a\nb" }), "cannot be printed"},
		"role on two lines":       {fits(func(p *Plan) { p.Intent.Senders[0].Role, p.Intent.Calls[0].By = "a\n", "a\n" }), "cannot be printed"},
		"check with a zero width": {fits(func(p *Plan) { p.Intent.Accepted[0].Check = "layout\u200bchanged" }), "cannot be printed"},
		"commit with a tab":       {fits(func(p *Plan) { p.Intent.Source.Commit = "\t" }), "cannot be printed"},
		"observed: message":       {fits(func(p *Plan) { p.Observations.Checks[0].Message = "\x1b]0;" }), "cannot be printed"},
		"observed: severity":      {fits(func(p *Plan) { p.Observations.Checks[0].Severity = "\n" }), "cannot be printed"},
		"observed: refusal":       {fits(func(p *Plan) { p.Observations.Networks[0].Calls[2].Refused = "no\r" }), "cannot be printed"},
		"observed: cost":          {fits(func(p *Plan) { p.Observations.Networks[1].Cost = "1\u2028" }), "cannot be printed"},
		"observed: signature":     {fits(func(p *Plan) { p.Observations.Routes[0].Changes[0].Signature = long }), "is too long"},
		"observed: network":       {fits(func(p *Plan) { p.Observations.Routes[0].Networks[0] = "\u200f" }), "cannot be printed"},
	} {
		t.Run(name, func(t *testing.T) {
			p := sealed(t, full())
			got, err := Decode(bytes.NewReader(c.change(p, encoded(t, p))))
			if err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%+v, %v; want an error with %s", got, err, c.want)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// TestEveryTextIsLookedAt puts what cannot be printed into each text of a plan: none gets to a terminal.
func TestEveryTextIsLookedAt(t *testing.T) {
	everything := func() (*Plan, []leaf) {
		p := full()
		p.Intent.NewPolicy = policyPlan().Intent.NewPolicy
		return p, words(reflect.ValueOf(p).Elem(), "")
	}
	_, all := everything()
	if len(all) < 60 {
		t.Errorf("%d texts", len(all))
	}
	for i := range all {
		p, all := everything()
		all[i].change()
		if err := p.check(); all[i].path != "Format" && (err == nil || !strings.Contains(err.Error(), "cannot be printed")) {
			t.Errorf("%s: %v", all[i].path, err)
		}
	}
}

// words finds each text in a value, and makes it one that takes a terminal over.
func words(v reflect.Value, path string) (out []leaf) {
	switch v.Kind() {
	case reflect.Pointer:
		return words(v.Elem(), path)
	case reflect.Struct:
		for i := range v.NumField() {
			out = append(out, words(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			out = append(out, words(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
	case reflect.String:
		out = append(out, leaf{strings.TrimPrefix(path, "."), func() { v.SetString(v.String() + "\x1b[2J") }, v.SetString})
	}
	return out
}

// TestSealMakesWhatDecodeTakes: nodes and their errors say what they like, on many lines.
func TestSealMakesWhatDecodeTakes(t *testing.T) {
	p := full()
	o := &p.Observations
	o.Checks[0].Message = errors.Join(errors.New("one"), errors.New("two\x1b[31m")).Error()
	o.Networks[0].Calls[2].Refused = strings.Repeat("ä", maxText)
	o.Networks[0].Changes[0].To = "bad \xff\xfe bytes"
	sealed(t, p)
	got, err := Decode(bytes.NewReader(encoded(t, p)))
	if err != nil {
		t.Fatal(err)
	}
	if m := got.Observations.Checks[0].Message; m != "one two [31m" {
		t.Errorf("%q", m)
	}
	if r := got.Observations.Networks[0].Calls[2].Refused; len(r) > maxText || !strings.HasSuffix(r, "ä ...") {
		t.Errorf("%d bytes, the end is %q", len(r), r[len(r)-10:])
	}
	// what is meant is not mended, but refused
	p.Intent.Project = "two\nlines"
	if err := p.Seal(); err == nil || !strings.Contains(err.Error(), "make plan") {
		t.Errorf("%v", err)
	}
}

func TestDecodeBoundsWhatItReads(t *testing.T) {
	endless := io.MultiReader(bytes.NewReader(encoded(t, sealed(t, full()))), spaces{})
	if p, err := Decode(endless); err == nil || p != nil || !strings.Contains(err.Error(), "larger than 201326592 bytes") {
		t.Errorf("%v", err)
	}
	broken := io.MultiReader(strings.NewReader("{"), broken{})
	if _, err := Decode(broken); err == nil || !strings.Contains(err.Error(), "read plan: torn off") {
		t.Errorf("%v", err)
	}
}

// spaces is a reader without an end.
type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("torn off") }

func FuzzDecode(f *testing.F) {
	for _, p := range []*Plan{full(), policyPlan(), pausePlan()} {
		f.Add(encoded(f, sealed(f, p)))
	}
	f.Add([]byte(`{"format":"lockstep-plan/1","intent":{"action":"pause","networks":[{}],"senders":[{}]},"preconditions":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(bytes.NewReader(data))
		if (p == nil) != (err != nil) {
			t.Fatalf("%+v and %v", p, err)
		}
		if err != nil {
			return
		}
		again, err := Decode(bytes.NewReader(encoded(t, p)))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Fatalf("(-first +second):\n%s", diff)
		}
		// nothing of this may panic
		p.Markdown()
		p.Summary()
		if _, err := p.TypedDataHash(false); err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Intent.Networks {
			p.Intent.CallsOf(n)
		}
		if moved := p.MovedSince(again); len(moved) > 0 {
			t.Fatalf("it moved since itself: %v", moved)
		}
		if _, err := p.Count(Policy{}, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// TestCallsAreKeptOnce: whatever calls networks make, each gets its own back in order, and none is kept twice.
func TestCallsAreKeptOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		call := rapid.Custom(func(t *rapid.T) Call {
			return Call{
				Step: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "step"), By: rapid.SampledFrom([]rollout.Role{"x", "y"}).Draw(t, "by"),
				From: common.Address{rapid.ByteRange(0, 1).Draw(t, "from")}, To: common.Address{rapid.ByteRange(0, 1).Draw(t, "to")},
				Data: rapid.SliceOfN(rapid.ByteRange(0, 1), 0, 2).Draw(t, "data"),
			}
		})
		var p Plan
		var want [][]Call
		for id := range rapid.IntRange(1, 4).Draw(t, "networks") {
			n := Network{ChainID: uint64(id)}
			calls := rapid.SliceOfN(call, 0, 8).Draw(t, "calls")
			for _, c := range calls {
				p.Intent.AddCall(&n, c)
			}
			p.Intent.Networks, want = append(p.Intent.Networks, n), append(want, calls)
		}
		for i, a := range p.Intent.Calls {
			for _, b := range p.Intent.Calls[:i] {
				if cmp.Equal(a, b) {
					t.Fatalf("twice: %+v", a)
				}
			}
		}
		stranger := call.Draw(t, "stranger")
		for id, calls := range want {
			n, ok := p.Intent.Network(uint64(id))
			if !ok {
				t.Fatalf("no network %d", id)
			}
			if got := p.Intent.CallsOf(n); len(got) != len(calls) || len(calls) > 0 && !cmp.Equal(got, calls) {
				t.Fatalf("%+v, want %+v", got, calls)
			}
			for _, c := range calls {
				if !p.Holds(uint64(id), c.From, c.To, c.Data) {
					t.Fatalf("it does not hold %+v", c)
				}
			}
			same := slices.ContainsFunc(calls, func(c Call) bool {
				return c.From == stranger.From && c.To == stranger.To && bytes.Equal(c.Data, stranger.Data)
			})
			if p.Holds(uint64(id), stranger.From, stranger.To, stranger.Data) != same {
				t.Fatalf("holds %+v: %t, want %t", stranger, !same, same)
			}
		}
		if _, ok := p.Intent.Network(99); ok || p.Holds(99, stranger.From, stranger.To, stranger.Data) {
			t.Fatal("it holds calls on a network that it is not for")
		}
	})
}

// TestHolds: the account, the contract, the data and the network must each be those of one call.
func TestHolds(t *testing.T) {
	p := full()
	factory := common.HexToAddress("0xfac")
	for name, c := range map[string]struct {
		chain    uint64
		from, to common.Address
		data     []byte
		want     bool
	}{
		"a call":                        {1, operator, dispatcher, []byte{4, 5}, true},
		"on the other network":          {8453, operator, dispatcher, []byte{4, 5}, true},
		"of the first network alone":    {1, deployer, factory, []byte{1, 2, 3}, true},
		"not of the second":             {8453, deployer, factory, []byte{1, 2, 3}, false},
		"on none of them":               {10, operator, dispatcher, []byte{4, 5}, false},
		"by another":                    {1, deployer, dispatcher, []byte{4, 5}, false},
		"to another":                    {1, operator, factory, []byte{4, 5}, false},
		"other data":                    {1, operator, dispatcher, []byte{4, 6}, false},
		"less data":                     {1, operator, dispatcher, []byte{4}, false},
		"more data":                     {1, operator, dispatcher, []byte{4, 5, 0}, false},
		"no data":                       {1, operator, dispatcher, nil, false},
		"each of a call, but of others": {1, deployer, dispatcher, []byte{1, 2, 3}, false},
	} {
		if p.Holds(c.chain, c.from, c.to, c.data) != c.want {
			t.Errorf("%s: %t", name, !c.want)
		}
	}
}

// TestMovedSince changes, one by one, what a plan would be if it were made now.
func TestMovedSince(t *testing.T) {
	type moved = []Moved
	for name, c := range map[string]struct {
		change func(fresh *Plan)
		want   moved
	}{
		"nothing":        {func(*Plan) {}, nil},
		"observations":   {func(f *Plan) { f.Observations = Observations{} }, nil},
		"its time":       {func(f *Plan) { f.Intent.Created, f.Intent.Expires = f.Intent.Created+9, f.Intent.Expires+9 }, nil},
		"fewer networks": {func(f *Plan) { f.Intent.Networks, f.Preconditions = f.Intent.Networks[1:], f.Preconditions[1:] }, nil},
		"a network more": {func(f *Plan) {
			f.Intent.Networks = append(f.Intent.Networks, Network{Name: "op", ChainID: 10})
			f.Preconditions = append(f.Preconditions, Preconditions{"op", nil})
		}, moved{{"op", "network", "nothing", "op"}}},
		"another name":           {func(f *Plan) { f.Intent.Networks[1].Name = "bass" }, moved{{"bass", "name", "base", "bass"}}},
		"another kind":           {func(f *Plan) { f.Intent.Networks[1].Kind = "testnet" }, moved{{"base", "kind", "mainnet", "testnet"}}},
		"another root":           {func(f *Plan) { f.Intent.Networks[1].Root = common.Hash{} }, moved{{"base", "root", common.Hash{0x12}.Hex(), common.Hash{}.Hex()}}},
		"another epoch":          {func(f *Plan) { f.Intent.Networks[0].Epoch = 3 }, moved{{"ethereum", "epoch", "2", "3"}}},
		"a fact":                 {func(f *Plan) { f.Preconditions[0].Facts[1].Value = "true" }, moved{{"ethereum", "paused", "false", "true"}}},
		"a fact less":            {func(f *Plan) { f.Preconditions[0].Facts = f.Preconditions[0].Facts[:1] }, moved{{"ethereum", "paused", "false", "nothing"}}},
		"a fact more":            {func(f *Plan) { f.Preconditions[0].Facts = append(f.Preconditions[0].Facts, Fact{"delay", "60"}) }, moved{{"ethereum", "delay", "nothing", "60"}}},
		"facts in another order": {func(f *Plan) { slices.Reverse(f.Preconditions[0].Facts) }, nil},
		"a second fact of one name": {func(f *Plan) {
			f.Preconditions[0].Facts = append([]Fact{{"paused", "true"}}, f.Preconditions[0].Facts...)
		}, moved{{"ethereum", "paused", "false", "true, false"}}},
		"project":     {func(f *Plan) { f.Intent.Project = "bazaar" }, moved{{"", "project", "market", "bazaar"}}},
		"dispatcher":  {func(f *Plan) { f.Intent.Dispatcher = operator }, moved{{"", "dispatcher", dispatcher.Hex(), operator.Hex()}}},
		"policy":      {func(f *Plan) { f.Intent.Policy = common.Hash{0x91} }, moved{{"", "approval policy", common.Hash{0x90}.Hex(), common.Hash{0x91}.Hex()}}},
		"no manifest": {func(f *Plan) { f.Intent.Manifest = nil }, moved{{"", "manifest", fmt.Sprintf("%s (file %s)", common.Hash{0x11}, common.Hash{0x13}), "nothing"}}},
		"its file": {func(f *Plan) { f.Intent.Manifest.SHA256 = common.Hash{0x14} }, moved{{
			"", "manifest", fmt.Sprintf("%s (file %s)", common.Hash{0x11}, common.Hash{0x13}), fmt.Sprintf("%s (file %s)", common.Hash{0x11}, common.Hash{0x14}),
		}}},
		"a policy of its own": {
			func(f *Plan) { f.Intent.NewPolicy = policyPlan().Intent.NewPolicy },
			moved{{"", "new policy", "nothing", policyPlan().Intent.NewPolicy.Hash().Hex()}},
		},
		"a call less": {func(f *Plan) { f.Intent.Networks[1].Calls = []int{1} }, moved{{
			"base", "call 2", callText(full().Intent.Calls[2]), "nothing",
		}}},
		"a deployment that somebody else has made": {func(f *Plan) { f.Intent.Networks[0].Calls = f.Intent.Networks[0].Calls[1:] }, nil},
		"deployments alone, which somebody else has made": {func(f *Plan) { f.Intent.Networks[0].Calls = []int{} }, moved{{
			"ethereum", "call 2", callText(full().Intent.Calls[1]), "nothing",
		}}},
		"a call more": {func(f *Plan) { f.Intent.Networks[1].Calls = []int{1, 2, 0} }, moved{{
			"base", "call 3", "nothing", callText(full().Intent.Calls[0]),
		}}},
		"its data, and what follows": {func(f *Plan) { f.Intent.Calls[1].Data, f.Intent.Calls[2].Data = []byte{9}, []byte{9} }, moved{
			{"ethereum", "call 2", callText(full().Intent.Calls[1]), strings.Replace(callText(full().Intent.Calls[1]), dataHash(4, 5), dataHash(9), 1)},
			{"base", "call 1", callText(full().Intent.Calls[1]), strings.Replace(callText(full().Intent.Calls[1]), dataHash(4, 5), dataHash(9), 1)},
		}},
		"who sends it": {func(f *Plan) { f.Intent.Calls[0].From = operator }, moved{{
			"ethereum", "call 1", callText(full().Intent.Calls[0]), strings.Replace(callText(full().Intent.Calls[0]), deployer.Hex(), operator.Hex(), 1),
		}}},
		"for whom": {func(f *Plan) { f.Intent.Calls[0].By = "apply" }, moved{{
			"ethereum", "call 1", callText(full().Intent.Calls[0]), strings.Replace(callText(full().Intent.Calls[0]), "by deployer", "by apply", 1),
		}}},
		"to whom": {func(f *Plan) { f.Intent.Calls[0].To = operator }, moved{{
			"ethereum", "call 1", callText(full().Intent.Calls[0]), strings.Replace(callText(full().Intent.Calls[0]), "to "+common.HexToAddress("0xfac").Hex(), "to "+operator.Hex(), 1),
		}}},
		"what for": {func(f *Plan) { f.Intent.Calls[0].Step = "deploy Market" }, moved{{
			"ethereum", "call 1", callText(full().Intent.Calls[0]), strings.Replace(callText(full().Intent.Calls[0]), "Token", "Market", 1),
		}}},
		"the same calls, numbered in another way": {func(f *Plan) {
			slices.Reverse(f.Intent.Calls)
			f.Intent.Networks[0].Calls, f.Intent.Networks[1].Calls = []int{2, 1, 0}, []int{1, 0}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			fresh := full()
			c.change(fresh)
			got := full().MovedSince(fresh)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			for _, m := range got {
				if text := m.String(); !strings.Contains(text, m.What+" was "+m.Was+", is "+m.Is) || m.Network != "" && !strings.HasPrefix(text, m.Network+": ") {
					t.Errorf("%q", text)
				}
			}
		})
	}
}

func dataHash(data ...byte) string { return crypto.Keccak256Hash(data).Hex() }

func callText(c Call) string {
	return fmt.Sprintf("%s by %s %s to %s with data of hash %s", c.Step, c.By, c.From, c.To, dataHash(c.Data...))
}

func TestDescribe(t *testing.T) {
	if got := full().Intent.Describe(); got != "ethereum (chain 1) epoch 2, base (chain 8453) epoch 3" {
		t.Error(got)
	}
	if got := pausePlan().Intent.Describe(); got != "ethereum (chain 1), base (chain 8453)" {
		t.Error(got)
	}
}

func TestObservationOfANetwork(t *testing.T) {
	o := full().Observations
	if o.Of("base").Block.Number != 8 {
		t.Errorf("%+v", o.Of("base"))
	}
	if diff := cmp.Diff(Observation{Network: "op"}, o.Of("op")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
