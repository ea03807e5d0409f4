// Package document reads JSON documents that people and other programs write, strictly, and says in words what is wrong with one. It knows nothing of what
// they are about.
package document

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// ErrEmpty says that there is nothing where a document is to be.
var ErrEmpty = errors.New("it is empty")

// Read reads one document, all of whose members v has, and after which nothing comes. No error names a type of this program.
func Read(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return inWords(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something comes after the JSON document")
	}
	return nil
}

func inWords(err error) error {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return ErrEmpty
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it ends before the JSON document does")
	case errors.As(err, &syntax):
		return fmt.Errorf("it is no JSON document: %w (byte %d)", syntax, syntax.Offset)
	case errors.As(err, &wrong):
		// what is embedded is in the path by the name of its type, which no member has
		path := slices.DeleteFunc(strings.Split(wrong.Field, "."), func(name string) bool { return name == "" || unicode.IsUpper(rune(name[0])) })
		return fmt.Errorf("%s must be %s, and is %s", cmp.Or(strings.Join(path, "."), "it"), wanted(wrong.Type), given(wrong.Value))
	}
	text := strings.TrimPrefix(err.Error(), "json: ")
	if name, ok := strings.CutPrefix(text, "unknown field "); ok {
		return fmt.Errorf("there is no member %s", name)
	}
	text, _, _ = strings.Cut(text, " for common.") // as hashes and addresses name their types
	return errors.New(text)
}

// wanted says what a type is written as.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	case reflect.Array: // a hash or an address
		return fmt.Sprintf("0x and %d hex digits", 2*t.Len())
	default:
		return "an object"
	}
}

// given says what stands there instead.
func given(value string) string {
	words := map[string]string{"string": "a text", "number": "a number", "bool": "true or false", "array": "a list", "object": "an object"}
	if word, ok := words[value]; ok {
		return word
	}
	return value
}
