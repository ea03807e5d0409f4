package rollout

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"pgregory.net/rapid"
)

var (
	ours   = common.HexToHash("0x01")
	theirs = common.HexToHash("0x02")
	older  = common.HexToHash("0x03")
)

// TestDecideOnAnyObservation draws observations that no honest network would give as well as those that one would, and
// checks what must hold of every decision by itself.
func TestDecideOnAnyObservation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		roots := rapid.SampledFrom([]common.Hash{{}, ours, theirs, older})
		pages := rapid.SliceOfN(rapid.IntRange(1, 100), 1, 4).Draw(t, "pages")
		want := Desired{Root: ours, Epoch: uint64(rapid.IntRange(1, 4).Draw(t, "epoch")), Pages: pages}
		const start = 2_000_000
		seen := Observed{
			Block:        Block{Time: start + uint64(rapid.IntRange(0, 2*ActivationWindow).Draw(t, "time"))},
			ActiveRoot:   roots.Draw(t, "active"),
			ActiveEpoch:  uint64(rapid.IntRange(0, 5).Draw(t, "activeEpoch")),
			PendingRoot:  roots.Draw(t, "pending"),
			Eta:          start + uint64(rapid.IntRange(0, ActivationWindow).Draw(t, "eta")),
			Grace:        uint64(rapid.IntRange(30, 300).Draw(t, "grace")),
			MaxBatch:     rapid.IntRange(10, 100).Draw(t, "maxBatch"),
			PendingBatch: rapid.IntRange(10, 100).Draw(t, "pendingBatch"),
			Staged:       rapid.SliceOfN(rapid.Bool(), len(pages), len(pages)).Draw(t, "staged"),
			Committed:    rapid.Bool().Draw(t, "committed"),
			CanCommit:    rapid.Bool().Draw(t, "canCommit"),
			CanApply:     rapid.Bool().Draw(t, "canApply"),
		}
		if rapid.Bool().Draw(t, "wrongCode") {
			seen.WrongCode = []string{"Token"}
		}
		if rapid.Bool().Draw(t, "wrongRoutes") {
			seen.WrongRoutes = []string{"transfer"}
		}
		if rapid.Bool().Draw(t, "missing") {
			seen.DispatcherErr = "there is no dispatcher"
		}
		step := Decide(want, seen)
		if again := Decide(want, seen); again != step {
			t.Fatalf("decided %+v, then %+v on the same observation", step, again)
		}
		deadline := seen.Eta + ActivationWindow
		acts := step.Kind == Commit || step.Kind == Apply || step.Kind == Activate
		must := func(ok bool, what string) {
			if !ok {
				t.Fatalf("%s: %+v on %+v for %+v", what, step, seen, want)
			}
		}
		if acts {
			must(seen.DispatcherErr == "", "acts without a dispatcher")
			must(seen.ActiveEpoch+1 == want.Epoch, "acts in another epoch than the approved one")
			must(len(seen.WrongCode) == 0, "acts toward code that is not the pinned one")
			must(seen.PendingRoot != theirs && seen.PendingRoot != older, "acts over somebody else's pending root")
		}
		switch step.Kind {
		case Commit:
			must(seen.PendingRoot == common.Hash{} || seen.Block.Time > deadline, "commits twice")
			must(seen.CanCommit, "commits without the role")
			must(!seen.Committed || seen.PendingRoot == ours, "commits again what somebody took back")
			for _, n := range pages {
				must(n <= seen.MaxBatch, "commits pages that can never be applied")
			}
		case Apply:
			must(seen.PendingRoot == ours && seen.CanApply, "applies to nothing, or without the role")
			must(!seen.Staged[step.Page], "applies a page twice")
			must(pages[step.Page] <= seen.PendingBatch, "applies a page over the limit")
			must(seen.Block.Time <= deadline, "applies after expiry")
		case Activate:
			must(seen.PendingRoot == ours && seen.CanApply, "activates nothing, or without the role")
			must(seen.Block.Time >= seen.Eta+seen.Grace, "activates early")
			must(seen.Block.Time <= deadline, "activates late")
			for _, staged := range seen.Staged {
				must(staged, "activates without all pages")
			}
		case Wait:
			must(step.Until > seen.Block.Time, "waits for the past")
		case Done:
			must(seen.ActiveRoot == ours && seen.ActiveEpoch == want.Epoch, "is done with another root")
			must(seen.PendingRoot == common.Hash{}, "is done while another root is pending")
			must(len(seen.WrongCode) == 0 && len(seen.WrongRoutes) == 0, "is done though something is wrong")
		case Halt:
			must(step.Reason != "", "halts without a reason")
		default:
			must(false, "unknown kind")
		}
	})
}

