package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
)

// solcOutput is the output of solc --standard-json.
type solcOutput struct {
	Errors []struct {
		Severity         string `json:"severity"`
		FormattedMessage string `json:"formattedMessage"`
		Message          string `json:"message"`
	} `json:"errors"`
	Contracts map[string]map[string]solcContract `json:"contracts"`
	Language  string                             `json:"language"` // of an input
}

type solcContract struct {
	ABI      json.RawMessage `json:"abi"`
	Metadata string          `json:"metadata"`
	EVM      struct {
		Bytecode         *code `json:"bytecode"`
		DeployedBytecode code  `json:"deployedBytecode"`
	} `json:"evm"`
}

const selectOutput = `ask for abi, metadata, evm.bytecode and evm.deployedBytecode in outputSelection, and build again`

// ReadSolc reads the file that holds solc's standard JSON output.
func ReadSolc(fsys fs.FS, name string) (*Output, error) {
	data, err := readFile(fsys, name, maxOutput)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no build output %s: run solc --standard-json, or set build.out to the file with its output", name)
	}
	if err != nil {
		return nil, fmt.Errorf("read build output: %w", err)
	}
	var out solcOutput
	if err := decode(name, data, &out); err != nil {
		return nil, fmt.Errorf("read build output: %w", err)
	}
	for _, e := range out.Errors {
		if e.Severity != "error" {
			continue
		}
		message := e.FormattedMessage
		if message == "" {
			message = e.Message
		}
		return nil, fmt.Errorf("%s holds no contracts but an error of the compiler: %.1000s", name, message)
	}
	if len(out.Contracts) == 0 && out.Language != "" {
		return nil, fmt.Errorf("%s is solc's input: set build.out to the file with its output", name)
	}
	o := &Output{contracts: map[string]raw{}}
	for _, source := range slices.Sorted(maps.Keys(out.Contracts)) {
		for _, contract := range slices.Sorted(maps.Keys(out.Contracts[source])) {
			r, err := out.Contracts[source][contract].raw(nil, sourceName)
			if err != nil {
				return nil, fmt.Errorf("%s: contract %s:%s: %w", name, source, contract, err)
			}
			if err := o.add(sourceName(source)+":"+contract, r, source, "the build again with each source once"); err != nil {
				return nil, err
			}
		}
	}
	if len(o.contracts) == 0 {
		return nil, fmt.Errorf("%s holds no contract: %s", name, selectOutput)
	}
	return o, nil
}

// raw takes the settings from the metadata; without any, from what else tells them.
func (c solcContract) raw(otherwise func() (metadata, error), source func(string) string) (raw, error) {
	if c.EVM.Bytecode == nil {
		return raw{}, fmt.Errorf("it has no evm.bytecode: %s", selectOutput)
	}
	var m metadata
	switch {
	case c.Metadata != "":
		if err := decode("metadata", []byte(c.Metadata), &m); err != nil {
			return raw{}, err
		}
	case otherwise != nil:
		var err error
		if m, err = otherwise(); err != nil {
			return raw{}, err
		}
	default:
		return raw{}, fmt.Errorf("it has no metadata, which tells the compiler's settings: %s", selectOutput)
	}
	return newRaw(c.ABI, *c.EVM.Bytecode, c.EVM.DeployedBytecode, m.Settings.compiler(m.Compiler.Version), source)
}
