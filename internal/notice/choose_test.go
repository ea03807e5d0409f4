package notice

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// rows reads rows, one a word: its fingerprint, its severity (c, h, w or i), and then ! for newly raised, + for claimed, - for not due, * for tried, = for standing,
// and /x for in batch x. Its id is that of its place.
func rows(text string) (out []Row) {
	for i, word := range strings.Fields(text) {
		word, batch, _ := strings.Cut(word, "/")
		r := Row{Number: int64(i + 1), ID: fmt.Sprint("m", i+1), Batch: batch, Tried: batch != "", Due: true}
		for j, c := range word {
			switch {
			case j == 0 && c != '_':
				r.Fingerprint = string(c)
			case j == 1:
				r.Severity = map[rune]rule.Severity{'c': rule.Critical, 'h': rule.High, 'w': rule.Warning, 'i': rule.Info}[c]
			case c == '!':
				r.Kind = Raised
			case c == '+':
				r.Claimed = true
			case c == '-':
				r.Due = false
			case c == '*':
				r.Tried = true
			case c == '=':
				r.Standing = true
			}
		}
		out = append(out, r)
	}
	return out
}

func (c Choice) String() string {
	var out []string
	for _, g := range c.Groups {
		numbers := strings.Trim(strings.ReplaceAll(fmt.Sprint(g.Numbers), " ", "+"), "[]")
		if g.ID != "" && g.ID != "m"+numbers {
			numbers += "/" + g.ID
		}
		if g.Renewal {
			numbers += "="
		}
		out = append(out, numbers)
	}
	if len(c.Gone) > 0 {
		out = append(out, "gone", strings.Trim(fmt.Sprint(c.Gone), "[]"))
	}
	return strings.Join(out, " ")
}

func TestChoose(t *testing.T) {
	for _, test := range []struct {
		name, rows string
		tokens     int
		most       int // 0: 9
		held       bool
		apart      bool // nothing goes together
		want       string
	}{
		{"nothing", "", 9, 0, false, false, ""},
		{"the gravest first", "aw bi ch dw", 9, 0, false, false, "3 1 4 2"},
		{"in order of an alert", "aw aw bw", 9, 0, false, false, "1 3"},
		{"an alert that gets graver", "aw ah", 9, 0, false, false, "1"},
		{"no alert has no order", "_w _w", 9, 0, false, false, "1 2"},
		{"what is left alone holds up its own", "aw- aw bw", 9, 0, false, false, "3"},
		{"what is sent holds up its own", "aw+ aw bw", 9, 0, false, false, "3"},
		{"held", "aw bc", 9, 0, true, false, "2"},
		{"no tokens", "aw bc bw", 0, 0, false, false, "2"},
		{"critical ones in their order", "ac ac bc", 0, 0, false, false, "1 3"},
		{"critical ones after one that is left alone", "ac- ac bc", 0, 0, true, false, "3"},
		{"a critical one takes older ones out", "aw ah* bw ac", 0, 0, true, false, "4 gone 1 2"},
		{"also of a summary", "aw/x bw/x ac", 9, 0, false, false, "3 2/x gone 1"},
		{"but not what is being sent", "aw+ ac", 9, 0, false, false, ""},
		{"nor what is newer", "ac aw", 0, 0, false, false, "1"},
		{"over", "aw bw cw dw", 2, 0, false, false, "1 2+3+4"},
		{"over, the gravest alone", "aw bw ch dw", 2, 0, false, false, "3 1+2+4"},
		{"over, with one token", "aw bw ch dw", 1, 0, false, false, "1+2+3+4"},
		{"over, and nothing is allowed", "aw bw", 0, 0, false, false, ""},
		{"over, an alert whole", "aw bw aw ah", 2, 0, false, false, "1 2"},
		{"over, an alert in its order", "aw ah bi aw", 1, 0, false, false, "1+2+3+4"},
		{"over, and one is left: it goes alone", "aw aw", 1, 0, false, false, "1+2"},
		{"not over", "aw bw", 2, 0, false, false, "1 2"},
		{"apart", "aw bw cw dw", 2, 0, false, true, "1 2"},
		{"as many as there is room for", "aw bw cw dw", 9, 2, false, false, "1 2"},
		{"over, and no room for the summary yet", "aw bw cw dw ew", 4, 2, false, false, "1 2"},
		{"tried before, in its place", "aw bh* ci*", 9, 0, false, false, "2 1 3"},
		{"what nobody knows first", "ah bh ci! dw!", 9, 0, false, true, "4 3 1 2"},
		{"and is tried again first", "ah! bh* ci*! dw!", 9, 0, false, true, "1 4 3 2"},
		{"the end of an alert after its beginning", "ah! bi! ah", 9, 0, false, true, "1 2"},
		{"what holds up a grave one goes with it", "bw! aw ah!", 1, 0, false, true, "2"},
		{"what nobody knows alone, the rest together", "ah bh cw! dw", 2, 0, false, false, "3 1+2+4"},
		{"the last one for a summary, before what is tried again", "aw! bw! ch*", 1, 0, false, false, "1+2"},
		{"tried before, as it was", "aw/x bi dw cw/x", 9, 0, false, false, "1+4/x 3 2"},
		{"of a summary that is left alone", "aw-/x bw-/x aw cw", 9, 0, false, false, "4"},
		{"tried before is not put into a summary", "aw* bw cw", 2, 0, false, false, "1 2+3"},
		{"an alert twice in a summary", "aw/x aw/x", 9, 0, false, false, "1+2/x"},
		{"after one that is critical and waits", "ac- aw/x", 9, 0, false, false, ""},
		{"critical ones count", "ac bw cw", 2, 0, false, false, "1 2+3"},
		{"renewed", "ac= bw= cw=-", 0, 0, false, false, "1+2="},
		{"not renewed while something waits", "ac= bw= aw-", 0, 0, false, false, "2="},
		{"not renewed while it is held", "ac=", 9, 0, true, false, ""},
		{"nothing overtakes a renewal", "ac=+ ac bw=+ bw", 9, 0, false, false, ""},
		{"and nothing takes it out", "aw= ac", 9, 0, false, false, "2"},
	} {
		terms := Terms{Together: !test.apart, Most: test.most, Urgent: 99, Renews: true}
		if terms.Most == 0 {
			terms.Most = 9
		}
		if got := Choose(rows(test.rows), terms, test.tokens, test.held); got.String() != test.want {
			t.Errorf("%s: %s: %s, want %s", test.name, test.rows, got, test.want)
		}
	}
	// a sink that is of another type now
	if got := Choose(rows("ac= bw=+ cw"), Terms{Most: 9}, 9, false); got.String() != "3 gone 1" {
		t.Errorf("without renewals: %s", got)
	}
	// those that are critical have a limit, too, if a high one
	if got := Choose(rows("ac bc cc"), Terms{Most: 9, Urgent: 2}, 0, true); got.String() != "1 2" {
		t.Errorf("of three: %s", got)
	}
	if got := Choose(rows("ac bc! cc!"), Terms{Most: 9, Urgent: 2}, 0, true); got.String() != "2 3" {
		t.Errorf("of those, what nobody knows first: %s", got)
	}
	// summaries have a limit
	if got := Choose(rows(strings.Repeat("_w ", 2*MostTogether)), Terms{Most: 9, Together: true}, 1, false); len(got.Groups) != 1 || len(got.Groups[0].Numbers) != MostTogether {
		t.Errorf("of %d: %s", 2*MostTogether, got)
	}
}

