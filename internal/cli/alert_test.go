package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/objective"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

func init() {
	withoutData["lockstep alert"] = "help, for people"
	withoutData["lockstep rule"] = "help, for people"
	exercises = append(exercises, []exercise{
		{command: "lockstep rule list", args: "--config @one.yaml"},
		{command: "lockstep rule list", args: "--config @nowhere.yaml", code: exitFailed, fails: true},
		{command: "lockstep rule show", args: "--config @one.yaml drift"},
		{command: "lockstep rule show", args: "--config @one.yaml gas_spike"},
		{command: "lockstep rule show", args: "--config @one.yaml unknown_root"},
		{command: "lockstep rule show", args: "--config @one.yaml cube", code: exitUsage, fails: true},
		{command: "lockstep rule test", args: "--config @one.yaml @met.jsonl @met.jsonl", before: sequences},
		{command: "lockstep rule test", args: "--defaults @missed.jsonl", code: exitFailed},
		{command: "lockstep rule test", args: "--defaults @met.jsonl @broken.jsonl", code: exitFailed},
		{command: "lockstep rule test", args: "--defaults -", stdin: sequenceMet},
		{command: "lockstep rule test", args: "--config @nowhere.yaml @met.jsonl", code: exitFailed, fails: true},
		{command: "lockstep rule test", code: exitUsage, fails: true},
		{command: "lockstep alert list", args: "--journal @old.db"}, // an earlier release knew none
		{command: "lockstep alert show", args: "--journal @old.db 1", code: exitFailed, fails: true},
		{command: "lockstep alert silences", args: "--journal @old.db"},
		{command: "lockstep alert list", args: "--config @one.yaml --check"},
		{command: "lockstep alert list", args: "--config @one.yaml", before: keptAlerts},
		{command: "lockstep alert list", args: "--journal @lockstep.db --all --limit 1"},
		{command: "lockstep alert list", args: "--journal @lockstep.db --since 24h --check", code: exitDifference},
		{command: "lockstep alert list", args: "--journal @lockstep.db --limit -1", code: exitUsage, fails: true},
		{command: "lockstep alert list", args: "--journal @lockstep.db --since -1h", code: exitUsage, fails: true},
		{command: "lockstep alert list", args: "--journal @nowhere.db", code: exitFailed, fails: true},
		{command: "lockstep alert show", args: "--config @one.yaml 1"},
		{command: "lockstep alert show", args: "--config @one.yaml 2"},
		{command: "lockstep alert show", args: "--config @one.yaml 3"},
		{command: "lockstep alert show", args: "--config @one.yaml 99", code: exitFailed, fails: true},
		{command: "lockstep alert show", args: "--config @one.yaml first", code: exitUsage, fails: true},
		{command: "lockstep alert ack", args: "--config @one.yaml 1 --note mine"},
		{command: "lockstep alert ack", args: "--config @one.yaml 1 --note ours"},
		{command: "lockstep alert ack", args: "--config @one.yaml 1 2"},
		{command: "lockstep alert ack", args: "--config @one.yaml 3", code: exitFailed, fails: true},
		{command: "lockstep alert ack", args: "--config @one.yaml 99", code: exitFailed, fails: true},
		{command: "lockstep alert ack", args: "--config @one.yaml 0", code: exitUsage, fails: true},
		{command: "lockstep alert resolve", args: "--config @one.yaml 1 --reason gone", code: exitFailed, fails: true},
		{command: "lockstep alert resolve", args: "--config @one.yaml 4 --reason gone", before: reportedAlert},
		{command: "lockstep alert resolve", args: "--config @one.yaml 4 --reason gone", code: exitFailed, fails: true},
		{command: "lockstep alert resolve", args: "--config @one.yaml 99 --reason gone", code: exitFailed, fails: true},
		{command: "lockstep alert resolve", args: "--config @one.yaml 4", code: exitUsage, fails: true},
		{command: "lockstep alert resolve", args: "--config @one.yaml fourth --reason gone", code: exitUsage, fails: true},
		{command: "lockstep alert silence", args: "--config @one.yaml drift --for 2h --reason known"},
		{command: "lockstep alert silence", args: "--config @one.yaml rpc_down --network local --subject https* --for 2h --reason moved"},
		{command: "lockstep alert silence", args: "--config @one.yaml cube --for 2h --reason known", code: exitUsage, fails: true},
		{command: "lockstep alert silence", args: "--config @one.yaml drift --reason known", code: exitUsage, fails: true},
		{command: "lockstep alert silence", args: "--config @one.yaml drift --for 2h", code: exitUsage, fails: true},
		{command: "lockstep alert silence", args: "--config @one.yaml drift --for 3000h --reason known", code: exitUsage, fails: true},
		{command: "lockstep alert silence", args: "--config @one.yaml drift --for 2h --reason known --network nowhere", code: exitFailed, fails: true},
		{command: "lockstep alert silence", args: "--config @one.yaml drift --for 2h --reason known --subject [a", code: exitFailed, fails: true},
		{command: "lockstep alert silences", args: "--journal @lockstep.db"},
		{command: "lockstep alert silences", args: "--journal @nowhere.db", code: exitFailed, fails: true},
		{command: "lockstep alert unsilence", args: "--config @one.yaml 2"},
		{command: "lockstep alert unsilence", args: "--config @one.yaml 99", code: exitFailed, fails: true},
		{command: "lockstep alert unsilence", args: "--config @one.yaml second", code: exitUsage, fails: true},
		{command: "lockstep report", args: "--config @one.yaml"},
		{command: "lockstep report", args: "--config @one.yaml --days 90 --check", code: exitFailed},
		{command: "lockstep report", args: "--config @one.yaml --days 0", code: exitUsage, fails: true},
		{command: "lockstep report", args: "--config @one.yaml --journal @nowhere.db", code: exitFailed, fails: true},
	}...)
}

