package manifest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
)

// Artifact is one compiled contract as a build tool left it.
type Artifact struct {
	Contract  string // path:Name
	ABI       abi.ABI
	Bytecode  []byte // creation code without constructor arguments; empty for interfaces and abstract contracts
	Libraries []Reference
	Compiler  Compiler
}

// Reference says where an artifact's bytecode wants the address of a library.
type Reference struct {
	Library *Artifact // its ABI is not needed
	Offsets []int     // bytes into the creation code
}

// Spec is what a user asks for: the inputs of a manifest before contracts are resolved.
type Spec struct {
	Project  string
	Tool     string
	Factory  Factory
	Salt     common.Hash
	PageSize int
	Networks []Network
	Facets   []FacetSpec
	Init     *InitSpec
}

// FacetSpec asks for a contract as facet. Include and Exclude hold names, signatures or selectors of its functions;
// without Include all external functions are routed.
type FacetSpec struct {
	Artifact Artifact
	Args     []any
	Include  []string
	Exclude  []string
}

// InitSpec asks for a call that is run at activation.
type InitSpec struct {
	Artifact Artifact
	Args     []any
	Function string // name or signature
	CallArgs []any
}

// Build makes a manifest, or says what is refused and on whose account.
func Build(spec Spec, run Runner, rules Rules) (*Manifest, error) {
	m := &Manifest{
		Format: Format, Project: spec.Project, Tool: spec.Tool, Factory: spec.Factory, Salt: spec.Salt,
		PageSize: spec.PageSize, Networks: slices.Clone(spec.Networks), Facets: []Deployment{},
	}
	salt, err := rules.checkFactory(m)
	if err != nil {
		return nil, err
	}
	l := linker{m: m, salt: salt, addresses: map[string]common.Address{}}
	for _, fs := range spec.Facets {
		d, err := l.deployment(fs.Artifact, fs.Args)
		if err != nil {
			return nil, fmt.Errorf("facet %s: %w", fs.Artifact.Contract, err)
		}
		if d.Routes, err = selectRoutes(fs); err != nil {
			return nil, fmt.Errorf("facet %s: %w", fs.Artifact.Contract, err)
		}
		m.Facets = append(m.Facets, d)
	}
	if spec.Init != nil {
		call, err := spec.Init.call(&l)
		if err != nil {
			return nil, fmt.Errorf("init %s: %w", spec.Init.Artifact.Contract, err)
		}
		m.Init = call
	}
	if err := m.checkNames(); err != nil {
		return nil, err
	}
	if err := assemble(m, run, rules); err != nil {
		return nil, err
	}
	return m, nil
}

func (s InitSpec) call(l *linker) (*InitCall, error) {
	d, err := l.deployment(s.Artifact, s.Args)
	if err != nil {
		return nil, err
	}
	var found []abi.Method
	for _, m := range s.Artifact.ABI.Methods {
		if m.RawName == s.Function || m.Sig == s.Function {
			found = append(found, m)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].Sig < found[j].Sig })
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("it has no function %s; it has %s", s.Function, strings.Join(signatures(s.Artifact.ABI), ", "))
	case len(found) > 1:
		return nil, fmt.Errorf("function %s is overloaded: name %s or %s", s.Function, found[0].Sig, found[1].Sig)
	}
	packed, err := packArgs(found[0].Inputs, s.CallArgs)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", found[0].Sig, err)
	}
	given, err := argsJSON(s.CallArgs)
	if err != nil {
		return nil, err
	}
	return &InitCall{
		Deployment: d, Signature: found[0].Sig, CallArgs: given, Data: append(slices.Clone(found[0].ID), packed...),
	}, nil
}

func selectRoutes(fs FacetSpec) ([]Route, error) {
	all := signatures(fs.Artifact.ABI)
	included, err := match(all, fs.Include, "include")
	if err != nil {
		return nil, err
	}
	excluded, err := match(all, fs.Exclude, "exclude")
	if err != nil {
		return nil, err
	}
	var routes []Route
	for _, sig := range all {
		if (len(fs.Include) == 0 || included[sig]) && !excluded[sig] {
			routes = append(routes, Route{SelectorOf(sig), sig})
		}
	}
	return routes, nil
}

// signatures lists what a contract answers, sorted; "receive()" if it takes plain transfers.
func signatures(a abi.ABI) []string {
	var out []string
	for _, m := range a.Methods {
		out = append(out, m.Sig)
	}
	if a.HasReceive() {
		out = append(out, ReceiveSignature)
	}
	slices.Sort(out)
	return out
}

// match finds the signatures that a list names: by name, signature or selector.
func match(all, names []string, list string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, name := range names {
		hit := false
		for _, sig := range all {
			if sig == name || sig[:strings.IndexByte(sig, '(')] == name || SelectorOf(sig).String() == strings.ToLower(name) {
				out[sig], hit = true, true
			}
		}
		if !hit {
			return nil, fmt.Errorf("%s names %s, which it does not have; it has %s", list, name, strings.Join(all, ", "))
		}
	}
	return out, nil
}

func argsJSON(args []any) (json.RawMessage, error) {
	if args == nil {
		args = []any{}
	}
	b, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	return b, nil
}
