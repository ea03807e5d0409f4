// Package notice is what people are told about alerts: messages, their words, and the order in which they leave. It does no I/O and asks no
// clock. Package notify sends what it makes, and package store keeps what waits.
//
// A message that is queued is a row for each sink that gets it:
//
//	          chosen                  taken
//	waiting ─────────► claimed ──────────────► gone, or standing: to be said again while the alert fires
//	   ▲                  │ │
//	   │   not now, or    │ │ refused for good, or too old
//	   └── nobody knows ──┘ └────────────────► lost, which is noted
//
// A claim ends by itself, so that what a process had in hand that died is sent by another one, under the same id. Choose says which rows
// are sent now, alone or several in one summary.
package notice
