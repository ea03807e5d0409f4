package rule

import (
	"fmt"
	"math/big"
	"path"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// anything draws what may be seen, of few values, so that they meet.
func anything(t *rapid.T, at int64) Seen {
	few := func(label string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label) }
	account := func(label string) common.Address {
		return common.Address{byte(rapid.IntRange(1, 3).Draw(t, label))}
	}
	number := rapid.Uint64Range(1, 60).Draw(t, "number")
	s := Seen{
		Sight: rapid.SampledFrom(sights).Draw(t, "sight"), Network: few("network", "alpha", "beta"), At: at,
		Block:    rollout.Block{Number: number, Hash: common.Hash{byte(number), byte(rapid.IntRange(0, 1).Draw(t, "fork"))}, Time: 1000 + number*100},
		Contract: common.Address{0xd1}, Tx: common.Hash{byte(rapid.IntRange(0, 3).Draw(t, "tx"))}, By: account("by"), Account: account("account"),
		Subject: few("subject", "", "0xaa", "0xbb", "CodehashMismatch", "AccessControlUnauthorizedAccount", "ActivationNotReady"),
		Part:    few("part", Facet, Signer), Was: few("was", "0x01", "0x02"), Is: few("is", "0x01", "0x02", "ADMIN"), Source: few("source", "", "final", "block"),
		Failed: rapid.Bool().Draw(t, "failed"), Epoch: 1, Eta: rapid.Uint64Range(0, 5000).Draw(t, "eta"), Grace: 60,
		Gas: rapid.Uint64Range(0, 300).Draw(t, "gas"), Baseline: 100, Published: 100, Since: rapid.Uint64Range(0, 60).Draw(t, "since"),
		Endpoints: rapid.IntRange(1, 2).Draw(t, "endpoints"), Asked: 2, Has: big.NewInt(rapid.Int64Range(0, 2).Draw(t, "has")), Needs: big.NewInt(1),
		Effect: Effect{few("what", Committed, Activated, Cancelled, Paused, "granted"), few("value", "0xaa 1", "0xbb 1", "COMMIT 0x01", "ADMIN 0x01")},
		Plan:   common.Hash{1}, Severity: rapid.SampledFrom(Severities()).Draw(t, "severity"), Summary: few("summary", "x", "y"),
	}
	if rapid.Bool().Draw(t, "some") {
		s.Expected = []Expected{{Contract: s.Contract, Effect: s.Effect, By: "plan"}}
		s.Roots = []string{"", "0xaa", "0xbb"}
	}
	if s.Sight == SawPending && strings.HasPrefix(s.Subject, "A") {
		s.Subject = ""
	}
	return s
}

// TestAlertsTakeTurns shows anything at all: an alert is raised, then renewed or confirmed, then resolved, and only then raised anew, unless it
// has become graver, or its root is activated; the engine says which fire, and what it says is what it holds.
func TestAlertsTakeTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, at := New(nil), int64(1_000_000)
		fires := map[string]Alert{}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			at += rapid.SampledFrom([]int64{0, 1000, 60_000, 400_000, 90_000_000}).Draw(t, "passes")
			s := anything(t, at)
			if s.Sight == SawAcknowledged {
				for fp := range fires {
					s.Subject = max(s.Subject, fp)
				}
			}
			for _, c := range e.See(s) {
				a, f := c.Alert, fires[c.Alert.Fingerprint]
				before := f.Fingerprint != ""
				if a.Fingerprint != Fingerprint(a.Rule, a.Network, a.Subject) {
					t.Fatalf("%s about %s has another fingerprint", a.Rule, a.Subject)
				}
				if _, known := Define(a.Rule); !known || a.Summary == "" || a.Severity.rank() > 3 || len(a.Actions) == 0 || a.RaisedAt > a.SeenAt {
					t.Fatalf("not a whole alert: %+v", a)
				}
				switch {
				case c.Turn == Raised && before && f.Severity.AtLeast(a.Severity) && (a.Rule != UnknownRoot || f.Summary == a.Summary):
					t.Fatalf("%s about %s is raised twice", a.Rule, a.Subject)
				case c.Turn != Raised && !before:
					t.Fatalf("%s about %s is %s, and was not raised", a.Rule, a.Subject, c.Turn)
				case c.Turn == Resolved && (a.Resolution == "" || a.ResolvedAt == 0):
					t.Fatalf("%s is resolved, and says not why", a.Rule)
				case before && c.Turn != Resolved && !a.Severity.AtLeast(f.Severity):
					t.Fatalf("%s has become less grave", a.Rule)
				}
				if fires[a.Fingerprint] = a; c.Turn == Resolved {
					delete(fires, a.Fingerprint)
				}
			}
			if got := e.Firing(); len(got) != len(fires) {
				t.Fatalf("%d fire, and %d were raised and not resolved", len(got), len(fires))
			}
		}
	})
}

