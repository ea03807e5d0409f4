package audit

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"unicode/utf16"
)

// maxInteger is the largest integer that every reader of JSON takes as it is.
const maxInteger = 1<<53 - 1

// maxDepth bounds how deep values may be nested.
const maxDepth = 32

// Canonical returns the one encoding of a JSON value that RFC 8785 allows: keys in order, no space, nothing escaped that need
// not be. Numbers must be whole and at most 2^53-1, since others do not mean the same to every reader.
func Canonical(raw []byte) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	out, err := appendValue(make([]byte, 0, len(raw)), d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the value")
	}
	return out, nil
}

func appendValue(b []byte, d *json.Decoder, depth int) ([]byte, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("values are nested deeper than %d", maxDepth)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case json.Delim:
		if t == '[' {
			return appendList(b, d, depth)
		}
		return appendObject(b, d, depth)
	case string:
		return appendString(b, t), nil
	case json.Number:
		n, err := strconv.ParseInt(t.String(), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != t.String() || n > maxInteger || n < -maxInteger {
			return nil, fmt.Errorf("%s is not a whole number of at most 2^53-1: write it as a string", t)
		}
		return append(b, t...), nil
	case bool:
		return strconv.AppendBool(b, t), nil
	default:
		return append(b, "null"...), nil
	}
}

func appendList(b []byte, d *json.Decoder, depth int) ([]byte, error) {
	b = append(b, '[')
	for first := true; d.More(); first = false {
		if !first {
			b = append(b, ',')
		}
		var err error
		if b, err = appendValue(b, d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return append(b, ']'), err
}

func appendObject(b []byte, d *json.Decoder, depth int) ([]byte, error) {
	type member struct {
		key   string
		units []uint16 // RFC 8785 sorts by UTF-16 code units
		value []byte
	}
	var members []member
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("%v is not a key", token)
		}
		value, err := appendValue(nil, d, depth+1)
		if err != nil {
			return nil, err
		}
		members = append(members, member{key, utf16.Encode([]rune(key)), value})
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	slices.SortFunc(members, func(x, y member) int { return slices.CompareFunc(x.units, y.units, cmp.Compare) })
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			if m.key == members[i-1].key {
				return nil, fmt.Errorf("key %q is there twice", m.key)
			}
			b = append(b, ',')
		}
		b = append(appendString(b, m.key), ':')
		b = append(b, m.value...)
	}
	return append(b, '}'), nil
}

var shortEscapes = map[byte]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		c := s[i]
		short, ok := shortEscapes[c]
		switch {
		case ok:
			b = append(b, '\\', short)
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}
