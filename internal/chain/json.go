package chain

import (
	"bytes"
	"errors"
	"fmt"
)

// scanner reads JSON as it stands in a body. Of what it passes over it checks what it needs to find the end.
type scanner struct {
	in []byte
	at int
}

var errJSON = errors.New("its answer is not valid JSON, or not whole")

// maxDepth bounds how deep values that are passed over may be nested.
const maxDepth = 100

func (s *scanner) space() {
	for s.at < len(s.in) {
		switch s.in[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// next takes one byte that must come, after white space.
func (s *scanner) next(c byte) error {
	s.space()
	if s.at >= len(s.in) || s.in[s.at] != c {
		return errJSON
	}
	s.at++
	return nil
}

// peek is the next byte that is not white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.at >= len(s.in) {
		return 0
	}
	return s.in[s.at]
}

// text reads a string up to its end, and leaves its escapes as they are.
func (s *scanner) text() ([]byte, error) {
	if err := s.next('"'); err != nil {
		return nil, err
	}
	start := s.at
	for {
		i := bytes.IndexByte(s.in[s.at:], '"')
		if i < 0 {
			return nil, errJSON
		}
		end := s.at + i
		slashes := 0
		for end-1-slashes >= start && s.in[end-1-slashes] == '\\' {
			slashes++
		}
		s.at = end + 1
		if slashes%2 == 0 {
			return s.in[start:end], nil
		}
	}
}

// null takes the word null, if it comes.
func (s *scanner) null() bool {
	if s.peek() != 'n' || !bytes.HasPrefix(s.in[s.at:], []byte("null")) {
		return false
	}
	s.at += 4
	return true
}

// skip passes over one value.
func (s *scanner) skip() error { return s.pass(0) }

func (s *scanner) pass(depth int) error {
	if depth > maxDepth {
		return errJSON
	}
	switch s.peek() {
	case '"':
		_, err := s.text()
		return err
	case '{':
		return s.object(func([]byte) error { return s.pass(depth + 1) })
	case '[':
		return s.array(func() error { return s.pass(depth + 1) })
	}
	start := s.at
	for s.at < len(s.in) {
		switch c := s.in[s.at]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c == '-', c == '+', c == '.', c == 'E':
			s.at++
			continue
		}
		break
	}
	if s.at == start {
		return errJSON
	}
	return nil
}

// object reads an object: member is called after each name, and must take the value.
func (s *scanner) object(member func(name []byte) error) error {
	if err := s.next('{'); err != nil {
		return err
	}
	if s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		name, err := s.text()
		if err != nil {
			return err
		}
		if err := s.next(':'); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case '}':
			s.at++
			return nil
		default:
			return errJSON
		}
	}
}

// array reads an array: element is called before each element, and must take it.
func (s *scanner) array(element func() error) error {
	if err := s.next('['); err != nil {
		return err
	}
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch s.peek() {
		case ',':
			s.at++
		case ']':
			s.at++
			return nil
		default:
			return errJSON
		}
	}
}

// nibbles are the values of hexadecimal digits; 0xff is none.
var nibbles = func() (out [256]byte) {
	for i := range out {
		out[i] = 0xff
	}
	for i := range byte(10) {
		out['0'+i] = i
	}
	for i := range byte(6) {
		out['a'+i], out['A'+i] = 10+i, 10+i
	}
	return out
}()

// hexText reads a string of 0x and digits, and returns the digits.
func (s *scanner) hexText() ([]byte, error) {
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	if len(text) < 2 || text[0] != '0' || text[1]|0x20 != 'x' {
		return nil, errHex
	}
	return text[2:], nil
}

var errHex = errors.New("its answer has something else where 0x and hexadecimal digits belong")

// fixed reads bytes of a known number into out.
func (s *scanner) fixed(out []byte) error {
	digits, err := s.hexText()
	if err != nil {
		return err
	}
	if len(digits) != 2*len(out) {
		return fmt.Errorf("its answer has %d digits where %d belong", len(digits), 2*len(out))
	}
	return unhex(out, digits)
}

func unhex(out, digits []byte) error {
	digits = digits[:2*len(out)]
	var bad byte
	for i := range out {
		high, low := nibbles[digits[2*i]], nibbles[digits[2*i+1]]
		bad |= high | low
		out[i] = high<<4 | low&0x0f
	}
	if bad > 0x0f {
		return errHex
	}
	return nil
}

// number reads a number of at most 64 bits, without leading zeros, as nodes write them.
func (s *scanner) number() (n uint64, err error) {
	digits, err := s.hexText()
	if err != nil {
		return 0, err
	}
	if len(digits) == 0 || len(digits) > 16 || digits[0] == '0' && len(digits) > 1 {
		return 0, errHex
	}
	for _, d := range digits {
		v := nibbles[d]
		if v > 0x0f {
			return 0, errHex
		}
		n = n<<4 | uint64(v)
	}
	return n, nil
}
