package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
)

// withApprovals is the sound file with another approvals section, whose first line is 48.
func withApprovals(section string) string {
	return sound[:strings.Index(sound, "approvals:")] + section
}

func TestApprovalsDefaults(t *testing.T) {
	three := []Account{{Address: common.HexToAddress("0xa11ce")}, {Address: common.HexToAddress("0xb0b")}, {Address: common.HexToAddress("0xca1")}}
	c, err := Parse("f.yaml", []byte(minimal))
	if err != nil {
		t.Fatal(err)
	}
	want := &Approvals{Approvers: three, Required: 2, Hotfix: 3, ValidFor: 72 * time.Hour, Line: 8}
	if diff := cmp.Diff(want, c.Approvals); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// a hotfix needs no fewer than any other plan, and 3 at the least
	for required, hotfix := range map[int]int{1: 3, 2: 3, 3: 3, 4: 4, 5: 5} {
		text := withApprovals(fmt.Sprintf("approvals:\n  required: %d\n  approvers: [deployer, operator, safe, 0x0000000000000000000000000000000000000b0b, 0x00000000000000000000000000000000000a11ce]\n", required))
		c, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Errorf("required %d: %v", required, err)
			continue
		}
		if c.Approvals.Required != required || c.Approvals.Hotfix != hotfix {
			t.Errorf("required %d: %+v, want a hotfix to need %d", required, c.Approvals, hotfix)
		}
	}
}

