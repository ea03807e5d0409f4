package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// pausing is the minimal file with a signer p that pauses and does nothing else, and a section alerts that begins at line 9.
func pausing(pause string, replaced ...string) string {
	text := strings.NewReplacer(append(replaced,
		`pauser: [o]`, `pauser: [o, p]`,
		`rpc: ["http://localhost:8545"]`, `rpc: ["http://localhost:8545", "http://localhost:8546"]`,
		`o: {keystore: o, password: "env:P"}}`, `o: {keystore: o, password: "env:P"}, p: {keystore: p, password: "env:P"}, seen: {address: "0x4e59b44847b379578588920cA78FbF26c0B4956C"}}`,
	)...).Replace(minimal)
	return text + "alerts:\n  pause:\n" + indent(pause) + "\n"
}

// TestPauseFollows: a pause that is asked for, and can never follow, is a mistake where it is written.
func TestPauseFollows(t *testing.T) {
	const never = "which follows from what is critical alone, and "
	for name, c := range map[string]struct{ pause, rules, want string }{
		"on, critical":       {"mode: on\nsigner: p", "unknown_root: {actions: [pause]}", ""},
		"dry, made critical": {"mode: dry-run\nsigner: p", "account_code: {severity: critical, actions: [pause]}", ""},
		"critical at times":  {"mode: on\nsigner: p", "unplanned_privilege: {actions: [pause]}", ""},
		"by default alone":   {"mode: off", "codehash_mismatch: {window: 2h}", ""},
		"a rule that is off": {"mode: off", "unknown_root: {off: true, actions: [pause]}", ""},
		"high":               {"mode: on\nsigner: p", "unplanned_pause: {actions: [metrics, pause]}", "14: alerts.rules.unplanned_pause.actions names pause, " + never + "unplanned_pause is high"},
		"never so grave":     {"mode: on\nsigner: p", "unplanned_privilege: {severity: warning, actions: [pause]}", "14: alerts.rules.unplanned_privilege.actions names pause, " + never},
		"made less grave":    {"mode: on\nsigner: p", "codehash_mismatch: {severity: high, actions: [pause]}", "14: alerts.rules.codehash_mismatch.actions names pause, " + never},
		"off":                {"mode: off", "unknown_root: {actions: [pause]}", "13: alerts.rules.unknown_root.actions names pause, and alerts.pause.mode is off"},
		"no mode":            {"perHour: 2", "unknown_root: {actions: [pause]}", "13: alerts.rules.unknown_root.actions names pause, and alerts.pause.mode is off"},
		"a mode that is not": {"mode: maybe", "unknown_root: {actions: [pause]}", `11: alerts.pause.mode is "maybe"`},
	} {
		_, err := Parse("f.yaml", []byte(pausing(c.pause)+"  rules:\n    "+c.rules+"\n"))
		switch {
		case c.want == "" && err == nil:
		case c.want == "" || err == nil || !strings.HasPrefix(err.Error(), "f.yaml:"+c.want) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestPause(t *testing.T) {
	for text, want := range map[string]Pause{
		"mode: off":                  {Mode: rollout.PauseOff, PerHour: 2, Endpoints: 2, Line: 11},
		"perHour: 5":                 {Mode: rollout.PauseOff, PerHour: 5, Endpoints: 2, Line: 11},
		"mode: on\nsigner: p":        {Mode: rollout.PauseOn, Signer: "p", PerHour: 2, Endpoints: 2, Line: 11},
		"mode: \"on\"\nsigner: p":    {Mode: rollout.PauseOn, Signer: "p", PerHour: 2, Endpoints: 2, Line: 11},
		"mode: dry-run\nsigner: p":   {Mode: rollout.PauseDry, Signer: "p", PerHour: 2, Endpoints: 2, Line: 11},
		"mode: off\nsigner: unknown": {Mode: rollout.PauseOff, Signer: "unknown", PerHour: 2, Endpoints: 2, Line: 11},
		"mode: on\nsigner: p\nnetworks: all\nperHour: 60\npublic: true\nendpoints: 1": {
			Mode: rollout.PauseOn, Signer: "p", All: true, PerHour: 60, Public: true, Endpoints: 1, Line: 11,
		},
		"mode: on\nsigner: p\nnetworks: concerned\npublic: false": {Mode: rollout.PauseOn, Signer: "p", PerHour: 2, Endpoints: 2, Line: 11},
	} {
		c, err := Parse("f.yaml", []byte(pausing(text)))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c.Alerts.Pause; got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
	c, err := Parse("f.yaml", []byte(minimal))
	if err != nil || c.Alerts.Pause != (Pause{Mode: rollout.PauseOff, PerHour: 2, Endpoints: 2}) {
		t.Errorf("by default %+v, %v", c.Alerts.Pause, err)
	}
}

func TestPauseMistakes(t *testing.T) {
	const alone = ", which is in %s as well: make a key that does nothing but pause, with lockstep key new"
	for name, c := range map[string]struct {
		pause    string
		replaced []string
		want     string
	}{
		"unknown mode":    {"mode: maybe", nil, `11: alerts.pause.mode is "maybe", must be off, dry-run or on`},
		"mode of YAML":    {"mode: true", nil, `11: alerts.pause.mode is "true", must be off, dry-run or on`},
		"unknown key":     {"modes: on", nil, `11: unknown key "modes" in alerts.pause; did you mean "mode"?`},
		"unknown network": {"networks: base", nil, `11: alerts.pause.networks is "base", must be concerned or all`},
		"perHour 0":       {"perHour: 0", nil, `11: alerts.pause.perHour is "0", must be a whole number from 1 to 60`},
		"perHour 61":      {"perHour: 61", nil, `11: alerts.pause.perHour is "61", must be a whole number from 1 to 60`},
		"public in words": {"public: sometimes", nil, `11: alerts.pause.public must be true or false`},
		"endpoints 0":     {"endpoints: 0", nil, `11: alerts.pause.endpoints is "0", must be a whole number from 1 to 20`},
		"no signer":       {"mode: on", nil, `11: alerts.pause.signer is missing: name a signer in dispatcher.roles.pauser whose key does nothing else`},
		"unknown signer":  {"mode: on\nsigner: q", nil, `12: alerts.pause.signer names "q", which is not under signers`},
		"no keystore": {
			"mode: on\nsigner: seen",
			[]string{"pauser: [o]", "pauser: [seen]"},
			`12: alerts.pause.signer is seen, which has no keystore: it could not sign here`,
		},
		"not the role": {
			"mode: dry-run\nsigner: p",
			[]string{"pauser: [o]", "pauser: [o ]"},
			`12: alerts.pause.signer is p, which is not in dispatcher.roles.pauser: add it there, or name one that is`,
		},
		"the operator": {
			"mode: on\nsigner: o", nil,
			"12: alerts.pause.signer is o" + fmt.Sprintf(alone, "dispatcher.roles.admin, dispatcher.roles.apply, dispatcher.roles.commit, dispatcher.roles.emergency"),
		},
		"the deployer": {
			"mode: on\nsigner: d", []string{"pauser: [o]", "pauser: [d]"}, "12: alerts.pause.signer is d" + fmt.Sprintf(alone, "dispatcher.deployer"),
		},
		"an approver": {
			"mode: on\nsigner: p",
			[]string{`approvers: ["0x00000000000000000000000000000000000a11ce"`, `approvers: [p`},
			"12: alerts.pause.signer is p" + fmt.Sprintf(alone, "approvals.approvers"),
		},
		"by its address": {
			"mode: on\nsigner: p",
			[]string{
				`emergency: [o]`, `emergency: ["0x4e59b44847b379578588920cA78FbF26c0B4956C"]`,
				`o: {keystore: o, password: "env:P"}}`, `o: {keystore: o, password: "env:P"}, p: {keystore: p, password: "env:P", address: "0x4e59b44847b379578588920cA78FbF26c0B4956C"}}`,
			},
			"12: alerts.pause.signer is p" + fmt.Sprintf(alone, "dispatcher.roles.emergency"),
		},
		"one endpoint": {
			"mode: on\nsigner: p",
			[]string{`rpc: ["http://localhost:8545"]`, `rpc: ["http://localhost:8547"]`},
			"6: network local has 1 endpoint, and 2 must agree on a code hash before it is paused because of one (alerts.pause.endpoints): list another one " +
				"under rpc, or say endpoints: 1",
		},
		"two of three endpoints": {
			"mode: on\nsigner: p\nendpoints: 3", nil,
			"13: network local has 2 endpoints, and 3 must agree on a code hash before it is paused because of one (alerts.pause.endpoints): list another one " +
				"under rpc, or say endpoints: 1",
		},
		"a list": {"- mode", nil, "11: alerts.pause must be a mapping of mode, signer, networks, perHour, public, endpoints"},
	} {
		_, err := Parse("f.yaml", []byte(pausing(c.pause, c.replaced...)))
		if err == nil || err.Error() != "f.yaml:"+c.want {
			t.Errorf("%s:\n%v\nwant %s", name, err, c.want)
		}
	}
	// nobody else need agree in a dry run, and one endpoint is enough if the file says so
	for _, text := range []string{"mode: dry-run\nsigner: p", "mode: on\nsigner: p\nendpoints: 1"} {
		if _, err := Parse("f.yaml", []byte(pausing(text, `rpc: ["http://localhost:8545"]`, `rpc: ["http://localhost:8547"]`))); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := Parse("f.yaml", []byte(minimal+"alerts: {pauses: {mode: on}}\n")); err == nil ||
		!strings.Contains(err.Error(), `unknown key "pauses" in alerts; did you mean "pause"?`) {
		t.Errorf("%v", err)
	}
}

// TestPauseKeyOfAKeyFile: what only key files tell is found when they are open.
func TestPauseKeyOfAKeyFile(t *testing.T) {
	c, err := Parse("f.yaml", []byte(pausing("mode: on\nsigner: p")))
	if err != nil {
		t.Fatal(err)
	}
	one, other := common.Address{1}, common.Address{2}
	of := func(o, d common.Address) func(string) common.Address {
		return func(name string) common.Address { return map[string]common.Address{"p": one, "o": o, "d": d}[name] }
	}
	for name, want := range map[string]struct {
		address func(string) common.Address
		text    string
	}{
		"another key":        {of(other, other), ""},
		"no key of others":   {of(common.Address{}, common.Address{}), ""},
		"the operator's key": {of(one, other), "dispatcher.roles.admin, dispatcher.roles.apply"},
		"the deployer's key": {of(other, one), "dispatcher.deployer"},
	} {
		err := c.PauseKeyAlone(want.address)
		if (err != nil) != (want.text != "") || err != nil && !strings.Contains(err.Error(), want.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
