package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// forgeArtifact is out/<File>.sol/<Name>.json.
type forgeArtifact struct {
	Format           string          `json:"_format"` // Hardhat's
	ABI              json.RawMessage `json:"abi"`
	Bytecode         code            `json:"bytecode"`
	DeployedBytecode code            `json:"deployedBytecode"`
	Metadata         *metadata       `json:"metadata"`
}

// ReadForge reads forge's out folder.
func ReadForge(out fs.FS) (*Output, error) {
	o := &Output{contracts: map[string]raw{}}
	err := walkArtifacts(out, func(p string, data []byte) error {
		var a forgeArtifact
		err := decode(p, data, &a)
		if isHardhat(a.Format) {
			return fmt.Errorf("%s is Hardhat's: set build.tool to %s", p, Hardhat)
		}
		if err != nil {
			return err
		}
		if a.Metadata == nil {
			return nil // not an artifact, or one of a file without contracts
		}
		r, err := newRaw(a.ABI, a.Bytecode, a.DeployedBytecode, a.Metadata.Settings.compiler(a.Metadata.Compiler.Version), sourceName)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		for source, name := range a.Metadata.Settings.CompilationTarget {
			if err := o.add(sourceName(source)+":"+name, r, p, "forge clean and forge build"); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no build output: run forge build, or set build.out to forge's out folder")
	}
	if err != nil {
		return nil, fmt.Errorf("read build output: %w", err)
	}
	if len(o.contracts) == 0 {
		return nil, errors.New("the build output holds no contract with metadata: run forge build")
	}
	return o, nil
}

// walkArtifacts calls f with every JSON file that is not of build-info.
func walkArtifacts(out fs.FS, f func(p string, data []byte) error) error {
	return fs.WalkDir(out, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && d.Name() == buildInfoDir:
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".json" || strings.HasSuffix(p, dbgSuffix):
			return nil
		}
		data, err := readFile(out, p, maxArtifact)
		if err != nil {
			return err
		}
		return f(p, data)
	})
}