// TestTheClockOfAnother: a step whose end another process has written, by a clock that is ahead, has nobody called later.
func TestTheClockOfAnother(t *testing.T) {
	e, now := New(nil), int64(1_000_000)
	e.See(Seen{Sight: SawStep, Network: "alpha", ChainID: 1, At: (now + 3600) * 1000, Subject: "commit"})
	changes := e.See(Seen{Sight: SawEffect, Network: "alpha", ChainID: 1, At: now * 1000, Contract: common.Address{1}, Effect: Effect{Committed, "0xaa 1"}})
	if len(changes) != 1 || changes[0].Alert.RaisedAt != now {
		t.Errorf("%+v", changes)
	}
}

// TestRestoredAlertsAreNotRaisedAgain goes on with another engine in the middle, as a process does that was killed.
func TestRestoredAlertsAreNotRaisedAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, at := New(nil), int64(1_000_000)
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			at += 30_000
			e.See(anything(t, at))
		}
		other := New(nil)
		other.Restore(e.Firing(), nil)
		if diff := cmp.Diff(e.Firing(), other.Firing()); diff != "" {
			t.Fatal(diff)
		}
		for fp, f := range e.alerts {
			if other.alerts[fp].happened != f.happened {
				t.Fatalf("%s about %s is taken for something else", f.Rule, f.Subject)
			}
		}
		for _, a := range e.Firing() {
			s := Seen{At: at, Network: a.Network, ChainID: a.ChainID, Contract: a.Contract, Tx: a.Tx, Block: a.Block}
			again := Alert{Subject: a.Subject, Summary: a.Summary, Details: a.Details, Severity: a.Severity, Actions: a.Actions}
			other.changes = nil
			other.raise(s, a.Rule, again)
			for _, c := range other.changes {
				if c.Turn == Raised {
					t.Fatalf("%s about %s is raised again", a.Rule, a.Subject)
				}
			}
		}
	})
}

func TestSettings(t *testing.T) {
	high := Seen{Sight: SawRefusal, Network: "alpha", At: 1000, Subject: "AccessControlUnauthorizedAccount", By: common.Address{1}}
	set := Defaults()[UnauthorizedAccess]
	set.Off = true
	if got := New(map[string]Settings{UnauthorizedAccess: set}).See(high); len(got) != 0 {
		t.Errorf("a rule that is off raises %v", short4(got))
	}
	set.Off, set.Severity, set.Actions, set.Window = false, Info, []Action{"nightshift"}, 60
	e := New(map[string]Settings{UnauthorizedAccess: set})
	got := e.See(high)
	if len(got) != 1 || got[0].Alert.Severity != Info || !got[0].Alert.Has("nightshift") || got[0].Alert.Has(Security) {
		t.Errorf("got %+v", got)
	}
	if got := e.See(Seen{Sight: SawTick, At: 60_999}); len(got) != 0 {
		t.Errorf("it ends within its window: %v", short4(got))
	}
	if got := e.See(Seen{Sight: SawTick, At: 61_000}); len(got) != 1 || got[0].Turn != Resolved {
		t.Errorf("what is not grave ends with its window, got %v", short4(got))
	}
}

// TestGraveAlertsWaitForSomebody: what has happened, and is grave, does not end by itself before it was acknowledged.
func TestGraveAlertsWaitForSomebody(t *testing.T) {
	e := New(nil)
	raised := e.See(Seen{Sight: SawRefusal, Network: "alpha", At: 1000, Subject: "AccessControlUnauthorizedAccount", By: common.Address{1}})
	const weeks = 30 * day * 1000
	if got := e.See(Seen{Sight: SawTick, At: weeks}); len(got) != 0 {
		t.Errorf("it ended: %v", short4(got))
	}
	e.See(Seen{Sight: SawAcknowledged, At: weeks, Subject: raised[0].Alert.Fingerprint})
	if got := e.See(Seen{Sight: SawTick, At: weeks + day*1000 - 1}); len(got) != 0 {
		t.Errorf("it ended within its window: %v", short4(got))
	}
	if got := e.See(Seen{Sight: SawTick, At: weeks + day*1000}); len(got) != 1 || got[0].Turn != Resolved {
		t.Errorf("got %v", short4(got))
	}
}

