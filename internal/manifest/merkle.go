package manifest

import (
	"bytes"
	"sort"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// tree is a complete binary tree in an array, node i over nodes 2i+1 and 2i+2, leaves sorted and stored from the end:
// the shape that OpenZeppelin's merkle-tree package builds, so that both give the same root.
type tree []common.Hash

func newTree(leaves []common.Hash) tree {
	sorted := append([]common.Hash(nil), leaves...)
	sort.Slice(sorted, func(i, j int) bool { return bytes.Compare(sorted[i][:], sorted[j][:]) < 0 })
	t := make(tree, 2*len(sorted)-1)
	for i, leaf := range sorted {
		t[len(t)-1-i] = leaf
	}
	for i := len(t) - 1 - len(sorted); i >= 0; i-- {
		t[i] = hashPair(t[2*i+1], t[2*i+2])
	}
	return t
}

func (t tree) root() common.Hash { return t[0] }

// proof returns the siblings from the leaf up to the root.
func (t tree) proof(leaf common.Hash) []common.Hash {
	out := []common.Hash{}
	at := len(t) / 2
	for t[at] != leaf {
		at++
	}
	for ; at > 0; at = (at - 1) / 2 {
		if at%2 == 1 {
			out = append(out, t[at+1])
		} else {
			out = append(out, t[at-1])
		}
	}
	return out
}

// ProcessProof returns the root that a leaf and its proof lead to, as OpenZeppelin's MerkleProof.processProof.
func ProcessProof(leaf common.Hash, proof []common.Hash) common.Hash {
	for _, sibling := range proof {
		leaf = hashPair(leaf, sibling)
	}
	return leaf
}

func hashPair(a, b common.Hash) common.Hash {
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	return crypto.Keccak256Hash(a[:], b[:])
}
