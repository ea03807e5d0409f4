package bytecode

import (
	"encoding/binary"
	"iter"
)

// instructions are those to which the EVM could come, in the order in which they stand.
// JUMPDESTs are where the EVM itself finds them: in a walk over all of the code that skips what is inside of a PUSH, so
// the walk goes on over what cannot be reached.
func instructions(code []byte) iter.Seq[byte] {
	return func(yield func(byte) bool) {
		live := true
		for at := 0; at < len(code); {
			op, next := code[at], at+1
			if push1 <= op && op <= push32 {
				next += int(op-push1) + 1
			}
			live = live || op == jumpdest
			if live && !yield(op) {
				return
			}
			switch op {
			case stop, jump, returns, reverts, invalid, selfdestruct:
				live = false
			}
			at = next
		}
	}
}

// metadata says how many bytes at the end of code are solc's metadata with its length, 0 if there is none: a CBOR map of
// the keys that solc writes, whose length is in the last two bytes.
func metadata(code []byte) int {
	if len(code) < 2 {
		return 0
	}
	size := int(binary.BigEndian.Uint16(code[len(code)-2:]))
	if size > len(code)-2 {
		return 0
	}
	if data := code[len(code)-2-size : len(code)-2]; !isMap(data) {
		return 0
	}
	return size + 2
}

// Major types of CBOR, in the upper three bits.
const (
	cborBytes = 2 << 5
	cborText  = 3 << 5
	cborMap   = 5 << 5
	cborTrue  = 0xf5
)

// isMap tells whether data is one map of solc's keys, and nothing more.
func isMap(data []byte) bool {
	if len(data) == 0 || data[0] <= cborMap || data[0] > cborMap+4 {
		return false
	}
	pairs := int(data[0] - cborMap)
	data = data[1:]
	for range pairs {
		key, rest, ok := cborString(cborText, data)
		if !ok {
			return false
		}
		switch string(key) {
		case "ipfs", "bzzr0", "bzzr1", "solc", "experimental":
		default:
			return false
		}
		if len(rest) > 0 && rest[0] == cborTrue {
			data = rest[1:]
			continue
		}
		if _, data, ok = cborString(cborBytes, rest); !ok {
			if _, data, ok = cborString(cborText, rest); !ok {
				return false
			}
		}
	}
	return len(data) == 0
}

// cborString takes a string of fewer than 256 bytes off the front.
func cborString(major byte, data []byte) (value, rest []byte, ok bool) {
	if len(data) == 0 {
		return nil, nil, false
	}
	size, data := int(data[0])-int(major), data[1:]
	if size == 24 && len(data) > 0 { // then the length is in a byte of its own
		size, data = int(data[0]), data[1:]
	} else if size < 0 || size > 23 {
		return nil, nil, false
	}
	if size > len(data) {
		return nil, nil, false
	}
	return data[:size], data[size:], true
}