func TestDue(t *testing.T) {
	a := Alert{RaisedAt: 1000, Actions: []Action{ActPause, Security, ActLog}}
	x := Escalation{Within: 900, Levels: []Level{{300, []Action{"lead"}}, {600, nil}, {900, []Action{"everyone", "lead"}}}}
	for _, c := range []struct {
		told  int
		now   int64
		level int
		want  []Action
	}{
		{0, 1299, 0, nil},
		{0, 1300, 1, []Action{"lead"}},
		{1, 1599, 1, nil},
		{1, 1600, 2, []Action{Security}},
		{0, 1600, 2, []Action{"lead", Security}},
		{2, 1900, 3, []Action{"everyone", "lead"}},
		{0, 9999, 3, []Action{"lead", Security, "everyone"}},
		{3, 9999, 3, nil},
	} {
		level, who := x.Due(a, c.told, c.now)
		if level != c.level || cmp.Diff(c.want, who) != "" {
			t.Errorf("told %d, at %d: level %d tells %v, want %d and %v", c.told, c.now, level, who, c.level, c.want)
		}
	}
	for severity, within := range map[Severity]int64{Critical: 900, High: 3600, Warning: 14400, Info: 86400} {
		if got := Escalations()[severity].Within; got != within {
			t.Errorf("%s is to be answered within %d s, want %d", severity, got, within)
		}
	}
}

