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
	Kind        Kind
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

	urgencies map[string]urgency // of alerts
}

func newLook(rows []Row) *look {
	q := &look{rows: rows, claimed: map[string]bool{"": false}, waits: map[string]bool{"": false}, urgencies: map[string]urgency{}}
	for i := range rows {
		r := &rows[i]
		if r.Fingerprint == "" {
			continue
		}
		if r.Claimed {
			q.claimed[r.Fingerprint] = true
		}
		if r.Standing {
			continue
		}
		q.waits[r.Fingerprint] = true
		if u, known := q.urgencies[r.Fingerprint]; !known || own(r).compare(u) < 0 {
			q.urgencies[r.Fingerprint] = own(r)
		}
	}
	return q
}

func (q *look) chooseUrgent(c *Choice, most int) {
	before := map[string]bool{}
	var ready []int
	for i := range q.rows {
		r := &q.rows[i]
		if !r.urgent() {
			continue
		}
		if r.Due && !r.Claimed && !q.claimed[r.Fingerprint] && !before[r.Fingerprint] {
			ready = append(ready, i)
		}
		if r.Fingerprint != "" {
			before[r.Fingerprint] = true
		}
	}
	slices.SortStableFunc(ready, func(i, j int) int { return q.urgency(&q.rows[i]).compare(q.urgency(&q.rows[j])) })
	for _, i := range ready[:min(len(ready), max(most, 0))] {
		c.Groups = append(c.Groups, Group{ID: q.rows[i].ID, Numbers: []int64{q.rows[i].Number}})
		c.Spent++
		q.supersede(c, i)
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
	units, rest := q.ordinary()
	waiting := len(rest) + len(units)
	budget, room := tokens-c.Spent, t.Most
	over := t.Together && waiting > budget
	var together []*Row
	taken := map[string]bool{"": false}
	reserved := 0 // for a summary
	for _, u := range units {
		alone := u.head == nil || !over || budget > 1 // the last one that is allowed is for a summary
		switch {
		case !alone:
			together, reserved = append(together, u.head), 1
		case budget > reserved && room > reserved:
			c.Groups = append(c.Groups, u.Group)
			c.Spent++
			budget--
			room--
			if u.head != nil && u.head.Fingerprint != "" {
				taken[u.head.Fingerprint] = true
			}
		case u.head != nil: // there is no room: those that may go alone come first
			return
		}
	}
	if !over || budget <= 0 || room <= 0 {
		return
	}
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
	c.Groups = append(c.Groups, g)
	c.Spent++
}

// unit is what leaves alone: a row, or rows that were tried before, in the group in which they were.
type unit struct {
	Group
	urgency
	head *Row // nil if it was tried before
}

// ordinary sorts what is not critical and could leave: units, before which nothing waits of the same alert, the most urgent first; and rows that could
// only leave together with the ones before them.
func (q *look) ordinary() (units []unit, rest []*Row) {
	type try struct {
		unit
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
				b = &try{unit: unit{Group: Group{ID: id}, urgency: q.urgency(r)}, ready: true}
				batches[id] = b
				tries = append(tries, b)
			}
			if u := q.urgency(r); u.compare(b.urgency) < 0 {
				b.urgency = u
			}
			b.Numbers, b.ready = append(b.Numbers, r.Number), b.ready && ready && !stopped
			waits = true
		case !ready || stopped || q.claimed[name]:
			waits = true
		case earlier:
			rest = append(rest, r)
		default:
			units = append(units, unit{Group{ID: r.ID, Numbers: []int64{r.Number}}, q.urgency(r), r})
		}
		if name != "" {
			first[name] = true
			if waits && by[name] == "" {
				by[name] = id
			}
		}
	}
	for _, b := range tries {
		if b.ready {
			units = append(units, b.unit)
		}
	}
	slices.SortStableFunc(units, func(a, b unit) int { return a.compare(b.urgency) })
	return units, rest
}

// urgency says what goes before what: that something is wrong which nobody has been told, the gravest first, and then the oldest.
type urgency struct {
	later  int // 0 if nobody has been told
	rank   int // of the severity
	number int64
}

func (u urgency) compare(v urgency) int {
	return cmp.Or(cmp.Compare(u.later, v.later), cmp.Compare(u.rank, v.rank), cmp.Compare(u.number, v.number))
}

// urgency of a row is that of the most urgent row which waits of the same alert: what comes later of that waits for this one.
func (q *look) urgency(r *Row) urgency {
	if u, ok := q.urgencies[r.Fingerprint]; ok {
		return u
	}
	return own(r)
}

// own is the urgency of a row alone.
func own(r *Row) urgency {
	u := urgency{later: 1, rank: slices.Index(rule.Severities(), r.Severity), number: r.Number}
	if r.Kind == Raised || r.Kind == Escalated {
		u.later = 0
	}
	return u
}
