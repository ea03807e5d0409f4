package metric

import (
	"fmt"
	"strings"
)

// Definitions are all metrics, in the order of the reference.
func Definitions() []Definition { return New(Config{}).definitions }

// Reference is docs/reference/metrics.md.
func Reference() string {
	var b strings.Builder
	b.WriteString(`# Metrics

Generated from the program by ` + "`make generate`" + `; CI checks that it is current.

` + "`lockstep serve`" + ` shows these at ` + "`/metrics`" + `, in Prometheus' text format. Times are in seconds. What a label can be is from a closed list, and
` + "`" + Other + "`" + ` stands for the rest: hashes, addresses and ids are never labels. Names and labels are kept; new ones may be added.

| metric | type | labels | what |
|---|---|---|---|
`)
	for _, d := range Definitions() {
		labels := ""
		if len(d.Labels) > 0 {
			labels = "`" + strings.Join(d.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name, d.Kind, labels, d.Help)
	}
	b.WriteString(`
Besides, there are the collectors of Go (` + "`go_*`" + `) and of the process (` + "`process_*`" + `): memory, goroutines, garbage collection, file
descriptors, processor time.

` + "`lockstep_timelock_delay_seconds`, `lockstep_paused`, `lockstep_index_lag_blocks` and `lockstep_rpc_up`" + ` are shown by the one process that watches a
network, and no longer when another one does.

| label | |
|---|---|
`)
	for _, row := range [][2]string{
		{"`network`", "a network's name in `lockstep.yaml`"},
		{"`step`", listed(Steps)},
		{"`outcome` of `lockstep_steps_total`", listed(Outcomes)},
		{"`error`", "an error of the dispatcher, such as `InvalidProof`"},
		{"`source`", listed(Sources)},
		{"`how`", listed(Pauses)},
		{"`endpoint`", "1 for the first of the network's `rpc`, 2 for the second, and so on"},
		{"`relay`", "a relay's name"},
		{"`outcome` of `lockstep_relay_asked_total`", listed(RelayOutcomes)},
		{"`outcome` of `lockstep_automatic_pauses_total`", listed(PauseOutcomes)},
		{"`rule`", listed(Rules)},
		{"`severity`", listed(Severities)},
		{"`sink`", "a sink's name"},
		{"`outcome` of `lockstep_notifications_total`", listed(NotificationOutcomes)},
		{"`route`", "a pattern such as `GET /health/ready`; `" + Other + "` if there is no such route"},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
	}
	return b.String()
}

func listed(values []string) string { return strings.Join(values, ", ") }
