package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed-b6a97670/lockstep/internal/layout"
)

// Compilations are what a tool keeps of its calls of the compiler: build-info of forge or Hardhat, or solc's standard JSON.
type Compilations struct {
	place     string
	artifacts fs.FS // beside build-info; nil if there are none
	all       []compilation
}

// compilation is one of them.
type compilation struct {
	file string
	*layout.Compilation
	bytecode map[string]map[string]string // by source and contract
}

// buildInfo is a file of either tool; solc's output is as the output in it, or has an input beside it.
type buildInfo struct {
	Format string      `json:"_format"`
	Input  *infoInput  `json:"input"`
	Output *infoOutput `json:"output"`
	infoOutput
}

type infoInput struct {
	Sources map[string]struct {
		Content string `json:"content"`
	} `json:"sources"`
}

type infoOutput struct {
	Sources map[string]struct {
		ID  int             `json:"id"`
		AST json.RawMessage `json:"ast"`
	} `json:"sources"`
	Contracts map[string]map[string]struct {
		Storage *layout.Storage `json:"storageLayout"`
		EVM     struct {
			Bytecode *struct {
				Object         string `json:"object"`
				LinkReferences links  `json:"linkReferences"`
			} `json:"bytecode"`
		} `json:"evm"`
	} `json:"contracts"`
}

const noBuildInfo = "run forge build --build-info or npx hardhat compile, or name a folder or file with build-info or solc's output"

// ReadCompilations reads what is at a place: a project, a folder with artifacts or build-info, or a file.
func ReadCompilations(place string) (*Compilations, error) {
	info, err := os.Stat(place)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: %s", place, noBuildInfo)
	}
	if err != nil {
		return nil, err
	}
	c := &Compilations{place: place}
	var files []string
	dir := filepath.Dir(place)
	if info.IsDir() {
		if dir, err = buildInfoFolder(place); err != nil {
			return nil, err
		}
		if files, err = fs.Glob(os.DirFS(dir), "*.json"); err != nil {
			return nil, err
		}
	} else {
		files = []string{filepath.Base(place)}
	}
	if filepath.Base(dir) == buildInfoDir {
		c.artifacts = os.DirFS(filepath.Dir(dir))
	}
	for _, name := range files {
		if strings.HasSuffix(name, outputSuffix) && slices.Contains(files, strings.TrimSuffix(name, outputSuffix)+".json") {
			continue // it is read with its input
		}
		one, err := readCompilation(os.DirFS(dir), name)
		if err != nil {
			return nil, fmt.Errorf("read build-info: %w", err)
		}
		if one != nil {
			c.all = append(c.all, *one)
		}
	}
	if len(c.all) == 0 {
		return nil, fmt.Errorf("%s holds no build-info and no output of solc: %s", place, noBuildInfo)
	}
	return c, nil
}

// outputSuffix is that of the file with the output, in version 3 of Hardhat.
const outputSuffix = ".output.json"

// buildInfoFolder finds build-info in a folder: of a project, of artifacts, or the folder itself.
func buildInfoFolder(place string) (string, error) {
	var found []string
	for _, known := range []string{".", folders[0].Out, folders[1].Out} {
		dir := filepath.Join(place, known, buildInfoDir)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			found = append(found, dir)
		}
	}
	switch len(found) {
	case 0:
		return place, nil
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%s is build-info, and so is %s: name the one that is meant", found[0], found[1])
}

// readCompilation reads one file, or both that version 3 of Hardhat makes; nil if it is neither.
func readCompilation(dir fs.FS, name string) (*compilation, error) {
	info, err := readInfo(dir, name)
	if err != nil {
		return nil, err
	}
	other := ""
	switch info.Format {
	case buildInfo3:
		other = strings.TrimSuffix(name, ".json") + outputSuffix
	case output3:
		other = strings.TrimSuffix(name, outputSuffix) + ".json"
	}
	if other != "" {
		half, err := readInfo(dir, other)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is missing beside %s: run %s", other, name, recompile)
		}
		if err != nil {
			return nil, err
		}
		if info.Input == nil {
			info.Input = half.Input
		}
		if info.Output == nil {
			info.Output = half.Output
		}
	}
	out := info.Output
	if out == nil {
		out = &info.infoOutput
	}
	if len(out.Contracts) == 0 {
		return nil, nil
	}
	display := sourceName
	if other != "" {
		display = userSource
	}
	c := &compilation{file: name, bytecode: map[string]map[string]string{}, Compilation: &layout.Compilation{
		Sources: map[string]layout.Source{}, Contracts: map[string]map[string]layout.Output{},
	}}
	for key, s := range out.Sources {
		source := layout.Source{Name: display(key), ID: s.ID, AST: s.AST}
		if info.Input != nil {
			source.Content = info.Input.Sources[key].Content
		}
		c.Sources[key] = source
	}
	for source, contracts := range out.Contracts {
		c.Contracts[source], c.bytecode[source] = map[string]layout.Output{}, map[string]string{}
		for contract, raw := range contracts {
			output := layout.Output{Storage: raw.Storage}
			if b := raw.EVM.Bytecode; b != nil {
				c.bytecode[source][contract] = strings.TrimPrefix(b.Object, "0x")
				output.Libraries = []string{}
				for _, file := range slices.Sorted(maps.Keys(b.LinkReferences)) {
					output.Libraries = append(output.Libraries, slices.Sorted(maps.Keys(b.LinkReferences[file]))...)
				}
			}
			c.Contracts[source][contract] = output
		}
	}
	return c, nil
}

