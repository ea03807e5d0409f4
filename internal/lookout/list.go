package lookout

import (
	"fmt"
	"slices"
	"time"
)

// Records are the series that are kept.
var Records = []Record{
	{"lockstep:network:healthy", "network", "min by (network) (lockstep_network_healthy)", "Whether a network is healthy, by whichever daemon."},
	{"lockstep:network:uptime_ratio30d", "network", "avg_over_time(lockstep:network:healthy[30d])", "Part of the last 30 days in which a network was healthy."},
	{"lockstep:steps:success_ratio1d", "network", successOver("1d"), "Part of the transactions of the last day that did what they were sent for."},
	{"lockstep:steps:success_ratio30d", "network", successOver("30d"), "The same over 30 days."},
	{
		"lockstep:gas:over_published_ratio7d", "step", mean("step", "lockstep_gas_over_published", "7d"),
		"Gas used over the published figure, mean of the last 7 days.",
	},
}

func successOver(window string) string {
	return "sum by (network) (increase(lockstep_steps_total{outcome=\"confirmed\"}[" + window + "])) / " +
		"sum by (network) (increase(lockstep_steps_total{outcome=~\"confirmed|reverted|lost\"}[" + window + "]))"
}

// mean is that of a histogram.
func mean(by, histogram, window string) string {
	return fmt.Sprintf("sum by (%s) (increase(%s_sum[%s])) / sum by (%s) (increase(%s_count[%s]))", by, histogram, window, by, histogram, window)
}

// beyond is how often something over a bucket of a histogram was measured. Prometheus 3 writes the bounds of buckets that are whole numbers with a point.
func beyond(by, histogram, more, bucket, window string) string {
	if by != "" {
		by = " by (" + by + ")"
	}
	all := histogram + "_count"
	if more != "" {
		all += "{" + more + "}"
		more += ","
	}
	return fmt.Sprintf(`sum%s (increase(%s[%s])) - sum%s (increase(%s_bucket{%sle=~"%s"}[%s]))`, by, all, window, by, histogram, more, bucket, window)
}

// quantile is that of a histogram.
func quantile(q, by, histogram, window string) string {
	if by != "" {
		by += ", "
	}
	return fmt.Sprintf("histogram_quantile(%s, sum by (%sle) (rate(%s_bucket[%s])))", q, by, histogram, window)
}

// List is everything that is looked at, in the order of the dashboard.
func List() []Item {
	return slices.Concat(service(), networks(), rollouts(), gas(), security(), index(), alerts(), relays(), objectives())
}

func one(series, values string) map[string]string { return map[string]string{series: values} }

// onBase are the labels of an alert on a network.
var onBase = map[string]string{"network": "base"}

