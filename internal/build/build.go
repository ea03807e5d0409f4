// Package build reads what Solidity build tools leave behind: forge, Hardhat 2 and 3, and solc itself.
//
// Whichever tool called the compiler, the same sources and settings are the same contracts here: names of sources are
// freed of what a tool puts before them, placeholders of libraries of their hashes, and what is said of the compiler is
// what the compiler says of itself.
package build

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// The tools, as build.tool names them.
const (
	Forge   = "forge"
	Hardhat = "hardhat"
	Solc    = "solc"
)

// maxArtifact bounds one artifact file, maxOutput a file that holds the output of a whole compilation, in bytes.
const (
	maxArtifact = 64 << 20
	maxOutput   = 512 << 20
)

// Output is the result of one build: contracts by path:Name.
type Output struct {
	contracts map[string]raw
}

// raw is a contract of which no more is parsed than what is asked for.
type raw struct {
	abi      json.RawMessage
	bytecode string // hex, with placeholders for libraries
	links    map[string][]int
	library  bool
	compiler manifest.Compiler
}

// code is bytecode as the compiler writes it; forge and Hardhat pass it on.
type code struct {
	Object         string `json:"object"`
	LinkReferences links  `json:"linkReferences"`
	// by the declaration's id in the syntax tree, or library_deploy_address
	ImmutableReferences json.RawMessage `json:"immutableReferences"`
}

// links are places of placeholders, by source and name of the library.
type links map[string]map[string][]struct {
	Start  int `json:"start"`
	Length int `json:"length"`
}

// metadata is what the compiler says of itself.
type metadata struct {
	Compiler struct {
		Version string `json:"version"`
	} `json:"compiler"`
	Settings settings `json:"settings"`
}

type settings struct {
	CompilationTarget map[string]string `json:"compilationTarget"`
	EVMVersion        string            `json:"evmVersion"`
	Optimizer         struct {
		Enabled *bool           `json:"enabled"`
		Runs    *int            `json:"runs"`
		Details json.RawMessage `json:"details"`
	} `json:"optimizer"`
	ViaIR bool `json:"viaIR"`
}

// compiler fills in the compiler's defaults.
func (s settings) compiler(version string) manifest.Compiler {
	c := manifest.Compiler{Version: version, EVMVersion: s.EVMVersion, Runs: 200, ViaIR: s.ViaIR}
	if s.Optimizer.Runs != nil {
		c.Runs = *s.Optimizer.Runs
	}
	// metadata with details does not repeat that it is enabled
	c.Optimizer = len(s.Optimizer.Details) > 0
	if s.Optimizer.Enabled != nil {
		c.Optimizer = *s.Optimizer.Enabled
	}
	return c
}

// newRaw makes a contract; source gives the name under which a library's source is known.
func newRaw(abi json.RawMessage, creation, deployed code, c manifest.Compiler, source func(string) string) (raw, error) {
	r := raw{
		abi: abi, bytecode: strings.TrimPrefix(creation.Object, "0x"), links: map[string][]int{}, compiler: c,
		library: isLibrary(deployed),
	}
	for file, libraries := range creation.LinkReferences {
		for name, places := range libraries {
			for _, p := range places {
				if p.Length != common.AddressLength || p.Start < 0 || p.Start > len(r.bytecode)/2-p.Length {
					return raw{}, fmt.Errorf("linkReferences: library %s at byte %d with %d bytes is outside of the bytecode",
						name, p.Start, p.Length)
				}
				key := source(file) + ":" + name
				r.links[key] = append(r.links[key], p.Start)
			}
		}
	}
	for _, at := range r.links {
		slices.Sort(at)
	}
	return r, nil
}

// isLibrary finds the address at which a library was deployed, by which it tells calls from delegatecalls: PUSH20 0 ADDRESS
// EQ at the beginning, or an immutable of this name in code that was made via IR. Code made via IR that only reads has
// neither.
func isLibrary(deployed code) bool {
	const guard = "73" + "0000000000000000000000000000000000000000" + "3014"
	return strings.HasPrefix(strings.TrimPrefix(deployed.Object, "0x"), guard) ||
		bytes.Contains(deployed.ImmutableReferences, []byte(`"library_deploy_address"`))
}

// unlinked is the bytecode with zeros where libraries are linked.
func (r raw) unlinked() ([]byte, error) {
	text := []byte(r.bytecode)
	for _, places := range r.links {
		for _, at := range places {
			copy(text[2*at:], strings.Repeat("0", 2*common.AddressLength))
		}
	}
	out := make([]byte, hex.DecodedLen(len(text)))
	if _, err := hex.Decode(out, text); err != nil {
		return nil, fmt.Errorf("read bytecode: %w", err)
	}
	return out, nil
}

