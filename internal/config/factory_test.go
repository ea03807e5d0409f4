package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

func TestFactory(t *testing.T) {
	const deployer = "0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7"
	salt := func(prefix, flag string) string { return prefix + flag + strings.Repeat("0", 20) + "07" }
	nobody, own := "0x"+strings.Repeat("0", 40), strings.ToLower(deployer)
	other := "0x" + strings.Repeat("11", 20)
	const local = "name: local, chainId: 31337, kind: local"
	for name, c := range map[string]struct {
		factory, salt, network string
		want                   []string // no problem if empty
	}{
		"arachnid":                      {"arachnid", salt(nobody, "00"), local, nil},
		"safe":                          {"safe", salt(nobody, "00"), local, nil},
		"createx":                       {"createx", salt(nobody, "00"), local, nil},
		"createx, the deployer's alone": {"createx", salt(own, "00"), local, nil},
		// the others hand any salt on as it is
		"arachnid, any salt": {"arachnid", salt(other, "01"), local, nil},
		"safe, any salt":     {"safe", salt(other, "ff"), local, nil},
		"unknown": {"Safe", salt(nobody, "00"), local, []string{
			`3: factory is "Safe", known are arachnid, safe and createx`,
		}},
		"createx, the chain id in the salt": {"createx", salt(nobody, "01"), local, []string{
			`2: byte 20 of salt ` + salt(nobody, "01") + ` is 01, with which CreateX would mix in the chain id, and addresses ` +
				`would differ between networks: it must be 00`,
		}},
		"createx, the deployer and the chain id": {"createx", salt(own, "01"), local, []string{
			`2: byte 20 of salt ` + salt(own, "01") + ` is 01, with which CreateX would mix in the chain id, and addresses ` +
				`would differ between networks: it must be 00`,
		}},
		"createx, a salt that it refuses": {"createx", salt(nobody, "02"), local, []string{
			`2: byte 20 of salt ` + salt(nobody, "02") + ` is 02, with which CreateX refuses it: it must be 00`,
		}},
		"createx, somebody else's": {"createx", salt(other, "00"), local, []string{
			`2: salt ` + salt(other, "00") + ` begins with ` + other + `, which is not the deployer ` + deployer +
				`, so who calls createx would decide the addresses: make its first 20 bytes zero, or the deployer's address`,
		}},
		"a network that has it": {"createx", salt(nobody, "00"), "name: sepolia, allowPublic: true", nil},
		"a network that has it not": {"createx", salt(nobody, "00"), "name: cardona", []string{
			`8: network cardona cannot be used: its EXTCODEHASH is not the keccak256 of the code, so pinned code cannot be compared; remove it`,
			`8: network cardona has no CREATE2 factory createx: choose another one under factory; it has arachnid, safe`,
		}},
		"a network that has it not, by its chain id": {"createx", salt(nobody, "00"), "name: mine, chainId: 2442", []string{
			`8: network mine cannot be used: its EXTCODEHASH is not the keccak256 of the code, so pinned code cannot be compared; remove it`,
			`8: network mine has no CREATE2 factory createx: choose another one under factory; it has arachnid, safe`,
		}},
		"a network that has none": {"safe", salt(nobody, "00"), "name: zksync", []string{
			`8: network zksync cannot be used: it derives CREATE2 addresses by its own rule (eravm), so nothing has the address that it ` +
				`has elsewhere; remove it`,
			`8: network zksync has no CREATE2 factory safe: it has none that is known; remove the network`,
		}},
		"of a network that is not in the catalogue nothing is known": {
			"createx", salt(nobody, "00"), "name: own, chainId: 424242, kind: testnet", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.NewReplacer(
				"project: demo\n", fmt.Sprintf("project: demo\nsalt: %q\nfactory: %s\n", c.salt, c.factory), local, c.network,
				`{keystore: k, password: "env:P"}`, `{keystore: k, password: "env:P", address: "`+deployer+`"}`,
			).Replace(minimal)
			got, err := Parse("f.yaml", []byte(text))
			if len(c.want) == 0 {
				known, _ := network.LookupFactory(c.factory)
				if err != nil || got.Factory != known || known.Name == "" {
					t.Fatalf("%+v, %v", got, err)
				}
				return
			}
			var want []string
			for _, w := range c.want {
				want = append(want, "f.yaml:"+w)
			}
			if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