func readInfo(dir fs.FS, name string) (*buildInfo, error) {
	data, err := readFile(dir, name, maxOutput)
	if err != nil {
		return nil, err
	}
	var info buildInfo
	return &info, decode(name, data, &info)
}

// found is a contract in a compilation.
type found struct {
	in             compilation
	source, name   string
	bytecode, text string
}

// Contract returns a contract by path:Name, or by Name alone where that is unambiguous.
func (c *Compilations) Contract(contract string) (*layout.Contract, error) {
	wanted := contract
	if file, name, ok := strings.Cut(contract, ":"); ok {
		wanted = sourceName(file) + ":" + name
	}
	byKey := map[string][]found{}
	var near []string
	for _, one := range c.all {
		for source, contracts := range one.Contracts {
			display := one.Sources[source].Name
			for name := range contracts {
				key := display + ":" + name
				if key == wanted || name == wanted {
					byKey[key] = append(byKey[key], found{one, source, name, one.bytecode[source][name], one.Sources[source].Content})
				} else if strings.EqualFold(name, nameOf(contract)) || path.Base(display) == path.Base(contract) {
					near = append(near, key)
				}
			}
		}
	}
	keys := slices.Sorted(maps.Keys(byKey))
	switch len(keys) {
	case 0:
		hint := "build again, and see the spelling"
		if len(near) > 0 {
			slices.Sort(near)
			hint = "did you mean " + strings.Join(slices.Compact(near), ", ") + "?"
		}
		return nil, fmt.Errorf("contract %s is not in the build-info of %s: %s", contract, c.place, hint)
	case 1:
	default:
		return nil, fmt.Errorf("contract %s is ambiguous: name one of %s", contract, strings.Join(keys, ", "))
	}
	one, err := c.choose(keys[0], byKey[keys[0]])
	if err != nil {
		return nil, err
	}
	out, err := one.in.Contract(one.source, one.name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", one.in.file, err)
	}
	return out, nil
}

// choose takes one of several compilations of a contract: all are the same, or one is that of the artifact.
func (c *Compilations) choose(key string, all []found) (found, error) {
	same := func(a found) bool { return a.bytecode == all[0].bytecode && a.text == all[0].text }
	if !slices.ContainsFunc(all, func(a found) bool { return !same(a) }) {
		return all[0], nil
	}
	current := c.artifact(key)
	kept := slices.DeleteFunc(slices.Clone(all), func(a found) bool { return current == "" || a.bytecode != current })
	if len(kept) == 1 {
		return kept[0], nil
	}
	var files []string
	for _, a := range all {
		files = append(files, a.in.file)
	}
	return found{}, fmt.Errorf("contract %s is in %s, and differs: name the file that is meant, or build afresh (forge clean and forge build "+
		"--build-info, or %s)", key, strings.Join(files, " and "), recompile)
}

// artifact is the bytecode of a contract's artifact, empty if there is none.
func (c *Compilations) artifact(key string) string {
	if c.artifacts == nil {
		return ""
	}
	source, name, _ := strings.Cut(key, ":")
	for _, dir := range []string{source, path.Base(source)} { // Hardhat's, forge's
		data, err := readFile(c.artifacts, path.Join(dir, name+".json"), maxArtifact)
		if err != nil {
			continue
		}
		var a struct {
			Bytecode json.RawMessage `json:"bytecode"`
		}
		var object struct {
			Object string `json:"object"`
		}
		if json.Unmarshal(data, &a) != nil {
			continue
		}
		if json.Unmarshal(a.Bytecode, &object.Object) != nil && json.Unmarshal(a.Bytecode, &object) != nil {
			continue
		}
		return strings.TrimPrefix(object.Object, "0x")
	}
	return ""
}
