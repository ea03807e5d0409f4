package rollout

import "github.com/ethereum/go-ethereum/common"

// Sequence returns the steps that can be sent one right after another, each decided as if those before it had succeeded:
// a commit and all its pages. Activation is never among what is only foreseen, since it follows a wait and a fresh look.
// If nothing is to be sent, it returns the one decision.
func Sequence(want Desired, seen Observed) []Step {
	steps := []Step{Decide(want, seen)}
	for {
		last := steps[len(steps)-1]
		if last.Kind != Commit && last.Kind != Apply {
			return steps
		}
		seen = seen.After(want, last)
		next := Decide(want, seen)
		if next.Kind != Apply {
			return steps
		}
		steps = append(steps, next)
	}
}

// DeploySequence is Sequence for a deployment. Giving up a role cannot be undone, so it is never only foreseen: the
// deployer renounces what it was seen to be able to do without.
func DeploySequence(want DeployDesired, seen DeployObserved, d DispatcherDefaults, governanceRole common.Hash) []DeployStep {
	steps := []DeployStep{DecideDeploy(want, seen, d.AdminRole, governanceRole)}
	for {
		last := steps[len(steps)-1]
		if last.Kind == Done || last.Kind == Halt {
			return steps
		}
		seen = seen.After(want, last, d)
		next := DecideDeploy(want, seen, d.AdminRole, governanceRole)
		if next.Kind == Done || next.Kind == Halt || (next.Kind == Renounce) != (steps[0].Kind == Renounce) {
			return steps
		}
		steps = append(steps, next)
	}
}