func service() []Item {
	return []Item{
		{
			Group: "service", Title: "Daemons", Help: "Processes of lockstep serve that are scraped.", Panel: Stat, Unit: "short",
			Series: []Series{{"count(lockstep_build_info) or vector(0)", "running"}},
			Alerts: []Alert{{
				Name: "LockstepDown", Op: "<", Threshold: 1, For: 2 * time.Minute, Severity: "critical",
				Summary: "no lockstep serve is scraped",
				Means:   "Nobody carries out plans, and nobody watches: no alarm that Lockstep raises itself can come.",
				Do: "Look whether the process runs, and at its log. If it runs, look why Prometheus cannot read it: the token with the scope `read`, TLS, the " +
					"address. What was in hand goes on by itself when a daemon runs again.",
				Fires: Case{At: 5 * time.Minute},
				Quiet: Case{At: 5 * time.Minute, Series: one(`lockstep_build_info{instance="a"}`, "1+0x10")},
			}},
		},
		{
			Group: "service", Title: "Journal", Help: "1 while every daemon can read and write the journal.", Panel: Stat, Unit: "bool_on_off",
			Series: []Series{{"min(lockstep_journal_up)", "journal"}},
			Alerts: []Alert{{
				Name: "LockstepJournalDown", Op: "<", Threshold: 1, For: time.Minute, Severity: "critical",
				Summary: "a daemon cannot use its journal",
				Means:   "Without the journal nothing is decided or sent, and no alert is kept.",
				Do:      "Look at the log, at the disk (SQLite) or at the server (PostgreSQL). Nothing is lost: what was sent is found again.",
				Fires: Case{At: 5 * time.Minute, Series: map[string]string{
					`lockstep_journal_up{instance="a"}`: "1+0x10", `lockstep_journal_up{instance="b"}`: "1 0+0x9",
				}},
				Quiet: Case{At: 5 * time.Minute, Series: one(`lockstep_journal_up{instance="a"}`, "1 1 1 1 0 1")}, // not for long
			}},
		},
		{
			Group: "service", Title: "Leases taken over", Help: "From processes that did not renew them, in an hour.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum(increase(lockstep_lease_takeovers_total[1h]))", "taken over"}, {"sum(lockstep_leases_held)", "held"}},
			Alerts: []Alert{{
				Name: "LockstepTakeovers", Op: ">", Threshold: 10, Severity: "warning",
				Summary: "daemons take work from one another over and over",
				Means:   "Processes are killed, stopped for seconds, or cannot reach the database in time.",
				Do:      "Look at the processor, memory and network of the machines, and at restarts.",
				Fires:   Case{At: 30 * time.Minute, Series: one(`lockstep_lease_takeovers_total{instance="a"}`, "0+1x40")},
				Quiet:   Case{At: 30 * time.Minute, Series: one(`lockstep_lease_takeovers_total{instance="a"}`, "0 1+0x40")},
			}},
		},
		{
			Group: "service", Title: "HTTP requests", Help: "A second, by status code.", Panel: Lines, Unit: "reqps",
			Series: []Series{{"sum by (code) (rate(lockstep_http_requests_total[5m]))", "{{code}}"}},
			Alerts: []Alert{{
				Name: "LockstepServerErrors", Op: ">", Threshold: 10, For: 5 * time.Minute, Severity: "warning",
				Expr:    `sum(increase(lockstep_http_requests_total{code=~"5..",route!="GET /health/ready"}[10m]))`,
				Summary: "the API answers with server errors",
				Means:   "More than ten requests in ten minutes were answered with 5xx.",
				Do:      "The log says why, under the id that each answer bears.",
				Fires:   Case{At: 20 * time.Minute, Series: one(`lockstep_http_requests_total{code="500",route="GET /api/v1/executions"}`, "0+3x30")},
				Quiet: Case{At: 20 * time.Minute, Series: map[string]string{
					`lockstep_http_requests_total{code="503",route="GET /health/ready"}`:      "0+9x30",
					`lockstep_http_requests_total{code="200",route="GET /api/v1/executions"}`: "0+9x30",
				}},
			}},
		},
		{
			Group: "service", Title: "Memory", Help: "Of each daemon.", Panel: Lines, Unit: "bytes",
			Series: []Series{{"process_resident_memory_bytes and on (instance) lockstep_build_info", "{{instance}}"}},
		},
		{
			Group: "service", Title: "Processor", Help: "Of each daemon; 1 is one core.", Panel: Lines, Unit: "percentunit",
			Series: []Series{{"rate(process_cpu_seconds_total[5m]) and on (instance) lockstep_build_info", "{{instance}}"}},
		},
	}
}

