package manifest

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// leaf is 32 times the same byte.
func leaf(b byte) common.Hash { return common.Hash(bytes.Repeat([]byte{b}, 32)) }

// What SimpleMerkleTree.of of @openzeppelin/merkle-tree 1.0.8 gives for the leaves 0x0101.., 0x0202.. and so on.
func TestTreeIsOpenZeppelins(t *testing.T) {
	var (
		h12 = common.HexToHash("0x346d8c96a2454213fcc0daff3c96ad0398148181b9fa6488f7ae2c0af5b20aa0")
		h34 = common.HexToHash("0x15812c763262dabc33411aff2c78af2cfcf55d57327737349ab4a7321a3dca59")
		h5  = common.HexToHash("0x4024ed2aa4660f0c157be9063f20eff4d72015fdf63035b522657a8b5992481a")
	)
	for _, c := range []struct {
		leaves byte
		want   tree
		proofs [][]common.Hash
	}{
		{1, tree{leaf(1)}, [][]common.Hash{{}}},
		{2, tree{h12, leaf(2), leaf(1)}, [][]common.Hash{{leaf(2)}, {leaf(1)}}},
		{
			3,
			tree{common.HexToHash("0x1d614fa3c8de62938b0948972494f9a3858575db69ce1d34c77926f30732c981"), h12, leaf(3), leaf(2), leaf(1)},
			[][]common.Hash{{leaf(2), leaf(3)}, {leaf(1), leaf(3)}, {h12}},
		},
		{
			5,
			tree{
				common.HexToHash("0xdeb6f6275e9f0c5dcea4292cf339d52763ea91222389618f8bbe4dc7d49f7460"),
				h5, h34, h12, leaf(5), leaf(4), leaf(3), leaf(2), leaf(1),
			},
			[][]common.Hash{{leaf(2), leaf(5), h34}, {leaf(1), leaf(5), h34}, {leaf(4), h5}, {leaf(3), h5}, {h12, h34}},
		},
	} {
		var leaves []common.Hash
		for i := range c.leaves {
			leaves = append(leaves, leaf(c.leaves-i))
		}
		got := newTree(leaves)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("tree of %d leaves (-want +got):\n%s", c.leaves, diff)
		}
		for i, want := range c.proofs {
			if diff := cmp.Diff(want, got.proof(leaf(byte(i+1)))); diff != "" {
				t.Errorf("proof of leaf %d of %d (-want +got):\n%s", i+1, c.leaves, diff)
			}
		}
	}
}

func TestHashPairIsSortedKeccak(t *testing.T) {
	want := crypto.Keccak256Hash(append(leaf(1).Bytes(), leaf(2).Bytes()...))
	if hashPair(leaf(1), leaf(2)) != want || hashPair(leaf(2), leaf(1)) != want {
		t.Errorf("hashPair is %s and %s, want %s", hashPair(leaf(1), leaf(2)), hashPair(leaf(2), leaf(1)), want)
	}
}

func TestEveryProofLeadsToTheRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, MaxPages).Draw(t, "leaves")
		seed := rapid.Uint64().Draw(t, "seed")
		leaves := make([]common.Hash, n)
		for i := range leaves {
			leaves[i] = crypto.Keccak256Hash(binary.BigEndian.AppendUint64([]byte{byte(i)}, seed))
		}
		before := slices.Clone(leaves)
		tree := newTree(leaves)
		if !slices.Equal(leaves, before) {
			t.Fatal("the caller's leaves were moved")
		}
		if other := newTree(rapid.Permutation(leaves).Draw(t, "order")); other.root() != tree.root() {
			t.Fatalf("another order of %d leaves gives root %s, not %s", n, other.root(), tree.root())
		}
		foreign := crypto.Keccak256Hash([]byte("foreign"))
		for _, l := range leaves {
			proof := tree.proof(l)
			if got := ProcessProof(l, proof); got != tree.root() {
				t.Fatalf("proof of %s leads to %s, not to root %s", l, got, tree.root())
			}
			if got := ProcessProof(foreign, proof); got == tree.root() {
				t.Fatalf("a foreign leaf is proven with the proof of %s", l)
			}
		}
	})
}

// The bytes of an inner node must not pass for a page: a page's leaf is hashed twice.
func TestInnerNodeIsNotAPage(t *testing.T) {
	inner := append(leaf(1).Bytes(), leaf(2).Bytes()...)
	if Leaf(inner) == hashPair(leaf(1), leaf(2)) {
		t.Error("the bytes of an inner node have its hash as leaf")
	}
	if want := crypto.Keccak256Hash(crypto.Keccak256(inner)); Leaf(inner) != want {
		t.Errorf("leaf is %s, want keccak256(keccak256(page)) = %s", Leaf(inner), want)
	}
}
