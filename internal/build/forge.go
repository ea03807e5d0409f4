// Package build reads what Solidity build tools leave behind.
package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// maxArtifact bounds one artifact file, in bytes.
const maxArtifact = 64 << 20

// Output is the result of one build: contracts by path:Name.
type Output struct {
	contracts map[string]raw
}

// raw is an artifact whose ABI is parsed when it is asked for.
type raw struct {
	abi       json.RawMessage
	bytecode  string
	libraries []string
	compiler  manifest.Compiler
}

// forgeArtifact is out/<File>.sol/<Name>.json.
type forgeArtifact struct {
	ABI      json.RawMessage `json:"abi"`
	Bytecode struct {
		Object         string                                `json:"object"`
		LinkReferences map[string]map[string]json.RawMessage `json:"linkReferences"`
	} `json:"bytecode"`
	Metadata *struct {
		Compiler struct {
			Version string `json:"version"`
		} `json:"compiler"`
		Settings struct {
			CompilationTarget map[string]string `json:"compilationTarget"`
			EVMVersion        string            `json:"evmVersion"`
			Optimizer         struct {
				Enabled bool `json:"enabled"`
				Runs    int  `json:"runs"`
			} `json:"optimizer"`
			ViaIR bool `json:"viaIR"`
		} `json:"settings"`
	} `json:"metadata"`
}

// ReadForge reads forge's out folder.
func ReadForge(out fs.FS) (*Output, error) {
	o := &Output{contracts: map[string]raw{}}
	err := fs.WalkDir(out, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == "build-info":
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".json":
			return nil
		}
		return o.add(out, p)
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no build output: run forge build, or set build.out to forge's out folder")
	}
	if err != nil {
		return nil, fmt.Errorf("read build output: %w", err)
	}
	if len(o.contracts) == 0 {
		return nil, errors.New("the build output holds no contract with metadata: run forge build")
	}
	return o, nil
}

func (o *Output) add(out fs.FS, p string) error {
	info, err := fs.Stat(out, p)
	if err != nil {
		return err
	}
	if info.Size() > maxArtifact {
		return fmt.Errorf("%s is larger than %d bytes", p, maxArtifact)
	}
	data, err := fs.ReadFile(out, p)
	if err != nil {
		return err
	}
	var a forgeArtifact
	if err := json.Unmarshal(data, &a); err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	if a.Metadata == nil {
		return nil // not an artifact, or one of a file without contracts
	}
	s := a.Metadata.Settings
	for source, name := range s.CompilationTarget {
		r := raw{abi: a.ABI, bytecode: a.Bytecode.Object, compiler: manifest.Compiler{
			Tool: "forge", Version: a.Metadata.Compiler.Version, EVMVersion: s.EVMVersion,
			Optimizer: s.Optimizer.Enabled, Runs: s.Optimizer.Runs, ViaIR: s.ViaIR,
		}}
		for file, libs := range a.Bytecode.LinkReferences {
			for lib := range libs {
				r.libraries = append(r.libraries, file+":"+lib)
			}
		}
		slices.Sort(r.libraries)
		key := source + ":" + name
		if other, ok := o.contracts[key]; ok && other.bytecode != r.bytecode {
			return fmt.Errorf("%s was built twice with different results (one of them is %s): run forge clean and forge build",
				key, p)
		}
		o.contracts[key] = r
	}
	return nil
}

// Find returns a contract by path:Name, or by Name alone where that is unambiguous.
func (o *Output) Find(contract string) (manifest.Artifact, error) {
	var keys []string
	for key := range o.contracts {
		if key == contract || key[strings.LastIndexByte(key, ':')+1:] == contract {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	switch len(keys) {
	case 0:
		return manifest.Artifact{}, fmt.Errorf("contract %s is not in the build output%s", contract, o.similar(contract))
	case 1:
	default:
		return manifest.Artifact{}, fmt.Errorf("contract %s is ambiguous: name one of %s", contract, strings.Join(keys, ", "))
	}
	r := o.contracts[keys[0]]
	parsed, err := abi.JSON(strings.NewReader(string(r.abi)))
	if err != nil {
		return manifest.Artifact{}, fmt.Errorf("contract %s: read ABI: %w", keys[0], err)
	}
	a := manifest.Artifact{Contract: keys[0], ABI: parsed, Libraries: r.libraries, Compiler: r.compiler}
	if len(r.libraries) > 0 {
		return a, nil
	}
	if r.bytecode != "" && r.bytecode != "0x" {
		if a.Bytecode, err = hexutil.Decode(r.bytecode); err != nil {
			return manifest.Artifact{}, fmt.Errorf("contract %s: read bytecode: %w", keys[0], err)
		}
	}
	return a, nil
}

// Contracts lists the deployable contracts, by path:Name, sorted.
func (o *Output) Contracts() []string {
	var out []string
	for key, r := range o.contracts {
		if r.bytecode != "" && r.bytecode != "0x" {
			out = append(out, key)
		}
	}
	sort.Strings(out)
	return out
}

func (o *Output) similar(contract string) string {
	name := strings.ToLower(contract[strings.LastIndexByte(contract, ':')+1:])
	var near []string
	for _, key := range o.Contracts() {
		if strings.Contains(strings.ToLower(key), name) || strings.Contains(name, strings.ToLower(key[strings.LastIndexByte(key, ':')+1:])) {
			near = append(near, key)
		}
	}
	if len(near) == 0 {
		return fmt.Sprintf("; it has %d contracts: see forge build, and the spelling", len(o.Contracts()))
	}
	return "; did you mean " + strings.Join(near, ", ") + "?"
}
