package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// onNetwork is the minimal file with another network, which begins at line 7, and a signer for relays.
func onNetwork(entry string) string {
	text := strings.Replace(minimal, `networks: [{name: local, chainId: 31337, kind: local, rpc: ["http://localhost:8545"]}]`,
		"networks:\n  - rpc: [\"http://localhost:8545\"]\n"+indent(entry), 1)
	return strings.Replace(text, `o: {keystore: o, password: "env:P"}}`,
		`o: {keystore: o, password: "env:P"}, r: {keystore: r, password: "env:P"}, seen: {address: "0x4e59b44847b379578588920cA78FbF26c0B4956C"}}`, 1)
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("    " + line)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestRelays(t *testing.T) {
	flashbots := Relay{
		Name: "flashbots", Kind: "flashbots", URL: "https://relay.flashbots.net", StatusURL: "https://protect.flashbots.net/tx", Line: 10,
	}
	for name, c := range map[string]struct {
		entry string
		want  Network // what is compared of it
	}{
		"a name alone": {
			"name: ethereum\nrelays:\n- flashbots\n- mevblocker\nrelayKey: r",
			Network{RelayKey: "r", Relays: []Relay{flashbots, {
				Name: "mevblocker", Kind: "rpc", URL: "https://rpc.mevblocker.io/fullprivacy", StatusURL: "https://rpc.mevblocker.io/tx", Line: 11,
			}}},
		},
		"described": {
			"name: bnb\nrelays:\n- {name: bloxroute, authorization: \"env:BLXR\", timeout: 3}\n- {name: mine, url: \"env:MINE\"}\n" +
				"- {name: here, kind: flashbots, url: \"http://127.0.0.1:9000\", statusUrl: \"file:status\", builders: [b]}\nrelayKey: r\nchoice: measured\npatience: 5",
			Network{RelayKey: "r", Measured: true, Patience: 5, Relays: []Relay{
				{Name: "bloxroute", Kind: "bloxroute", URL: "https://api.blxrbdn.com", Method: "bsc_private_tx", Authorization: "env:BLXR", Timeout: 3 * time.Second, Line: 10},
				{Name: "mine", Kind: "rpc", URL: "env:MINE", Line: 11},
				{Name: "here", Kind: "flashbots", URL: "http://127.0.0.1:9000", StatusURL: "file:status", Builders: []string{"b"}, Line: 12},
			}},
		},
		"a known name elsewhere": {
			"name: ethereum\nrelays:\n- {name: flashbots, url: \"https://other.example\"}",
			Network{Relays: []Relay{{Name: "flashbots", Kind: "rpc", URL: "https://other.example", Line: 10}}},
		},
		"a key that is elsewhere":         {"name: ethereum\nrelays:\n- mevblocker\nrelayKey: seen", Network{RelayKey: "seen", Relays: []Relay{{Name: "mevblocker", Kind: "rpc", URL: "https://rpc.mevblocker.io/fullprivacy", StatusURL: "https://rpc.mevblocker.io/tx", Line: 10}}}},
		"public by the policy":            {"name: ethereum\nallowPublic: true", Network{AllowPublic: true}},
		"relays, and public by policy":    {"name: ethereum\nallowPublic: true\nrelays:\n- mevblocker", Network{AllowPublic: true, Relays: []Relay{{Name: "mevblocker", Kind: "rpc", URL: "https://rpc.mevblocker.io/fullprivacy", StatusURL: "https://rpc.mevblocker.io/tx", Line: 11}}}},
		"more private than it was":        {"name: own\nchainId: 424242\nkind: testnet\nprivacy: sequencer", Network{}},
		"bloxroute somewhere else":        {"name: own\nchainId: 424242\nkind: testnet\nrelays:\n- {name: b, kind: bloxroute, url: \"https://b.example\", method: blxr_private_tx, authorization: \"file:a\"}", Network{Relays: []Relay{{Name: "b", Kind: "bloxroute", URL: "https://b.example", Method: "blxr_private_tx", Authorization: "file:a", Line: 12}}}},
		"relays on a network that is not": {"name: own\nchainId: 424242\nkind: testnet\nrelays:\n- {name: b, url: \"https://b.example\"}", Network{Relays: []Relay{{Name: "b", Kind: "rpc", URL: "https://b.example", Line: 12}}}},
	} {
		got, err := Parse("f.yaml", []byte(onNetwork(c.entry)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		n := got.Networks[0]
		is := Network{AllowPublic: n.AllowPublic, RelayKey: n.RelayKey, Measured: n.Measured, Patience: n.Patience, Relays: n.Relays}
		if diff := cmp.Diff(c.want, is); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPrivacy is who may see the transactions of a network by its catalogue, its relays and what the file says.
func TestPrivacy(t *testing.T) {
	const mine = "\nrelays:\n- {name: mine, url: \"https://r.example\"}"
	for entry, want := range map[string]struct {
		privacy string
		direct  bool
	}{
		"name: ethereum\nallowPublic: true":                                            {network.Relay, true},
		"name: ethereum" + mine:                                                        {network.Relay, false},
		"name: ethereum\nprivacy: relay" + mine:                                        {network.Relay, false},
		"name: ethereum\nallowPublic: true" + mine:                                     {network.Relay, true},
		"name: arbitrum":                                                               {network.Sequencer, true},
		"name: arbitrum" + mine:                                                        {network.Relay, false},
		"name: arbitrum\nprivacy: sequencer" + mine:                                    {network.Sequencer, true},
		"name: arbitrum\nprivacy: relay" + mine:                                        {network.Relay, false},
		"name: avalanche":                                                              {network.Public, true},
		"name: avalanche" + mine:                                                       {network.Relay, false},
		"name: avalanche\nprivacy: public" + mine:                                      {network.Public, true},
		"name: own\nchainId: 424242\nkind: testnet":                                    {network.Public, true},
		"name: own\nchainId: 424242\nkind: testnet\nprivacy: sequencer":                {network.Sequencer, true},
		"name: own\nchainId: 424242\nkind: testnet\nprivacy: relay" + mine:             {network.Relay, false},
		"name: own\nchainId: 424242\nkind: testnet\nprivacy: relay\nallowPublic: true": {network.Relay, true},
	} {
		c, err := Parse("f.yaml", []byte(onNetwork(entry)))
		if err != nil {
			t.Errorf("%s: %v", entry, err)
			continue
		}
		if n := c.Networks[0]; n.Privacy != want.privacy || n.Direct() != want.direct {
			t.Errorf("%s: %s, to the endpoints %t; want %+v", entry, n.Privacy, n.Direct(), want)
		}
	}
}

func TestMistakesOfRelays(t *testing.T) {
	const own = "name: own\nchainId: 424242\nkind: testnet\n"
	relays := func(item string) string { return own + "relays:\n- " + item }
	for entry, want := range map[string]string{
		"name: ethereum": "7: transactions on ethereum are to stay private until they are in a block, and it has no relays: list some under relays " +
			"(flashbots, mevblocker, bloxroute), or set allowPublic: true if everybody may see them",
		"name: ethereum\nallowPublic: false":                                                  "7: transactions on ethereum are to stay private",
		"name: ethereum\nrelays: []":                                                          "7: transactions on ethereum are to stay private",
		own + "privacy: relay":                                                                "7: transactions on own are to stay private until they are in a block, and it has no relays: list some under relays, or set",
		"name: ethereum\nprivacy: public":                                                     "9: networks[0].privacy is public, which is less private than ethereum is known to be (relay): leave it out, and set allowPublic: true if",
		"name: ethereum\nprivacy: sequencer":                                                  "9: networks[0].privacy is sequencer, which is less private",
		"name: arbitrum\nprivacy: public":                                                     "9: networks[0].privacy is public, which is less private",
		own + "privacy: secret":                                                               `11: networks[0].privacy is "secret", must be relay, sequencer or public`,
		own + "choice: best":                                                                  `11: networks[0].choice is "best", must be order or measured`,
		own + "patience: 0":                                                                   `11: networks[0].patience is "0", must be a whole number from 1 to 100`,
		own + "allowPublic: perhaps":                                                          `11: networks[0].allowPublic must be true or false`,
		own + "relays: flashbots":                                                             `11: networks[0].relays must be a list`,
		own + "relay: [flashbots]":                                                            `11: unknown key "relay" in networks[0]; did you mean "relays"?`,
		"name: ethereum\nrelays:\n- flashbot":                                                 `10: networks[0].relays[0] names "flashbot", which is not known for chain id 1 (flashbots, mevblocker, bloxroute): describe it with name, kind and url`,
		relays("flashbots"):                                                                   `12: networks[0].relays[0] names "flashbots", which is not known for chain id 424242: describe it with name, kind and url`,
		relays("{name: flashbots}"):                                                           `12: networks[0].relays[0].url is missing: flashbots is not known for chain id 424242`,
		relays("[flashbots]"):                                                                 `12: networks[0].relays[0] must be a mapping of name, kind, url`,
		relays(`{url: "https://r.example"}`):                                                  `12: networks[0].relays[0].name is missing: give the relay a name`,
		relays(`{name: public, url: "env:R"}`):                                                `12: networks[0].relays[0].name is public, which stands for the network's own endpoints: choose another name`,
		relays(`{name: sequencer, url: "env:R"}`):                                             `12: networks[0].relays[0].name is sequencer`,
		relays(`{name: r, kind: mev, url: "env:R"}`):                                          `12: networks[0].relays[0].kind is "mev", known are flashbots, bloxroute and rpc`,
		relays(`{name: r, url: "http://r.example"}`):                                          `12: networks[0].relays[0].url must begin with https://, or with http:// for a relay on this machine`,
		relays(`{name: r, url: "wss://r.example"}`):                                           `12: networks[0].relays[0].url must begin with https://`,
		relays(`{name: r, url: "hunter2"}`):                                                   `12: networks[0].relays[0].url is not an http, https, ws or wss URL, nor env:NAME or file:PATH`,
		relays(`{name: r, url: "https://hunter2@r.example"}`):                                 `12: networks[0].relays[0].url holds a user or password`,
		relays(`{name: r, url: "env:R", statusUrl: "http://r.example"}`):                      `12: networks[0].relays[0].statusUrl must begin with https://`,
		relays(`{name: r, url: "env:R", builders: [b]}`):                                      `12: networks[0].relays[0].builders is for relays of kind flashbots alone, and this one is of kind rpc`,
		relays(`{name: r, url: "env:R", authorization: "env:A"}`):                             `12: networks[0].relays[0].authorization is for relays of kind bloxroute alone`,
		relays(`{name: r, url: "env:R", method: bsc_private_tx}`):                             `12: networks[0].relays[0].method is for relays of kind bloxroute alone`,
		relays(`{name: r, url: "env:R", timeout: 61}`):                                        `12: networks[0].relays[0].timeout is "61", must be a whole number from 1 to 60`,
		relays(`{name: r, kind: bloxroute, url: "env:R", method: m}`):                         `12: relay r needs authorization: refer to the header with env:NAME or file:PATH`,
		relays(`{name: r, kind: bloxroute, url: "env:R", authorization: "env:A"}`):            `12: networks[0].relays[0].method is missing`,
		relays(`{name: r, kind: bloxroute, url: "env:R", method: m, authorization: hunter2}`): `12: networks[0].relays[0].authorization must refer to the secret with env:NAME or file:PATH`,
		relays("{name: r, url: \"env:R\"}\n- {name: r, url: \"env:S\"}"):                      `13: networks[0].relays names r twice: remove one, or give it another name`,
		"name: ethereum\nrelays:\n- flashbots":                                                `10: networks[0].relayKey is missing, which signs requests to flashbots: name a signer that does nothing else and holds no money`,
		"name: ethereum\nrelays:\n- bloxroute":                                                `10: relay bloxroute needs authorization`,
		"name: ethereum\nrelays:\n- flashbots\nrelayKey: nobody":                              `11: networks[0].relayKey names "nobody", which is not under signers`,
		"name: ethereum\nrelays:\n- flashbots\nrelayKey: d":                                   `11: relayKey of ethereum is d, which is in dispatcher.deployer as well: make a key that does nothing else, with lockstep key new`,
		"name: ethereum\nrelays:\n- flashbots\nrelayKey: o":                                   `11: relayKey of ethereum is o, which is in dispatcher.roles.admin, dispatcher.roles.apply, dispatcher.roles.commit, dispatcher.roles.emergency, dispatcher.roles.pauser as well`,
	} {
		_, err := Parse("f.yaml", []byte(onNetwork(entry)))
		if err == nil || !strings.HasPrefix(err.Error(), "f.yaml:"+want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s:\n%v\nwant one: %s", entry, err, want)
		}
	}
}

// TestRelayKeyByAddress finds a key for relays that has another task under another name.
func TestRelayKeyByAddress(t *testing.T) {
	const address = "0x914d7Fec6aaC8cd542e72Bca78B30650d45643d7"
	known := `r: {keystore: r, password: "env:P", address: "` + address + `"}`
	for where, change := range map[string][2]string{
		"dispatcher.roles.pauser": {"pauser: [o]", `pauser: ["` + address + `"]`},
		"dispatcher.deployer":     {`d: {keystore: k, password: "env:P"}`, `d: {keystore: k, password: "env:P", address: "` + address + `"}`},
		"approvals.approvers":     {`approvers: [`, `approvers: ["` + address + `", `},
	} {
		text := onNetwork("name: ethereum\nrelays:\n- flashbots\nrelayKey: r")
		text = strings.NewReplacer(`r: {keystore: r, password: "env:P"}`, known, change[0], change[1]).Replace(text)
		want := fmt.Sprintf("f.yaml:11: relayKey of ethereum is r, which is in %s as well", where)
		if _, err := Parse("f.yaml", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
