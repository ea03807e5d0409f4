package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// alerts are all that were ever raised, the oldest first.
func (s *site) alerts() []app.KeptAlert {
	s.t.Helper()
	all, err := app.Alerts(s.ctx(), s.journal, app.AlertQuery{})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Reverse(all)
	return all
}

// raised waits until an alert of a rule about something was raised.
func (s *site) raised(rule, subject string) app.KeptAlert {
	s.t.Helper()
	return s.alert(rule, subject, func(app.KeptAlert) bool { return true })
}

func (s *site) alert(rule, subject string, is func(app.KeptAlert) bool) app.KeptAlert {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 60*time.Second)
	defer cancel()
	for {
		all := s.alerts()
		if i := slices.IndexFunc(all, func(a app.KeptAlert) bool {
			return (rule == "" || a.Rule == rule) && strings.Contains(a.Subject, subject) && is(a)
		}); i >= 0 {
			return all[i]
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("no alert %s about %s is as it should be; there are %s", rule, subject, named(all))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func named(all []app.KeptAlert) (out []string) {
	for _, a := range all {
		out = append(out, fmt.Sprintf("\n%d %s %s on %s about %s: %s (%s) %v", a.ID, a.Rule, a.Severity, a.Network, a.Subject, a.Summary, a.Resolution, a.Details))
	}
	return out
}

// watching waits until a daemon watches a network for the first time: what happens from then on is news.
func (d *daemon) watching() { d.saysSoon(`msg="watched from now on"`) }

// TestWhatIsPlannedIsQuiet deploys, rolls out twice and goes back, by plans, while a daemon watches from the beginning: nobody is called.
func TestWhatIsPlannedIsQuiet(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	d := s.serve(c)
	d.watching()
	p := s.open(c)
	made := s.plan(p, p.request(plan.Rollout))
	s.handOver(p, made)
	s.awaited(p, made.Digest, "waiting for its timelock", atTimelocks)
	s.passTimelocks(p, "net71")
	s.awaited(p, made.Digest, "done", isDone)
	time.Sleep(3 * time.Second) // what is seen later
	d.end()
	if all := s.alerts(); len(all) > 0 {
		t.Errorf("alerts %s\n%s", named(all), d.log)
	}
}

// TestWhatNoPlanExplains: each offence raises one alert, of its rule and severity.
func TestWhatNoPlanExplains(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("VaultDoubling")
	p := s.open(c)
	address := s.dispatcher(p)
	d := s.serve(c)
	d.watching()
	low := func(name string) string { return strings.ToLower(s.address(name).Hex()) }
	pauser := crypto.Keccak256Hash([]byte("PAUSER_ROLE"))

	s.send("net71", "guardian", address, dispatcherABI.PackPause())
	s.send("net71", "admin", address, dispatcherABI.PackGrantRole(pauser, s.address("outsider")))
	s.send("net71", "admin", address, dispatcherABI.PackGrantRole([32]byte{}, s.address("alice")))
	s.send("net71", "admin", address, dispatcherABI.PackSetEtaGrace(300))
	s.send("net71", "admin", address, dispatcherABI.PackSetMaxBatchSize(100))
	s.send("net71", "operator", address, dispatcherABI.PackCommitRoot(common.Hash{0xaa}, 2))
	s.sendRefused("net71", "carol", address, dispatcherABI.PackUnpause())
	s.sendRefused("net71", "operator", address, dispatcherABI.PackActivateCommittedRoot())
	for _, want := range []struct {
		rule, subject string
		severity      rule.Severity
	}{
		{rule.UnplannedPause, "paused by " + low("guardian"), rule.High},
		{rule.UnplannedPrivilege, "granted PAUSER " + low("outsider"), rule.High},
		{rule.UnplannedPrivilege, "granted ADMIN " + low("alice"), rule.Critical},
		{rule.UnplannedPrivilege, "grace 300", rule.High},
		{rule.UnplannedPrivilege, "batch 100", rule.High},
		{rule.UnknownRoot, common.Hash{0xaa}.Hex(), rule.Critical},
		{rule.UnauthorizedAccess, low("carol"), rule.High},
		{rule.ActivationNotReady, low("operator"), rule.Warning},
	} {
		if a := s.raised(want.rule, want.subject); a.Severity != want.severity || a.Network != "net71" || a.Tx == (common.Hash{}) {
			t.Errorf("%+v", a)
		}
	}
	if st, err := p.Status(s.ctx(), nil); err != nil || st.Alerts != 7 {
		t.Errorf("the status counts %d alerts that are critical or high, %v; want 7", st.Alerts, err)
	}
	s.send("net71", "guardian", address, dispatcherABI.PackCancelCommit())
	s.alert(rule.UnknownRoot, common.Hash{0xaa}.Hex(), func(a app.KeptAlert) bool { return !a.Fires() })
	s.raised(rule.UnplannedPrivilege, "cancelled "+common.Hash{0xaa}.Hex())
	time.Sleep(time.Second)
	d.end()
	if all := s.alerts(); len(all) != 9 {
		t.Errorf("%d alerts, want 9: %s", len(all), named(all))
	}
}
