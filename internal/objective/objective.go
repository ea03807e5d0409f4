// Package objective compares what was reached in a span of time with what was set out for it. It is pure: whoever asks hands over the figures.
//
// What was not measured is said to be so. Nothing is met because there is nothing to be seen: a ratio of no transactions, or a network that nobody
// watched, is no hundred percent.
package objective

// Name identifies an objective.
type Name string

// The objectives.
const (
	Uptime       Name = "uptime"
	Success      Name = "success"
	Gas          Name = "gas"
	Answer       Name = "answer"
	Unauthorized Name = "unauthorized"
	Code         Name = "code"
	Pauses       Name = "pauses"
	Incidents    Name = "incidents"
)

// Objective is what is set out to be reached.
type Objective struct {
	Name   Name    `json:"name"`
	Title  string  `json:"title"`
	Target float64 `json:"target"` // ratios are of 1, times in seconds
}

// Objectives lists them in the order of the report.
func Objectives() []Objective {
	return []Objective{
		{Uptime, "each network is healthy for more than 99.9 % of the time", 0.999},
		{Success, "more than 99 % of transactions do what they were sent for", 0.99},
		{Gas, "gas is within 10 % of the published figures", 0.10},
		{Answer, "each critical alert is answered in less than 15 minutes", 15 * 60},
		{Unauthorized, "nothing privileged succeeds without an approved plan", 0},
		{Code, "no active facet has other code than its manifest pins", 0},
		{Pauses, "routed calls are never paused without a plan", 0},
		{Incidents, "every incident is documented", 0},
	}
}

// Covered is which part of the time a network must have been watched for what was seen to count as all that there was.
const Covered = 0.95

// Figures are what was counted and measured in a span of time.
type Figures struct {
	From, To int64 // unix seconds
	Networks []Network
	Steps    Steps
	Gas      Consumption
	Critical *[]Alert // those raised in it; nil if alerts were not kept
	// Of what was seen on the networks; nil if it was not looked for.
	Unauthorized, CodeViolations, UnplannedPauses *int
	Incidents                                     *Documented // nil if incidents were not kept
}

// Network is for how long one was watched, and found healthy.
type Network struct {
	Name             string
	Watched, Healthy int64 // seconds of the span
}

// Steps are transactions whose outcome has become final. What was replaced or never sent is none.
type Steps struct {
	Total, Succeeded int
}

// Consumption is what the steps used that have a published figure, those that succeeded.
type Consumption struct {
	Steps          int
	Used, Baseline uint64 // gas
}

// Alert is when one was raised and answered, in unix seconds; 0 if it was not.
type Alert struct {
	Raised, Acknowledged, Resolved int64
}

// Documented is how many incidents there were, and of how many a postmortem is written.
type Documented struct {
	Total, Done int
}

// Verdict says whether an objective was reached.
type Verdict string

// The verdicts.
const (
	Met         Verdict = "met"
	NotMet      Verdict = "not met"
	NotMeasured Verdict = "not measured"
)

// Result is how far an objective was reached.
type Result struct {
	Objective
	Verdict Verdict  `json:"verdict"`
	Value   *float64 `json:"value"` // as the target; null if it was not measured
	How     string   `json:"how"`   // it was computed, and what is missing
	Parts   []Part   `json:"parts"` // of an objective that each network has to reach
}

// Part is how far one network has reached an objective.
type Part struct {
	Network string   `json:"network"`
	Verdict Verdict  `json:"verdict"`
	Value   *float64 `json:"value"`
	How     string   `json:"how"`
}
