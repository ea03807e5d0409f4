package notice

import (
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Telling is what is written together with what has become of an alert: the messages that say so, and the links in them.
type Telling struct {
	Queued []Queued
	Links  []Link
}

// Link is what opens the page on which an alert is acknowledged.
type Link struct {
	Hash     common.Hash // SHA-256 of its secret
	Receiver string
}

// Teller makes the messages about what has become of an alert, for the receivers that are named, or those whom the alert concerns if none is.
type Teller func(kind Kind, r rule.Record, to []rule.Action) (Telling, error)
