package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/ethereum/go-ethereum/common"
)

// What is wrong with a log.
type What string

// What can be wrong.
const (
	Empty          What = "empty"           // there is no entry
	Unreadable     What = "unreadable"      // something that is not an entry stands in the place of one
	UnknownVersion What = "unknown version" // an entry of a later release
	Changed        What = "changed"         // an entry is not what it was when it was written
	Missing        What = "missing"         // an entry, or several, are not there
	Reordered      What = "re-ordered"      // an entry is not in its place
	Duplicate      What = "duplicate"       // an entry is there twice
	Cut            What = "cut"             // the log ends before a signed head
	Rewritten      What = "rewritten"       // the entry of a signed head is another one
	OtherLog       What = "other log"       // the head is one of another log
	WrongSigner    What = "wrong signer"    // the head is not signed by whom it should be
	WrongRow       What = "row differs"     // the journal says something else than its log
)

// Problem is something that is wrong with a log.
type Problem struct {
	Entry  uint64 `json:"entry"` // its number, 0 if it is about no one entry
	What   What   `json:"what"`
	Detail string `json:"detail"`
}

func (p Problem) String() string {
	if p.Entry == 0 {
		return fmt.Sprintf("%s: %s", p.What, p.Detail)
	}
	return fmt.Sprintf("entry %d: %s: %s", p.Entry, p.What, p.Detail)
}

// UnreadableError says that something stands in the place of an entry which is none.
type UnreadableError struct {
	What   What // Unreadable, UnknownVersion or Changed
	Detail string
}

func (e *UnreadableError) Error() string { return e.Detail }

// Report is what verification found.
type Report struct {
	Log     common.Hash // hash of the first entry
	Project string
	Tip     Tip // the last entry up to which the log is sound
	// Begun and Last are the times of the first entry and of the last sound one.
	Begun, Last int64
	Problems    []Problem // of the entries the first alone: after it nothing is certain
}

// Sound tells whether nothing is wrong.
func (r Report) Sound() bool { return len(r.Problems) == 0 }

// Verify reads a log and says what is wrong with it. The head may be nil; if there are signers, one of them must have signed
// it. An error means that the log could not be read.
func Verify(entries iter.Seq2[Entry, error], head *Head, signers ...common.Address) (Report, error) {
	v := verifier{head: head}
	for e, err := range entries {
		var unreadable *UnreadableError
		switch {
		case errors.As(err, &unreadable):
			v.fail(v.report.Tip.Seq+1, unreadable.What, "%s", unreadable.Detail)
		case err != nil:
			return v.report, err
		default:
			v.take(e)
		}
	}
	v.end(signers)
	return v.report, nil
}

type verifier struct {
	report   Report
	head     *Head
	atHead   common.Hash // hash of the entry that the head is of, once it is reached
	problem  *Problem
	awaited  uint64 // entry that is missing so far; 0 if none is
	standing uint64 // the entry that stands in its place
}

// fail keeps the first problem of the entries.
func (v *verifier) fail(entry uint64, what What, format string, args ...any) {
	if v.problem == nil {
		v.problem = &Problem{entry, what, fmt.Sprintf(format, args...)}
	}
}

// take looks at the next entry. After a problem all that can still be learned is whether what is missing comes later.
func (v *verifier) take(e Entry) {
	tip := v.report.Tip
	next := tip.Seq + 1
	if v.problem != nil {
		if e.Seq == v.awaited && e.sum() == e.Hash {
			v.problem.What, v.problem.Detail = Reordered, fmt.Sprintf("in its place stands entry %d; it comes later", v.standing)
			v.awaited = 0
		}
		return
	}
	switch {
	case e.sum() != e.Hash:
		v.fail(next, Changed, "its hash does not follow from what it says")
	case e.Seq > next:
		v.awaited, v.standing = next, e.Seq
		v.fail(next, Missing, "%s", gap(next, e.Seq))
	case e.Seq < next:
		v.fail(next, Duplicate, "in its place entry %d comes again", e.Seq)
	case e.Previous != tip.Hash && next == 1:
		v.fail(next, Changed, "it does not begin a log, but says that %s comes before it", e.Previous)
	case e.Previous != tip.Hash:
		v.fail(next, Changed, "it was not written after entry %d as that is now: one of the two was written anew", tip.Seq)
	default:
		v.sound(e)
	}
}

func gap(from, to uint64) string {
	if from+1 == to {
		return fmt.Sprintf("entry %d stands in its place", to)
	}
	return fmt.Sprintf("entries %d to %d are not there", from, to-1)
}

func (v *verifier) sound(e Entry) {
	if e.Seq == 1 {
		var begun Begun
		if err := json.Unmarshal(e.Body, &begun); e.Kind != LogBegun || err != nil {
			v.fail(1, Changed, "it does not begin a log, but is %s", e.Kind)
			return
		}
		v.report.Log, v.report.Project, v.report.Begun = e.Hash, begun.Project, e.Time
	}
	v.report.Tip, v.report.Last = e.Tip(), e.Time
	if v.head != nil && v.head.Seq == e.Seq {
		v.atHead = e.Hash
	}
}

func (v *verifier) end(signers []common.Address) {
	tip := v.report.Tip
	if tip.Seq == 0 {
		v.fail(0, Empty, "there is no entry in it")
	}
	if v.problem != nil {
		v.report.Problems = append(v.report.Problems, *v.problem)
	}
	h := v.head
	if h == nil {
		return
	}
	add := func(entry uint64, what What, format string, args ...any) {
		v.report.Problems = append(v.report.Problems, Problem{entry, what, fmt.Sprintf(format, args...)})
	}
	switch signer, err := h.Recover(); {
	case err != nil:
		add(0, WrongSigner, "the head's signature: %v", err)
	case signer != h.Signer:
		add(0, WrongSigner, "the head says that %s signed it, its signature does not: it was changed, or is a forgery", h.Signer)
	case len(signers) > 0 && !slices.Contains(signers, signer):
		add(0, WrongSigner, "%s signed the head, who is not among the signers that were named", signer)
	}
	switch {
	case tip.Seq == 0:
		// nothing of the log is known
	case h.Log != v.report.Log:
		add(0, OtherLog, "the head is one of log %s, this is %s: it is another log, or was written anew from its first entry on",
			h.Log, v.report.Log)
	case v.atHead == (common.Hash{}) && v.problem == nil:
		add(tip.Seq+1, Cut, "the log ends with entry %d, and had %d entries when the head was signed", tip.Seq, h.Seq)
	case v.atHead != (common.Hash{}) && v.atHead != h.Hash:
		add(h.Seq, Rewritten, "its hash is %s, and was %s when the head was signed: the log was written anew", v.atHead, h.Hash)
	}
}

// UnsoundError says that something is wrong with a log.
type UnsoundError struct {
	Problems []Problem
}

func (e *UnsoundError) Error() string {
	more := ""
	if n := len(e.Problems) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	return fmt.Sprintf("the audit log is not sound: %s%s", e.Problems[0], more)
}

// Err is nil for a sound log, else an UnsoundError.
func (r Report) Err() error {
	if r.Sound() {
		return nil
	}
	return &UnsoundError{r.Problems}
}