// model is a dispatcher by the rules of the contract, with others who act on it.
type model struct {
	seen    Observed
	delay   uint64
	commits int
	applies map[int]int
}

// take does what the contract would, and reports what it would refuse.
func (m *model) take(want Desired, step Step) error {
	s := &m.seen
	next := s.Block.Time + 1 // a transaction lands in a later block
	expired := s.Eta != 0 && next > s.Eta+ActivationWindow
	switch step.Kind {
	case Commit:
		if s.ActiveEpoch+1 != want.Epoch {
			return fmt.Errorf("WrongEpoch")
		}
		if s.PendingRoot == want.Root && !expired {
			return fmt.Errorf("AlreadyPending")
		}
		m.commits++
	case Apply:
		switch {
		case s.Eta == 0:
			return fmt.Errorf("NothingPending")
		case expired:
			return fmt.Errorf("ManifestExpired")
		case s.PendingRoot != want.Root:
			return fmt.Errorf("InvalidProof")
		case s.Staged[step.Page]:
			return fmt.Errorf("PageAlreadyStaged")
		}
		m.applies[step.Page]++
	case Activate:
		switch {
		case s.Eta == 0:
			return fmt.Errorf("NothingPending")
		case expired:
			return fmt.Errorf("ManifestExpired")
		case next < s.Eta:
			return fmt.Errorf("ActivationNotReady")
		case s.PendingRoot != want.Root:
			return fmt.Errorf("activated the root of somebody else")
		}
	}
	s.Delay = m.delay
	*s = s.After(want, step)
	return nil
}

// TestDecideOverSequences walks a dispatcher through random sequences of decisions and of what others do to it. Nothing
// that is decided is ever refused, and with nobody in the way it ends in Done.
func TestDecideOverSequences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pages := rapid.SliceOfN(rapid.IntRange(1, 50), 1, 4).Draw(t, "pages")
		want := Desired{Root: ours, Epoch: 3, Pages: pages}
		m := &model{delay: uint64(rapid.IntRange(1, 7200).Draw(t, "delay")), applies: map[int]int{}, seen: Observed{
			Block: Block{Number: 1, Time: 1_700_000_000}, ActiveRoot: older, ActiveEpoch: 2, Grace: 60, MaxBatch: 50,
			Staged: make([]bool, len(pages)), CanCommit: true, CanApply: true,
		}}
		calm := true
		renewals := 0
		for range rapid.IntRange(1, 60).Draw(t, "length") {
			s := &m.seen
			switch rapid.IntRange(0, 12).Draw(t, "event") {
			case 0: // time passes
				s.Block.Time += uint64(rapid.IntRange(1, 5000).Draw(t, "seconds"))
			case 1: // a long time passes: the commitment may expire
				s.Block.Time += ActivationWindow
				renewals++
			case 2: // somebody commits another root
				if s.PendingRoot == ours {
					renewals++
				}
				s.PendingRoot, s.Eta, s.PendingBatch = theirs, s.Block.Time+m.delay, s.MaxBatch
				calm = false
			case 3: // somebody cancels: the rollout must not commit again
				calm = calm && !s.Committed
				s.PendingRoot, s.Eta, s.PendingBatch = common.Hash{}, 0, 0
			case 4: // somebody else's root becomes active in this epoch
				s.ActiveRoot, s.ActiveEpoch = theirs, s.ActiveEpoch+1
				s.PendingRoot, s.Eta = common.Hash{}, 0
				calm = false
			case 5: // a facet's code changes
				s.WrongCode = []string{"Token"}
				calm = false
			case 6: // the code comes back
				s.WrongCode = nil
			default:
				before := *s
				step := Decide(want, *s)
				if err := m.take(want, step); err != nil {
					t.Fatalf("decided %+v on %+v, which the contract refuses: %v", step, before, err)
				}
			}
		}
		for page, n := range m.applies {
			if n > 1 {
				t.Fatalf("page %d was applied %d times", page, n)
			}
		}
		if m.commits > 1+renewals {
			t.Fatalf("committed %d times with %d reasons to renew", m.commits, renewals)
		}
		if !calm {
			return
		}
		for range len(pages) + 8 {
			step := Decide(want, m.seen)
			if step.Kind == Done {
				return
			}
			if err := m.take(want, step); err != nil {
				t.Fatalf("decided %+v, which the contract refuses: %v", step, err)
			}
		}
		t.Fatalf("does not end: %+v", m.seen)
	})
}

