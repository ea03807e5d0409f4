package lookout

import "time"

// refused is how often an error was seen in blocks.
func refused(name string) string {
	return `sum by (network) (increase(lockstep_refusals_total{error="` + name + `",source="block"}[15m]))`
}

// refusal is an alert on an error that was seen in blocks.
func refusal(alert, name, severity, summary, means, do string) Alert {
	series := `lockstep_refusals_total{network="base",error="` + name + `",source="block"}`
	other := `lockstep_refusals_total{network="base",error="` + name + `",source="simulation"}`
	return Alert{
		Name: alert, Expr: refused(name), Op: ">", Threshold: 0, Severity: severity, Summary: summary, Means: means, Do: do,
		Fires: Case{At: 5 * time.Minute, Series: one(series, "0 0 1+0x20"), Labels: onBase},
		Quiet: Case{At: 5 * time.Minute, Series: map[string]string{series: "0+0x20", other: "0 0 1+0x20"}}, // our own simulation
	}
}

func security() []Item {
	return []Item{
		{
			Group: "security", Title: "Paused", Help: "1 while routed calls are paused.", Panel: Lines, Unit: "bool",
			Series: []Series{{"max by (network) (lockstep_paused)", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepPaused", Op: ">", Threshold: 0, Severity: "warning",
				Summary: "routed calls are paused on {{ $labels.network }}",
				Means:   "Users cannot use the protocol there.",
				Do:      "Whoever paused it knows why: `lockstep audit list`. When the reason is gone, `lockstep unpause`; nothing unpauses by itself.",
				Fires:   Case{At: 5 * time.Minute, Series: one(`lockstep_paused{network="base"}`, "0 1+0x20"), Labels: onBase},
				Quiet:   Case{At: 5 * time.Minute, Series: one(`lockstep_paused{network="base"}`, "1 0+0x20")},
			}},
		},
		{
			Group: "security", Title: "Pauses", Help: "In a day, by who asked for them.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (network, how) (increase(lockstep_pauses_total[1d]))", "{{network}} {{how}}"}},
			Alerts: []Alert{
				{
					Name: "LockstepUnplannedPause", Expr: `sum by (network) (increase(lockstep_pauses_total{how="unplanned"}[15m]))`, Op: ">", Threshold: 0,
					Severity: "high", Summary: "{{ $labels.network }} was paused, and not from here",
					Means: "An account with the role PAUSER or EMERGENCY paused without Lockstep.",
					Do:    "Ask whoever holds that key. If it was nobody, the key is lost: revoke the role.",
					Fires: Case{At: 5 * time.Minute, Series: one(`lockstep_pauses_total{network="base",how="unplanned"}`, "0 0 1+0x20"), Labels: onBase},
					Quiet: Case{At: 30 * time.Minute, Series: one(`lockstep_pauses_total{network="base",how="unplanned"}`, "0 0 1+0x40")}, // it is over
				},
			},
		},
		{
			Group: "security", Title: "Automatic pauses", Help: "Decisions in a day, by what came of them.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (network, outcome) (increase(lockstep_automatic_pauses_total[1d]))", "{{network}} {{outcome}}"}},
			Alerts: []Alert{{
				Name: "LockstepAutomaticPause", Expr: `sum by (network) (increase(lockstep_automatic_pauses_total{outcome="sent"}[15m]))`, Op: ">", Threshold: 0,
				Severity: "critical", Summary: "Lockstep has sent a pause of {{ $labels.network }} by itself",
				Means: "A rule whose action is to pause was broken.",
				Do:    "The critical alert that was raised at the same time says what was seen. Investigate before anybody unpauses.",
				Fires: Case{At: 5 * time.Minute, Series: one(`lockstep_automatic_pauses_total{network="base",outcome="sent"}`, "0 0 1+0x20"), Labels: onBase},
				Quiet: Case{At: 5 * time.Minute, Series: map[string]string{
					`lockstep_automatic_pauses_total{network="base",outcome="sent"}`: "0+0x20", `lockstep_automatic_pauses_total{network="base",outcome="dry-run"}`: "0 0 1+0x20",
				}},
			}, {
				Name: "LockstepNotPaused", Expr: `sum by (network) (increase(lockstep_automatic_pauses_total{outcome=~"limited|refused|failed|error"}[15m]))`, Op: ">", Threshold: 0,
				Severity: "critical", Summary: "Lockstep was to pause {{ $labels.network }} by itself, and has not",
				Means: "A rule whose action is to pause was broken, and the pause was limited, refused or has failed.",
				Do:    "Pause it by hand if what the alert says is real: `lockstep pause`. `lockstep alert pauses --check` says why the key could not.",
				Fires: Case{At: 5 * time.Minute, Series: one(`lockstep_automatic_pauses_total{network="base",outcome="limited"}`, "0 0 1+0x20"), Labels: onBase},
				Quiet: Case{At: 5 * time.Minute, Series: one(`lockstep_automatic_pauses_total{network="base",outcome="landed"}`, "0 0 1+0x20")},
			}},
		},
		{
			Group: "security", Title: "Automatic pause armed", Help: "0 where nothing would be paused because of an alert.", Panel: Lines, Unit: "bool",
			Series: []Series{{"max by (network) (lockstep_pause_armed)", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepPauseNotArmed", Op: "<", Threshold: 1, For: 15 * time.Minute, Severity: "warning",
				Summary: "nothing would be paused automatically on {{ $labels.network }}",
				Means:   "The key of alerts.pause lacks the role or the money there, or has other roles.",
				Do:      "`lockstep alert pauses --check` says what is missing.",
				Fires:   Case{At: 30 * time.Minute, Series: one(`lockstep_pause_armed{network="base"}`, "0+0x40"), Labels: onBase, Value: "0"},
				Quiet:   Case{At: 30 * time.Minute, Series: one(`lockstep_pause_armed{network="base"}`, "1+0x40")},
			}},
		},
		{
			Group: "security", Title: "Refused calls", Help: "In blocks, in an hour, by error.", Panel: Lines, Unit: "short",
			Series: []Series{{`sum by (error) (increase(lockstep_refusals_total{source="block"}[1h]))`, "{{error}}"}},
			Alerts: []Alert{
				refusal("LockstepUnauthorized", "AccessControlUnauthorizedAccount", "high", "somebody without a role called {{ $labels.network }}'s dispatcher",
					"The call was refused. Somebody looks for a way in, or one of your own uses a key that has no role.",
					"The alert of the rule unauthorized_access has the account and the transaction."),
				refusal("LockstepProofRejected", "InvalidProof", "warning", "a page with a wrong proof was refused on {{ $labels.network }}",
					"Whoever holds the role APPLY sent routes that are not in the committed root.",
					"If it was not a rollout from here, find out who uses that key."),
				refusal("LockstepCodehashMismatch", "CodehashMismatch", "high", "an activation was refused on {{ $labels.network }}: code is not what was approved",
					"A contract that a page routes to has other code than the manifest pins. Anybody can make a contract say so, hence not critical by itself.",
					"`lockstep status` compares live code with the manifest. If it differs, treat it as an incident."),
			},
		},
		{
			Group: "security", Title: "Time to an automatic pause", Help: "From seeing the block until the pause is broadcast: 9 of 10 within it, in 30 days.", Panel: Stat, Unit: "s",
			Series: []Series{{quantile("0.9", "", "lockstep_pause_broadcast_seconds", "30d"), "90 %"}},
		},
	}
}

