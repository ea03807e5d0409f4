package config

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"go.yaml.in/yaml/v3"
)

// Problem is one mistake in a configuration file: where it is, what it is and what to do.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

func (p Problem) String() string {
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Message)
}

// reader walks a YAML tree and collects every problem on the way.
type reader struct {
	file     string
	problems []Problem
	values   int // arguments read so far
	holders  []holder
	pauses   []asked // where an automatic pause is asked for
}

func (r *reader) problem(n *yaml.Node, format string, args ...any) {
	line := 1
	if n != nil {
		line = n.Line
	}
	r.problems = append(r.problems, Problem{r.file, line, fmt.Sprintf(format, args...)})
}

// section is a YAML mapping whose keys are known.
type section struct {
	r    *reader
	node *yaml.Node
	path string
	keys map[string]*yaml.Node
}

// section reads a mapping. Unknown and repeated keys are problems.
func (r *reader) section(n *yaml.Node, path string, known ...string) section {
	s := section{r, n, path, map[string]*yaml.Node{}}
	if n == nil || isNull(n) {
		return s
	}
	if n.Kind != yaml.MappingNode {
		what := strings.Join(known, ", ")
		if len(known) == 0 {
			what = "names"
		}
		r.problem(n, "%s must be a mapping of %s", orTop(path), what)
		return s
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch {
		case len(known) > 0 && !slices.Contains(known, key.Value):
			r.problem(key, "unknown key %q in %s; %s", key.Value, orTop(path), suggest(key.Value, known))
		case s.keys[key.Value] != nil:
			r.problem(key, "key %q stands twice in %s: remove one", key.Value, orTop(path))
		default:
			s.keys[key.Value] = resolve(n.Content[i+1])
		}
	}
	return s
}

func orTop(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func (s section) at(key string) string { return strings.TrimPrefix(s.path+"."+key, ".") }

// get returns the node of a key, nil if it is missing or empty.
func (s section) get(key string) *yaml.Node {
	n := s.keys[key]
	if n == nil || isNull(n) {
		return nil
	}
	return n
}

func (s section) text(key string) string {
	n := s.get(key)
	if n == nil {
		return ""
	}
	if n.Kind != yaml.ScalarNode {
		s.r.problem(n, "%s must be text", s.at(key))
		return ""
	}
	return n.Value
}

func (s section) need(key, remedy string) string {
	v := s.text(key)
	if n := s.get(key); v == "" && (n == nil || n.Kind == yaml.ScalarNode) {
		s.r.problem(s.node, "%s is missing: %s", s.at(key), remedy)
	}
	return v
}

// integer reads a whole number in a range, or returns the default.
func (s section) integer(key string, def, low, high uint64) uint64 {
	n := s.get(key)
	if n == nil {
		return def
	}
	v, err := strconv.ParseUint(n.Value, 10, 64)
	if n.Kind != yaml.ScalarNode || err != nil || v < low || v > high {
		s.r.problem(n, "%s is %q, must be a whole number from %d to %d", s.at(key), n.Value, low, high)
		return def
	}
	return v
}

// duration reads a time in whole seconds in a range, such as 90s or 72h, or returns the default.
func (s section) duration(key string, def, low, high time.Duration) time.Duration {
	n := s.get(key)
	if n == nil {
		return def
	}
	if n.Kind != yaml.ScalarNode {
		s.r.problem(n, "%s must be text", s.at(key))
		return def
	}
	d, err := time.ParseDuration(n.Value)
	if err != nil || d < low || d > high || d%time.Second != 0 {
		s.r.problem(n, "%s is %q, must be a time such as %s, between %s and %s", s.at(key), n.Value, short(max(def, low)), short(low), short(high))
		return def
	}
	return d
}

// short writes a time without what is zero: 72h, not 72h0m0s.
func short(d time.Duration) string {
	text := strings.TrimSuffix(d.String(), "m0s")
	if text != d.String() {
		text += "m"
	}
	if whole := strings.TrimSuffix(text, "h0m"); whole != text {
		text = whole + "h"
	}
	return text
}

func (s section) boolean(key string) bool {
	n := s.get(key)
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		s.r.problem(n, "%s must be true or false", s.at(key))
		return false
	}
	return strings.EqualFold(n.Value, "true")
}

var feePattern = regexp.MustCompile(`^(\d{1,9})(?:\.(\d{1,9}))? gwei$`)