func networks() []Item {
	return []Item{
		{
			Group: "networks", Title: "Healthy", Help: "1 if the last check of the dispatcher, its routes and their code found nothing wrong.", Panel: Lines, Unit: "bool",
			Series: []Series{{"lockstep:network:healthy", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepNetworkUnhealthy", Op: "<", Threshold: 1, For: 5 * time.Minute, Severity: "high",
				Summary: "{{ $labels.network }} is not as the last rollout left it, or cannot be checked",
				Means:   "The dispatcher, its routes or their code differ from the manifest, routed calls are paused, or no endpoint answers.",
				Do:      "`lockstep health` and `lockstep status` say what differs. If nobody here did that, it is an incident.",
				Fires:   Case{At: 10 * time.Minute, Series: one(`lockstep_network_healthy{network="base"}`, "1 0+0x20"), Labels: onBase},
				Quiet:   Case{At: 10 * time.Minute, Series: one(`lockstep_network_healthy{network="base"}`, "0 1+0x20")},
			}},
		},
		{
			Group: "networks", Title: "Age of the head", Help: "Seconds since the newest block that was seen, by its own time.", Panel: Lines, Unit: "s",
			Series: []Series{{"time() - max by (network) (lockstep_network_head_timestamp_seconds)", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepHeadStale", Op: ">", Threshold: 300, For: 2 * time.Minute, Severity: "high",
				Summary: "the newest block of {{ $labels.network }} that was seen is {{ $value | humanize }} s old",
				Means:   "The network makes no blocks, or every endpoint is behind. Nothing can be executed or seen there meanwhile.",
				Do:      "Compare with a block explorer. If the network goes on, replace its endpoints (`rpc` in lockstep.yaml).",
				Fires:   Case{At: 10 * time.Minute, Series: one(`lockstep_network_head_timestamp_seconds{network="base"}`, "0+0x20"), Labels: onBase, Value: "600"},
				Quiet:   Case{At: 10 * time.Minute, Series: one(`lockstep_network_head_timestamp_seconds{network="base"}`, "0+60x20")},
			}},
		},
		{
			Group: "networks", Title: "Requests without an answer", Help: "That no endpoint of the network answered well, in five minutes.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (network) (increase(lockstep_rpc_failures_total[5m]))", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepNetworkUnreachable", Op: ">", Threshold: 3, For: 2 * time.Minute, Severity: "high",
				Summary: "no endpoint of {{ $labels.network }} answers",
				Means:   "Every endpoint of the network is down, over its limit, or of another chain.",
				Do:      "The log says what each has answered. Add an endpoint of another operator.",
				Fires:   Case{At: 10 * time.Minute, Series: one(`lockstep_rpc_failures_total{network="base"}`, "0+5x20"), Labels: onBase},
				Quiet:   Case{At: 10 * time.Minute, Series: one(`lockstep_rpc_failures_total{network="base"}`, "0 1+0x20")},
			}},
		},
		{
			Group: "networks", Title: "Endpoints", Help: "1 if an endpoint answers; they are numbered as in the configuration.", Panel: Lines, Unit: "bool",
			Series: []Series{{"min by (network, endpoint) (lockstep_rpc_up)", "{{network}} {{endpoint}}"}},
			Alerts: []Alert{{
				Name: "LockstepEndpointDown", Op: "<", Threshold: 1, For: 5 * time.Minute, Severity: "warning",
				Summary: "endpoint {{ $labels.endpoint }} of {{ $labels.network }} is down",
				Means:   "The others are used. With one endpoint left, nobody can contradict it.",
				Do:      "Find out why with its operator, or replace it.",
				Fires: Case{
					At: 10 * time.Minute, Series: map[string]string{
						`lockstep_rpc_up{network="base",endpoint="1"}`: "1+0x20", `lockstep_rpc_up{network="base",endpoint="2"}`: "0+0x20",
					}, Labels: map[string]string{"network": "base", "endpoint": "2"},
				},
				Quiet: Case{At: 10 * time.Minute, Series: one(`lockstep_rpc_up{network="base",endpoint="1"}`, "1 1 1 1 1 0 0 1+0x20")},
			}},
		},
		{
			Group: "networks", Title: "Disagreements", Help: "Different block hashes of endpoints for one height, in 15 minutes.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (network) (increase(lockstep_rpc_disagreements_total[15m]))", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepEndpointsDisagree", Op: ">", Threshold: 0, Severity: "high",
				Summary: "endpoints of {{ $labels.network }} give different blocks for one height",
				Means:   "One follows another branch, or lies. What is seen through it may be wrong.",
				Do:      "Compare both hashes, which are in the alert of the rule rpc_disagrees, with a third source, and take the wrong endpoint out.",
				Fires:   Case{At: 5 * time.Minute, Series: one(`lockstep_rpc_disagreements_total{network="base"}`, "0 0 1+0x20"), Labels: onBase},
				Quiet:   Case{At: 30 * time.Minute, Series: one(`lockstep_rpc_disagreements_total{network="base"}`, "0 0 1+0x40")}, // it is over
			}},
		},
	}
}

