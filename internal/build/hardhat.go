package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

const (
	buildInfoDir = "build-info"
	dbgSuffix    = ".dbg.json"
	recompile    = "npx hardhat clean and npx hardhat compile"
)

// The formats of Hardhat 2 and 3.
const (
	artifact2  = "hh-sol-artifact-1"
	dbg2       = "hh-sol-dbg-1"
	buildInfo2 = "hh-sol-build-info-1"
	artifact3  = "hh3-artifact-1"
	buildInfo3 = "hh3-sol-build-info-1"
	output3    = "hh3-sol-build-info-output-1"
)

func isHardhat(format string) bool { return strings.HasPrefix(format, "hh") }

// hardhatArtifact is artifacts/<path>/<File>.sol/<Name>.json of either version. What is in it is in the output of the
// compiler too, to which it leads.
type hardhatArtifact struct {
	Format       string          `json:"_format"`
	ContractName string          `json:"contractName"`
	SourceName   string          `json:"sourceName"`
	Bytecode     json.RawMessage `json:"bytecode"` // text; an object is forge's
	// version 3
	InputSourceName string `json:"inputSourceName"`
	BuildInfoID     string `json:"buildInfoId"`
}

// hardhatBuild is a build-info of version 2, or one of the two files that version 3 makes of it.
type hardhatBuild struct {
	Format          string `json:"_format"`
	SolcLongVersion string `json:"solcLongVersion"`
	Input           struct {
		Settings settings `json:"settings"`
	} `json:"input"`
	Output solcOutput `json:"output"`
}

// hardhat is a folder that is being read.
type hardhat struct {
	files  fs.FS
	out    *Output
	builds map[string]hardhatBuild // by path
	origin map[string]origin       // by contract
}

// origin is where a contract comes from: the file with the compiler's output, and that with its input.
type origin struct {
	output, input string
	source        func(string) string // name of a source, from the compiler's name of it
}

// ReadHardhat reads the artifacts folder of Hardhat 2 or 3.
func ReadHardhat(artifacts fs.FS) (*Output, error) {
	h := &hardhat{
		files: artifacts, out: &Output{contracts: map[string]raw{}}, builds: map[string]hardhatBuild{}, origin: map[string]origin{},
	}
	err := walkArtifacts(artifacts, h.artifact)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("there is no build output: run npx hardhat compile, or set build.out to Hardhat's artifacts folder")
	}
	if err == nil {
		err = h.libraries()
	}
	if err != nil {
		return nil, fmt.Errorf("read build output: %w", err)
	}
	if len(h.out.contracts) == 0 {
		return nil, errors.New("the build output holds no artifact of Hardhat: run npx hardhat compile")
	}
	return h.out, nil
}

func (h *hardhat) artifact(p string, data []byte) error {
	var a hardhatArtifact
	if err := decode(p, data, &a); err != nil {
		return err
	}
	if strings.HasPrefix(string(a.Bytecode), "{") {
		return fmt.Errorf("%s is forge's: set build.tool to %s", p, Forge)
	}
	from, source := origin{source: sourceName}, a.SourceName
	switch {
	case a.Format == artifact2:
		var dbg struct {
			Format    string `json:"_format"`
			BuildInfo string `json:"buildInfo"`
		}
		name := strings.TrimSuffix(p, ".json") + dbgSuffix
		if err := h.read(name, maxArtifact, &dbg); err != nil {
			return err
		}
		if dbg.Format != dbg2 {
			return fmt.Errorf("%s has format %q, known is %s", name, dbg.Format, dbg2)
		}
		from.output = path.Join(path.Dir(p), dbg.BuildInfo)
		from.input = from.output
	case a.Format == artifact3:
		source, from.source = a.InputSourceName, userSource
		from.output = path.Join(buildInfoDir, a.BuildInfoID+".output.json")
		from.input = path.Join(buildInfoDir, a.BuildInfoID+".json")
	case isHardhat(a.Format):
		return fmt.Errorf("%s has format %q, known are %s and %s: it was made by a version or plugin of Hardhat that is not supported",
			p, a.Format, artifact2, artifact3)
	default:
		return nil // of a plugin
	}
	key := sourceName(a.SourceName) + ":" + a.ContractName
	r, err := h.contract(from, source, a.ContractName)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	var bytecode string
	if err := decode(p, a.Bytecode, &bytecode); err != nil {
		return err
	}
	if strings.TrimPrefix(bytecode, "0x") != r.bytecode {
		return fmt.Errorf("%s and %s differ in the bytecode of %s: run %s", p, from.output, key, recompile)
	}
	h.origin[key] = from
	return h.out.add(key, r, p, recompile)
}

