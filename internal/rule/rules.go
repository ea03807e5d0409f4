package rule

import "slices"

// The rules.
const (
	LateExecution      = "late_execution"
	ActivationNotReady = "activation_not_ready"
	CodehashMismatch   = "codehash_mismatch"
	UnknownRoot        = "unknown_root"
	UnplannedPrivilege = "unplanned_privilege"
	UnauthorizedAccess = "unauthorized_access"
	UnplannedPause     = "unplanned_pause"
	GasSpike           = "gas_spike"
	GasVariance        = "gas_variance"
	FailureRate        = "failure_rate"
	Drift              = "drift"
	AccountCode        = "account_code"
	BalanceLow         = "balance_low"
	RPCDown            = "rpc_down"
	RPCDisagrees       = "rpc_disagrees"
	RelayDown          = "relay_down"
	StuckTx            = "stuck_tx"
	IndexLag           = "index_lag"
	External           = "external"
)

// Receivers that the rules name; who they are is configured.
const (
	Ops      Action = "ops"
	Security Action = "security"
)

// Settings are what can be configured of a rule.
type Settings struct {
	Off       bool     `json:"off,omitempty"`
	Severity  Severity `json:"severity"`
	Threshold float64  `json:"threshold"` // in the unit of the rule; 0 if it has none
	Window    int64    `json:"window"`    // seconds; see Definition
	Actions   []Action `json:"actions"`
}

// Definition is a rule as it is documented.
type Definition struct {
	Name      string `json:"name"`
	Condition string `json:"condition"` // in which T is the threshold
	Unit      string `json:"unit"`      // of the threshold; empty if the rule has none
	// Over says what the window is: for how long steps count; for how long a thing that happened (and, from high on, was acknowledged) fires
	// if it does not happen again; empty for a state, which fires while it lasts.
	Over     string   `json:"over"`
	Defaults Settings `json:"defaults"`
	Runbook  string   `json:"runbook"` // what to do first
}

const (
	hour = 3600
	day  = 24 * hour
)

