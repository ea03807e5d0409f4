package lookout

import (
	"fmt"
	"strings"
)

// Reference is docs/reference/observability.md: what is looked at, and what to do about each alert.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Alerts of Prometheus, and the dashboard

Generated from the program by ` + "`make generate`" + `; CI checks that it is current.

All of it is made of one list over the [metrics](metrics.md): [the rules](observability/lockstep.rules.yml) with
[their tests](observability/lockstep.rules.test.yml) for promtool, and [the dashboard](observability/dashboard.json) for Grafana 10 and later.
` + "`lockstep metrics rules` and `lockstep metrics dashboard`" + ` print them, so that no checkout is needed. How they are put to use is in
[the guide](../guide.md#metrics-rules-dashboard-and-traces).

These alerts watch Lockstep itself, and are a second way for what it raises about the networks. Names and labels are kept; thresholds may be changed
in a copy.

## Series that are kept

| series | what |
|---|---|
`)
	for _, r := range Records {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.Name, r.Help)
	}
	b.WriteString("\n## Panels\n\n| row | panel | what |\n|---|---|---|\n")
	for _, i := range List() {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", i.Group, i.Title, i.Help)
	}
	b.WriteString("\n## Alerts\n")
	for _, i := range List() {
		for _, a := range i.Alerts {
			after := "at once"
			if a.For > 0 {
				after = "after " + short(a.For)
			}
			fmt.Fprintf(&b, "\n### %s\n\n%s, %s.\n\n```promql\n%s %s %s\n```\n\n%s\n\n**What to do.** %s\n",
				a.Name, a.Severity, after, operand(a.expr(i)), a.Op, number(a.Threshold), a.Means, a.Do)
		}
	}
	return b.String()
}
