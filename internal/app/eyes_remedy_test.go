package app_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/notice"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestPlansAgainstAlerts: alerts that find a network in the same state share one. A call that was refused has changed nothing, so none is made: anybody can
// have as many refused as they please.
func TestPlansAgainstAlerts(t *testing.T) {
	t.Parallel()
	s, places := begun(t, 71)
	s.live(oneFacet.with("VaultDoubling").on(places...)) // so that there is something to return to
	p, alerts := s.pagers("")
	c := guarded("Vault")
	c.more += "\n" + alerts
	w := s.watch(c)
	address := s.dispatcher(w.p)
	for _, name := range []string{"carol", "outsider", "alice"} {
		s.sendRefused("net71", name, address, dispatcherABI.PackPause())
		s.raised(rule.UnauthorizedAccess, s.low(name))
	}
	granted := []string{"carol", "outsider", "alice", "bob"}
	for _, name := range granted {
		s.send("net71", "admin", address, dispatcherABI.PackGrantRole(dispatcher.PauserRole, s.address(name)))
	}
	attached := map[string]int{} // by name of the file
	for ctx := s.ctx(); len(attached) == 0 || attached[first(attached)] < len(granted); time.Sleep(20 * time.Millisecond) {
		clear(attached)
		p.mu.Lock()
		for _, m := range p.got["two"] {
			if m.Kind == notice.Renewed && len(m.Attachments) == 1 {
				attached[m.Attachments[0].Name]++
				if m.Alert.Rule != rule.UnplannedPrivilege {
					t.Errorf("%s has a plan", m.Alert.Rule)
				}
			}
		}
		p.mu.Unlock()
		if ctx.Err() != nil {
			t.Fatalf("attached were %v\n%s", attached, w.log)
		}
	}
	w.end()
	db, err := sql.Open("sqlite", s.journal)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var plans int
	if err := db.QueryRow("SELECT count(*) FROM plans").Scan(&plans); err != nil || plans != 1 || len(attached) != 1 {
		t.Errorf("%d plans were made (%v), attached were %v", plans, err, attached)
	}
}

// first is any of the keys.
func first(m map[string]int) string {
	for k := range m {
		return k
	}
	return ""
}
