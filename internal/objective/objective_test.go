package objective

import (
	"strings"
	"testing"
)

const month = 30 * 24 * 3600

func count(n int) *int { return &n }

func alerts(list ...Alert) *[]Alert {
	if list == nil {
		list = []Alert{}
	}
	return &list
}

// sound is a month in which everything was measured, and reached.
func sound() Figures {
	return Figures{
		From: 1_000_000, To: 1_000_000 + month,
		Networks: []Network{{"base", month, month - 60}, {"ethereum", month - 3600, month - 3600}},
		Steps:    Steps{Total: 300, Succeeded: 299}, Gas: Consumption{Steps: 200, Used: 10_300, Baseline: 10_000},
		Critical: alerts(Alert{Raised: 1_500_000, Acknowledged: 1_500_300}), Unauthorized: count(0), CodeViolations: count(0), UnplannedPauses: count(0),
		Incidents: &Documented{Total: 1, Done: 1},
	}
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		what   string
		name   Name
		change func(*Figures)
		want   Verdict
		value  float64 // unless it was not measured
		how    string
	}{
		{"all is well", Uptime, func(*Figures) {}, Met, 1 - 60.0/month, "of the network that has the least"},
		{"down for an hour", Uptime, func(f *Figures) { f.Networks[0].Healthy = month - 3600 }, NotMet, 1 - 3600.0/month, "1 of 2 networks"},
		{"exactly at the target", Uptime, func(f *Figures) { f.Networks[0].Healthy = month / 1000 * 999 }, NotMet, 0.999, "1 of 2"},
		{"watched for half the time", Uptime, func(f *Figures) { f.Networks[0] = Network{"base", month / 2, month / 2} }, NotMeasured, 0, "1 of 2 networks were watched for too little"},
		{
			"watched for half the time, and down for too long in it", Uptime, func(f *Figures) { f.Networks[0] = Network{"base", month / 2, month/2 - 3600} },
			NotMet, (month/2 - 3600.0) / (month / 2), "1 of 2",
		},
		{
			"down on one, another not watched", Uptime, func(f *Figures) { f.Networks = []Network{{"base", month, 0}, {"ethereum", 0, 0}} }, NotMet, 0, "1 of 2",
		},
		{"never watched", Uptime, func(f *Figures) { f.Networks = []Network{{"base", 0, 0}} }, NotMeasured, 0, "too little"},
		{"no networks", Uptime, func(f *Figures) { f.Networks = nil }, NotMeasured, 0, "no network was watched"},
		{"no time", Uptime, func(f *Figures) { f.To = f.From }, NotMeasured, 0, "no network was watched"},

		{"all is well", Success, func(*Figures) {}, Met, 299.0 / 300, "299 of 300"},
		{"at the target", Success, func(f *Figures) { f.Steps = Steps{100, 99} }, NotMet, 0.99, "99 of 100"},
		{"nothing was sent", Success, func(f *Figures) { f.Steps = Steps{} }, NotMeasured, 0, "no transaction"},
		{"all failed", Success, func(f *Figures) { f.Steps = Steps{Total: 3} }, NotMet, 0, "0 of 3"},

		{"all is well", Gas, func(*Figures) {}, Met, 0.03, "10300 gas were used"},
		{"too much", Gas, func(f *Figures) { f.Gas.Used = 11_500 }, NotMet, 0.15, "11500"},
		{"too little", Gas, func(f *Figures) { f.Gas.Used = 8_000 }, NotMet, -0.2, "8000"},
		{"nothing has a figure", Gas, func(f *Figures) { f.Gas = Consumption{} }, NotMeasured, 0, "no transaction that has a published figure"},

		{"all is well", Answer, func(*Figures) {}, Met, 300, "1 of 1 critical alerts"},
		{"late", Answer, func(f *Figures) { f.Critical = alerts(Alert{1_500_000, 1_500_900, 0}) }, NotMet, 900, "0 of 1"},
		{"never", Answer, func(f *Figures) { f.Critical = alerts(Alert{f.To - 5000, 0, 0}) }, NotMet, 5000, "0 of 1"},
		{"resolved late, and never answered", Answer, func(f *Figures) { f.Critical = alerts(Alert{1_500_000, 0, 1_504_000}) }, NotMet, 4000, "0 of 1"},
		{"resolved by itself in time", Answer, func(f *Figures) { f.Critical = alerts(Alert{1_500_000, 0, 1_500_100}) }, NotMeasured, 0, "1 was resolved before anybody had to"},
		{"raised a moment ago", Answer, func(f *Figures) { f.Critical = alerts(Alert{f.To - 60, 0, 0}) }, NotMeasured, 0, "for 1 there is time left"},
		{"there was none", Answer, func(f *Figures) { f.Critical = alerts() }, NotMeasured, 0, "no critical alert had to be answered"},
		{"alerts were not kept", Answer, func(f *Figures) { f.Critical = nil }, NotMeasured, 0, "not kept"},

		{"all is well", Unauthorized, func(*Figures) {}, Met, 0, "no privileged changes that no approved plan holds on 2 networks"},
		{"one", Unauthorized, func(f *Figures) { f.Unauthorized = count(1) }, NotMet, 1, "1 privileged change that"},
		{"one, hardly watched", Unauthorized, func(f *Figures) { f.Unauthorized, f.Networks = count(1), nil }, NotMet, 1, "1 privileged change that"},
		{"none, hardly watched", Unauthorized, func(f *Figures) { f.Networks[1].Watched = 60 }, NotMeasured, 0, "1 of 2 networks were watched for too little"},
		{"none, never watched", Unauthorized, func(f *Figures) { f.Networks = nil }, NotMeasured, 0, "no network was watched"},
		{"not looked for", Unauthorized, func(f *Figures) { f.Unauthorized = nil }, NotMeasured, 0, "not looked for"},
		{"two", Code, func(f *Figures) { f.CodeViolations = count(2) }, NotMet, 2, "2 facets"},
		{"not looked for", Code, func(f *Figures) { f.CodeViolations = nil }, NotMeasured, 0, "not looked for"},
		{"one", Pauses, func(f *Figures) { f.UnplannedPauses = count(1) }, NotMet, 1, "1 unplanned pause"},
		{"three", Pauses, func(f *Figures) { f.UnplannedPauses = count(3) }, NotMet, 3, "3 unplanned pauses"},
		{"not looked for", Pauses, func(f *Figures) { f.UnplannedPauses = nil }, NotMeasured, 0, "not looked for"},

		{"all is well", Incidents, func(*Figures) {}, Met, 0, "1 of 1 incidents"},
		{"there was none", Incidents, func(f *Figures) { f.Incidents = &Documented{} }, Met, 0, "0 of 0 incidents"},
		{"one is not", Incidents, func(f *Figures) { f.Incidents.Total = 3 }, NotMet, 2, "1 of 3 incidents"},
		{"incidents were not kept", Incidents, func(f *Figures) { f.Incidents = nil }, NotMeasured, 0, "not kept"},
	} {
		f := sound()
		c.change(&f)
		for _, r := range Report(f) {
			if r.Name != c.name {
				continue
			}
			if r.Verdict != c.want || !strings.Contains(r.How, c.how) {
				t.Errorf("%s, %s: %s (%s), want %s", r.Name, c.what, r.Verdict, r.How, c.want)
			}
			switch {
			case c.want == NotMeasured && r.Value != nil:
				t.Errorf("%s, %s: it was not measured, and is %v", r.Name, c.what, *r.Value)
			case c.want != NotMeasured && (r.Value == nil || *r.Value < c.value-1e-9 || *r.Value > c.value+1e-9):
				t.Errorf("%s, %s: %v, want %v", r.Name, c.what, r.Value, c.value)
			}
		}
	}
}

