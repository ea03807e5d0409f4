package chain

import (
	"bytes"
	"errors"
)

// A block with its transactions has some hundred kilobytes, of which nothing concerns us as a rule. What follows passes over JSON without
// making anything of it; its cost is that of looking for the ends of strings, which is next to none.

var errJSON = errors.New("it gives what is not JSON, or not what was asked for")

// members calls f for each member of an object, with the key as it is written and the value.
func members(object []byte, f func(key, value []byte) error) error {
	return items(object, '{', '}', func(rest []byte) (int, error) {
		if len(rest) == 0 || rest[0] != '"' {
			return 0, errJSON
		}
		n, err := valueEnd(rest)
		if err != nil {
			return 0, err
		}
		at := n + blanks(rest[n:])
		if at >= len(rest) || rest[at] != ':' {
			return 0, errJSON
		}
		at++
		at += blanks(rest[at:])
		size, err := valueEnd(rest[at:])
		if err != nil {
			return 0, err
		}
		return at + size, f(rest[1:n-1], rest[at:at+size])
	})
}

// elements calls f for each element of an array.
func elements(array []byte, f func(value []byte) error) error {
	return items(array, '[', ']', func(rest []byte) (int, error) {
		n, err := valueEnd(rest)
		if err != nil {
			return 0, err
		}
		return n, f(rest[:n])
	})
}

// items calls item for what stands between two brackets, separated by commas; it returns how long the first item is.
func items(data []byte, open, shut byte, item func(rest []byte) (int, error)) error {
	at := blanks(data)
	if at >= len(data) || data[at] != open {
		return errJSON
	}
	at++
	at += blanks(data[at:])
	if at < len(data) && data[at] == shut {
		return nil
	}
	for {
		n, err := item(data[at:])
		if err != nil {
			return err
		}
		at += n
		at += blanks(data[at:])
		switch {
		case at < len(data) && data[at] == shut:
			return nil
		case at >= len(data) || data[at] != ',':
			return errJSON
		}
		at++
		at += blanks(data[at:])
	}
}

func blanks(data []byte) int {
	n := 0
	for n < len(data) && (data[n] == ' ' || data[n] == '\n' || data[n] == '\t' || data[n] == '\r') {
		n++
	}
	return n
}

// valueEnd returns the length of the value that data begins with.
func valueEnd(data []byte) (int, error) {
	depth := 0
	for at := 0; at < len(data); {
		switch data[at] {
		case '"':
			n, err := stringEnd(data[at:])
			if err != nil {
				return 0, err
			}
			at += n
		case '{', '[':
			depth++
			at++
			continue
		case '}', ']':
			depth--
			at++
			if depth < 0 {
				return 0, errJSON
			}
		case ',', ':', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return 0, errJSON
			}
			at++
			continue
		default: // a number, true, false or null
			n := bytes.IndexAny(data[at:], ",:]} \n\t\r\"[{")
			if n < 0 {
				n = len(data) - at
			}
			at += n
		}
		if depth == 0 {
			return at, nil
		}
	}
	return 0, errJSON
}

func stringEnd(data []byte) (int, error) {
	for at := 1; ; {
		n := bytes.IndexByte(data[at:], '"')
		if n < 0 {
			return 0, errJSON
		}
		at += n + 1
		slashes := 0
		for data[at-2-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return at, nil
		}
	}
}

// text is what stands in a string without escapes, as all of what is looked for here is; nil if it is no string.
func text(value []byte) []byte {
	if len(value) < 2 || value[0] != '"' {
		return nil
	}
	return value[1 : len(value)-1]
}

// hexInto reads 0x and twice as many digits as dst is long.
func hexInto(dst, value []byte) bool {
	digits := text(value)
	if len(digits) != 2+2*len(dst) || digits[0] != '0' || digits[1]|0x20 != 'x' {
		return false
	}
	for i := range dst {
		high, low := hexDigit(digits[2+2*i]), hexDigit(digits[3+2*i])
		if high > 15 || low > 15 {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 0xff
}
