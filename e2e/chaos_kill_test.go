package e2e

import (
	"database/sql"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

// TestChaosKilledWrites kills a daemon on SQLite at each write to its journal, through the whole of an upgrade, and through the one after it if
// there are several rounds.
func TestChaosKilledWrites(t *testing.T) {
	chaos(t, func(t *testing.T, random *rand.Rand) {
		f := newFleet(t, inUse(2), map[string]string{"": everySecond})
		one := f.approved("one")
		f.keepTimes()
		f.must("--config", "one.yaml", "start", "one-plan.json", "--yes")
		t.Logf("one: %d kills", f.killServeAtEachWrite("one.yaml", one, random))
		f.checkEnd("one", 1, make([]int, 2), f.needed(), false)
		if *roundsFlag == 1 {
			return
		}
		before := f.counts()
		two := f.approved("two")
		f.must("--config", "two.yaml", "start", "two-plan.json", "--yes")
		t.Logf("two: %d kills", f.killServeAtEachWrite("two.yaml", two, random))
		f.checkEnd("two", 2, before, f.neededNext(), false)
	})
}

// killServeAtEachWrite starts a daemon and kills it at a write, until the plan that it carries out is done. Every second time that is the next one
// of what happens to the plan; the other times it is one of the first, whatever it is about: leases, health. Who begins anew writes that it does:
// if nothing has come of the last starts, the next ones may write more.
func (f *fleet) killServeAtEachWrite(config, plan string, random *rand.Rand) (kills int) {
	f.t.Helper()
	database := filepath.Join(f.dir, "lockstep.db")
	const patient = 1000
	stalled, progress := 0, 0
	for ; kills < patient; kills++ {
		if status, now := f.look(database, plan); status == "done" {
			return kills
		} else if now > progress {
			stalled, progress = 0, now
		} else {
			stalled++
		}
		before, err := readWAL(database)
		if err != nil {
			f.t.Fatal(err)
		}
		more := 1 + random.IntN(20)
		wrote := func() bool {
			now, err := readWAL(database)
			if err != nil {
				f.t.Fatal(err)
			}
			return now.salts != before.salts && now.commits >= more || now.salts == before.salts && now.commits >= before.commits+more
		}
		if kills%2 == 0 {
			entries, next := f.auditEntries(database, notOfLeases), 1+stalled/4
			wrote = func() bool { return f.auditEntries(database, notOfLeases) >= entries+next }
		}
		wroteOrDone := wrote
		wrote = func() bool {
			status, _ := f.look(database, plan)
			return status == "done" || wroteOrDone()
		}
		running := f.start("--config", config, "serve")
		if !f.killWhen(running, database, wrote) {
			f.t.Fatalf("serve ended by itself: %s", running.output())
		}
	}
	f.t.Fatalf("not done after %d kills: %+v", kills, f.execution(config, plan))
	return kills
}

// look reads in a journal how an execution stands, and how much has happened to transactions.
func (f *fleet) look(database, plan string) (status string, progress int) {
	f.t.Helper()
	db, err := sql.Open("sqlite", "file:"+database+"?mode=ro&_pragma=busy_timeout(10000)")
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.QueryRowContext(f.t.Context(), `SELECT status, (SELECT count(*) FROM audit WHERE kind LIKE 'transaction.%') FROM executions WHERE plan = ?`, plan).
		Scan(&status, &progress)
	if err != nil {
		f.t.Fatal(err)
	}
	return status, progress
}