// TestPattern: patterns are those of path.Match, but that a slash is like any other character.
func TestPattern(t *testing.T) {
	part := rapid.SampledFrom([]string{"a", "b", "-", "^", ".", "é", "\n", "*", "?", "[ab]", "[^a]", "[a-é]", `\*`, `\a`, `[\]a]`, "[[^]", "[", "]", `\`, "[b-a]"})
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(part, 0, 5).Draw(t, "pattern"), "")
		subject := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "-", "^", ".", "é", "\n", "*", "[", "]", `\`}), 0, 6).Draw(t, "subject"), "")
		want, wrong := path.Match(text, subject)
		_, empty := path.Match(text, "")
		x, err := pattern(text)
		if err != nil {
			if empty == nil && !strings.Contains(text, "[b-a]") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if got := x.MatchString(subject); wrong != nil || got != want {
			t.Fatalf("%q of %q: %v, want %v (%v)", text, subject, got, want, wrong)
		}
	})
}

func TestSilence(t *testing.T) {
	a := Alert{Rule: RPCDown, Network: "alpha", Subject: "https://one.example"}
	for _, c := range []struct {
		silence Silence
		covers  bool
	}{
		{Silence{Rule: RPCDown, Until: 101}, true},
		{Silence{Rule: RPCDown, Until: 100}, false},
		{Silence{Rule: StuckTx, Until: 101}, false},
		{Silence{Rule: RPCDown, Network: "alpha", Until: 101}, true},
		{Silence{Rule: RPCDown, Network: "beta", Until: 101}, false},
		{Silence{Rule: RPCDown, Subject: "https://one.*", Until: 101}, true},
		{Silence{Rule: RPCDown, Subject: "https://two.*", Until: 101}, false},
		{Silence{Rule: RPCDown, Subject: "*", Until: 101}, true},
		{Silence{Rule: RPCDown, Subject: "*one.exa?ple*", Until: 101}, true},
		{Silence{Rule: RPCDown, Subject: "https:??[aom]ne.[^f-z]*", Until: 101}, true},
		{Silence{Rule: RPCDown, Subject: "https:?[aom]ne.*", Until: 101}, false},
		{Silence{Rule: RPCDown, Subject: "one*", Until: 101}, false}, // all of it
		{Silence{Rule: RPCDown, Subject: "https://one.e", Until: 101}, false},
		{Silence{Rule: RPCDown, Subject: "[", Until: 101}, false},
	} {
		if got := c.silence.Covers(a, 100); got != c.covers {
			t.Errorf("%+v covers it: %v", c.silence, got)
		}
	}
}

func TestParseSeverity(t *testing.T) {
	for text, want := range map[string]Severity{"critical": Critical, "HIGH": High, "medium": Warning, "low": Info, "warning": Warning, "info": Info, "": "", "grave": ""} {
		got, err := ParseSeverity(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", text, got, err)
		}
	}
}

// TestWhatWasRefused: an alert about a call that lacked a role names the function and the role.
func TestWhatWasRefused(t *testing.T) {
	s := Seen{
		Sight: SawRefusal, Network: "alpha", Contract: common.Address{1}, By: common.Address{2}, Subject: "AccessControlUnauthorizedAccount", Is: "{}", Source: "block",
		Details: []Detail{{Function, "0x8456cb59 pause()"}, {NeededRole, "PAUSER"}, {"learned by", "a trace"}},
	}
	changes := New(nil).See(s)
	want := []Detail{
		{"sender", "0x0200000000000000000000000000000000000000"},
		{"function", "0x8456cb59 pause()"},
		{"role", "PAUSER"},
		{"error", s.Subject},
		{"fields", "{}"},
		{"seen in", "block"},
	}
	if len(changes) != 1 {
		t.Fatalf("%+v", changes)
	}
	if diff := cmp.Diff(want, changes[0].Alert.Details); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReplayRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"sight":"head"`:                           "line 1: it ends before",
		"\n# note\n" + `{"sight":"smell"}`:          `line 3: sight is "smell"`,
		`{"sight":"head","colour":1}`:               `line 1: there is no member "colour"`,
		`{"sight":"head"}{}`:                        "line 1: something comes after",
		strings.Repeat("x", MaxLine+1):              "token too long",
		`{"sight":"head","block":{"number":"one"}}`: "line 1: block.number must be a whole number from 0, and is a text",
		`{"sight":"head","at":7}` + "\n" + `{"sight":"step","at":5}` + "\n" + `{"sight":"tick","at":6}`: "line 3: at is 6, and was 7 before: time does not go back",
		`{"sight":"effect"}`:                                                              "line 1: effect is missing",
		`{"sight":"effect","effect":{"value":"0xaa 1"}}`:                                  "line 1: effect is missing, or has no what",
		`{"sight":"tick","expect":[{"turn":"rased","rule":"drift"}]}`:                     `line 1: expect: turn is "rased", known are [raised renewed confirmed resolved]`,
		`{"sight":"tick","expect":[{"rule":"drift"}]}`:                                    `line 1: expect: turn is ""`,
		`{"sight":"tick","expect":[{"turn":"raised","rule":"drfit"}]}`:                    `line 1: expect: there is no rule "drfit"`,
		`{"sight":"tick","expect":[{"turn":"raised","rule":"drift","severity":"grave"}]}`: `line 1: expect: severity is "grave"`,
	} {
		if _, err := New(nil).Replay(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: got %v, want %q", text, err, want)
		}
	}
	out, err := New(nil).Replay(strings.NewReader(`{"sight":"effect","network":"a","at":1,"effect":{"what":"paused","value":""},"expect":[{"turn":"raised","rule":"unknown_root"}]}`))
	if err != nil || len(out) != 1 || !strings.Contains(out[0].Problem, "unknown_root raised is missing") || !out[0].Missing {
		t.Errorf("got %+v, %v", out, err)
	}
	out, err = New(nil).Replay(strings.NewReader(`{"sight":"effect","network":"a","at":1,"effect":{"what":"paused","value":""},"expect":[]}`))
	if err != nil || len(out) != 1 || !strings.Contains(out[0].Problem, "is not expected") || out[0].Missing {
		t.Errorf("got %+v, %v", out, err)
	}
}

func FuzzReplay(f *testing.F) {
	f.Add(`{"sight":"effect","network":"a","at":1,"effect":{"what":"paused","value":""}}`)
	f.Add(`{"sight":"balance","has":1,"needs":2}` + "\n" + `{"sight":"tick","at":9999999999}`)
	f.Fuzz(func(t *testing.T, text string) {
		out, _ := New(nil).Replay(strings.NewReader(text))
		for _, x := range out {
			_ = fmt.Sprint(x)
		}
	})
}