func index() []Item {
	return []Item{
		{
			Group: "index", Title: "Blocks behind", Help: "That the index is behind the newest block.", Panel: Lines, Unit: "short",
			Series: []Series{{"max by (network) (lockstep_index_lag_blocks)", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepIndexLag", Op: ">", Threshold: 20, For: 2 * time.Minute, Severity: "warning",
				Summary: "the index of {{ $labels.network }} is {{ $value | humanize }} blocks behind",
				Means:   "What happens there is seen late.",
				Do:      "Look at the endpoints of the network and at the journal's database: one of both is slow.",
				Fires:   Case{At: 10 * time.Minute, Series: one(`lockstep_index_lag_blocks{network="base"}`, "25+0x20"), Labels: onBase, Value: "25"},
				Quiet:   Case{At: 10 * time.Minute, Series: one(`lockstep_index_lag_blocks{network="base"}`, "25+0x1 2+0x20")},
			}},
		},
		{
			Group: "index", Title: "From block to row", Help: "9 of 10 are in the index within it, and half.", Panel: Lines, Unit: "s",
			Series: []Series{
				{quantile("0.9", "network", "lockstep_index_head_to_row_seconds", "10m"), "{{network}} 90 %"},
				{quantile("0.5", "network", "lockstep_index_head_to_row_seconds", "10m"), "{{network}} 50 %"},
			},
			Alerts: []Alert{{
				Name: "LockstepIndexSlow", Op: ">", Threshold: 30, For: 10 * time.Minute, Severity: "warning",
				Summary: "what happens on {{ $labels.network }} is seen after more than 30 s",
				Means:   "The endpoints of the network answer late, or the database does.",
				Do:      "Look at both; a subscription (ws or wss) is faster than polling.",
				Fires: Case{At: 30 * time.Minute, Labels: onBase, Series: map[string]string{
					`lockstep_index_head_to_row_seconds_bucket{network="base",le="30"}`: "0+0x40", `lockstep_index_head_to_row_seconds_bucket{network="base",le="60"}`: "0+1x40",
					`lockstep_index_head_to_row_seconds_bucket{network="base",le="+Inf"}`: "0+1x40",
				}},
				Quiet: Case{At: 30 * time.Minute, Series: map[string]string{
					`lockstep_index_head_to_row_seconds_bucket{network="base",le="30"}`: "0+1x40", `lockstep_index_head_to_row_seconds_bucket{network="base",le="60"}`: "0+1x40",
					`lockstep_index_head_to_row_seconds_bucket{network="base",le="+Inf"}`: "0+1x40",
				}},
			}},
		},
		{
			Group: "index", Title: "Rows", Help: "A second.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (network) (rate(lockstep_index_rows_total[5m]))", "{{network}}"}},
		},
		{
			Group: "index", Title: "Reorganisations", Help: "In an hour.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (network) (increase(lockstep_index_reorgs_total[1h]))", "{{network}}"}},
			Alerts: []Alert{{
				Name: "LockstepReorgs", Op: ">", Threshold: 20, Severity: "info",
				Summary: "{{ $labels.network }} has taken back blocks {{ $value | humanize }} times in an hour",
				Means:   "More than is usual anywhere: the network is in trouble, or endpoints are on different branches.",
				Do:      "If it goes on, raise `confirmations` of the network.",
				Fires:   Case{At: time.Hour, Series: one(`lockstep_index_reorgs_total{network="base"}`, "0+1x70"), Labels: onBase, Value: "60"},
				Quiet:   Case{At: time.Hour, Series: one(`lockstep_index_reorgs_total{network="base"}`, "0 5+0x70")},
			}},
		},
	}
}

