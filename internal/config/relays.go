package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// Relay is one to which the transactions of a network are given.
type Relay struct {
	Name          string
	Kind          string // in the words of package network
	URL           Ref
	StatusURL     Ref           // of a status API; empty if there is none
	Method        string        // of bloXroute
	Authorization Ref           // of bloXroute
	Builders      []string      // of Flashbots
	Timeout       time.Duration // of one request; 0 if the file does not say
	Line          int
}

// privacies are the words for who sees a transaction before it is in a block, the most private first.
var privacies = []string{network.Relay, network.Sequencer, network.Public}

// Direct tells whether transactions may go to a network's own endpoints: when they stay as private there as they are to be, or when the
// file says that they need not.
func (n Network) Direct() bool { return n.Privacy != network.Relay || n.AllowPublic }

// privacy reads who may see the transactions of a network, and which relays they are given to.
func (r *reader) privacy(s section, n *Network) {
	n.AllowPublic = s.boolean("allowPublic")
	n.Measured = s.text("choice") == "measured"
	if choice := s.text("choice"); choice != "" && choice != "order" && choice != "measured" {
		r.problem(s.get("choice"), "%s is %q, must be order or measured", s.at("choice"), choice)
	}
	n.Patience = s.integer("patience", 0, 1, 100)
	n.RelayKey = s.text("relayKey")
	for i, item := range s.list("relays") {
		relay := r.relay(item, fmt.Sprintf("%s[%d]", s.at("relays"), i), n.ChainID)
		if slices.ContainsFunc(n.Relays, func(o Relay) bool { return o.Name == relay.Name }) && relay.Name != "" {
			r.problem(item, "%s names %s twice: remove one, or give it another name", s.at("relays"), relay.Name)
		}
		n.Relays = append(n.Relays, relay)
	}
	usual, chosen := n.Privacy, s.text("privacy")
	switch {
	case chosen == "":
		if len(n.Relays) > 0 { // who names relays does not want everybody to see what they are given
			n.Privacy = network.Relay
		}
	case !slices.Contains(privacies, chosen):
		r.problem(s.get("privacy"), "%s is %q, must be %s, %s or %s", s.at("privacy"), chosen, network.Relay, network.Sequencer, network.Public)
		return
	case slices.Index(privacies, chosen) > slices.Index(privacies, usual):
		r.problem(s.get("privacy"), "%s is %s, which is less private than %s is known to be (%s): leave it out, and set allowPublic: true if "+
			"everybody may see transactions before they are in a block", s.at("privacy"), chosen, n.Name, usual)
		return
	default:
		n.Privacy = chosen
	}
	if len(n.Relays) == 0 && !n.Direct() && n.Name != "" {
		r.problem(s.node, "transactions on %s are to stay private until they are in a block, and it has no relays: list some under relays%s, or "+
			"set allowPublic: true if everybody may see them", n.Name, suchAs(n.ChainID))
	}
}