func rollouts() []Item {
	return []Item{
		{
			Group: "rollouts", Title: "Networks by state", Help: "Of executions that have not ended.", Panel: Lines, Unit: "short",
			Series: []Series{{"max by (state) (lockstep_execution_networks)", "{{state}}"}},
			Alerts: []Alert{
				{
					Name: "LockstepHalted", Expr: `max(lockstep_execution_networks{state="halted"})`, Op: ">", Threshold: 0, For: time.Minute, Severity: "high",
					Summary: "a rollout is halted on {{ $value | humanize }} networks",
					Means:   "An operator must look: what was planned has moved, a step reverts, or a key is used elsewhere.",
					Do:      "`lockstep execution show PLAN` has the reason of each network. Then `execution retry`, `exclude` or `stop`.",
					Fires:   Case{At: 5 * time.Minute, Series: one(`lockstep_execution_networks{state="halted"}`, "0 2+0x9"), Value: "2"},
					Quiet: Case{At: 5 * time.Minute, Series: map[string]string{
						`lockstep_execution_networks{state="halted"}`: "0+0x9", `lockstep_execution_networks{state="working"}`: "3+0x9",
					}},
				},
				{
					Name: "LockstepRolloutUnreachable", Expr: `max(lockstep_execution_networks{state="unreachable"})`, Op: ">", Threshold: 0, For: 10 * time.Minute,
					Severity: "warning",
					Summary:  "a rollout cannot reach {{ $value | humanize }} of its networks",
					Means:    "It goes on by itself when they can be asked; others may be waiting for them.",
					Do:       "Mend or add endpoints; `lockstep execution exclude` lets the others go on without the network.",
					Fires:    Case{At: 15 * time.Minute, Series: one(`lockstep_execution_networks{state="unreachable"}`, "1+0x20"), Value: "1"},
					Quiet:    Case{At: 15 * time.Minute, Series: one(`lockstep_execution_networks{state="unreachable"}`, "1+0x8 0+0x20")},
				},
			},
		},
		{
			Group: "rollouts", Title: "Transactions", Help: "That have become final in an hour, by outcome.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (outcome) (increase(lockstep_steps_total[1h]))", "{{outcome}}"}},
		},
		{
			Group: "rollouts", Title: "Success in a day", Help: "Part of the transactions that did what they were sent for.", Panel: Lines, Unit: "percentunit",
			Series: []Series{{"lockstep:steps:success_ratio1d", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepStepsFail", Op: "<", Threshold: 0.9, Severity: "warning",
				Summary: "less than nine of ten transactions on {{ $labels.network }} succeed",
				Means:   "More than 10 % of the transactions of the last 24 h reverted, or were lost in a reorganisation.",
				Do:      "`lockstep transaction list` has them. Each was simulated before it was sent: something changed in between.",
				Fires: Case{At: 30 * time.Minute, Labels: onBase, Series: map[string]string{
					`lockstep_steps_total{network="base",step="commit",outcome="confirmed"}`: "0+1x40",
					`lockstep_steps_total{network="base",step="apply",outcome="reverted"}`:   "0+1x40",
				}},
				Quiet: Case{At: 30 * time.Minute, Series: map[string]string{
					`lockstep_steps_total{network="base",step="commit",outcome="confirmed"}`:     "0+1x40",
					`lockstep_steps_total{network="base",step="apply",outcome="reverted"}`:       "0+0x40",
					`lockstep_steps_total{network="optimism",step="commit",outcome="confirmed"}`: "0+0x40", // nothing was sent, which is no failure
				}},
			}},
		},
		{
			Group: "rollouts", Title: "Time of a step", Help: "From the decision until the outcome is final: 9 of 10 are done within it, and half.", Panel: Lines, Unit: "s",
			Series: []Series{
				{quantile("0.9", "network", "lockstep_step_seconds", "1h"), "{{network}} 90 %"}, {quantile("0.5", "network", "lockstep_step_seconds", "1h"), "{{network}} 50 %"},
			},
		},
		{
			Group: "rollouts", Title: "Late activations", Help: "More than 300 s after eta and grace, in an hour.", Panel: Lines, Unit: "short",
			Series: []Series{{beyond("network", "lockstep_activation_lateness_seconds", "", `300(\\.0)?`, "1h"), "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepActivatedLate", Op: ">", Threshold: 0, Severity: "warning",
				Summary: "an activation on {{ $labels.network }} was more than 300 s late",
				Means:   "Fees over the ceiling, an endpoint or relay that failed, or no daemon that ran. One that has not come yet is an alert of the rule late_execution.",
				Do:      "`lockstep execution show PLAN` and the log say what it waited for.",
				Fires: Case{At: 10 * time.Minute, Labels: onBase, Series: map[string]string{
					`lockstep_activation_lateness_seconds_bucket{network="base",le="300"}`: "0+0x20",
					`lockstep_activation_lateness_seconds_count{network="base"}`:           "0 0 1+0x20",
				}},
				Quiet: Case{At: 10 * time.Minute, Series: map[string]string{
					`lockstep_activation_lateness_seconds_bucket{network="base",le="300.0"}`: "0 0 1+0x20",
					`lockstep_activation_lateness_seconds_count{network="base"}`:             "0 0 1+0x20",
				}},
			}},
		},
		{
			Group: "rollouts", Title: "Timelock", Help: "The delay of each dispatcher.", Panel: Lines, Unit: "s",
			Series: []Series{{"max by (network) (lockstep_timelock_delay_seconds)", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepTimelockCut", Op: ">", Threshold: 0, Severity: "high",
				Expr: "max by (network) (max_over_time(lockstep_timelock_delay_seconds[1d])) - " +
					"min by (network) (lockstep_timelock_delay_seconds)",
				Summary: "the timelock of {{ $labels.network }} is {{ $value | humanize }} s shorter than it was",
				Means:   "The delay of a dispatcher is fixed when it is deployed: another contract answers in its place.",
				Do:      "Treat it as an incident: compare the dispatcher's address and code on that network with `lockstep status`.",
				Fires:   Case{At: 10 * time.Minute, Series: one(`lockstep_timelock_delay_seconds{network="base"}`, "3600 3600 60+0x20"), Labels: onBase, Value: "3.54k"},
				Quiet:   Case{At: 10 * time.Minute, Series: one(`lockstep_timelock_delay_seconds{network="base"}`, "60 60 3600+0x20")},
			}},
		},
		{
			Group: "rollouts", Title: "From commit to activation", Help: "By block time, mean of the last 7 days; and from commit until all pages are applied.", Panel: Lines, Unit: "s",
			Series: []Series{
				{mean("network", "lockstep_commit_to_activation_seconds", "7d"), "{{network}} active"},
				{mean("network", "lockstep_commit_to_apply_seconds", "7d"), "{{network}} applied"},
			},
		},
	}
}