func alerts() []Item {
	kept := func(name, severity, means string) Alert {
		return Alert{
			Name: name, Expr: `max by (rule) (lockstep_alerts_firing{severity="` + severity + `"})`, Op: ">", Threshold: 0, Severity: severity,
			Summary: "{{ $value | humanize }} of the rule {{ $labels.rule }}", Means: means,
			Do: "The alert itself says what was seen, and where. Acknowledge it there.",
			Fires: Case{
				At: 5 * time.Minute, Series: one(`lockstep_alerts_firing{rule="unknown_root",severity="`+severity+`"}`, "0 2+0x20"),
				Labels: map[string]string{"rule": "unknown_root"}, Value: "2",
			},
			Quiet: Case{At: 5 * time.Minute, Series: map[string]string{
				`lockstep_alerts_firing{rule="unknown_root",severity="` + severity + `"}`: "0+0x20", `lockstep_alerts_firing{rule="drift",severity="warning"}`: "1+0x20",
			}},
		}
	}
	return []Item{
		{
			Group: "alerts", Title: "Firing", Help: "Alerts that Lockstep has raised, by severity.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (severity) (max by (rule, severity) (lockstep_alerts_firing))", "{{severity}}"}},
			Alerts: []Alert{
				kept("LockstepCritical", "critical", "Lockstep tells its own receivers, too; this is the second way, for when its sinks fail."),
				kept("LockstepHigh", "high", "As LockstepCritical, for what must be investigated within the hour."),
			},
		},
		{
			Group: "alerts", Title: "Raised", Help: "In a day, by rule.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (rule) (increase(lockstep_alerts_raised_total[1d]))", "{{rule}}"}},
		},
		{
			Group: "alerts", Title: "Time to acknowledge", Help: "9 of 10 alerts of the last 7 days were acknowledged within it, by severity.", Panel: Lines, Unit: "s",
			Series: []Series{{quantile("0.9", "severity", "lockstep_alert_acknowledgement_seconds", "7d"), "{{severity}}"}},
			Alerts: []Alert{{
				Name: "LockstepAnsweredLate", Op: ">", Threshold: 0, Severity: "warning",
				Expr:    beyond("", "lockstep_alert_acknowledgement_seconds", `severity="critical"`, `900(\\.0)?`, "1h"),
				Summary: "a critical alert was answered after more than 15 minutes",
				Means:   "The objective is that somebody answers within 15 minutes.",
				Do:      "Find out whom it reached and when: `lockstep audit list`. Mend the order in which people are called.",
				Fires: Case{At: 10 * time.Minute, Series: map[string]string{
					`lockstep_alert_acknowledgement_seconds_bucket{severity="critical",le="900"}`: "0+0x20",
					`lockstep_alert_acknowledgement_seconds_count{severity="critical"}`:           "0 0 1+0x20",
				}},
				Quiet: Case{At: 10 * time.Minute, Series: map[string]string{
					`lockstep_alert_acknowledgement_seconds_bucket{severity="critical",le="900"}`: "0 0 1+0x20",
					`lockstep_alert_acknowledgement_seconds_count{severity="critical"}`:           "0 0 1+0x20",
					`lockstep_alert_acknowledgement_seconds_bucket{severity="info",le="900"}`:     "0+0x20",
					`lockstep_alert_acknowledgement_seconds_count{severity="info"}`:               "0 0 1+0x20",
				}},
			}},
		},
		{
			Group: "alerts", Title: "Notifications", Help: "In an hour, by sink and what came of them.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (sink, outcome) (increase(lockstep_notifications_total[1h]))", "{{sink}} {{outcome}}"}},
			Alerts: []Alert{{
				Name: "LockstepNotificationsLost", Expr: `sum by (sink) (increase(lockstep_notifications_total{outcome="given up"}[15m]))`, Op: ">", Threshold: 0,
				Severity: "high", Summary: "the sink {{ $labels.sink }} does not take notifications",
				Means: "All tries have failed: whoever is told through it was not.",
				Do:    "`lockstep notify test` shows what it answers. Other receivers were told.",
				Fires: Case{
					At: 5 * time.Minute, Series: one(`lockstep_notifications_total{sink="pager",outcome="given up"}`, "0 0 1+0x20"), Labels: map[string]string{"sink": "pager"},
				},
				Quiet: Case{At: 5 * time.Minute, Series: map[string]string{
					`lockstep_notifications_total{sink="pager",outcome="given up"}`: "0+0x20", `lockstep_notifications_total{sink="pager",outcome="failed"}`: "0 0 1+0x20",
				}},
			}},
		},
		{
			Group: "alerts", Title: "Oldest notification", Help: "That waits to be taken, and how many do.", Panel: Lines, Unit: "s",
			Series: []Series{{"max(lockstep_notification_queue_age_seconds)", "age"}, {"max(lockstep_notification_queue_length)", "waiting"}},
			Alerts: []Alert{{
				Name: "LockstepNotificationsStuck", Op: ">", Threshold: 120, For: time.Minute, Severity: "high",
				Summary: "a notification has waited for {{ $value | humanize }} s",
				Means:   "A sink is down or slow; it is tried again.",
				Do:      "`lockstep notify test` shows what it answers.",
				Fires:   Case{At: 10 * time.Minute, Series: one(`lockstep_notification_queue_age_seconds{instance="a"}`, "0+60x20"), Value: "600"},
				Quiet:   Case{At: 10 * time.Minute, Series: one(`lockstep_notification_queue_age_seconds{instance="a"}`, "0 60 0+0x20")},
			}},
		},
	}
}

