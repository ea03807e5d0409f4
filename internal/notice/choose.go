package notice

import (
	"cmp"
	"slices"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Row is a row of the queue of one sink as Choose sees it.
type Row struct {
	Number      int64
	ID          string
	Fingerprint string
	Severity    rule.Severity
	Batch       string // the id of the summary that it is in
	Tried       bool
	Standing    bool
	Due         bool // it is not left alone
	Claimed     bool
}

func (r *Row) urgent() bool { return r.Severity == rule.Critical && !r.Standing }

// Group are rows that leave together.
type Group struct {
	ID      string // empty for a summary, or a renewal, that is new
	Numbers []int64
	Renewal bool
}

// Choice is what becomes of rows now.
type Choice struct {
	Groups []Group
	Spent  int     // how many of them count against the limit
	Gone   []int64 // rows that need not be sent any more, since what comes after them says more
}

// Choose decides which rows of a sink leave now. rows are in their order, tokens is how many messages the limit allows, and held says that the
// sink wants, or seems, to be left alone. What is critical is held back by neither; it waits, where the sink is asked by as many as may, and for what was critical before it of the same
// alert, and for what is being sent of that.
func Choose(rows []Row, t Terms, tokens int, held bool) (c Choice) {
	q := newLook(rows)
	q.chooseUrgent(&c, t.Urgent)
	q.rows = slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return slices.Contains(c.Gone, r.Number) })
	if held {
		return c
	}
	if t.Renews {
		q.chooseRenewals(&c)
	} else {
		for i := range rows {
			if r := &rows[i]; r.Standing && !r.Claimed {
				c.Gone = append(c.Gone, r.Number)
			}
		}
	}
	q.chooseOrdinary(&c, t, tokens)
	return c
}

// look is what one choice knows of rows.
type look struct {
	rows    []Row
	claimed map[string]bool // alerts of which something is being sent
	waits   map[string]bool // alerts of which something waits, or is being sent
}

func newLook(rows []Row) *look {
	q := &look{rows: rows, claimed: map[string]bool{"": false}, waits: map[string]bool{"": false}}
	for i := range rows {
		r := &rows[i]
		if r.Fingerprint == "" {
			continue
		}
		if r.Claimed {
			q.claimed[r.Fingerprint] = true
		}
		if !r.Standing {
			q.waits[r.Fingerprint] = true
		}
	}
	return q
}

func (q *look) chooseUrgent(c *Choice, most int) {
	before := map[string]bool{}
	for i := range q.rows {
		r := &q.rows[i]
		if !r.urgent() {
			continue
		}
		if c.Spent < most && r.Due && !r.Claimed && !q.claimed[r.Fingerprint] && !before[r.Fingerprint] {
			c.Groups = append(c.Groups, Group{ID: r.ID, Numbers: []int64{r.Number}})
			c.Spent++
			q.supersede(c, i)
		}
		if r.Fingerprint != "" {
			before[r.Fingerprint] = true
		}
	}
}

// supersede takes out what waits of the alert of an urgent row, and is older: nobody is told that an alert is a warning after it was critical.
func (q *look) supersede(c *Choice, i int) {
	for j := range i {
		if old := &q.rows[j]; old.Fingerprint == q.rows[i].Fingerprint && old.Fingerprint != "" && !old.urgent() && !old.Standing {
			c.Gone = append(c.Gone, old.Number)
		}
	}
}

// chooseRenewals takes what is to be said again, at once for all alerts.
func (q *look) chooseRenewals(c *Choice) {
	g := Group{Renewal: true}
	for i := range q.rows {
		r := &q.rows[i]
		if r.Standing && r.Due && !r.Claimed && !q.waits[r.Fingerprint] && len(g.Numbers) < MostTogether {
			g.Numbers = append(g.Numbers, r.Number)
		}
	}
	if len(g.Numbers) > 0 {
		c.Groups = append(c.Groups, g)
	}
}

// chooseOrdinary takes what the limit allows.
func (q *look) chooseOrdinary(c *Choice, t Terms, tokens int) {
	again, heads, rest := q.ordinary()
	budget := tokens - c.Spent
	room := t.Most
	take := func(g Group) {
		c.Groups = append(c.Groups, g)
		c.Spent++
		budget--
		room--
	}
	over := t.Together && len(again)+len(heads)+len(rest) > budget
	for _, g := range again {
		if budget > 0 && room > 0 {
			take(g)
		}
	}
	if budget <= 0 || room <= 0 {
		return
	}
	alone := min(len(heads), budget)
	if over { // the last one that is allowed is for a summary
		alone = min(len(heads), budget-1)
	}
	taken := map[string]bool{"": false}
	for _, r := range heads[:min(alone, room)] {
		take(Group{ID: r.ID, Numbers: []int64{r.Number}})
		if r.Fingerprint != "" {
			taken[r.Fingerprint] = true
		}
	}
	if !over || room <= 0 { // those that may go alone come first
		return
	}
	together := heads[alone:]
	for _, r := range rest {
		if !taken[r.Fingerprint] {
			together = append(together, r)
		}
	}
	// in their order, so that of each alert there is never a later one without those before it
	slices.SortFunc(together, func(a, b *Row) int { return cmp.Compare(a.Number, b.Number) })
	together = together[:min(len(together), MostTogether)]
	if len(together) == 0 {
		return
	}
	g := Group{}
	if len(together) == 1 {
		g.ID = together[0].ID
	}
	for _, r := range together {
		g.Numbers = append(g.Numbers, r.Number)
	}
	take(g)
}

// ordinary sorts the rows that are not critical and could leave, the gravest first: those that were tried before, in the groups in which they
// were; those before which nothing waits of the same alert; and those that could only leave together with the ones before them.
func (q *look) ordinary() (again []Group, heads, rest []*Row) {
	type try struct {
		Group
		rank  int
		first int64
		ready bool
	}
	batches := map[string]*try{}
	var tries []*try
	first, by := map[string]bool{}, map[string]string{} // by: the id of what an alert's later rows wait for
	for i := range q.rows {
		r := &q.rows[i]
		if r.Standing {
			continue
		}
		name, id := r.Fingerprint, cmp.Or(r.Batch, r.ID)
		earlier, stopped := first[name], by[name] != "" && by[name] != id
		ready := r.Due && !r.Claimed
		waits := false
		switch {
		case r.urgent():
			waits = true
		case r.Batch != "" || r.Tried:
			b := batches[id]
			if b == nil {
				b = &try{Group: Group{ID: id}, rank: rank(r), first: r.Number, ready: true}
				batches[id] = b
				tries = append(tries, b)
			}
			b.Numbers, b.rank, b.ready = append(b.Numbers, r.Number), min(b.rank, rank(r)), b.ready && ready && !stopped
			waits = true
		case !ready || stopped || q.claimed[name]:
			waits = true
		case earlier:
			rest = append(rest, r)
		default:
			heads = append(heads, r)
		}
		if name != "" {
			first[name] = true
			if waits && by[name] == "" {
				by[name] = id
			}
		}
	}
	tries = slices.DeleteFunc(tries, func(b *try) bool { return !b.ready })
	slices.SortFunc(tries, func(a, b *try) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.first, b.first)) })
	for _, b := range tries {
		again = append(again, b.Group)
	}
	slices.SortFunc(heads, func(a, b *Row) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Number, b.Number)) })
	return again, heads, rest
}

func rank(r *Row) int { return slices.Index(rule.Severities(), r.Severity) }