func gas() []Item {
	return []Item{
		{
			Group: "gas", Title: "Gas over the simulation", Help: "Mean of the last day, by step: 1 is what the plan's simulation used.", Panel: Lines, Unit: "percentunit",
			Series: []Series{{mean("step", "lockstep_gas_over_simulated", "1d"), "{{step}}"}},
			Alerts: []Alert{{
				Name: "LockstepGasSpike", Op: ">", Threshold: 0, Severity: "info",
				Expr:    beyond("step", "lockstep_gas_over_simulated", "", `1\\.5`, "1h"),
				Summary: "a {{ $labels.step }} used more than 1.5 times its simulated gas",
				Means:   "The state was another one than when the plan was made, or an init call does more than it did.",
				Do:      "Compare the transaction's trace with the plan.",
				Fires: Case{At: 10 * time.Minute, Labels: map[string]string{"step": "apply"}, Series: map[string]string{
					`lockstep_gas_over_simulated_bucket{step="apply",le="1.5"}`: "0+0x20",
					`lockstep_gas_over_simulated_count{step="apply"}`:           "0 0 1+0x20",
				}},
				Quiet: Case{At: 10 * time.Minute, Series: map[string]string{
					`lockstep_gas_over_simulated_bucket{step="apply",le="1.5"}`: "0 0 1+0x20",
					`lockstep_gas_over_simulated_count{step="apply"}`:           "0 0 1+0x20",
				}},
			}},
		},
		{
			Group: "gas", Title: "Gas over the published figure", Help: "Mean of the last 7 days, by step.", Panel: Lines, Unit: "percentunit",
			Series: []Series{{"lockstep:gas:over_published_ratio7d", "{{step}}"}},
			Alerts: []Alert{{
				Name: "LockstepGasVariance", Op: ">", Threshold: 0.2, Severity: "warning",
				Expr:    "abs(lockstep:gas:over_published_ratio7d - 1)",
				Summary: "the gas of {{ $labels.step }} is more than 20 % off the published figure",
				Means:   "A network charges otherwise than Ethereum does, or the contracts are not those that were measured.",
				Do:      "`make gas-check` in the project tells whether the figures still hold.",
				Fires: Case{At: 10 * time.Minute, Labels: map[string]string{"step": "apply"}, Series: map[string]string{
					`lockstep_gas_over_published_sum{step="apply"}`: "0 0 1.3+0x20", `lockstep_gas_over_published_count{step="apply"}`: "0 0 1+0x20",
				}},
				Quiet: Case{At: 10 * time.Minute, Series: map[string]string{
					`lockstep_gas_over_published_sum{step="apply"}`: "0 0 1.1+0x20", `lockstep_gas_over_published_count{step="apply"}`: "0 0 1+0x20",
				}},
			}},
		},
		{
			Group: "gas", Title: "Gas used", Help: "In a day.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (network) (increase(lockstep_gas_used_total[1d]))", "{{network}}"}},
		},
		{
			Group: "gas", Title: "Published figures", Help: "Of each step in its smallest form.", Panel: Stat, Unit: "short",
			Series: []Series{{"max by (step) (lockstep_gas_published)", "{{step}}"}},
		},
	}
}
