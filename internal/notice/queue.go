package notice

import "github.com/seed-b6a97670/lockstep/internal/rule"

// Times of the queue, in milliseconds.
const (
	// ClaimTime is for how long a message is in the hands of who sends it. Sending takes less.
	ClaimTime = 30_000
	// LongestWait is for how long a row can be left alone; one that is to be for longer was noted by a clock that was ahead.
	LongestWait = 10 * 60_000
)

// MostTogether is how many messages one summary stands for.
const MostTogether = 200

// Queued is a message for one sink, as it is put into the queue. One with the id of another for the same sink is put there once.
type Queued struct {
	ID          string
	Sink        string
	Fingerprint string // messages with the same one stay in their order; empty ones have none
	Kind        Kind
	Severity    rule.Severity
	Body        []byte // the message as JSON
}

// Terms are how a sink is served.
type Terms struct {
	Sink      string
	PerMinute int   // messages, those of critical alerts not counted
	Together  bool  // what is over that goes into summaries; else it waits
	Most      int   // how many messages, those of critical alerts not counted, may be taken now
	Urgent    int   // how many of critical alerts may be taken now
	MaxAge    int64 // milliseconds after which a message that is not critical is given up
	Renews    bool  // what the sink has been told is said again while the alert fires
}

// Claimed is what was taken from the queue.
type Claimed struct {
	Held []Held
	Lost []Item // given up, because they are too old
}

// Held are rows in the hands of one sender, which leave together.
type Held struct {
	ID       string // of the message, or of the summary: the same at every try
	Claim    string
	Sink     string
	Attempts int  // with this one
	Failures int  // of the sink, one after the other, before this one
	Renewal  bool // all of it was said before
	Items    []Item
}

// Urgent tells whether it is about a critical alert, which nothing holds back.
func (h Held) Urgent() bool {
	return !h.Renewal && len(h.Items) == 1 && h.Items[0].Severity == rule.Critical
}

// Item is a row.
type Item struct {
	Number   int64 // in the order of the queue
	Severity rule.Severity
	QueuedAt int64  // unix seconds
	Body     []byte // the message
	Before   []byte // the message of the same alert that the sink was told last, if it is said again while the alert fires
}

// Waiting is a row as an operator sees it.
type Waiting struct {
	Queued
	QueuedAt int64 // unix seconds
	Attempts int
	Standing bool
	Error    string // of the last attempt
}

// SinkState is what is remembered of a sink.
type SinkState struct {
	Sink    string
	SentAt  int64 // when it took a message last; unix seconds
	Error   string
	ErrorAt int64
	Lost    int // messages that it refused, or that grew too old
}
