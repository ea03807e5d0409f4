package app

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/seed-b6a97670/lockstep/contracts"
	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/bindings"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/objective"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

const (
	base     = 8453
	optimism = 10
	arbitrum = 42161
)

// call is a signed transaction with some call data.
func call(t testing.TB, data []byte) []byte {
	t.Helper()
	raw, err := types.NewTx(&types.DynamicFeeTx{To: &common.Address{0xd1}, Data: data}).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// watches checks the health of networks for a while, and shows the rules what happens there.
func (d *diary) watches(lasts time.Duration, problem string, chains ...uint64) {
	d.Helper()
	for end := time.Now().Add(lasts); ; time.Sleep(5 * time.Minute) {
		at := rollout.Block{Number: 1, Time: uint64(time.Now().Unix())}
		for _, id := range chains {
			_, err := d.SetHealth(d.Context(), id, at, problem, 10*time.Minute)
			d.ok(err)
		}
		if !time.Now().Before(end) {
			_, err := d.SaveAlerts(d.Context(), chains[0], &at, nil, nil)
			d.ok(err)
			return
		}
	}
}

const day = 24 * time.Hour

// TestObjectives writes journals, and says what follows from each for the objectives that it is about.
func TestObjectives(t *testing.T) {
	commit := contracts.Published().Commit
	commits, activates := call(t, bindings.NewManifestDispatcher().PackCommitRoot(common.Hash{1}, 1)), call(t, bindings.NewManifestDispatcher().PackActivateCommittedRoot())
	file, err := os.ReadFile("../manifest/testdata/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Root, RoutesRoot common.Hash
		Facets           []any
	}
	if err := json.Unmarshal(file, &m); err != nil {
		t.Fatal(err)
	}
	activate := contracts.Published().Activate(len(m.Facets))
	const nothing = "not measured"
	unmeasured := map[objective.Name]string{}
	for _, o := range objective.Objectives() {
		unmeasured[o.Name] = nothing
	}
	for name, c := range map[string]struct {
		story func(d *diary)
		cfg   *config.Config
		want  map[objective.Name]string // verdict and value
	}{
		"an empty journal": {func(*diary) {}, nil, unmeasured},
		"what is long ago": {func(d *diary) {
			d.watches(time.Hour, "routed calls are paused", base)
			d.sends(base, 1, "commit", rollout.Reverted, commits, 0)
			d.becomes(rule.Raised, rule.UnknownRoot, "0xaa", rule.Critical, "")
			d.becomes(rule.Resolved, rule.UnknownRoot, "0xaa", rule.Critical, "the root is neither pending nor active")
			time.Sleep(2 * day)
		}, nil, unmeasured},
		"a quiet day": {func(d *diary) { d.watches(day, "", base, optimism) }, nil, map[objective.Name]string{
			objective.Uptime: "met 1", objective.Success: nothing, objective.Gas: nothing, objective.Answer: nothing, objective.Unauthorized: "met 0", objective.Code: "met 0",
			objective.Pauses: "met 0", objective.Incidents: "met 0",
		}},
		"health was checked, and rules saw nothing": {func(d *diary) { d.looks(base, day, "") }, nil, map[objective.Name]string{
			objective.Uptime: "met 1", objective.Unauthorized: nothing, objective.Code: nothing, objective.Pauses: nothing, objective.Incidents: nothing, objective.Answer: nothing,
		}},
		"half a day": {func(d *diary) { d.watches(day/2, "", base) }, nil, map[objective.Name]string{objective.Uptime: nothing, objective.Unauthorized: nothing, objective.Incidents: "met 0"}},
		"one network was out of reach": {func(d *diary) {
			d.watches(18*time.Hour, "", base, optimism)
			d.watches(6*time.Hour, cannotBeAsked, optimism)
		}, nil, map[objective.Name]string{objective.Uptime: "not met 0.75"}},
		"a network to which something was sent, and at which nobody looked": {func(d *diary) {
			d.watches(day, "", base)
			d.sends(optimism, 1, "pause", rollout.Confirmed, []byte{2}, 0)
		}, nil, map[objective.Name]string{objective.Uptime: nothing, objective.Unauthorized: nothing, objective.Success: "met 1"}},
		"one that is configured no more": {func(d *diary) {
			d.watches(day, "", base)
			d.sends(optimism, 1, "pause", rollout.Confirmed, []byte{2}, 0)
		}, &config.Config{Networks: []config.Network{{Network: network.Network{Name: "base", ChainID: base}}}}, map[objective.Name]string{objective.Uptime: "met 1"}},
		"steps": {func(d *diary) {
			for i := range uint64(9) {
				d.sends(base, i, "commit", rollout.Confirmed, commits, commit)
			}
			d.sends(base, 9, "commit", rollout.Reverted, commits, 3*commit)
		}, nil, map[objective.Name]string{objective.Success: "not met 0.9", objective.Gas: "met 0", objective.Uptime: nothing}},
		"gas": {func(d *diary) {
			d.sends(base, 1, "commit", rollout.Confirmed, commits, commit+commit/4)
			d.sends(base, 2, "deploy", rollout.Confirmed, []byte{2}, 100*commit)
			d.sends(arbitrum, 3, "commit", rollout.Confirmed, commits, 100*commit) // of which a part is for data
		}, nil, map[objective.Name]string{objective.Gas: "not met 0.25"}},
		"gas of an activation": {func(d *diary) {
			d.ok(d.SaveManifest(d.Context(), m.Root, m.RoutesRoot, file))
			d.sends(base, 1, "activate", rollout.Confirmed, activates, 100*activate) // of no rollout
			_, err := d.Begin(d.Context(), rollout.Run{ChainID: base, Root: m.Root, Manifest: m.Root, Epoch: 1})
			d.ok(err)
			d.sends(base, 2, "activate", rollout.Confirmed, activates, activate)
		}, nil, map[objective.Name]string{objective.Gas: "met 0"}},
		"answers": {func(d *diary) {
			one := d.becomes(rule.Raised, rule.UnknownRoot, "0xaa", rule.Critical, "")
			d.becomes(rule.Raised, rule.Drift, "active routes", rule.High, "") // not critical
			time.Sleep(10 * time.Minute)
			d.acknowledges(one, "")
			d.becomes(rule.Raised, rule.UnknownRoot, "0xcc", rule.Critical, "")
			time.Sleep(time.Minute) // there is time left for it
		}, nil, map[objective.Name]string{objective.Answer: "met 600", objective.Unauthorized: "not met 2"}},
		"one that became critical later": {func(d *diary) {
			d.becomes(rule.Raised, rule.CodehashMismatch, "facet 0xaa", rule.High, "")
			time.Sleep(time.Hour)
			id := d.becomes(rule.Raised, rule.CodehashMismatch, "facet 0xaa", rule.Critical, "")
			time.Sleep(5 * time.Minute)
			d.acknowledges(id, "")
		}, nil, map[objective.Name]string{objective.Answer: "met 300", objective.Code: "not met 1"}},
		"one that became critical after it was acknowledged": {func(d *diary) {
			id := d.becomes(rule.Raised, rule.CodehashMismatch, "facet 0xaa", rule.High, "")
			d.acknowledges(id, "seen")
			time.Sleep(time.Minute)
			d.becomes(rule.Raised, rule.CodehashMismatch, "facet 0xaa", rule.Critical, "")
			time.Sleep(time.Hour)
			d.becomes(rule.Resolved, rule.CodehashMismatch, "facet 0xaa", rule.Critical, "the code is again what it was")
		}, nil, map[objective.Name]string{objective.Answer: "not met 3600", objective.Incidents: "not met 1"}},
		"nobody answered": {func(d *diary) {
			d.becomes(rule.Raised, rule.UnknownRoot, "0xaa", rule.Critical, "")
			time.Sleep(time.Hour)
		}, nil, map[objective.Name]string{objective.Answer: "not met 3600"}},
		"what counts, and what does not": {func(d *diary) {
			d.watches(day, "", base)
			d.becomes(rule.Raised, rule.UnplannedPrivilege, "granted ADMIN 0xaa", rule.Critical, "")
			d.becomes(rule.Raised, rule.UnauthorizedAccess, "0xaa", rule.High, "") // refused, and so no success
			d.becomes(rule.Raised, rule.UnknownRoot, "0xbb", rule.Critical, "")
			d.becomes(rule.Resolved, rule.UnknownRoot, "0xbb", rule.Critical, "the block that showed it is no longer in the chain")
			d.becomes(rule.Raised, rule.UnknownRoot, "0xcc", rule.Critical, "")
			d.becomes(rule.Resolved, rule.UnknownRoot, "0xcc", rule.Critical, "it is explained by plan 0x99")
			d.becomes(rule.Raised, rule.CodehashMismatch, "error sent by 0xaa", rule.High, "") // anybody can send it
			d.becomes(rule.Raised, rule.UnplannedPause, "paused by 0xaa", rule.High, "")
			d.becomes(rule.Raised, rule.UnplannedPause, "unpaused by 0xaa", rule.High, "") // no pause
			for id, outcome := range []rollout.PauseOutcome{rollout.PauseLanded, rollout.PauseFailed} {
				d.ok(d.Append(d.Context(), audit.PauseEnded, base, audit.PauseEnd{ID: int64(id), PauseResult: audit.PauseResult{Outcome: string(outcome)}}))
			}
		}, nil, map[objective.Name]string{
			objective.Unauthorized: "not met 1", objective.Code: "met 0", objective.Pauses: "not met 2", objective.Incidents: "met 0",
		}},
		"incidents": {func(d *diary) {
			for i, note := range []string{"our new signer", "", " ", "none"} {
				subject := fmt.Sprint("0x", i)
				id := d.becomes(rule.Raised, rule.UnauthorizedAccess, subject, rule.High, "")
				if note != "none" {
					d.acknowledges(id, note)
				}
				d.becomes(rule.Resolved, rule.UnauthorizedAccess, subject, rule.High, "it was not seen again")
			}
			d.becomes(rule.Raised, rule.RPCDown, "one", rule.Warning, "") // not grave
			d.becomes(rule.Resolved, rule.RPCDown, "one", rule.Warning, "it answers again")
			d.becomes(rule.Raised, rule.Drift, "active routes", rule.High, "") // not over
		}, nil, map[objective.Name]string{objective.Incidents: "not met 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[objective.Name]string{}
			synctest.Test(t, func(t *testing.T) {
				d := &diary{T: t}
				path := t.TempDir() + "/lockstep.db"
				var err error
				d.Store, err = store.Open(d.Context(), path, "test")
				d.ok(err)
				t.Cleanup(func() { d.ok(d.Close()) })
				c.story(d)
				results, err := Objectives(d.Context(), path, c.cfg, time.Now().Add(-day).Unix(), time.Now().Unix())
				d.ok(err)
				for _, r := range results {
					got[r.Name] = string(r.Verdict)
					if r.Value != nil {
						got[r.Name] += fmt.Sprintf(" %.4g", *r.Value)
					}
				}
			})
			for name, want := range c.want {
				if got[name] != want {
					t.Errorf("%s is %s, want %s", name, got[name], want)
				}
			}
		})
	}
}

func TestObjectivesNeedAJournal(t *testing.T) {
	if _, err := Objectives(t.Context(), t.TempDir()+"/none.db", nil, 0, 1); err == nil || !strings.Contains(err.Error(), "there is no journal") {
		t.Errorf("got %v", err)
	}
}