func relays() []Item {
	return []Item{
		{
			Group: "relays", Title: "Asked", Help: "In an hour, by relay and what came of it.", Panel: Lines, Unit: "short",
			Series: []Series{{"sum by (relay, outcome) (increase(lockstep_relay_asked_total[1h]))", "{{relay}} {{outcome}}"}},
			Alerts: []Alert{{
				Name: "LockstepRelayDown", Op: ">", Threshold: 2, Severity: "warning",
				Expr:    `sum by (relay) (increase(lockstep_relay_asked_total{outcome=~"refused|unsent|expired"}[30m]))`,
				Summary: "the relay {{ $labels.relay }} refuses, does not answer, or includes nothing",
				Means:   "The next relay of the network is used, if there is one.",
				Do:      "`lockstep relay list` shows what was measured of each. Add another one.",
				Fires: Case{
					At: 20 * time.Minute, Series: one(`lockstep_relay_asked_total{network="ethereum",relay="flashbots",outcome="refused"}`, "0+1x30"),
					Labels: map[string]string{"relay": "flashbots"},
				},
				Quiet: Case{At: 20 * time.Minute, Series: map[string]string{
					`lockstep_relay_asked_total{network="ethereum",relay="flashbots",outcome="refused"}`: "0 1+0x30",
					`lockstep_relay_asked_total{network="ethereum",relay="flashbots",outcome="landed"}`:  "0+1x30",
				}},
			}},
		},
		{
			Group: "relays", Title: "Time to answer", Help: "9 of 10 within it.", Panel: Lines, Unit: "s",
			Series: []Series{{quantile("0.9", "relay", "lockstep_relay_seconds", "1h"), "{{relay}}"}},
		},
		{
			Group: "relays", Title: "Blocks until inclusion", Help: "9 of 10 within it.", Panel: Lines, Unit: "short",
			Series: []Series{{quantile("0.9", "relay", "lockstep_relay_blocks", "1d"), "{{relay}}"}},
		},
		{
			Group: "relays", Title: "Price over the base fee", Help: "Mean of the last day.", Panel: Lines, Unit: "percentunit",
			Series: []Series{{mean("relay", "lockstep_relay_price_over_base", "1d"), "{{relay}}"}},
		},
	}
}

