package event

import (
	"math/bits"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// Header is what of a block's header the index goes by.
type Header struct {
	rollout.Block
	Parent common.Hash
	Bloom  Bloom
}

// Bloom is the filter in a header in which the addresses and topics of the block's logs are: whoever is not in it has no log there. A network
// without such filters has them all zero, or all ones.
type Bloom [256]byte

// Holds tells whether an address or a topic may be in the filter.
func (b *Bloom) Holds(member []byte) bool {
	h := crypto.Keccak256(member)
	for i := 0; i < 6; i += 2 {
		bit := (uint(h[i])<<8 | uint(h[i+1])) & 2047
		if b[255-bit/8]&(1<<(bit%8)) == 0 {
			return false
		}
	}
	return true
}

// Tells tells whether it means something that a member is in the filter: it is not so full that whatever is asked for is found, more often than one
// time in ten.
func (b *Bloom) Tells() bool {
	ones := 0
	for _, by := range b {
		ones += bits.OnesCount8(by)
	}
	return ones < 2048*46/100 // three bits of each member, and 0.46^3 is a tenth
}