// simulated is a queue to which anything happens.
type simulated struct {
	t        *rapid.T
	rows     []Row
	next     int64
	claims   map[string][]int64 // what is being sent, by the id of what it leaves as
	sent     map[string][]int64 // numbers in the order in which they were taken, by alert
	gone     map[int64]bool
	batches  map[string][]int64
	severity map[int64]rule.Severity
}

// TestChooseAnything: whatever is queued, sent, lost or left alone, in any order, nothing critical waits for anything but what was critical before it
// of the same alert, or is being sent; messages of an alert arrive in their order; nothing is sent twice at the same time; no limit is exceeded; and in
// the end everything has been taken, or was taken out by something critical after it.
func TestChooseAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &simulated{
			t: t, claims: map[string][]int64{}, sent: map[string][]int64{}, gone: map[int64]bool{}, batches: map[string][]int64{}, severity: map[int64]rule.Severity{},
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1:
				s.enqueue()
			case 2, 3:
				s.choose(rapid.IntRange(0, 6).Draw(t, "tokens"), rapid.IntRange(0, 4).Draw(t, "most"), rapid.Bool().Draw(t, "held"))
			case 4:
				s.finish(rapid.IntRange(0, 3).Draw(t, "outcome"))
			case 5:
				for i := range s.rows {
					s.rows[i].Due = true
				}
			}
		}
		for round := 0; len(s.rows) > 0; round++ {
			if round == 1000 {
				t.Fatalf("never sent: %+v", s.rows)
			}
			for i := range s.rows {
				s.rows[i].Due = true
			}
			s.choose(3, 4, false)
			for len(s.claims) > 0 {
				s.finish(0)
			}
		}
		for of, numbers := range s.sent {
			if of != "" && !slices.IsSorted(numbers) {
				t.Errorf("messages of %s arrive as %v", of, numbers)
			}
		}
	})
}

func (s *simulated) enqueue() {
	s.next++
	r := Row{
		Number: s.next, ID: fmt.Sprint("m", s.next), Due: true, Fingerprint: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(s.t, "alert"),
		Severity: rapid.SampledFrom(rule.Severities()).Draw(s.t, "severity"),
		Kind:     rapid.SampledFrom([]Kind{Raised, Renewed, Acknowledged, Resolved, Escalated}).Draw(s.t, "kind"),
	}
	s.severity[r.Number] = r.Severity
	s.rows = append(s.rows, r)
}

