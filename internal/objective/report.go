package objective

import (
	"fmt"
	"math"
)

// Report compares figures with all objectives.
func Report(f Figures) []Result {
	var out []Result
	for _, o := range Objectives() {
		r := Result{Objective: o, Verdict: NotMeasured, Parts: []Part{}}
		switch o.Name {
		case Uptime:
			r.uptime(f)
		case Success:
			r.success(f.Steps)
		case Gas:
			r.gas(f.Gas)
		case Answer:
			r.answer(f)
		case Unauthorized:
			r.none(f, f.Unauthorized, "privileged change that no approved plan holds", "privileged changes that no approved plan holds")
		case Code:
			r.none(f, f.CodeViolations, "facet with other code", "facets with other code")
		case Pauses:
			r.none(f, f.UnplannedPauses, "unplanned pause", "unplanned pauses")
		case Incidents:
			r.incidents(f.Incidents)
		}
		out = append(out, r)
	}
	return out
}

func (r *Result) is(met bool, value float64, format string, args ...any) {
	r.Verdict, r.Value, r.How = verdict(met), &value, fmt.Sprintf(format, args...)
}

func (r *Result) lacks(format string, args ...any) {
	r.Verdict, r.Value, r.How = NotMeasured, nil, fmt.Sprintf(format, args...)
}

func verdict(met bool) Verdict {
	if met {
		return Met
	}
	return NotMet
}

// span is how many seconds the figures are of.
func (f Figures) span() int64 { return max(0, f.To-f.From) }

// covered tells whether a network was watched for long enough.
func (f Figures) covered(n Network) bool {
	return f.span() > 0 && float64(n.Watched) >= Covered*float64(f.span())
}

// percent is a ratio as it is written: not rounded up to what it does not reach.
func percent(v float64) string { return fmt.Sprintf("%.2f %%", math.Floor(v*1e4)/1e2) }

func (n Network) watched(span int64) string {
	return percent(float64(n.Watched) / float64(max(span, 1)))
}

// uptime is that of the network that has the least of it.
func (r *Result) uptime(f Figures) {
	if len(f.Networks) == 0 || f.span() == 0 {
		r.lacks("no network was watched")
		return
	}
	least, missed, unseen := 1.0, 0, 0
	for _, n := range f.Networks {
		p := Part{Network: n.Name, Verdict: NotMeasured}
		down := n.Watched - n.Healthy
		switch {
		case float64(down) >= (1-r.Target)*float64(f.span()): // whatever it was while nobody watched
			p.Verdict = NotMet
		case f.covered(n):
			p.Verdict = verdict(float64(n.Healthy) > r.Target*float64(n.Watched))
		}
		if p.Verdict == NotMeasured {
			unseen++
			p.How = fmt.Sprintf("watched for %s of the time, which says too little", n.watched(f.span()))
		} else {
			v := float64(n.Healthy) / float64(n.Watched)
			p.Value, p.How = &v, fmt.Sprintf("healthy for %s of the time in which it was watched, %s of all", percent(v), n.watched(f.span()))
			least = min(least, v)
			if p.Verdict == NotMet {
				missed++
			}
		}
		r.Parts = append(r.Parts, p)
	}
	switch {
	case missed > 0:
		r.is(false, least, "%d of %d networks were healthy for less; the value is that of the one that was for the least", missed, len(f.Networks))
	case unseen > 0:
		r.lacks("%d of %d networks were watched for too little of the time", unseen, len(f.Networks))
	default:
		r.is(true, least, "healthy over watched time, of the network that has the least")
	}
}

func (r *Result) success(s Steps) {
	if s.Total == 0 {
		r.lacks("no transaction has become final")
		return
	}
	v := float64(s.Succeeded) / float64(s.Total)
	r.is(v > r.Target, v, "%d of %d transactions", s.Succeeded, s.Total)
}

func (r *Result) gas(c Consumption) {
	if c.Steps == 0 || c.Baseline == 0 {
		r.lacks("no transaction that has a published figure has succeeded")
		return
	}
	v := float64(c.Used)/float64(c.Baseline) - 1
	r.is(math.Abs(v) <= r.Target, v, "%d gas were used, the published figures of %d transactions are %d", c.Used, c.Steps, c.Baseline)
}

// answer is the time after which the last critical alert was answered. One that was resolved by itself in time nobody had to answer.
func (r *Result) answer(f Figures) {
	if f.Critical == nil {
		r.lacks("alerts were not kept")
		return
	}
	var slowest int64
	answered, late, open, resolved := 0, 0, 0, 0
	for _, a := range *f.Critical {
		took := a.Acknowledged - a.Raised
		switch {
		case a.Acknowledged == 0 && a.Resolved > 0 && float64(a.Resolved-a.Raised) < r.Target:
			resolved++
			continue
		case a.Acknowledged == 0 && a.Resolved == 0 && float64(f.To-a.Raised) < r.Target:
			open++
			continue
		case a.Acknowledged == 0: // nobody has, so far
			took = f.To - a.Raised
			if a.Resolved > 0 {
				took = a.Resolved - a.Raised
			}
			late++
		case float64(took) >= r.Target:
			late++
		default:
			answered++
		}
		slowest = max(slowest, took)
	}
	rest := ""
	if resolved > 0 {
		were := "were"
		if resolved == 1 {
			were = "was"
		}
		rest += fmt.Sprintf("; %d %s resolved before anybody had to", resolved, were)
	}
	if open > 0 {
		rest += fmt.Sprintf("; for %d there is time left", open)
	}
	if answered+late == 0 {
		r.lacks("no critical alert had to be answered%s", rest)
		return
	}
	r.is(late == 0, float64(slowest), "%d of %d critical alerts were answered in time, the slowest took %d s%s", answered, answered+late, slowest, rest)
}

// none is an objective of which there must be none. That there was none counts only if it would have been seen.
func (r *Result) none(f Figures, n *int, one, several string) {
	if n == nil {
		r.lacks("it was not looked for")
		return
	}
	if *n > 0 {
		what := several
		if *n == 1 {
			what = one
		}
		r.is(false, float64(*n), "%d %s", *n, what)
		return
	}
	unseen := 0
	for _, network := range f.Networks {
		if !f.covered(network) {
			unseen++
		}
	}
	switch {
	case len(f.Networks) == 0:
		r.lacks("no network was watched")
	case unseen > 0:
		r.lacks("none was seen, but %d of %d networks were watched for too little of the time", unseen, len(f.Networks))
	default:
		r.is(true, 0, "no %s on %d networks", several, len(f.Networks))
	}
}

func (r *Result) incidents(d *Documented) {
	if d == nil {
		r.lacks("incidents were not kept")
		return
	}
	r.is(d.Done >= d.Total, float64(max(0, d.Total-d.Done)), "%d of %d incidents are documented", d.Done, d.Total)
}
