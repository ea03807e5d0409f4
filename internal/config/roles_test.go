package config

import (
	"strings"
	"testing"
)

// TestDeployerHoldsNothingOnAMainnet names the deployer in each of the ways in which a file can.
func TestDeployerHoldsNothingOnAMainnet(t *testing.T) {
	const address = "0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7"
	const key = `{keystore: k, password: "env:P"}`
	known := strings.Replace(key, "}", `, address: "`+address+`"}`, 1)
	for name, c := range map[string]struct {
		role, holder  string
		deployer, own string // signers d and o
		found         bool
	}{
		"nobody":                         {"apply", "o", key, `{keystore: o, password: "env:P"}`, false},
		"by name":                        {"admin", "d", key, key, true},
		"by address":                     {"emergency", `"` + address + `"`, known, key, true},
		"by address in lower case":       {"pauser", strings.ToLower(address), known, key, true},
		"under another name":             {"commit", "o", known, `{address: "` + address + `"}`, true},
		"an address that is not its own": {"pauser", `"0x4e59b44847b379578588920cA78FbF26c0B4956C"`, known, key, false},
		"an address, nobody knows whose": {"pauser", `"` + address + `"`, key, key, false},
	} {
		for network, mainnet := range map[string]string{
			"name: local, chainId: 31337, kind: local": "", "name: sepolia, allowPublic: true": "", "name: ethereum, allowPublic: true": "ethereum",
			"name: own, chainId: 424242, kind: mainnet": "own",
		} {
			text := strings.NewReplacer(
				"name: local, chainId: 31337, kind: local", network, c.role+": [o]", c.role+": ["+c.holder+"]",
				"{d: "+key, "{d: "+c.deployer, `o: {keystore: o, password: "env:P"}`, "o: "+c.own,
			).Replace(minimal)
			want := ""
			if c.found && mainnet != "" {
				want = "f.yaml:4: dispatcher.roles." + c.role + " names the deployer, and " + mainnet + " is a mainnet, where the deployer " +
					"must end without roles: name another signer, or an address such as a Safe's"
			}
			_, err := Parse("f.yaml", []byte(text))
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s, %s: %v, want %q", name, network, err, want)
			}
		}
	}
}
