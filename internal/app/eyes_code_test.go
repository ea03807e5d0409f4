package app_test

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestAFacetThatChanges: a metamorphic facet goes live, by a root that nobody approved, and its code is gone. Then it has other code. While its pinned code
// is there, all is quiet.
func TestAFacetThatChanges(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	c := guarded("Vault")
	address := s.dispatcher(s.open(c))
	x := s.metamorphic("net71", address, 2)
	s.forget()
	w := s.watch(c)
	w.settled("net71")
	unknown := want{rule: rule.UnknownRoot, severity: rule.Critical, network: "net71", subject: x.root.Hex(), actions: "security cancel"}
	s.only(unknown)
	activated := x.activate("net71")
	w.settled("net71")
	unknown.in = activated
	facet := "facet " + strings.ToLower(x.address.Hex())
	mismatch := want{
		rule: rule.CodehashMismatch, severity: rule.Critical, network: "net71", subject: facet, actions: "pause security", at: activated.BlockNumber.Uint64(),
	}
	s.only(unknown, mismatch)
	w.end()
	other := x.become("net71", attackerOf(t, "Writer").code, common.Address{}, nil)
	w = s.watch(c)
	w.settled("net71")
	s.only(unknown, mismatch)
	if other.Status != 1 {
		t.Error("the facet has no other code")
	}
	// the dispatcher refuses to call it, which anybody could say
	seen := want{rule: rule.CodehashMismatch, severity: rule.High, network: "net71", subject: "error sent by " + s.low("carol"), actions: "security"}
	seen.in = s.sendRefused("net71", "carol", address, common.FromHex("0xaabbccdd"))
	w.settled("net71")
	s.only(unknown, mismatch, seen)
}

// TestAFacetThatComesBack: the alert ends when the facet has its pinned code again.
func TestAFacetThatComesBack(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	c := guarded("Vault")
	address := s.dispatcher(s.open(c))
	x := s.metamorphic("net71", address, 2)
	x.activate("net71")
	s.forget()
	w := s.watch(c)
	w.settled("net71")
	mismatch := want{rule: rule.CodehashMismatch, severity: rule.Critical, network: "net71", subject: "facet " + strings.ToLower(x.address.Hex()), actions: "pause security"}
	s.only(mismatch)
	x.become("net71", x.honest, common.Address{}, nil)
	w.settled("net71")
	mismatch.resolved = "the code is again what it was"
	s.only(mismatch)
	w.end()
	w = s.watch(c)
	w.settled("net71")
	s.only(mismatch)
}

// TestAFacetThatLeaves: the alert ends when no live route leads to the facet any more, also while nobody watches.
func TestAFacetThatLeaves(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	c := guarded("Vault")
	address := s.dispatcher(s.open(c))
	x := s.metamorphic("net71", address, 2)
	x.activate("net71")
	s.forget()
	w := s.watch(c)
	w.settled("net71")
	mismatch := want{rule: rule.CodehashMismatch, severity: rule.Critical, network: "net71", subject: "facet " + strings.ToLower(x.address.Hex()), actions: "pause security"}
	s.only(mismatch)
	w.end()
	s.byHand("net71", address, 3, s.as("net71", "operator", address), attackerOf(t, "Caller").route("pass"))
	s.watch(c)
	s.alert(rule.CodehashMismatch, mismatch.subject, func(a app.KeptAlert) bool {
		return !a.Fires() && strings.HasPrefix(a.Resolution, "it is no longer watched")
	})
}