// definitions are in the order in which they are documented.
var definitions = []Definition{
	{
		LateExecution, "a root is pending and the block time is after eta + grace + T", "seconds", "",
		Settings{Severity: Warning, Threshold: 300, Actions: []Action{Ops}},
		"see why nobody activates it: lockstep execution show, lockstep status; if it is not wanted any more, cancel it",
	},
	{
		ActivationNotReady, "an activation before eta was refused", "", "fires after the last one",
		Settings{Severity: Warning, Window: hour, Actions: []Action{Ops}},
		"find out who sends it: this program waits for eta and grace by block time",
	},
	{
		CodehashMismatch, "the code of an active facet, or of the extension, is not the pinned one, as two endpoints say (alerts.pause.endpoints); where fewer of several " +
			"say so, or the error was merely seen, it is high and pauses nothing", "", "fires after the error was last seen",
		Settings{Severity: Critical, Window: day, Actions: []Action{ActPause, Security}},
		"pause if that was not done; calls to the facet revert already; find out how its code could change, and roll out a manifest without it",
	},
	{
		UnknownRoot, "a root that no approved plan holds is committed, or active", "", "",
		Settings{Severity: Critical, Actions: []Action{Security, ActCancel}},
		"cancel it before its eta (lockstep cancel), then find out who holds the key that committed it, and take the role from it",
	},
	{
		UnplannedPrivilege, "a role, the grace, the batch size, the pending root (by cancelling) or a word of the dispatcher's storage changed and no approved plan says so; " +
			"critical where it concerns the admin role; where fewer of several endpoints say so than alerts.pause.endpoints, it is high and pauses nothing", "", "fires after it was last seen, once acknowledged",
		Settings{Severity: High, Window: day, Actions: []Action{Security}},
		"undo it with a plan; where no event tells of it, a facet has written it: pause, and look at the facets' code",
	},
	{
		UnauthorizedAccess, "a call was refused because its sender lacks the role; beyond 20 senders to one contract, all others are one alert", "", "fires after the last one, once acknowledged",
		Settings{Severity: High, Window: day, Actions: []Action{ActLog, Security}},
		"find out whose account it is: a signer that lost its role, or somebody who tries doors",
	},
	{
		UnplannedPause, "routed calls were stopped or resumed, which was not asked for here", "", "fires after it was last seen, once acknowledged",
		Settings{Severity: High, Window: day, Actions: []Action{Security}},
		"ask who holds PAUSER_ROLE and EMERGENCY_ROLE; if nobody did it, a key is lost: take its roles from it",
	},
	{
		GasSpike, "a step used more than T times the gas that was simulated for it, without what a rollup charges for data", "ratio", "fires after the last one",
		Settings{Severity: Info, Threshold: 1.5, Window: day, Actions: []Action{ActMetrics}},
		"compare the step with its simulation in the plan",
	},
	{
		GasVariance, "the mean of the last 20 steps is off the published figures by more than T", "ratio", "",
		Settings{Severity: Warning, Threshold: 0.2, Actions: []Action{Ops}},
		"compare docs/contract.md with what the steps used: the network may price gas in another way",
	},
	{
		FailureRate, "more than T of the steps within the window failed", "ratio", "in which steps count",
		Settings{Severity: Warning, Threshold: 0.1, Window: day, Actions: []Action{Ops}},
		"lockstep transaction list shows which failed; lockstep execution show says why",
	},
	{
		Drift, "networks have different active routes for longer than T, and no plan that is being carried out allows it", "seconds", "",
		Settings{Severity: High, Threshold: 60, Actions: []Action{Ops}},
		"lockstep sync shows which networks differ, and makes the plan that brings them together",
	},
	{
		AccountCode, "an account that signs, holds a role or deployed has code that it had not (EIP-7702)", "", "",
		Settings{Severity: High, Actions: []Action{Security}},
		"whoever controls that code may act as the account: take its roles from it, then find out how its key was used",
	},
	{
		BalanceLow, "an account that sends has less than what T upgrades cost, or the key that pauses automatically less than 3 pauses; over once it has a quarter more than that", "upgrades", "",
		Settings{Severity: Warning, Threshold: 3, Actions: []Action{Ops}},
		"send it ether",
	},
	{
		RPCDown, "an endpoint has not answered for T; high if no endpoint of the network does", "seconds", "",
		Settings{Severity: Warning, Threshold: 300, Actions: []Action{Ops}},
		"ask its provider, or put another one in the configuration",
	},
	{
		RPCDisagrees, "two endpoints give different hashes for the same height, which is final or is not settled within T", "seconds", "",
		Settings{Severity: High, Threshold: 60, Actions: []Action{Ops}},
		"compare with a block explorer; take the endpoint that is wrong out of the configuration",
	},
	{
		RelayDown, "a relay has failed T times in a row", "times", "",
		Settings{Severity: Warning, Threshold: 3, Actions: []Action{Ops}},
		"lockstep relay list; ask its operator, or put another one in the configuration",
	},
	{
		StuckTx, "a transaction is not in a block T blocks after it was sent, and 15 seconds", "blocks", "",
		Settings{Severity: Warning, Threshold: 10, Actions: []Action{Ops}},
		"lockstep transaction list; its price may be bounded by maxFee",
	},
	{
		IndexLag, "the index is T blocks or more behind the head, for 3 seconds", "blocks", "",
		Settings{Severity: High, Threshold: 20, Actions: []Action{Ops}},
		"what happens there is not seen in time: look at the log for what the endpoints refuse",
	},
	{
		External, "something outside reports it (PagerDuty, Grafana, a person); the severity is what it says", "", "",
		Settings{Severity: Warning, Actions: []Action{Ops}},
		"see where it comes from",
	},
}

// Definitions lists the rules.
func Definitions() []Definition { return slices.Clone(definitions) }

// Define returns a rule.
func Define(name string) (Definition, bool) {
	i := slices.IndexFunc(definitions, func(d Definition) bool { return d.Name == name })
	if i < 0 {
		return Definition{}, false
	}
	return definitions[i], true
}

// Defaults are the settings of all rules if nothing is configured.
func Defaults() map[string]Settings {
	out := map[string]Settings{}
	for _, d := range definitions {
		s := d.Defaults
		s.Actions = slices.Clone(s.Actions)
		out[d.Name] = s
	}
	return out
}