func objectives() []Item {
	return []Item{
		{
			Group: "objectives", Title: "Uptime, 30 days", Help: "Of the network that has the least; the objective is more than 99.9 %.", Panel: Stat, Unit: "percentunit",
			Series: []Series{{"min(lockstep:network:uptime_ratio30d)", "uptime"}},
		},
		{
			Group: "objectives", Title: "Success, 30 days", Help: "Of the network that has the least; the objective is more than 99 %.", Panel: Stat, Unit: "percentunit",
			Series: []Series{{"min(lockstep:steps:success_ratio30d)", "success"}},
		},
		{
			Group: "objectives", Title: "Gas, 30 days", Help: "Used over the published figures; the objective is to be within 10 %.", Panel: Stat, Unit: "percentunit",
			Series: []Series{{
				"sum(increase(lockstep_gas_over_published_sum[30d])) / sum(increase(lockstep_gas_over_published_count[30d]))", "gas",
			}},
		},
		{
			Group: "objectives", Title: "Critical alerts answered in 15 min, 30 days", Help: "Part of those that were answered.", Panel: Stat, Unit: "percentunit",
			Series: []Series{{
				`sum(increase(lockstep_alert_acknowledgement_seconds_bucket{severity="critical",le=~"900(\\.0)?"}[30d])) / ` +
					`sum(increase(lockstep_alert_acknowledgement_seconds_count{severity="critical"}[30d]))`, "answered",
			}},
		},
		{
			Group: "objectives", Title: "Unplanned pauses, 30 days", Help: "The objective is none.", Panel: Stat, Unit: "short",
			Series: []Series{{`sum(increase(lockstep_pauses_total{how="unplanned"}[30d]))`, "pauses"}},
		},
	}
}
