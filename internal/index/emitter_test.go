package index_test

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// The emitter is a contract that logs what its calldata says: for each log a byte with the number of topics, two with the length of the
// data, the topics, the data.
//
//	for p := 0; p < calldatasize; p = data + length {
//		w := calldataload(p); n, length := byte(0, w), w >> 232 & 0xffff
//		data := p + 3 + 32 * n
//		calldatacopy(0, data, length); logN(0, length, topics...)
//	}
func emitterCode() []byte {
	const (
		add, gt, iszero, and, byteAt, shl, shr, eq     = 0x01, 0x11, 0x15, 0x16, 0x1a, 0x1b, 0x1c, 0x14
		load, size, copyTo, pop, jump, jumpi, jumpdest = 0x35, 0x36, 0x37, 0x50, 0x56, 0x57, 0x5b
		push1, push2, swap1, swap2, log0, stop         = 0x60, 0x61, 0x90, 0x91, 0xa0, 0x00
	)
	dup := func(n int) byte { return byte(0x7f + n) }
	var code []byte
	labels, uses := map[string]int{}, map[int]string{}
	emit := func(ops ...byte) { code = append(code, ops...) }
	mark := func(label string) { labels[label] = len(code); emit(jumpdest) }
	to := func(label string, op byte) { emit(push2, 0, 0, op); uses[len(code)-3] = label }

	emit(push1, 0) // p
	mark("loop")
	emit(dup(1), size, gt, iszero)
	to("end", jumpi)
	emit(dup(1), load, dup(1), push1, 0, byteAt)    // n, w, p
	emit(swap1, push1, 232, shr, push2, 0xff, 0xff) // 0xffff, w >> 232, n, p
	emit(and)                                       // length, n, p
	emit(dup(2), push1, 5, shl, dup(4), add)        // p + 32 n, length, n, p
	emit(push1, 3, add)                             // data, length, n, p
	emit(dup(2), dup(2), push1, 0, copyTo)          // data, length, n, p
	for n := range 5 {
		emit(dup(3), push1, byte(n), eq)
		to("log"+string(rune('0'+n)), jumpi)
	}
	emit(stop)
	for n := range 5 {
		mark("log" + string(rune('0'+n)))
		for i := n - 1; i >= 0; i-- {
			emit(dup(4+n-1-i), push1, byte(3+32*i), add, load)
		}
		emit(dup(2+n), push1, 0, log0+byte(n)) // data, length, n, p
		emit(add, swap2, pop, pop)             // the next p
		to("loop", jump)
	}
	mark("end")
	emit(stop)
	for at, label := range uses {
		binary.BigEndian.PutUint16(code[at:], uint16(labels[label]))
	}
	return code
}

// emitterInit deploys it.
func emitterInit() []byte {
	code := emitterCode()
	// PUSH2 length, DUP1, PUSH1 13, PUSH1 0, CODECOPY, PUSH1 0, RETURN, and a byte that is never run
	init := []byte{0x61, byte(len(code) >> 8), byte(len(code)), 0x80, 0x60, 13, 0x60, 0, 0x39, 0x60, 0, 0xf3, 0}
	return append(init, code...)
}

// emission is a log that the emitter is to make.
type emission struct {
	topics []common.Hash
	data   []byte
}

func calldata(logs []emission) (out []byte) {
	for _, l := range logs {
		out = append(out, byte(len(l.topics)), byte(len(l.data)>>8), byte(len(l.data)))
		for _, t := range l.topics {
			out = append(out, t[:]...)
		}
		out = append(out, l.data...)
	}
	return out
}

func signature(s string) common.Hash { return crypto.Keccak256Hash([]byte(s)) }

func word(n uint64) common.Hash {
	var w common.Hash
	binary.BigEndian.PutUint64(w[24:], n)
	return w
}

// pageLogs are logs as those of a page that is applied: one for each route, and one for the page.
func pageLogs(r *rand.Rand, n int) (out []emission) {
	routed, applied := signature("SelectorRouted(bytes4,address)"), signature("RoutesApplied(bytes32,uint256)")
	for range n - 1 {
		var selector, facet common.Hash
		binary.BigEndian.PutUint32(selector[:4], r.Uint32())
		binary.BigEndian.PutUint64(facet[12:], r.Uint64())
		out = append(out, emission{topics: []common.Hash{routed, selector, facet}})
	}
	root := word(r.Uint64())
	count := word(uint64(n - 1))
	return append(out, emission{topics: []common.Hash{applied, root}, data: count[:]})
}

// stormLogs are logs of all kinds, of upgrades of few roots.
func stormLogs(r *rand.Rand, n int) (out []emission) {
	root := func() common.Hash { return word(1 + r.Uint64N(3)) }
	epoch := func() common.Hash { return word(1 + r.Uint64N(2)) }
	who := func() common.Hash { return word(0xacc0 + r.Uint64N(9)) }
	for len(out) < n {
		switch r.IntN(12) {
		case 0:
			eta := word(r.Uint64N(1 << 40))
			if r.IntN(5) == 0 {
				eta = crypto.Keccak256Hash(eta[:]) // what a facet that is up to no good may log
			}
			out = append(out, emission{[]common.Hash{signature("Committed(bytes32,uint256,uint256)"), root(), epoch()}, eta[:]})
		case 1:
			out = append(out, emission{[]common.Hash{signature("Activated(bytes32,uint256)"), root(), epoch()}, nil})
		case 2:
			out = append(out, emission{[]common.Hash{signature("InitCalled(bytes32,bytes32,address)"), root(), word(r.Uint64()), who()}, nil})
		case 3:
			out = append(out, emission{[]common.Hash{signature("Cancelled(bytes32,uint256,address)"), root(), epoch(), who()}, nil})
		case 4:
			paused := word(r.Uint64N(3)) // two of which are a bool
			out = append(out, emission{[]common.Hash{signature("PausedSet(bool,address)"), who()}, paused[:]})
		case 5:
			out = append(out, emission{[]common.Hash{signature("RoleGranted(bytes32,address,address)"), signature("COMMIT_ROLE"), who(), who()}, nil})
		case 6:
			data := make([]byte, r.IntN(100))
			out = append(out, emission{[]common.Hash{signature("Another()")}[:r.IntN(2)], data})
		default:
			page := pageLogs(r, 1+r.IntN(12))
			page[len(page)-1].topics[1] = root()
			out = append(out, page...)
		}
	}
	return out
}