// contract takes a contract out of the compiler's output.
func (h *hardhat) contract(from origin, source, name string) (raw, error) {
	output, err := h.build(from.output)
	if err != nil {
		return raw{}, err
	}
	c, ok := output.Output.Contracts[source][name]
	if !ok {
		return raw{}, fmt.Errorf("%s does not hold %s:%s: run %s", from.output, source, name, recompile)
	}
	r, err := c.raw(func() (metadata, error) { return h.settings(from.input) }, from.source)
	if err != nil {
		return raw{}, fmt.Errorf("%s: %s:%s: %w", from.output, source, name, err)
	}
	return r, nil
}

// settings stand in for metadata, which version 3 does not ask of the compiler.
func (h *hardhat) settings(file string) (metadata, error) {
	b, err := h.build(file)
	if err != nil {
		return metadata{}, err
	}
	m := metadata{Settings: b.Input.Settings}
	m.Compiler.Version = b.SolcLongVersion
	if m.Compiler.Version == "" || m.Settings.EVMVersion == "" {
		return metadata{}, fmt.Errorf("%s does not tell the compiler's version and evmVersion: set evmVersion in hardhat.config, and run %s",
			file, recompile)
	}
	return m, nil
}

func (h *hardhat) build(file string) (hardhatBuild, error) {
	if b, ok := h.builds[file]; ok {
		return b, nil
	}
	var b hardhatBuild
	if err := h.read(file, maxOutput, &b); err != nil {
		return hardhatBuild{}, err
	}
	if !slices.Contains([]string{buildInfo2, buildInfo3, output3}, b.Format) {
		return hardhatBuild{}, fmt.Errorf("%s has format %q, known are %s, %s and %s: this version of Hardhat is not supported",
			file, b.Format, buildInfo2, buildInfo3, output3)
	}
	h.builds[file] = b
	return b, nil
}

func (h *hardhat) read(file string, limit int64, into any) error {
	if !fs.ValidPath(file) {
		return fmt.Errorf("%q is outside of the artifacts folder: run %s", file, recompile)
	}
	data, err := readFile(h.files, file, limit)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing: run %s", file, recompile)
	}
	if err != nil {
		return err
	}
	return decode(file, data, into)
}

// libraries adds what is linked but has no artifact: version 3 writes none for the sources of a package.
func (h *hardhat) libraries() error {
	todo := slices.Sorted(maps.Keys(h.out.contracts))
	for len(todo) > 0 {
		by := todo[0]
		todo = todo[1:]
		from := h.origin[by]
		for key := range h.out.contracts[by].links {
			if _, ok := h.out.contracts[key]; ok {
				continue
			}
			for source, contracts := range h.builds[from.output].Output.Contracts {
				name := nameOf(key)
				if _, ok := contracts[name]; !ok || from.source(source)+":"+name != key {
					continue
				}
				r, err := h.contract(from, source, name)
				if err != nil {
					return err
				}
				if err := h.out.add(key, r, from.output, recompile); err != nil {
					return err
				}
				h.origin[key] = from
				todo = append(todo, key)
			}
		}
	}
	return nil
}

// userSource is the name of a source for which the compiler has another: version 3 puts project/ before those of the
// project, and npm/ and a version into those of a package.
func userSource(input string) string {
	if rest, ok := strings.CutPrefix(input, "project/"); ok {
		return rest
	}
	rest, ok := strings.CutPrefix(input, "npm/")
	if !ok {
		return sourceName(input)
	}
	scope := ""
	if strings.HasPrefix(rest, "@") {
		if at := strings.IndexByte(rest, '/'); at >= 0 {
			scope, rest = rest[:at+1], rest[at+1:]
		}
	}
	pack, file, ok := strings.Cut(rest, "/")
	if !ok {
		return input
	}
	pack, _, _ = strings.Cut(pack, "@")
	return scope + pack + "/" + file
}