// suchAs names the relays that are known for a network.
func suchAs(chainID uint64) string {
	var names []string
	for _, k := range network.Relays() {
		if k.ChainID == chainID {
			names = append(names, k.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// relay reads one, which is named alone, or described.
func (r *reader) relay(n *yaml.Node, path string, chainID uint64) Relay {
	if n.Kind == yaml.ScalarNode {
		known, ok := network.LookupRelay(n.Value, chainID)
		if !ok {
			r.problem(n, "%s names %q, which is not known for chain id %d%s: describe it with name, kind and url", path, n.Value, chainID, suchAs(chainID))
			return Relay{Line: n.Line}
		}
		return knownRelay(known, n.Line)
	}
	s := r.section(n, path, "name", "kind", "url", "statusUrl", "method", "authorization", "builders", "timeout")
	if n.Kind != yaml.MappingNode {
		return Relay{Line: n.Line}
	}
	name := s.need("name", "give the relay a name")
	out := Relay{Name: name, Kind: network.RelayRPC, Line: n.Line}
	if known, ok := network.LookupRelay(name, chainID); ok && s.get("url") == nil {
		out = knownRelay(known, n.Line)
	} else if s.get("url") == nil && name != "" {
		r.problem(n, "%s is missing: %s is not known for chain id %d%s", s.at("url"), name, chainID, suchAs(chainID))
	}
	if name == network.Sequencer || name == network.Public {
		r.problem(s.get("name"), "%s is %s, which stands for the network's own endpoints: choose another name", s.at("name"), name)
	}
	switch kind := s.text("kind"); {
	case kind == "":
	case !slices.Contains([]string{network.RelayFlashbots, network.RelayBloxroute, network.RelayRPC}, kind):
		r.problem(s.get("kind"), "%s is %q, known are %s, %s and %s", s.at("kind"), kind, network.RelayFlashbots, network.RelayBloxroute, network.RelayRPC)
	default:
		out.Kind = kind
	}
	if item := s.get("url"); item != nil {
		out.URL = r.relayURL(item, s.at("url"))
	}
	if item := s.get("statusUrl"); item != nil {
		out.StatusURL = r.relayURL(item, s.at("statusUrl"))
	}
	for _, only := range []struct{ key, kind string }{
		{"method", network.RelayBloxroute}, {"authorization", network.RelayBloxroute}, {"builders", network.RelayFlashbots},
	} {
		if item := s.get(only.key); item != nil && out.Kind != only.kind {
			r.problem(item, "%s is for relays of kind %s alone, and this one is of kind %s", s.at(only.key), only.kind, out.Kind)
		}
	}
	out.Builders = s.texts("builders")
	out.Timeout = time.Duration(s.integer("timeout", 0, 1, 60)) * time.Second
	if out.Kind == network.RelayBloxroute {
		r.bloxroute(s, &out, chainID)
	}
	return out
}

func knownRelay(k network.KnownRelay, line int) Relay {
	return Relay{Name: k.Name, Kind: k.Kind, URL: Ref(k.URL), StatusURL: Ref(k.StatusURL), Method: k.Method, Line: line}
}

// bloxroute reads what its API alone needs.
func (r *reader) bloxroute(s section, out *Relay, chainID uint64) {
	if method := s.text("method"); method != "" {
		out.Method = method
	} else if known, ok := network.LookupRelay("bloxroute", chainID); ok {
		out.Method = known.Method
	}
	if out.Method == "" {
		r.problem(s.node, "%s is missing: name the method that takes private transactions of this network", s.at("method"))
	}
	if item := s.get("authorization"); item != nil {
		out.Authorization = r.ref(item, s.at("authorization"), item.Value, false)
	}
}

// relayURL is one to which signed transactions are sent: nobody on the way may read them.
func (r *reader) relayURL(n *yaml.Node, path string) Ref {
	before := len(r.problems)
	ref := r.ref(n, path, n.Value, true)
	u, err := url.Parse(n.Value)
	isRef := strings.HasPrefix(n.Value, "env:") || strings.HasPrefix(n.Value, "file:")
	if len(r.problems) == before && !isRef && (err != nil || u.Scheme != "https" && (u.Scheme != "http" || !isThisMachine(u.Hostname()))) {
		r.problem(n, "%s must begin with https://, or with http:// for a relay on this machine", path)
	}
	return ref
}

func isThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// credentials finds relays that lack what they know their customers by, and keys for that which are used elsewhere.
func (r *reader) credentials(c *Config, top section) {
	for i, item := range top.list("networks") {
		n := c.Networks[i]
		for _, relay := range n.Relays {
			at := &yaml.Node{Line: relay.Line}
			switch {
			case relay.Kind == network.RelayFlashbots && n.RelayKey == "":
				r.problem(at, "networks[%d].relayKey is missing, which signs requests to %s: name a signer that does nothing else and holds no money",
					i, relay.Name)
			case relay.Kind == network.RelayBloxroute && relay.Authorization == "":
				r.problem(at, "relay %s needs authorization: refer to the header with env:NAME or file:PATH, as { name: %s, authorization: \"env:NAME\" }",
					relay.Name, relay.Name)
			}
		}
		if n.RelayKey == "" {
			continue
		}
		s := r.section(item, fmt.Sprintf("networks[%d]", i))
		at := s.get("relayKey")
		if _, ok := c.Signers[n.RelayKey]; !ok { // who only approves needs no more of it than its address
			r.problem(at, "%s names %q, which is not under signers", s.at("relayKey"), n.RelayKey)
		}
		if err := c.RelayKeyAlone(n, func(name string) common.Address { return c.Signers[name].Address }); err != nil {
			r.problem(at, "%v", err)
		}
	}
}

// RelayKeyAlone refuses a key for requests to relays that is used for anything else: relays see what it signs, and who it is.
func (c *Config) RelayKeyAlone(n Network, address func(signer string) common.Address) error {
	own := address(n.RelayKey)
	same := func(a Account) bool {
		if a.Signer == n.RelayKey {
			return true
		}
		other := a.Address
		if a.Signer != "" {
			other = address(a.Signer)
		}
		return other != (common.Address{}) && other == own
	}
	uses := map[string][]Account{"dispatcher.deployer": {{Signer: c.Dispatcher.Deployer}}}
	for role, accounts := range c.Dispatcher.Roles {
		uses["dispatcher.roles."+role] = accounts
	}
	if c.Approvals != nil {
		uses["approvals.approvers"] = c.Approvals.Approvers
	}
	var found []string
	for use, accounts := range uses {
		if slices.ContainsFunc(accounts, same) {
			found = append(found, use)
		}
	}
	if len(found) == 0 {
		return nil
	}
	slices.Sort(found)
	return fmt.Errorf("relayKey of %s is %s, which is in %s as well: make a key that does nothing else, with lockstep key new",
		n.Name, n.RelayKey, strings.Join(found, ", "))
}