func TestDecideNamesWhatIsInTheWay(t *testing.T) {
	want := Desired{Root: ours, Epoch: 3, Pages: []int{20, 60}}
	base := Observed{
		Block: Block{Time: 1_700_000_000}, ActiveRoot: older, ActiveEpoch: 2, Grace: 60, MaxBatch: 100, Staged: []bool{false, false},
		CanCommit: true, CanApply: true, Committer: common.HexToAddress("0xc0"), Applier: common.HexToAddress("0xa0"),
	}
	pending := func(o *Observed) { o.PendingRoot, o.Eta, o.PendingBatch = ours, o.Block.Time+10, 50 }
	for name, c := range map[string]struct {
		change func(*Observed)
		want   []string
	}{
		"no dispatcher":       {func(o *Observed) { o.DispatcherErr = "there is no dispatcher at 0x12" }, []string{"no dispatcher", "lockstep deploy"}},
		"foreign root":        {func(o *Observed) { o.PendingRoot = theirs }, []string{theirs.Hex(), "lockstep cancel"}},
		"foreign activation":  {func(o *Observed) { o.ActiveRoot, o.ActiveEpoch = theirs, 3 }, []string{theirs.Hex(), "epoch 3"}},
		"epoch moved back":    {func(o *Observed) { o.ActiveEpoch = 1 }, []string{"epoch 1", "epoch 3"}},
		"taken back":          {func(o *Observed) { o.Committed = true }, []string{ours.Hex(), "took it back"}},
		"live, other pending": {func(o *Observed) { o.ActiveRoot, o.ActiveEpoch, o.PendingRoot = ours, 3, theirs }, []string{theirs.Hex()}},
		"changed code":        {func(o *Observed) { o.WrongCode = []string{"Token at 0x34 has no code"} }, []string{"Token at 0x34"}},
		"page over max":       {func(o *Observed) { o.MaxBatch = 50 }, []string{"page 1", "60", "50", "pageSize"}},
		"page over pending":   {func(o *Observed) { pending(o); o.Staged[0] = true }, []string{"page 1", "60", "50"}},
		"no commit role":      {func(o *Observed) { o.CanCommit = false }, []string{"COMMIT_ROLE", base.Committer.Hex()}},
		"no apply role":       {func(o *Observed) { pending(o); o.CanApply = false }, []string{"APPLY_ROLE", base.Applier.Hex()}},
		"live but misrouted":  {func(o *Observed) { o.ActiveRoot, o.ActiveEpoch = ours, 3; o.WrongRoutes = []string{"x()"} }, []string{"x()"}},
		"live but other code": {func(o *Observed) { o.ActiveRoot, o.ActiveEpoch = ours, 3; o.WrongCode = []string{"Token"} }, []string{"Token"}},
	} {
		t.Run(name, func(t *testing.T) {
			seen := base
			seen.Staged = append([]bool(nil), base.Staged...)
			c.change(&seen)
			step := Decide(want, seen)
			if step.Kind != Halt {
				t.Fatalf("decided %+v, want a halt", step)
			}
			for _, part := range c.want {
				if !strings.Contains(step.Reason, part) {
					t.Errorf("reason %q does not say %q", step.Reason, part)
				}
			}
		})
	}
}

func TestDecideAtTheEdgesOfTime(t *testing.T) {
	want := Desired{Root: ours, Epoch: 1, Pages: []int{1}}
	const eta = 1_700_000_000
	at := func(time uint64) Step {
		return Decide(want, Observed{
			Block: Block{Time: time}, PendingRoot: ours, Eta: eta, Grace: 60, MaxBatch: 50, PendingBatch: 50, Staged: []bool{true},
			CanCommit: true, CanApply: true,
		})
	}
	deadline := uint64(eta + ActivationWindow)
	for _, c := range []struct {
		time uint64
		want Step
	}{
		{eta - 1, Step{Kind: Wait, Until: eta + 60, Reason: "the timelock runs"}},
		{eta + 59, Step{Kind: Wait, Until: eta + 60, Reason: "the timelock runs"}},
		{eta + 60, Step{Kind: Activate}},
		{deadline - expiryMargin, Step{Kind: Activate}},
		{deadline - expiryMargin + 1, expires(deadline)},
		{deadline, expires(deadline)},
		{deadline + 1, Step{Kind: Commit}},
	} {
		if got := at(c.time); got != c.want {
			t.Errorf("at eta%+d: %+v, want %+v", int64(c.time)-eta, got, c.want)
		}
	}
}