// TestApprovalsMissing: on a mainnet, of the catalogue or the file's own, somebody must be named who approves.
func TestApprovalsMissing(t *testing.T) {
	without := minimal[:strings.Index(minimal, "approvals:")]
	for name, c := range map[string]struct{ network, section, mainnet string }{
		"local":                      {"name: local, chainId: 31337, kind: local", "", ""},
		"testnet":                    {"name: sepolia, allowPublic: true", "", ""},
		"mainnet by name":            {"name: ethereum, allowPublic: true", "", "ethereum"},
		"mainnet by chain id":        {"name: l1, chainId: 1, allowPublic: true", "", "l1"},
		"mainnet of one's own":       {"name: own, chainId: 424242, kind: mainnet", "", "own"},
		"mainnet, nothing in it":     {"name: ethereum, allowPublic: true", "approvals:\n", "ethereum"},
		"mainnet behind another one": {`name: sepolia, allowPublic: true, rpc: ["http://localhost:1"]}, {name: base`, "", "base"},
	} {
		text := strings.Replace(without, "name: local, chainId: 31337, kind: local", c.network, 1) + c.section
		want := "<nil>"
		if c.mainnet != "" {
			want = "f.yaml:6: approvals is missing: " + c.mainnet + " is a mainnet, where nothing is sent that no approved plan holds; name approvers"
		}
		got, err := Parse("f.yaml", []byte(text))
		if fmt.Sprint(err) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
		if err == nil && got.Approvals != nil {
			t.Errorf("%s: %+v out of nothing", name, got.Approvals)
		}
	}
	// the network's own line
	_, err := Parse("f.yaml", []byte(sound[:strings.Index(sound, "approvals:")]))
	if want := "f.yaml:29: approvals is missing: base is a mainnet, where nothing is sent that no approved plan holds; name approvers"; fmt.Sprint(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func TestApprovalsMistakes(t *testing.T) {
	const three = "approvals:\n  approvers: [deployer, operator, safe]\n"
	const zero = "0x0000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		section string
		want    []string
	}{
		"text":              {"approvals: alice\n", []string{`48: approvals must be a mapping of approvers, required, hotfix, pause, cancel, others, validFor`, `48: approvals.approvers names 0 accounts, but up to 3 approvals are asked for: name more, or ask for fewer`}},
		"empty":             {"approvals: {}\n", []string{`48: approvals.approvers names 0 accounts, but up to 3 approvals are asked for: name more, or ask for fewer`}},
		"unknown key":       {three + "  requires: 2\n", []string{`50: unknown key "requires" in approvals; did you mean "required"?`}},
		"key twice":         {three + "  pause: 1\n  pause: 0\n", []string{`51: key "pause" stands twice in approvals: remove one`}},
		"required 0":        {three + "  required: 0\n", []string{`50: approvals.required is "0", must be a whole number from 1 to 100`}},
		"required 101":      {three + "  required: 101\n", []string{`50: approvals.required is "101", must be a whole number from 1 to 100`}},
		"required is -1":    {three + "  required: -1\n", []string{`50: approvals.required is "-1", must be a whole number from 1 to 100`}},
		"required in words": {three + "  required: two\n", []string{`50: approvals.required is "two", must be a whole number from 1 to 100`}},
		"hotfix 0":          {three + "  hotfix: 0\n", []string{`50: approvals.hotfix is "0", must be a whole number from 1 to 100`}},
		"hotfix 101":        {three + "  hotfix: 101\n", []string{`50: approvals.hotfix is "101", must be a whole number from 1 to 100`}},
		"pause 101":         {three + "  pause: 101\n", []string{`50: approvals.pause is "101", must be a whole number from 0 to 100`}},
		"cancel is a list":  {three + "  cancel: [1]\n", []string{`50: approvals.cancel is "", must be a whole number from 0 to 100`}},
		"others in words":   {three + "  others: none\n", []string{`50: approvals.others is "none", must be a whole number from 0 to 100`}},
		"hotfix under required": {
			three + "  required: 3\n  hotfix: 2\n",
			[]string{`51: approvals.hotfix is 2: a hotfix needs no fewer approvals than the 3 of any other plan`},
		},
		"more required than named": {three + "  required: 4\n", []string{`49: approvals.approvers names 3 accounts, but up to 4 approvals are asked for: name more, or ask for fewer`}},
		"more for a hotfix":        {three + "  hotfix: 4\n", []string{`49: approvals.approvers names 3 accounts, but up to 4 approvals are asked for: name more, or ask for fewer`}},
		"more to pause":            {three + "  pause: 5\n", []string{`49: approvals.approvers names 3 accounts, but up to 5 approvals are asked for: name more, or ask for fewer`}},
		"more to cancel":           {three + "  cancel: 6\n", []string{`49: approvals.approvers names 3 accounts, but up to 6 approvals are asked for: name more, or ask for fewer`}},
		"more elsewhere":           {three + "  others: 7\n", []string{`49: approvals.approvers names 3 accounts, but up to 7 approvals are asked for: name more, or ask for fewer`}},
		"two, and the usual hotfix": {
			"approvals:\n  approvers: [deployer, operator]\n",
			[]string{`49: approvals.approvers names 2 accounts, but up to 3 approvals are asked for: name more, or ask for fewer`},
		},
		"validFor of an hour less a second": {three + "  validFor: 59m59s\n", []string{`50: approvals.validFor is "59m59s", must be a time such as 72h, between 1h and 720h`}},
		"validFor of 30 days and a second":  {three + "  validFor: 720h0m1s\n", []string{`50: approvals.validFor is "720h0m1s", must be a time such as 72h, between 1h and 720h`}},
		"validFor with half a second":       {three + "  validFor: 1h0.5s\n", []string{`50: approvals.validFor is "1h0.5s", must be a time such as 72h, between 1h and 720h`}},
		"validFor without a unit":           {three + "  validFor: 72\n", []string{`50: approvals.validFor is "72", must be a time such as 72h, between 1h and 720h`}},
		"validFor of days":                  {three + "  validFor: 3d\n", []string{`50: approvals.validFor is "3d", must be a time such as 72h, between 1h and 720h`}},
		"validFor negative":                 {three + "  validFor: -2h\n", []string{`50: approvals.validFor is "-2h", must be a time such as 72h, between 1h and 720h`}},
		"validFor is a list":                {three + "  validFor: [72h]\n", []string{`50: approvals.validFor must be text`}},
		"approvers is text":                 {"approvals:\n  approvers: safe\n", []string{`49: approvals.approvers must be a list`, `49: approvals.approvers names 0 accounts, but up to 3 approvals are asked for: name more, or ask for fewer`}},
		// one mistake is told once, and not as a lack of accounts, too
		"unknown signer":          {"approvals:\n  approvers: [deployer, operator, save]\n", []string{`49: approvals.approvers names "save", which is neither an address nor under signers`}},
		"a list among them":       {"approvals:\n  approvers: [deployer, operator, [safe]]\n", []string{`49: approvals.approvers names "", which is neither an address nor under signers`}},
		"signer twice":            {"approvals:\n  approvers:\n    - safe\n    - deployer\n    - safe\n", []string{`52: approvals.approvers names safe twice: remove one`}},
		"address twice, in cases": {"approvals:\n  approvers:\n    - 0x00000000000000000000000000000000000a11ce\n    - deployer\n    - 0x00000000000000000000000000000000000A11CE\n", []string{`52: approvals.approvers names 0x00000000000000000000000000000000000A11CE twice: remove one`}},
		"addresses too short":     {"approvals:\n  approvers: [deployer, 0xa11ce, 0xb0b]\n", []string{`49: approvals.approvers is "0xa11ce", must be an address: 0x and 40 hex digits`, `49: approvals.approvers is "0xb0b", must be an address: 0x and 40 hex digits`}},
		"zero address":            {"approvals:\n  approvers: [deployer, operator, " + zero + "]\n", []string{`49: approvals.approvers is the zero address`}},
		"wrong checksum":          {"approvals:\n  approvers: [deployer, operator, 0x914d7Fec6aaC8cd542e72Bca78B30650d45643D7]\n", []string{`49: approvals.approvers is "0x914d7Fec6aaC8cd542e72Bca78B30650d45643D7", whose checksum (EIP-55) is wrong: is a digit mistyped? (0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7 would be right)`}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse("f.yaml", []byte(withApprovals(c.section)))
			var problems *Error
			if !errors.As(err, &problems) || got != nil {
				t.Fatalf("%+v, %v; want an *Error", got, err)
			}
			var want []string
			for _, w := range c.want {
				want = append(want, "f.yaml:"+w)
			}
			if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// What is at a bound is taken.
func TestApprovalsAtTheirBounds(t *testing.T) {
	for text, want := range map[string]time.Duration{"1h": time.Hour, "720h": 720 * time.Hour, "60m": time.Hour, "1h0m1s": time.Hour + time.Second} {
		c, err := Parse("f.yaml", []byte(withApprovals("approvals:\n  approvers: [deployer, operator, safe]\n  required: 1\n  validFor: "+text+"\n")))
		if err != nil || c.Approvals.ValidFor != want || c.Approvals.Required != 1 {
			t.Errorf("%s: %+v, %v", text, c, err)
		}
	}
}
