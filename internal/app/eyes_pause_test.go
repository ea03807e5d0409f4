package app_test

import (
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/uuid"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// pausing has a key of its own for the automatic pause, which holds the role.
func (s *site) pausing(c conf, mode string) conf {
	s.t.Helper()
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte("plan test pausing")))
	if err != nil {
		s.t.Fatal(err)
	}
	s.keys["pausing"] = key
	file, err := keystore.EncryptKey(&keystore.Key{Id: uuid.New(), Address: s.address("pausing"), PrivateKey: key}, "light", 2, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, data := range map[string][]byte{"pausing.json": file, "pausing.txt": []byte("light")} {
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	c.roles = strings.Replace(usualRoles, "pauser: [guardian]", "pauser: [guardian, pausing]", 1)
	c.more = "  pausing: {keystore: pausing.json, password: \"file:pausing.txt\"}" +
		fmt.Sprintf("\nalerts: {pause: {mode: %s, signer: pausing, endpoints: 1}}", mode) + c.more
	return c
}

// threatened is a site with a metamorphic facet that can go live, and a daemon that would pause because of that.
func threatened(t *testing.T, mode string) (*site, *metamorphic, *watcher, conf) {
	t.Helper()
	return threatenedWith(t, mode, func(_ *site, c conf) conf { return c })
}

// threatenedWith is threatened with what else the configuration of the daemon is to have.
func threatenedWith(t *testing.T, mode string, change func(*site, conf) conf) (*site, *metamorphic, *watcher, conf) {
	t.Helper()
	s := infestedWith(t, func(s *site, c conf) conf { return s.pausing(c, mode) }, 71)
	c := change(s, s.pausing(guarded("Vault"), mode))
	x := s.metamorphic("net71", s.dispatcher(s.open(c)), 2)
	s.fund("net71", "pausing")
	s.forget()
	w := s.watch(c)
	if mode != "on" { // then it is never armed
		w.settled("net71")
		time.Sleep(time.Second)
		return s, x, w, c
	}
	for ctx := s.ctx(); ; time.Sleep(20 * time.Millisecond) {
		if _, text := w.ask(http.MethodGet, "/metrics", token.Token{}, "", nil); strings.Contains(text, `lockstep_pause_armed{network="net71"} 1`) {
			return s, x, w, c
		}
		if ctx.Err() != nil {
			t.Fatalf("it is not armed: %+v", w.log)
		}
	}
}

// fund gives an account an ether.
func (s *site) fund(network, name string) {
	s.t.Helper()
	to := s.address(name)
	s.sendTx(network, "outsider", func(id *big.Int, nonce uint64) types.TxData {
		return &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce, Gas: 21_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1), To: &to, Value: big.NewInt(params.Ether),
		}
	})
}

// decisions waits until there are some, of which the newest has an outcome.
func (w *watcher) decisions(outcome rollout.PauseOutcome) []app.PauseDecision {
	w.t.Helper()
	for ctx := w.ctx(); ; time.Sleep(20 * time.Millisecond) {
		all, err := w.p.Pauses(ctx, 10)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(all) > 0 && all[0].Outcome == outcome {
			return all
		}
	}
}

func (x *metamorphic) wants(activated *types.Receipt) []want {
	return []want{
		{rule: rule.UnknownRoot, severity: rule.Critical, network: "net71", subject: x.root.Hex(), actions: "security cancel", in: activated},
		{
			rule: rule.CodehashMismatch, severity: rule.Critical, network: "net71", subject: "facet " + strings.ToLower(x.address.Hex()), actions: "pause security",
			at: activated.BlockNumber.Uint64(),
		},
	}
}

// TestAFacetThatChangesPauses: once, with what the decision should say, and nobody is alarmed by the pause itself, nor is it done again by whoever begins to
// watch anew.
func TestAFacetThatChangesPauses(t *testing.T) {
	t.Parallel()
	s, x, w, c := threatened(t, "on")
	w.settled("net71")
	if all, err := w.p.Pauses(s.ctx(), 10); err != nil || len(all) > 0 {
		t.Errorf("before anything: %+v, %v", all, err)
	}
	activated := x.activate("net71")
	all := w.decisions(rollout.PauseLanded)
	if d := all[0]; len(all) != 1 || d.Rule != rule.CodehashMismatch || d.Network != "net71" || d.Block.Hash != activated.BlockHash || d.Took == 0 || d.Took > 60_000 ||
		d.Transaction == 0 || d.Dispatcher != x.dispatcher {
		t.Errorf("%+v", all)
	}
	if s.state("net71", x.dispatcher)["paused"] != "true" {
		t.Error("it is not paused")
	}
	w.settled("net71")
	s.only(x.wants(activated)...)
	w.end()
	w = s.watch(c)
	w.settled("net71")
	s.only(x.wants(activated)...)
	if again := w.decisions(rollout.PauseLanded); len(again) != 1 {
		t.Errorf("%+v", again)
	}
}

