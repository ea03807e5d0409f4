package sight_test

import (
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/dispatcher"
	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/sight"
)

const write = 0xaabbccdd

// writer is a facet that writes the slot which its first argument names: PUSH1 36 CALLDATALOAD PUSH1 4 CALLDATALOAD SSTORE STOP.
var writer = asm("6024 35 6004 35 55 00")

func writing(slot, value common.Hash) []byte {
	return slices.Concat(common.FromHex("0xaabbccdd"), slot[:], value[:])
}

func (r *rig) word(slot common.Hash) common.Hash {
	out, err := r.eth.StorageAt(r.t.Context(), r.made.Address, slot, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return common.BytesToHash(out)
}

// all is everything but heads, balances and endpoints.
var all = []rule.Sight{rule.SawEffect, rule.SawSlot, rule.SawCode, rule.SawRefusal, rule.SawPending, rule.SawActive}

func (l *looker) want(what string, got sight.Sighted, want ...string) {
	l.t.Helper()
	if diff := cmp.Diff(want, words(got, all...)); diff != "" {
		l.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestAPlanIsQuiet: a manifest with two facets goes live, settings and roles change, it is paused, and goes back; all of it is seen, and nothing that no
// event explains.
func TestAPlanIsQuiet(t *testing.T) {
	on(t, func(r *rig) {
		one, two := r.create(writer), r.create(append(slices.Clone(writer), 1))
		l, first := r.look([]sight.Account{
			{Address: addressOf(operator), Part: sight.Signer}, {Address: r.made.Extension, Part: sight.Extension, Any: true}, {Address: addressOf(deployer), Part: sight.Deployer},
		})
		d := r.made.Address
		extension, err := r.eth.CodeAt(r.t.Context(), r.made.Extension, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		wanted := []string{"pending nothing epoch 0, grace 60", "active nothing epoch 0"}
		codes := map[common.Address]string{
			r.made.Extension:    "code of extension " + name(r.made.Extension) + ": " + hashOf(extension) + ", " + hashOf(extension) + " (1 of 1)",
			addressOf(operator): "code of signer operator: none, none (1 of 1)", addressOf(deployer): "code of deployer deployer: none, none (1 of 1)",
		}
		for _, a := range slices.SortedFunc(mapKeys(codes), common.Address.Cmp) {
			wanted = append(wanted, codes[a])
		}
		l.want("at first", first, wanted...)
		if first.Seen[0].Sight != rule.SawHead || first.Seen[0].Block != l.head() {
			r.t.Errorf("%+v", first.Seen[0])
		}
		l.want("at rest", l.again())

		root := r.stage(1, route(1, one, writer), route(2, two, append(slices.Clone(writer), 1)))
		l.want("staged", l.again(), "effect committed "+root.Hex()+" 1 by operator", "pending "+short(root.Hex())+" epoch 1, grace 60")
		r.later(3601)
		r.must(operator, d, pack.PackActivateCommittedRoot())
		facets := map[common.Address]string{
			one: "code of facet " + name(one) + ": " + hashOf(writer) + ", " + hashOf(writer) + " (1 of 1)",
			two: "code of facet " + name(two) + ": " + hashOf(append(slices.Clone(writer), 1)) + ", " + hashOf(append(slices.Clone(writer), 1)) + " (1 of 1)",
		}
		wanted = []string{"effect activated " + root.Hex() + " 1 by operator", "pending nothing epoch 0, grace 60", "active " + short(root.Hex()) + " epoch 1"}
		for _, a := range slices.SortedFunc(mapKeys(facets), common.Address.Cmp) {
			wanted = append(wanted, facets[a])
		}
		l.want("live", l.again(), wanted...)

		r.together(r.sign(operator, &d, pack.PackSetEtaGrace(90)), r.sign(operator, &d, pack.PackPause()), r.sign(operator, &d, pack.PackUnpause()))
		r.must(deployer, d, pack.PackRevokeRole(dispatcher.PauserRole, addressOf(operator)))
		r.must(deployer, d, pack.PackGrantRole(dispatcher.PauserRole, addressOf(outsider)))
		l.want("several blocks", l.again(), "effect grace 90 by operator", "effect paused  by operator", "effect unpaused  by operator",
			"effect revoked PAUSER 0x"+common.Bytes2Hex(addressOf(operator).Bytes())+" by deployer", "effect granted PAUSER 0x"+common.Bytes2Hex(addressOf(outsider).Bytes())+" by deployer",
			"pending nothing epoch 0, grace 90", "code of holder outsider: none, none (1 of 1)")
		// back to less: a facet that is live no more is not looked at any more
		next := r.goLive(2, route(1, one, writer))
		l.want("another manifest", l.again(), "effect committed "+next.Hex()+" 2 by operator", "effect activated "+next.Hex()+" 2 by operator", "active "+short(next.Hex())+" epoch 2")
		r.must(operator, d, pack.PackCommitRoot(root, 3))
		r.must(operator, d, pack.PackCancelCommit())
		l.want("cancelled", l.again(), "effect committed "+root.Hex()+" 3 by operator", "effect cancelled "+root.Hex()+" by operator")
	})
}

func mapKeys[V any](m map[common.Address]V) func(yield func(common.Address) bool) {
	return func(yield func(common.Address) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