// add puts a contract into the output. file is where it was found, remedy how to build afresh.
func (o *Output) add(key string, r raw, file, remedy string) error {
	if other, ok := o.contracts[key]; ok {
		one, err := r.unlinked()
		two, otherErr := other.unlinked()
		if err == nil && otherErr == nil && !bytes.Equal(one, two) {
			return fmt.Errorf("%s was built twice with different results (one of them is %s): run %s", key, file, remedy)
		}
	}
	o.contracts[key] = r
	return nil
}

// Find returns a contract by path:Name, or by Name alone where that is unambiguous, with the libraries that it links.
func (o *Output) Find(contract string) (manifest.Artifact, error) {
	wanted := contract
	if file, name, ok := strings.Cut(contract, ":"); ok {
		wanted = sourceName(file) + ":" + name
	}
	var keys []string
	for key := range o.contracts {
		if key == wanted || nameOf(key) == wanted {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	switch len(keys) {
	case 0:
		return manifest.Artifact{}, fmt.Errorf("contract %s is not in the build output%s", contract, o.similar(contract))
	case 1:
	default:
		return manifest.Artifact{}, fmt.Errorf("contract %s is ambiguous: name one of %s", contract, strings.Join(keys, ", "))
	}
	a, err := o.artifact(keys[0], nil, map[string]*manifest.Artifact{})
	if err != nil {
		return manifest.Artifact{}, fmt.Errorf("contract %s: %w", keys[0], err)
	}
	if a.ABI, err = abi.JSON(bytes.NewReader(o.contracts[keys[0]].abi)); err != nil {
		return manifest.Artifact{}, fmt.Errorf("contract %s: read ABI: %w", keys[0], err)
	}
	return *a, nil
}

// artifact is a contract without its ABI: that of a library may hold types which only the compiler knows. by are the
// contracts that link it, one after another.
func (o *Output) artifact(key string, by []string, made map[string]*manifest.Artifact) (*manifest.Artifact, error) {
	if a, ok := made[key]; ok {
		return a, nil
	}
	by = append(slices.Clone(by), key)
	r := o.contracts[key]
	a := &manifest.Artifact{Contract: key, Compiler: r.compiler}
	var err error
	if a.Bytecode, err = r.unlinked(); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(r.links)) {
		if at := slices.Index(by, name); at >= 0 {
			return nil, fmt.Errorf("libraries %s link one another: neither can be deployed before the other",
				strings.Join(by[at:], " and "))
		}
		if _, ok := o.contracts[name]; !ok {
			return nil, fmt.Errorf("it links library %s, which is not in the build output: build that too", name)
		}
		library, err := o.artifact(name, by, made)
		if err != nil {
			return nil, fmt.Errorf("library %s: %w", name, err)
		}
		a.Libraries = append(a.Libraries, manifest.Reference{Library: library, Offsets: r.links[name]})
	}
	made[key] = a
	return a, nil
}

// Contracts lists what can be a facet, by path:Name, sorted: contracts with code and functions that are no libraries.
func (o *Output) Contracts() []string {
	libraries := map[string]bool{}
	for key, r := range o.contracts {
		if r.library {
			libraries[key] = true
		}
		for name := range r.links {
			libraries[name] = true
		}
	}
	var out []string
	for key, r := range o.contracts {
		if r.bytecode != "" && !libraries[key] && r.answers() {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// answers tells whether a contract has functions. An ABI that cannot be read is left to Find, which says why.
func (r raw) answers() bool {
	var entries []struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(r.abi, &entries); err != nil {
		return true
	}
	for _, e := range entries {
		switch e.Type {
		case "constructor", "event", "error", "fallback":
		default:
			return true
		}
	}
	return false
}

func (o *Output) similar(contract string) string {
	name := strings.ToLower(nameOf(contract))
	var near []string
	for _, key := range o.Contracts() {
		if strings.Contains(strings.ToLower(key), name) || strings.Contains(name, strings.ToLower(nameOf(key))) {
			near = append(near, key)
		}
	}
	if len(near) == 0 {
		return fmt.Sprintf("; it has %d contracts: build again, and see the spelling", len(o.Contracts()))
	}
	return "; did you mean " + strings.Join(near, ", ") + "?"
}

// nameOf is the name in path:Name.
func nameOf(contract string) string { return contract[strings.LastIndexByte(contract, ':')+1:] }

// sourceName is the name of a source wherever npm put it: forge and solc name it by its path, Hardhat by its package.
func sourceName(source string) string {
	if rest, ok := strings.CutPrefix(source, "node_modules/"); ok {
		return rest
	}
	if _, rest, ok := strings.Cut(source, "/node_modules/"); ok && strings.HasPrefix(source, "../") {
		return rest
	}
	return source
}

// readFile reads a file of limited size.
func readFile(fsys fs.FS, name string, limit int64) (data []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if data, err = io.ReadAll(io.LimitReader(f, limit+1)); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, nil
}

// decode reads one JSON document. An error of a field's type leaves the other fields read.
func decode(name string, data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