// TestAHolderThatChangesWhileNobodyWatches: what it had at first is in the journal; if it is not, an alert that fires tells of it.
func TestAHolderThatChangesWhileNobodyWatches(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	c := guarded("Vault")
	address := s.dispatcher(s.open(c))
	x := s.metamorphic("net71", address, 2)
	s.send("net71", "admin", address, dispatcherABI.PackGrantRole(dispatcher.PauserRole, x.address))
	s.forget()
	w := s.watch(c)
	w.settled("net71")
	w.end()
	x.become("net71", x.honest, common.Address{}, nil)
	subject := "holder " + strings.ToLower(x.address.Hex())
	for range 3 {
		w = s.watch(c)
		w.settled("net71")
		if a := s.raised(rule.AccountCode, subject); !a.Fires() || a.Count != 1 {
			t.Errorf("%+v", a)
		}
		w.end()
		db, err := sql.Open("sqlite", s.journal)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.ExecContext(s.ctx(), "DELETE FROM code_baselines")
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	s.send("net71", "admin", address, dispatcherABI.PackRevokeRole(dispatcher.PauserRole, x.address))
	s.watch(c)
	s.alert(rule.AccountCode, subject, func(a app.KeptAlert) bool {
		return !a.Fires() && strings.HasPrefix(a.Resolution, "it is no longer watched")
	})
}

// TestAnEndpointThatLiesAboutStorage is told of, pauses nothing, and keeps nothing else from being seen; the truth is no news.
func TestAnEndpointThatLiesAboutStorage(t *testing.T) {
	t.Parallel()
	s := infestedWith(t, func(s *site, c conf) conf { return s.pausing(c, "dry-run") }, 71)
	s.fund("net71", "pausing")
	s.forget()
	var lies atomic.Bool
	at := local(71)
	at.urls = func(url string) string {
		liar := proxied(t, url, func(asked []byte, pass func([]byte) []byte) []byte {
			if lies.Load() { // the grace
				return bytes.ReplaceAll(pass(asked), []byte(common.BigToHash(big.NewInt(60)).Hex()), []byte(common.BigToHash(big.NewInt(61)).Hex()))
			}
			return pass(asked)
		})
		return fmt.Sprintf("%q, %q", liar, url)
	}
	c := s.pausing(guarded("Vault").on(at), "dry-run")
	c.more = strings.NewReplacer("endpoints: 1", "endpoints: 2", "alerts: {", "alerts: {rules: {unplanned_privilege: {severity: critical, actions: [pause, security]}}, ").Replace(c.more)
	w := s.watch(c)
	w.settled("net71")
	s.only()
	lies.Store(true)
	w.settled("net71")
	grace := want{rule: rule.UnplannedPrivilege, severity: rule.High, network: "net71", subject: "storage: grace", actions: "security"}
	s.only(grace)
	lies.Store(false)
	w.settled("net71")
	s.only(grace)
	if a := s.raised(rule.UnplannedPrivilege, "storage: grace"); a.Endpoints != 1 {
		t.Errorf("%+v", a)
	}
}

// TestAnEndpointThatLies about the code of a facet is believed by nobody, and told of.
func TestAnEndpointThatLies(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	call := attackerOf(t, "Caller")
	address := s.dispatcher(s.open(oneFacet))
	s.byHand("net71", address, 2, s.as("net71", "operator", address), call.route("pass"))
	s.forget()
	lies := make(chan struct{})
	hash, other := hashIn(call.code), hashIn(attackerOf(t, "Writer").code)
	at := local(71)
	at.urls = func(url string) string {
		liar := proxied(t, url, func(asked []byte, pass func([]byte) []byte) []byte {
			select {
			case <-lies:
				return bytes.ReplaceAll(pass(asked), hash, other)
			default:
				return pass(asked)
			}
		})
		return fmt.Sprintf("%q, %q", liar, url)
	}
	c := guarded("Vault").on(at)
	w := s.watch(c)
	w.settled("net71")
	s.only()
	close(lies)
	w.settled("net71")
	s.only(want{
		rule: rule.CodehashMismatch, severity: rule.High, network: "net71", subject: "facet " + strings.ToLower(call.at.Hex()), actions: "security",
	})
}

// TestAFacetIsNamed: an alert about the code of a facet that a rollout has pinned says which contract it is.
func TestAFacetIsNamed(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	vault := s.open(oneFacet).m.Facets[0]
	lies := make(chan struct{})
	hash, other := []byte(hex.EncodeToString(vault.CodeHash[:])), hashIn(attackerOf(t, "Caller").code)
	places[0].urls = func(url string) string {
		return fmt.Sprintf("%q", proxied(t, url, func(asked []byte, pass func([]byte) []byte) []byte {
			select {
			case <-lies:
				return bytes.ReplaceAll(pass(asked), hash, other)
			default:
				return pass(asked)
			}
		}))
	}
	w := s.watch(guarded("Vault").on(places...))
	w.settled("net71")
	close(lies)
	w.settled("net71")
	facet := "facet " + strings.ToLower(vault.Address.Hex())
	a := s.raised(rule.CodehashMismatch, facet)
	if want := "the code of " + facet + " (src/Plan.sol:Vault) is not the pinned one"; a.Severity != rule.Critical || a.Summary != want {
		t.Errorf("%s: %q, want %q", a.Severity, a.Summary, want)
	}
}

// hashIn is the hash of code as it is in an answer.
func hashIn(code []byte) []byte { return []byte(hex.EncodeToString(crypto.Keccak256(code))) }

// TestAnErrorThatAnybodyCanSay: a facet passes on what a contract fails with, which says that a code hash is wrong. What a facet fails with otherwise is its own
// affair.
func TestAnErrorThatAnybodyCanSay(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	call, liar := attackerOf(t, "Caller"), attackerOf(t, "Liar")
	address := s.dispatcher(s.open(oneFacet))
	s.byHand("net71", address, 2, s.as("net71", "operator", address), call.route("pass"))
	s.forget()
	w := s.watch(guarded("Vault"))
	say := func(what []byte) []byte { return call.pack(t, "pass", liar.at, liar.pack(t, "say", what)) }
	s.sendRefused("net71", "carol", address, say([]byte("no")))
	w.settled("net71")
	s.only()
	mismatch := append(crypto.Keccak256([]byte("CodehashMismatch(bytes4,bytes32,bytes32)"))[:4], make([]byte, 96)...)
	said := want{rule: rule.CodehashMismatch, severity: rule.High, network: "net71", subject: "error sent by " + s.low("carol"), actions: "security"}
	said.in = s.sendRefused("net71", "carol", address, say(mismatch))
	w.settled("net71")
	s.only(said)
}

// TestAFacetThatWritesStorage: a facet gives a role, moves the grace in the block of an event, and writes what is its own.
func TestAFacetThatWritesStorage(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	writer := attackerOf(t, "Writer")
	address := s.dispatcher(s.open(oneFacet))
	s.byHand("net71", address, 2, s.as("net71", "operator", address), writer.route("write"))
	s.forget()
	c := guarded("Vault")
	w := s.watch(c)
	write := func(slot, word common.Hash) []byte { return writer.pack(t, "write", slot, word) }
	s.send("net71", "outsider", address, write(common.Hash{31: 5}, common.Hash{31: 1}))
	w.settled("net71")
	s.only()

	hidden := func(what string, severity rule.Severity) want {
		return want{rule: rule.UnplannedPrivilege, severity: severity, network: "net71", subject: "storage: " + what, actions: "security"}
	}
	role := hidden("role bits of "+s.low("alice"), rule.High)
	s.send("net71", "outsider", address, write(roleSlot(s.address("alice")), common.Hash{31: 0b000100}))
	w.settled("net71")
	s.only(role)
	admin := hidden("role bits of "+s.low("carol"), rule.Critical)
	s.send("net71", "outsider", address, write(roleSlot(s.address("carol")), common.Hash{31: 0b000001}))
	w.settled("net71")
	s.only(role, admin)

	// beside an event of the same word's contract, in one block
	batch := want{rule: rule.UnplannedPrivilege, severity: rule.High, network: "net71", subject: "batch 70", actions: "security"}
	both := s.inOneBlock("net71", order{"admin", address, dispatcherABI.PackSetMaxBatchSize(70)}, order{"outsider", address, write(member(3), common.Hash{31: 90})})
	batch.in = both[0]
	grace := hidden("grace", rule.High)
	w.settled("net71")
	s.only(role, admin, batch, grace)

	w.end()
	w = s.watch(c)
	w.settled("net71")
	s.only(role, admin, batch, grace)

	// that of an account which nobody knows is seen when it makes use of it
	s.send("net71", "outsider", address, write(roleSlot(s.address("outsider")), common.Hash{31: 0b010000}))
	w.settled("net71")
	s.only(role, admin, batch, grace)
	pause := want{rule: rule.UnplannedPause, severity: rule.High, network: "net71", subject: "paused by " + s.low("outsider"), actions: "security"}
	pause.in = s.send("net71", "outsider", address, dispatcherABI.PackPause())
	used := hidden("role of "+s.low("outsider")+" without a grant", rule.High)
	used.in = pause.in
	w.settled("net71")
	s.only(role, admin, batch, grace, pause, used)
}

// TestASignerThatHasCode: a signer hands its account over to a contract, and takes it back; an account that is nobody's may have what code it likes.
func TestASignerThatHasCode(t *testing.T) {
	t.Parallel()
	s := infested(t, 71)
	c := guarded("Vault")
	s.forget()
	w := s.watch(c)
	call := attackerOf(t, "Caller")
	s.delegate("net71", "outsider", attackerOf(t, "Honest").at)
	w.settled("net71")
	s.only()
	code := func(part, who string) want {
		return want{rule: rule.AccountCode, severity: rule.High, network: "net71", subject: part + " " + s.low(who), actions: "security"}
	}
	signer := code("signer", "operator")
	s.delegate("net71", "operator", call.at)
	w.settled("net71")
	s.only(signer)
	if a := s.alerts()[0]; !slices.Contains(a.Details, rule.Detail{Name: "delegated to", Value: strings.ToLower(call.at.Hex())}) {
		t.Errorf("it does not say to whom: %v", a.Details)
	}
	w.end()
	deployer := code("signer", "deployer")
	s.delegate("net71", "deployer", call.at)
	w = s.watch(c)
	w.settled("net71")
	s.only(signer, deployer)
	s.delegate("net71", "operator", common.Address{})
	s.alert(rule.AccountCode, s.low("operator"), func(a app.KeptAlert) bool { return !a.Fires() })
	signer.resolved = "the code is again what it was"
	w.settled("net71")
	s.only(signer, deployer)
}
