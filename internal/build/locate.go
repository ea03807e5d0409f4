package build

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Location says which tool left its output where. What is empty is found.
type Location struct {
	Tool string
	Out  string // folder, or solc's output file
}

// folders are where tools put their output unless they are told otherwise.
var folders = []Location{{Forge, "out"}, {Hardhat, "artifacts"}}

// Locate finds out what a location of the project in dir leaves open.
func Locate(dir string, at Location) (Location, error) {
	switch {
	case at.Tool != "" && at.Out != "":
		return at, nil
	case at.Tool == Solc:
		return at, errors.New("build.out is missing: name the file with solc's output")
	case at.Tool != "":
		for _, known := range folders {
			if known.Tool == at.Tool {
				return known, nil
			}
		}
		return at, fmt.Errorf("build.tool %q is not known: set it to %s, %s or %s", at.Tool, Forge, Hardhat, Solc)
	case at.Out != "":
		tool, err := toolOf(join(dir, at.Out))
		if err != nil {
			return at, err
		}
		return Location{tool, at.Out}, nil
	}
	var found []Location
	for _, known := range folders {
		tool, err := toolOf(filepath.Join(dir, known.Out))
		if err == nil && tool == known.Tool {
			found = append(found, known)
		}
	}
	switch len(found) {
	case 0:
		return at, errors.New("there is no build output: run forge build or npx hardhat compile, or set build.tool and build.out")
	case 1:
		return found[0], nil
	}
	return at, fmt.Errorf("%s is the output of %s, %s that of %s: set build.tool to the one that is meant",
		found[0].Out, found[0].Tool, found[1].Out, found[1].Tool)
}

// Read reads the output at a location of the project in dir.
func Read(dir string, at Location) (*Output, error) {
	at, err := Locate(dir, at)
	if err != nil {
		return nil, err
	}
	place := join(dir, at.Out)
	switch at.Tool {
	case Hardhat:
		return ReadHardhat(os.DirFS(place))
	case Solc:
		return ReadSolc(os.DirFS(filepath.Dir(place)), filepath.Base(place))
	default:
		return ReadForge(os.DirFS(place))
	}
}

func join(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// errDecided ends a walk.
var errDecided = errors.New("decided")

// toolOf tells which tool made a file, or a folder by the first artifact in it.
func toolOf(place string) (string, error) {
	info, err := os.Stat(place)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no build output %s: build first, or set build.out", place)
	}
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return Solc, nil
	}
	tool := ""
	err = walkArtifacts(os.DirFS(place), func(_ string, data []byte) error {
		var a struct {
			Format   string          `json:"_format"`
			Bytecode json.RawMessage `json:"bytecode"`
		}
		switch err := json.Unmarshal(data, &a); {
		case err != nil:
			return nil //nolint:nilerr // what is no artifact decides nothing
		case isHardhat(a.Format):
			tool = Hardhat
		case strings.HasPrefix(string(a.Bytecode), "{"):
			tool = Forge
		default:
			return nil
		}
		return errDecided
	})
	if err != nil && !errors.Is(err, errDecided) {
		return "", err
	}
	if tool == "" {
		return "", fmt.Errorf("%s holds no artifact of %s or %s: build first, or set build.out", place, Forge, Hardhat)
	}
	return tool, nil
}