// TestNoDataIsNoSuccess: of nothing nothing is said.
func TestNoDataIsNoSuccess(t *testing.T) {
	got := Report(Figures{})
	if len(got) != len(Objectives()) {
		t.Fatalf("%d of %d objectives", len(got), len(Objectives()))
	}
	for i, r := range got {
		if r.Verdict != NotMeasured || r.Value != nil || r.How == "" || r.Name != Objectives()[i].Name {
			t.Errorf("%+v", r)
		}
	}
}

// TestPartsOfUptime: each network is told.
func TestPartsOfUptime(t *testing.T) {
	f := sound()
	f.Networks = append(f.Networks, Network{"optimism", 600, 600}, Network{"linea", month, month - 7200})
	r := Report(f)[0]
	var got []string
	for _, p := range r.Parts {
		got = append(got, p.Network+" "+string(p.Verdict))
		if (p.Value == nil) != (p.Verdict == NotMeasured) || p.How == "" {
			t.Errorf("%+v", p)
		}
	}
	if want := "base met, ethereum met, optimism not measured, linea not met"; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
	if p := r.Parts[3]; !strings.Contains(p.How, "99.72 %") {
		t.Errorf("%s", p.How)
	}
	if percent(0.99996) != "99.99 %" {
		t.Errorf("%s is more than it is", percent(0.99996))
	}
}
