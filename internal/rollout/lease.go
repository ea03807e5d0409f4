package rollout

import (
	"errors"
	"fmt"
	"strings"
)

// Lease is the right of one process to do something alone, until it expires or is taken over. Its fencing number grows each time that the lease is
// taken, so that whoever had it before can be told from whoever has it now, however late that one acts.
type Lease struct {
	Name   string
	Holder string // the process
	Fence  uint64
	From   string // when it is taken: the process that had it and did not give it back; empty if there is none
}

// LeaseState is a lease as it stands in the journal.
type LeaseState struct {
	Lease
	Live bool // it is held and has not expired
}

// SignerLease names the right to use the nonces of a signer on a network.
func SignerLease(chainID uint64, signer fmt.Stringer) string {
	return fmt.Sprintf("signer/%d/%s", chainID, signer)
}

// ErrFenced says that a lease was lost: what was to be done under it must not be done any more, since another process may do it.
var ErrFenced = errors.New("another process has taken this over")

// HeldError says that another process holds a lease.
type HeldError struct {
	Name, Holder string
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s is in use by process %s", e.Name, HolderName(e.Holder))
}

// HolderName is what may be shown of a holder: its host and process id.
func HolderName(holder string) string {
	parts := strings.SplitN(holder, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}