// fee reads an amount of wei that is written in gwei: "30 gwei", "0.05 gwei".
func (s section) fee(key string) *big.Int {
	n := s.get(key)
	if n == nil {
		return nil
	}
	m := feePattern.FindStringSubmatch(n.Value)
	fee := new(big.Int)
	if n.Kind == yaml.ScalarNode && m != nil {
		fee.SetString(m[1]+m[2]+strings.Repeat("0", 9-len(m[2])), 10)
	}
	if fee.Sign() <= 0 {
		s.r.problem(n, "%s is %q, must be an amount such as \"30 gwei\" or \"0.05 gwei\"", s.at(key), n.Value)
		return nil
	}
	return fee
}

func (s section) list(key string) []*yaml.Node {
	n := s.get(key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		s.r.problem(n, "%s must be a list", s.at(key))
		return nil
	}
	out := make([]*yaml.Node, len(n.Content))
	for i, c := range n.Content {
		out[i] = resolve(c)
	}
	return out
}

func (s section) texts(key string) []string {
	var out []string
	for _, n := range s.list(key) {
		if n.Kind != yaml.ScalarNode || n.Value == "" {
			s.r.problem(n, "%s must be a list of text", s.at(key))
			continue
		}
		out = append(out, n.Value)
	}
	return out
}

// values reads a list of arguments: text, whole numbers, booleans, lists and mappings.
func (s section) values(key string) []any {
	var out []any
	for _, n := range s.list(key) {
		out = append(out, s.value(key, n, 0))
	}
	return out
}

// maxDepth bounds nested arguments, and aliases that contain themselves; maxValues bounds what aliases of aliases make.
const (
	maxDepth  = 32
	maxValues = 10_000
)

func (s section) value(key string, n *yaml.Node, depth int) any {
	n = resolve(n)
	if s.r.values++; s.r.values > maxValues {
		if s.r.values == maxValues+1 {
			s.r.problem(n, "%s: the file has more than %d arguments, those of aliases included", s.at(key), maxValues)
		}
		return nil
	}
	if depth > maxDepth {
		s.r.problem(n, "%s is nested too deeply", s.at(key))
		return nil
	}
	switch n.Kind {
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i, c := range n.Content {
			out[i] = s.value(key, c, depth+1)
		}
		return out
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if _, ok := out[name]; ok {
				s.r.problem(n.Content[i], "%s: key %q stands twice: remove one", s.at(key), name)
			}
			out[name] = s.value(key, n.Content[i+1], depth+1)
		}
		return out
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!bool":
			var b bool
			if n.Decode(&b) == nil {
				return b
			}
		case "!!str", "!!int":
			// numbers stay text: YAML's would lose digits, and 0x addresses are numbers to it
			return n.Value
		case "!!float":
			// whole numbers of more than 64 bits are floats to YAML
			if strings.Trim(strings.TrimPrefix(n.Value, "-"), "0123456789") == "" {
				return n.Value
			}
		}
	}
	s.r.problem(n, "%s: %q is not an argument; write text, whole numbers, true or false, lists or mappings", s.at(key), n.Value)
	return nil
}

func (r *reader) address(n *yaml.Node, path, text string) common.Address {
	if !strings.HasPrefix(text, "0x") || !common.IsHexAddress(text) {
		// a longer text may be a private key that was pasted here
		shown := strconv.Quote(text)
		if len(text) > 42 {
			shown = fmt.Sprintf("a text of %d characters", len(text))
		}
		r.problem(n, "%s is %s, must be an address: 0x and 40 hex digits", path, shown)
		return common.Address{}
	}
	a := common.HexToAddress(text)
	lower, upper := strings.ToLower(text) == text, strings.ToUpper(text[2:]) == text[2:]
	if !lower && !upper && a.Hex() != text {
		r.problem(n, "%s is %q, whose checksum (EIP-55) is wrong: is a digit mistyped? (%s would be right)", path, text, a.Hex())
	}
	if a == (common.Address{}) {
		r.problem(n, "%s is the zero address", path)
	}
	return a
}

func (s section) hash(key string) common.Hash {
	n := s.get(key)
	if n == nil {
		return common.Hash{}
	}
	b, err := hexutil.Decode(n.Value)
	if err != nil || len(b) != 32 {
		s.r.problem(n, "%s is %q, must be 0x and 64 hex digits, in quotes", s.at(key), n.Value)
		return common.Hash{}
	}
	return common.BytesToHash(b)
}

// suggest names the known key that is nearest to an unknown one.
func suggest(key string, known []string) string {
	best, bestDistance := "", 4
	for _, k := range known {
		if d := distance(strings.ToLower(key), strings.ToLower(k)); d < bestDistance {
			best, bestDistance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known are " + strings.Join(known, ", ")
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		last := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			last, row[j] = row[j], min(row[j]+1, row[j-1]+1, last+cost)
		}
	}
	return row[len(b)]
}