const sequenceMet = `# a call is refused, and is again by another transaction
{"sight": "refusal", "network": "base", "chainId": 8453, "at": 0, "block": {"number": 7, "hash": "0x0700000000000000000000000000000000000000000000000000000000000000", "time": 1007}, "contract": "0xd100000000000000000000000000000000000000", "tx": "0x0100000000000000000000000000000000000000000000000000000000000000", "by": "0x5100000000000000000000000000000000000000", "subject": "ActivationNotReady", "is": "{}", "source": "block", "expect": [{"turn": "raised", "rule": "activation_not_ready", "action": "ops"}]}
{"sight": "tick", "at": 3599999, "expect": []}
{"sight": "tick", "at": 3600000, "expect": [{"turn": "resolved", "rule": "activation_not_ready"}]}
`

// sequences writes met.jsonl, from which follows what it says, missed.jsonl, from which does not, and broken.jsonl, which is none.
func sequences(t *testing.T, r *rig) {
	t.Helper()
	r.write(t, "met.jsonl", sequenceMet)
	r.write(t, "missed.jsonl", strings.Replace(sequenceMet, "3600000", "3599999", 1))
	r.write(t, "broken.jsonl", sequenceMet+"{\"sight\": \"smell\"}\n")
}

// keptAlerts keeps three alerts: 1 fires and has all that one can have, 2 is about no network, and 3 is resolved and was acknowledged.
func keptAlerts(t *testing.T, r *rig) {
	t.Helper()
	s, err := store.Open(t.Context(), r.path("lockstep.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	at := time.Now().Unix()
	make := func(name, network, subject string, severity rule.Severity, actions ...rule.Action) rule.Alert {
		return rule.Alert{
			Fingerprint: rule.Fingerprint(name, network, subject), Rule: name, Severity: severity, Network: network, Subject: subject, Summary: "something is seen: " + subject,
			Actions: actions, Count: 1, RaisedAt: at, SeenAt: at,
		}
	}
	root := make(rule.UnknownRoot, "local", "0xaa", rule.Critical, rule.Security, rule.ActCancel)
	root.ChainID, root.Contract, root.Tx, root.Block = 31337, common.Address{0xd1}, common.Hash{1}, rollout.Block{Number: 7, Hash: common.Hash{7}, Time: 1007}
	root.Endpoints, root.RaisedAnewAt = 2, at
	root.Details = []rule.Detail{{Name: "sender", Value: "0x51"}}
	drift, down := make(rule.Drift, "", "active routes", rule.High, rule.Ops), make(rule.RPCDown, "local", "https://one.example/a", rule.Warning, rule.Ops)
	if _, err := s.SaveAlerts(t.Context(), 31337, nil, []rule.Change{{Turn: rule.Raised, Alert: root}, {Turn: rule.Raised, Alert: drift}, {Turn: rule.Raised, Alert: down}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Acknowledge(t.Context(), 3, "alice", "the provider knows", nil); err != nil {
		t.Fatal(err)
	}
	down.ResolvedAt, down.Resolution = at, "it answers again"
	if _, err := s.SaveAlerts(t.Context(), 31337, nil, []rule.Change{{Turn: rule.Resolved, Alert: down}}, nil); err != nil {
		t.Fatal(err)
	}
}

// reportedAlert keeps an alert from outside.
func reportedAlert(t *testing.T, r *rig) {
	t.Helper()
	s, err := store.Open(t.Context(), r.path("lockstep.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	a := rule.Alert{
		Fingerprint: rule.Fingerprint(rule.External, "", "grafana x"), Rule: rule.External, Severity: rule.Warning, Subject: "grafana x", Summary: "it is slow",
		Actions: []rule.Action{rule.Ops}, Count: 1, RaisedAt: time.Now().Unix(), SeenAt: time.Now().Unix(),
	}
	if _, err := s.SaveAlerts(t.Context(), 0, nil, []rule.Change{{Turn: rule.Raised, Alert: a}}, nil); err != nil {
		t.Fatal(err)
	}
}

// alertRig is a folder with a configuration and alerts; no network runs.
func alertRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir()}
	r.write(t, "lockstep.yaml", threeNetworks+"alerts: { rules: { drift: { threshold: 5m, severity: critical, actions: [security] }, gas_spike: { off: true } } }\n")
	keptAlerts(t, r)
	sequences(t, r)
	return r
}

// TestAlertsForPeople runs what is printed for people, which must fit, and looks for what matters in it.
func TestAlertsForPeople(t *testing.T) {
	r := alertRig(t)
	t.Chdir(r.dir)
	for _, c := range []struct {
		line   string
		code   int
		holds  []string // of both outputs
		lacks  []string
		before func()
	}{
		{line: "rule list", holds: []string{"drift                 critical  -         security\n", "for longer than 5 minutes", "gas_spike             off "}},
		{line: "rule show drift", holds: []string{"severity   critical", "threshold  300 seconds", "lockstep sync"}},
		{line: "rule test met.jsonl", holds: []string{"2     refusal  base     raised    warning   activation_not_ready", "3 lines: 1 raised, 0 renewed, 0 confirmed, 1 resolved; nothing that was not expected"}},
		{line: "rule test missed.jsonl", code: exitFailed, lacks: []string{"UNEXPECTED"}, holds: []string{"MISSING", "missed.jsonl: line 4: activation_not_ready resolved is missing", "not as expected"}},
		{line: "rule test broken.jsonl nowhere.jsonl met.jsonl", code: exitFailed, holds: []string{`broken.jsonl: line 5: sight is "smell"`, "and 1 more", "met.jsonl\n"}},
		{line: "alert list", holds: []string{"1   critical  unknown_root  local    firing", "2   high      drift         -        firing", "something is seen: 0xaa"}, lacks: []string{"rpc_down"}},
		{line: "alert list --all", holds: []string{"3   warning   rpc_down      local    resolved"}},
		{line: "alert list --since 1h", holds: []string{"resolved", "firing"}},
		{line: "alert list --all --limit 1", holds: []string{"rpc_down", "there are more"}, lacks: []string{"drift"}},
		{line: "alert list --check", code: exitDifference, holds: []string{"critical or high: 2; the newest is 2, drift"}},
		{line: "alert show 1", holds: []string{"alert 1: unknown_root on local, critical, firing", "not final yet", "lockstep cancel --network local", "lockstep cancel), then"}},
		{line: "alert show 3", holds: []string{"by alice", "the provider knows", "it answers again"}, lacks: []string{"What to do"}},
		{line: "alert ack 1 --note mine", holds: []string{"alert 1: unknown_root on local, critical, acknowledged", "mine"}, lacks: []string{"acknowledged before"}},
		{line: "alert ack 1 --note ours", holds: []string{"alert 1 was acknowledged before, by ", ": your note was not kept\n", "mine"}, lacks: []string{"ours"}},
		{line: "alert ack 1", holds: []string{"alert 1 was acknowledged before, by "}, lacks: []string{"note was"}},
		{line: "alert ack 2 3", code: exitFailed, holds: []string{"acknowledge alert 3: it is resolved already"}},
		{line: "alert ack 2 99", code: exitFailed, holds: []string{"acknowledge alert 99: "}},
		{line: "alert ack 2 two", code: exitUsage},
		{line: "alert show 2", holds: []string{"high, firing"}},
		{line: "alert ack 3", code: exitFailed, holds: []string{"acknowledge alert 3: it is resolved already"}},
		{line: "alert resolve 2 --reason gone", code: exitFailed, holds: []string{"resolve alert 2: only alerts from outside", "ends by itself", "alert ack"}},
		{line: "alert resolve 2", code: exitUsage, holds: []string{"--reason"}},
		{line: "alert resolve 4 --reason gone", before: func() { reportedAlert(t, r) }, holds: []string{"alert 4: external, warning, resolved", "says that it is over: gone"}},
		{line: "alert resolve 4 --reason gone", code: exitFailed, holds: []string{"resolve alert 4: it is resolved already"}},
		{line: "alert show 99", code: exitFailed, holds: []string{"read alert 99: not in the journal: see lockstep alert list --all"}},
		{line: "alert silences", holds: []string{"nothing is silenced"}},
		{line: "alert silence drift --for 2h --reason known", holds: []string{"silence 1: drift until", "lockstep alert unsilence 1"}},
		{line: "alert silence unknown_root --for 2h --reason known --network local --subject 0xbb*", holds: []string{"silence 2"}},
		{line: "alert list", holds: []string{"local    acknowledged", "-        silenced"}},
		{line: "alert list --check", code: exitDifference, holds: []string{"critical or high: 1; the newest is 1, unknown_root"}},
		{line: "alert silence unknown_root --for 2h --reason known --network local --subject 0xa*", holds: []string{"silence 3"}},
		{line: "alert list --check", holds: []string{"acknowledged"}},
		{line: "alert silences", holds: []string{"1   drift         -      ", "about 0xa*: known"}},
		{line: "alert unsilence 3", holds: []string{"silence 3 has ended"}},
		{line: "alert silences", lacks: []string{"0xa*"}},
		{line: "alert list --check", code: exitDifference},
		{line: "report", holds: []string{"30 days, from ", "unauthorized  NOT MET       1\n", "answer        MET  ", "incidents     MET           0", "uptime        NOT MEASURED  -"}},
		{line: "report --check", code: exitFailed, holds: []string{"lockstep: not met: unauthorized\n"}},
		{line: "report --days 367", code: exitUsage},
		{line: "audit list --kind silence", holds: []string{"silence.begun", "silence 3 unknown_root: known", "silence.ended"}},
	} {
		if c.before != nil {
			c.before()
		}
		code, stdout, stderr := r.run(t, "", strings.Fields(c.line)...)
		if code != c.code {
			t.Errorf("%s: exit code %d, want %d\n%s%s", c.line, code, c.code, stdout, stderr)
		}
		checkWidth(t, c.line, stdout)
		for _, text := range c.holds {
			if !strings.Contains(stdout+stderr, text) {
				t.Errorf("%s: it lacks %q:\n%s%s", c.line, text, stdout, stderr)
			}
		}
		for _, text := range c.lacks {
			if strings.Contains(stdout+stderr, text) {
				t.Errorf("%s: it holds %q:\n%s%s", c.line, text, stdout, stderr)
			}
		}
	}
}

// TestRulesWithoutConfiguration: they are as they are by default where there is no file, and not where the file that was named is not there, or
// is wrong.
func TestRulesWithoutConfiguration(t *testing.T) {
	r := &rig{dir: t.TempDir()}
	t.Chdir(r.dir)
	t.Setenv("LOCKSTEP_CONFIG", "")
	sequences(t, r)
	for _, line := range []string{"rule list", "rule show drift", "rule test met.jsonl", "rule test --defaults --config nowhere.yaml met.jsonl"} {
		if code, stdout, stderr := r.run(t, "", strings.Fields(line)...); code != exitDone {
			t.Errorf("%s: exit code %d\n%s%s", line, code, stdout, stderr)
		}
	}
	_, stdout, _ := r.run(t, "", "rule", "list", "--json")
	var doc struct{ Rules []rule.Settings }
	if err := json.Unmarshal([]byte(stdout), &doc); err != nil || len(doc.Rules) != len(rule.Definitions()) || doc.Rules[0].Threshold != 300 {
		t.Errorf("%v: %s", err, stdout)
	}
	r.write(t, "lockstep.yaml", "project: unsound\n")
	for _, line := range []string{"rule list", "rule show drift", "rule test met.jsonl", "rule list --config nowhere.yaml"} {
		if code, stdout, _ := r.run(t, "", strings.Fields(line)...); code != exitFailed || stdout != "" {
			t.Errorf("%s: exit code %d\n%s", line, code, stdout)
		}
	}
}

// TestRuleTestHasTheSettingsOfTheConfiguration: the same sequence has another end with other rules.
func TestRuleTestHasTheSettingsOfTheConfiguration(t *testing.T) {
	r := &rig{dir: t.TempDir()}
	t.Chdir(r.dir)
	sequences(t, r)
	r.write(t, "lockstep.yaml", threeNetworks+"alerts: { rules: { activation_not_ready: { window: 30m } } }\n")
	if code, _, stderr := r.run(t, "", "rule", "test", "met.jsonl"); code != exitFailed || !strings.Contains(stderr, "line 3: activation_not_ready resolved (warning)") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	if code, _, stderr := r.run(t, "", "rule", "test", "--defaults", "met.jsonl"); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestAlertCompletion(t *testing.T) {
	r := alertRig(t)
	t.Chdir(r.dir)
	if code, _, stderr := r.run(t, "", strings.Fields("alert silence drift --for 2h --reason known")...); code != exitDone {
		t.Fatal(stderr)
	}
	for line, want := range map[string]string{
		"rule show unk":                   "unknown_root",
		"rule show unknown_root ":         "",
		"alert silence unplanned_p":       "unplanned_privilege unplanned_pause",
		"alert silence drift --network a": "arbitrum",
		"alert show ":                     "2 1",
		"alert ack ":                      "2 1",
		"alert ack 2 ":                    "",
		"alert unsilence ":                "1",
		"alert ack --journal nowhere.db ": "",
	} {
		code, stdout, stderr := r.run(t, "", append([]string{cobra.ShellCompNoDescRequestCmd}, strings.Split(line, " ")...)...)
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		prefix := line[strings.LastIndexByte(line, ' ')+1:]
		var got []string
		for _, l := range lines[:len(lines)-1] {
			if strings.HasPrefix(l, prefix) {
				got = append(got, l)
			}
		}
		if code != exitDone || strings.Join(got, " ") != want || lines[len(lines)-1] != ":4" {
			t.Errorf("%q completes to %q, want %q (%s)", line, got, want, stderr)
		}
	}
}

// TestReportOfAnEmptyJournal: nothing was measured, which is no failure and no success.
func TestReportOfAnEmptyJournal(t *testing.T) {
	r := &rig{dir: t.TempDir()}
	t.Chdir(r.dir)
	s, err := store.Open(t.Context(), r.path("lockstep.db"), "test")
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := r.run(t, "", "report", "--check")
	if n := strings.Count(stdout, "NOT MEASURED"); code != exitDone || n != len(objective.Objectives()) {
		t.Errorf("exit code %d, %d of %d are not measured:\n%s%s", code, n, len(objective.Objectives()), stdout, stderr)
	}
	checkWidth(t, "report", stdout)
}
