package lookout

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/seed-b6a97670/lockstep/internal/metric"
)

// selector is a series in an expression, of a metric of the program or one that is kept, with what is in braces after it.
var selector = regexp.MustCompile(`\blockstep[_:][a-z0-9_:]+(?:\{[^}]*\})?`)

// metricOf is the metric that a series is of: a histogram has several.
func metricOf(series string, definitions map[string]metric.Definition) (metric.Definition, bool) {
	if d, ok := definitions[series]; ok {
		return d, d.Kind != "histogram"
	}
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		if name, ok := strings.CutSuffix(series, suffix); ok && definitions[name].Kind == "histogram" {
			return definitions[name], true
		}
	}
	return metric.Definition{}, false
}

func definitions() map[string]metric.Definition {
	out := map[string]metric.Definition{}
	for _, d := range metric.Definitions() {
		out[d.Name] = d
	}
	return out
}

// ofNetworks is an expression restricted to the networks that are chosen in the dashboard.
func ofNetworks(expr string) string {
	const chosen = `network=~"$network"`
	known := definitions()
	return selector.ReplaceAllStringFunc(expr, func(s string) string {
		name, more, _ := strings.Cut(s, "{")
		kept := slices.ContainsFunc(Records, func(r Record) bool { return r.Name == name && r.By == "network" })
		if d, ok := metricOf(name, known); !kept && (!ok || !slices.Contains(d.Labels, "network")) {
			return s
		}
		if more = strings.TrimSuffix(more, "}"); more != "" {
			more = "," + more
		}
		return name + "{" + chosen + more + "}"
	})
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