func (s *simulated) row(number int64) *Row {
	for i := range s.rows {
		if s.rows[i].Number == number {
			return &s.rows[i]
		}
	}
	s.t.Fatalf("%d is not in the queue", number)
	return nil
}

func (s *simulated) choose(tokens, most int, held bool) {
	t := s.t
	before := slices.Clone(s.rows)
	c := Choose(s.rows, Terms{Together: true, Most: most, Urgent: 1000}, tokens, held)
	if !slices.Equal(before, s.rows) {
		t.Fatal("the rows were changed")
	}
	for _, n := range c.Gone {
		old := s.row(n)
		later := slices.ContainsFunc(s.rows, func(r Row) bool {
			return r.Number > n && r.Fingerprint == old.Fingerprint && r.Severity == rule.Critical
		})
		if old.Severity == rule.Critical || old.Claimed || !later {
			t.Fatalf("%+v is taken out", old)
		}
		s.gone[n] = true
	}
	ordinary, spent := 0, 0
	flying := map[string]bool{}
	for i, g := range c.Groups {
		spent++
		first := s.row(g.Numbers[0])
		urgent := first.Severity == rule.Critical
		if !urgent {
			if ordinary++; held {
				t.Fatalf("%v is sent to a sink that is held", g)
			}
		}
		id := g.ID
		if id == "" {
			if len(g.Numbers) < 2 {
				t.Fatalf("a summary of %v", g.Numbers)
			}
			id = fmt.Sprintf("batch%d-%d", g.Numbers[0], i)
			s.batches[id] = g.Numbers
		}
		if was, ok := s.batches[id]; ok {
			still := slices.DeleteFunc(slices.Clone(was), func(n int64) bool { return s.gone[n] })
			if !slices.Equal(still, g.Numbers) {
				t.Fatalf("summary %s was %v, and is %v", id, still, g.Numbers)
			}
		}
		in := map[string]bool{}
		for _, n := range g.Numbers {
			r := s.row(n)
			if s.gone[n] || r.Claimed || !r.Due || len(g.Numbers) > 1 && r.Severity == rule.Critical {
				t.Fatalf("%+v is sent in %v", r, g)
			}
			if r.Fingerprint != "" && flying[r.Fingerprint] && !in[r.Fingerprint] {
				t.Fatalf("two messages of %s at the same time", r.Fingerprint)
			}
			in[r.Fingerprint] = true
			for _, other := range s.rows {
				same := other.Fingerprint != "" && other.Fingerprint == r.Fingerprint && other.Number != n
				if same && other.Claimed || same && other.Number < n && !s.gone[other.Number] && !slices.Contains(g.Numbers, other.Number) {
					t.Fatalf("%+v is sent before, or with, %+v", r, other)
				}
			}
		}
		maps.Copy(flying, in)
		s.claims[id] = g.Numbers
		for _, n := range g.Numbers {
			r := s.row(n)
			r.Tried = true
			if g.ID == "" {
				r.Batch = id
			}
		}
	}
	if c.Spent != spent || ordinary > most || ordinary > 0 && spent > tokens {
		t.Fatalf("%d of %d tokens, %d of %d in hand", c.Spent, tokens, ordinary, most)
	}
	for _, r := range before {
		if r.Severity != rule.Critical || !r.Due || r.Claimed || s.claims[r.ID] != nil {
			continue
		}
		held := slices.ContainsFunc(before, func(o Row) bool {
			return o.Fingerprint != "" && o.Fingerprint == r.Fingerprint && o.Number != r.Number && (o.Claimed || o.Number < r.Number && o.Severity == rule.Critical)
		})
		if !held {
			t.Fatalf("%+v is held back", r)
		}
	}
	s.rows = slices.DeleteFunc(s.rows, func(r Row) bool { return slices.Contains(c.Gone, r.Number) })
	for _, numbers := range s.claims {
		for _, n := range numbers {
			s.row(n).Claimed = true
		}
	}
}

// finish ends the sending of something: it was taken, refused, failed, or its sender died.
func (s *simulated) finish(outcome int) {
	if len(s.claims) == 0 {
		return
	}
	id := slices.Sorted(maps.Keys(s.claims))[0]
	for _, n := range s.claims[id] {
		r := s.row(n)
		switch outcome {
		case 0, 1:
			if outcome == 0 {
				s.sent[r.Fingerprint] = append(s.sent[r.Fingerprint], n)
			}
			s.rows = slices.DeleteFunc(s.rows, func(r Row) bool { return r.Number == n })
		case 2:
			r.Claimed, r.Due = false, false
		case 3:
			r.Claimed = false
		}
	}
	delete(s.claims, id)
}
