package layout

import (
	"fmt"
	"math/big"
	"strings"
)

// typeID is a type as the compiler identifies it: t_mapping$_t_address_$_t_uint256_$ and the like.
type typeID struct {
	head   string // t_uint256, t_mapping, t_struct, ...
	name   string // of what is declared: a struct, an enum, a contract, a type of one's own
	decl   int64  // its declaration
	args   []typeID
	length *big.Int // of an array; nil if it is dynamic
}

// declared are the heads of types that name a declaration.
var declared = map[string]bool{"t_struct": true, "t_enum": true, "t_contract": true, "t_userDefinedValueType": true}

// parseTypeID reads an identifier. In it, $_ and _$ are parentheses, _$_ is a comma, and $$$ is a dollar of a name.
func parseTypeID(text string) (typeID, error) {
	p := idParser{text: text}
	id, err := p.parse(0)
	if err == nil && p.at != len(text) {
		err = p.unexpected("the end")
	}
	if err != nil {
		return typeID{}, fmt.Errorf("type %.200q: %w", text, err)
	}
	return id, nil
}

type idParser struct {
	text string
	at   int
}

func (p *idParser) unexpected(want string) error {
	return fmt.Errorf("at byte %d is not %s: this version of the compiler is not known", p.at, want)
}

func (p *idParser) take(token string) bool {
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *idParser) parse(depth int) (typeID, error) {
	if depth > maxDepth {
		return typeID{}, fmt.Errorf("it nests deeper than %d", maxDepth)
	}
	id := typeID{head: p.head()}
	if !strings.HasPrefix(id.head, "t_") {
		return typeID{}, p.unexpected("a type")
	}
	switch {
	case declared[id.head]:
		return id, p.declaration(&id)
	case id.head == "t_array":
		return id, p.array(&id, depth)
	case id.head == "t_mapping":
		if !p.take("$_") {
			return typeID{}, p.unexpected("the key of a mapping")
		}
		for i, end := range []string{"_$_", "_$"} {
			arg, err := p.parse(depth + 1)
			if err != nil {
				return typeID{}, err
			}
			if !p.take(end) {
				return typeID{}, p.unexpected([]string{"the value", "the end"}[i] + " of a mapping")
			}
			id.args = append(id.args, arg)
		}
	case strings.HasPrefix(id.head, "t_function_"):
		return id, p.function(depth)
	}
	return id, nil
}

// head reads up to a parenthesis or comma.
func (p *idParser) head() string {
	rest := p.text[p.at:]
	end := strings.IndexByte(rest, '$')
	switch {
	case end < 0:
		end = len(rest)
	case end > 0 && rest[end-1] == '_':
		end--
	}
	p.at += end
	return rest[:end]
}

// declaration reads $_Name_$12_storage_ptr.
func (p *idParser) declaration(id *typeID) error {
	if !p.take("$_") {
		return p.unexpected("a name")
	}
	rest := p.text[p.at:]
	for i := 0; i < len(rest); i++ {
		switch {
		case strings.HasPrefix(rest[i:], "$$$"):
			i += 2
		case strings.HasPrefix(rest[i:], "_$") && i+2 < len(rest) && (rest[i+2] == '-' || isDigit(rest[i+2])):
			id.name = strings.ReplaceAll(rest[:i], "$$$", "$")
			p.at += i + 2
			digits := p.digits()
			if digits == "" {
				return p.unexpected("the id of a declaration")
			}
			id.decl = parseID(digits)
			p.location()
			return nil
		}
	}
	return p.unexpected("the end of a name")
}

// array reads $_t_uint256_$50_storage.
func (p *idParser) array(id *typeID, depth int) error {
	if !p.take("$_") {
		return p.unexpected("the type of an array")
	}
	arg, err := p.parse(depth + 1)
	if err != nil {
		return err
	}
	id.args = []typeID{arg}
	if !p.take("_$") {
		return p.unexpected("the length of an array")
	}
	if !p.take("dyn") {
		digits := p.digits()
		length, ok := new(big.Int).SetString(digits, 10)
		if !ok || length.Sign() < 0 {
			return p.unexpected("the length of an array")
		}
		id.length = length
	}
	p.location()
	return nil
}

// function reads what a function takes and gives, of which nothing is needed.
func (p *idParser) function(depth int) error {
	for _, start := range []string{"$_", "returns$_"} {
		if !p.take(start) {
			return p.unexpected("what a function takes and gives")
		}
		if p.take("_$") {
			continue
		}
		for {
			if _, err := p.parse(depth + 1); err != nil {
				return err
			}
			// a comma, unless it closes and something else follows
			if strings.HasPrefix(p.text[p.at:], "_$_t_") {
				p.at += len("_$_")
				continue
			}
			if !p.take("_$") {
				return p.unexpected("the end of what a function takes and gives")
			}
			break
		}
	}
	return nil
}

func (p *idParser) digits() string {
	start := p.at
	p.take("-")
	first := p.at
	for p.at < len(p.text) && isDigit(p.text[p.at]) {
		p.at++
	}
	if p.at == first {
		return ""
	}
	return p.text[start:p.at]
}

// location skips where data of the type is.
func (p *idParser) location() {
	for _, suffix := range []string{"_storage_ptr", "_storage", "_memory_ptr", "_calldata_ptr"} {
		if p.take(suffix) {
			return
		}
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
