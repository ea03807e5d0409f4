package app

import (
	"context"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/chain"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestPlansEndWithTheTenure: what is still made when another process watches, or this one anew, is of no more use, and must not meet what comes next.
func TestPlansEndWithTheTenure(t *testing.T) {
	c, err := chain.New(chain.Config{Name: "one", ChainID: 1, URLs: []string{"http://127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	n := &net{Network: config.Network{Network: network.Network{Name: "one", ChainID: 1}}, chain: c}
	x := newRemedies()
	e := &eyes{server: &server{app: &App{networks: []*net{n}}}, remedies: x}
	x.turn <- struct{}{} // one is being made
	ctx, over := context.WithCancel(t.Context())
	grave := rule.Record{Alert: rule.Alert{
		Rule: rule.UnplannedPrivilege, Severity: rule.High, ChainID: 1, Contract: common.Address{1}, Actions: []rule.Action{rule.Security},
	}}
	e.prepare(ctx, grave)
	ended := make(chan struct{})
	go func() {
		x.making.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		t.Fatal("it does not wait for its turn")
	case <-time.After(50 * time.Millisecond):
	}
	e.remedies = newRemedies() // the next tenure
	over()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end with the tenure")
	}
}

// TestWhatHasAPlan: a call that was refused has changed nothing.
func TestWhatHasAPlan(t *testing.T) {
	alert := rule.Alert{Rule: rule.UnknownRoot, Severity: rule.Critical, Contract: common.Address{1}, Actions: []rule.Action{rule.Security, rule.ActCancel}}
	for name, c := range map[string]struct {
		change func(*rule.Alert)
		want   bool
	}{
		"a root that nobody knows": {func(*rule.Alert) {}, true},
		"a refused call":           {func(a *rule.Alert) { a.Rule, a.Severity = rule.UnauthorizedAccess, rule.High }, false},
		"not grave":                {func(a *rule.Alert) { a.Severity = rule.Warning }, false},
		"nobody is told":           {func(a *rule.Alert) { a.Actions = []rule.Action{rule.ActCancel} }, false},
		"about no contract":        {func(a *rule.Alert) { a.Contract = common.Address{} }, false},
	} {
		a := alert
		if c.change(&a); remedied(rule.Record{Alert: a}) != c.want {
			t.Errorf("%s: not %v", name, c.want)
		}
	}
}