// TestADryRunPausesNothing, and notes what it would have done.
func TestADryRunPausesNothing(t *testing.T) {
	t.Parallel()
	s, x, w, _ := threatened(t, "dry-run")
	activated := x.activate("net71")
	if all := w.decisions(rollout.PauseDryRun); len(all) != 1 || all[0].Rule != rule.CodehashMismatch || all[0].Transaction != 0 || all[0].Took == 0 {
		t.Errorf("%+v", all)
	}
	w.settled("net71")
	s.only(x.wants(activated)...)
	s.mustHaveSentNothing("pausing")
}

// TestWhatBecomesOfAPauseIsTold: who was told of the alert hears of it.
func TestWhatBecomesOfAPauseIsTold(t *testing.T) {
	t.Parallel()
	for mode, wants := range map[string][]string{
		"on":      {"The automatic pause of net71 has landed: routed calls revert."}, // it may do so before anybody could be told that it is sent
		"dry-run": {"The automatic pause of net71 did nothing, since its mode is dry-run. If this is real, pause it by hand, now."},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			var p *pagers
			_, x, _, _ := threatenedWith(t, mode, func(s *site, c conf) conf {
				key, pause, _ := strings.Cut(c.more, "\nalerts: {")
				var alerts string
				p, alerts = s.pagers("  " + strings.TrimSuffix(pause, "}"))
				c.more = key + "\n" + alerts
				return c
			})
			x.activate("net71")
			heard := func(want string) bool {
				p.mu.Lock()
				defer p.mu.Unlock()
				return slices.ContainsFunc(p.got["two"], func(m notice.Message) bool { return m.Alert.Rule == rule.CodehashMismatch && m.Advice == want })
			}
			for _, want := range wants {
				for ctx := p.ctx(); !heard(want); time.Sleep(20 * time.Millisecond) {
					if ctx.Err() != nil {
						t.Fatalf("nobody is told %q; they were told %v", want, p.say("two"))
					}
				}
			}
		})
	}
}

// TestASilencePausesNothing: the alert is raised all the same.
func TestASilencePausesNothing(t *testing.T) {
	t.Parallel()
	s, x, w, _ := threatened(t, "on")
	if _, err := w.p.Silence(s.ctx(), rule.Silence{Rule: rule.CodehashMismatch, Network: "net71", Reason: "a drill", By: "tester"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond) // they are looked for every other second
	activated := x.activate("net71")
	w.settled("net71")
	s.only(x.wants(activated)...)
	if all, err := w.p.Pauses(s.ctx(), 10); err != nil || len(all) > 0 {
		t.Errorf("%+v, %v", all, err)
	}
	s.mustHaveSentNothing("pausing")
}

func (s *site) mustHaveSentNothing(who string) {
	s.t.Helper()
	for name := range s.nets {
		if nonce, err := s.dial(name).NonceAt(s.ctx(), s.address(who), nil); err != nil || nonce != 0 {
			s.t.Errorf("%s has sent %d transactions (%v)", who, nonce, err)
		}
	}
}

// TestAPauseThatNobodyDecidedIsMadeUpFor: an alert that fired when a process ended before it had decided anything pauses as soon as another one watches,
// once.
func TestAPauseThatNobodyDecidedIsMadeUpFor(t *testing.T) {
	t.Parallel()
	s, x, w, c := threatened(t, "off") // which decides nothing
	activated := x.activate("net71")
	w.settled("net71")
	s.only(x.wants(activated)...)
	w.end()
	on := c
	on.more = strings.Replace(c.more, "mode: off", "mode: on", 1)
	for range 2 {
		w = s.watch(on)
		if all := w.decisions(rollout.PauseLanded); len(all) != 1 || all[0].Rule != rule.CodehashMismatch || all[0].Block.Hash != activated.BlockHash {
			t.Errorf("%+v", all)
		}
		w.settled("net71")
		w.end()
	}
	if s.state("net71", x.dispatcher)["paused"] != "true" {
		t.Error("it is not paused")
	}
	if nonce, err := s.dial("net71").NonceAt(s.ctx(), s.address("pausing"), nil); err != nil || nonce != 1 {
		t.Errorf("%d transactions, %v", nonce, err)
	}
}

// TestStoppedAfterAnAlert: a process that is stopped in the moment in which an alert is raised pauses before it ends, or the next one does.
func TestStoppedAfterAnAlert(t *testing.T) {
	t.Parallel()
	s, x, w, c := threatened(t, "on")
	w.settled("net71")
	x.activate("net71")
	s.raised(rule.CodehashMismatch, strings.ToLower(x.address.Hex()))
	w.end()
	w = s.watch(c)
	if all := w.decisions(rollout.PauseLanded); len(all) != 1 {
		t.Errorf("%+v", all)
	}
	if nonce, err := s.dial("net71").NonceAt(s.ctx(), s.address("pausing"), nil); err != nil || nonce != 1 {
		t.Errorf("%d transactions, %v", nonce, err)
	}
}
