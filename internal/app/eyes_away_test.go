package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/badnode"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestAReorganisationWhileNobodyWatches: a block leaves the chain, and what is done in those that take its place is seen by who watches next, although
// blocks of these numbers were watched; what was in the one that left is no alert any more.
func TestAReorganisationWhileNobodyWatches(t *testing.T) {
	t.Parallel()
	s, _ := begun(t, 71)
	c := guarded("Vault")
	w := s.watch(c)
	address := s.dispatcher(w.p)
	paused := s.send("net71", "guardian", address, dispatcherABI.PackPause())
	s.raised(rule.UnplannedPause, "paused by")
	w.settled("net71")
	w.end()
	s.takeOut("net71", paused)
	granted := s.send("net71", "admin", address, dispatcherABI.PackGrantRole([32]byte{}, s.address("alice")))
	if granted.BlockNumber.Uint64() > paused.BlockNumber.Uint64()+1 {
		t.Fatalf("the pause was in block %d, and the grant is in %d, which nobody has watched", paused.BlockNumber, granted.BlockNumber)
	}
	if err := s.nets["net71"].Mine(4); err != nil {
		t.Fatal(err)
	}
	s.watch(c)
	if a := s.raised(rule.UnplannedPrivilege, "granted ADMIN "+s.low("alice")); a.Severity != rule.Critical || a.Tx != granted.TxHash {
		t.Errorf("%+v", a)
	}
	s.alert(rule.UnplannedPause, "paused by", func(a app.KeptAlert) bool { return !a.Fires() })
}

// TestANetworkThatIsDownFromTheBeginning: who begins to watch says so too.
func TestANetworkThatIsDownFromTheBeginning(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: others watch in the same way")
	}
	s, places := begun(t, 71)
	bad := s.faulty("net71")
	places[0].urls = func(string) string { return fmt.Sprintf("%q", bad.URL) }
	c := withRules(guarded("Vault").on(places...), "rpc_down: {threshold: 1s}")
	bad.set(badnode.Dead)
	d := s.serve(c)
	d.saysSoon("msg=watching")
	if a := s.raised(rule.RPCDown, "every endpoint"); a.Severity != rule.High {
		t.Errorf("%+v", a)
	}
	bad.set(badnode.None)
	for range 5 { // that it answers is said with its blocks
		time.Sleep(time.Second)
		if err := s.nets["net71"].Mine(1); err != nil {
			t.Fatal(err)
		}
	}
	s.alert(rule.RPCDown, "every endpoint", func(a app.KeptAlert) bool { return !a.Fires() })
}

// TestAnIndexThatCannotBegin: an endpoint refuses logs from the beginning.
func TestAnIndexThatCannotBegin(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: others watch in the same way")
	}
	s, places := begun(t, 71)
	bad := s.faulty("net71", "eth_getLogs", "eth_getBlockReceipts")
	places[0].urls = func(string) string { return fmt.Sprintf("%q", bad.URL) }
	c := guarded("Vault").on(places...)
	bad.set(badnode.Broken)
	d := s.serve(c)
	d.watching()
	d.saysSoon("indexing is interrupted")
	if err := s.nets["net71"].Mine(25); err != nil {
		t.Fatal(err)
	}
	s.raised(rule.IndexLag, "")
	bad.set(badnode.None)
	s.alert(rule.IndexLag, "", func(a app.KeptAlert) bool { return !a.Fires() })
}

// TestWhatHappensBeforeTheIndexHasBegun: the first daemon that watches can read no logs, and is stopped. A pause of then is news to the next one.
func TestWhatHappensBeforeTheIndexHasBegun(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: others watch in the same way")
	}
	s, places := begun(t, 71)
	bad := s.faulty("net71", "eth_getLogs", "eth_getBlockReceipts")
	places[0].urls = func(string) string { return fmt.Sprintf("%q", bad.URL) }
	c := guarded("Vault").on(places...)
	address := s.dispatcher(s.open(c))
	before := s.send("net71", "admin", address, dispatcherABI.PackSetEtaGrace(300))
	bad.set(badnode.Broken)
	d := s.serve(c)
	d.watching()
	d.saysSoon("indexing is interrupted")
	paused := s.send("net71", "guardian", address, dispatcherABI.PackPause())
	d.end()
	if all := s.alerts(); len(all) > 0 {
		t.Fatalf("alerts without an index: %s", named(all))
	}
	bad.set(badnode.None)
	s.watch(c)
	if a := s.raised(rule.UnplannedPause, "paused by"); a.Tx != paused.TxHash {
		t.Errorf("%+v", a)
	}
	if i := slices.IndexFunc(s.alerts(), func(a app.KeptAlert) bool { return a.Tx == before.TxHash }); i >= 0 {
		t.Errorf("what was before anybody watched is told as news: %s", named(s.alerts()))
	}
}
