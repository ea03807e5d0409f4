package cli

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/config"
)

//go:embed lockstep.yaml.tmpl
var template string

func newInit(e *env) *cobra.Command {
	var at build.Location
	c := &cobra.Command{
		Use:   "init",
		Short: "Write a commented lockstep.yaml for the project in this folder",
		Long: `Write a commented lockstep.yaml. If there is build output of forge, Hardhat or solc, the contracts
of src/ or contracts/ in it are listed as facets, to be cut down to those that are meant; libraries
are not among them. A file that exists is never overwritten.`,
		Example: "  forge build && lockstep init",
		RunE: func(*cobra.Command, []string) error {
			if !slices.Contains([]string{"", build.Forge, build.Hardhat, build.Solc}, at.Tool) {
				return usageError{fmt.Errorf("--tool %s: want %s, %s or %s", at.Tool, build.Forge, build.Hardhat, build.Solc)}
			}
			if _, err := os.Stat(e.configPath); err == nil {
				return fmt.Errorf("%s exists: edit it, or name another file with --config", e.configPath)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			dir := filepath.Dir(e.configPath)
			contracts, note := projectContracts(dir, &at)
			text := render(dir, at, contracts)
			if err := writeFile(e.configPath, []byte(text), 0o644); err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"file": e.configPath, "facets": contracts})
			}
			fmt.Fprintf(e.stdout, "wrote %s %s\nnext: edit it, then lockstep config check\n", e.configPath, note)
			return nil
		},
	}
	c.Flags().StringVar(&at.Tool, "tool", "", "what built the project: forge, hardhat or solc (default: as the output tells)")
	c.Flags().StringVar(&at.Out, "out", "", "folder of the build output, or solc's file, relative to the configuration")
	completes(c, "tool", oneOf(build.Forge, build.Hardhat, build.Solc))
	return c
}

// projectContracts lists what can be a facet under src/ and contracts/, and completes where the build output is.
func projectContracts(dir string, at *build.Location) ([]string, string) {
	found, err := build.Locate(dir, *at)
	if err == nil {
		*at = found
	}
	read, err := build.Read(dir, *at)
	if err != nil {
		return []string{}, "without facets (" + err.Error() + ")"
	}
	contracts := slices.DeleteFunc(read.Contracts(), func(c string) bool {
		return !strings.HasPrefix(c, "src/") && !strings.HasPrefix(c, "contracts/")
	})
	return contracts, fmt.Sprintf("with %d contracts of src/ and contracts/ as facets", len(contracts))
}

func render(dir string, at build.Location, contracts []string) string {
	name := "my-protocol"
	if abs, err := filepath.Abs(dir); err == nil {
		folder := strings.Trim(strings.Map(func(r rune) rune {
			if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", r) {
				return r
			}
			return '-'
		}, filepath.Base(abs)), "-.")
		if folder != "" {
			name = folder
		}
	}
	facets := "  - contract: src/Example.sol:Example\n"
	if len(contracts) > 0 {
		facets = ""
		for _, c := range contracts {
			facets += "  - contract: " + c + "\n"
		}
	}
	return strings.NewReplacer("{{project}}", name, "{{tool}}", cmp.Or(at.Tool, build.Forge), "{{out}}", cmp.Or(at.Out, "out"), "{{facets}}\n", facets).Replace(template)
}

func newConfig(e *env) *cobra.Command {
	check := &cobra.Command{
		Use:   "check",
		Short: "Name every mistake in lockstep.yaml, with file, line and remedy",
		Long: `Name every mistake in lockstep.yaml, with file, line and remedy: what is written, what it refers to
(environment variables, key files), and whether the build output holds the contracts. Nothing is
asked of any network.`,
		Example: "  lockstep config check",
		RunE: func(*cobra.Command, []string) error {
			problems, err := checkConfig(e.configPath)
			if err != nil {
				return err
			}
			if e.json {
				if err := e.printJSON(map[string]any{"file": e.configPath, "ok": len(problems) == 0, "problems": problems}); err != nil {
					return err
				}
			}
			if len(problems) > 0 {
				if !e.json {
					for _, p := range problems {
						fmt.Fprintln(e.stdout, p)
					}
				}
				what := "problems"
				if len(problems) == 1 {
					what = "problem"
				}
				return differenceError{fmt.Errorf("%s has %d %s", e.configPath, len(problems), what)}
			}
			if !e.json {
				fmt.Fprintf(e.stdout, "%s is sound\n", e.configPath)
			}
			return nil
		},
	}
	return group("config", "Work with the configuration file", check)
}

// checkConfig returns the problems of a file; the error says that it could not be read at all.
func checkConfig(path string) ([]config.Problem, error) {
	cfg, err := config.Load(path)
	var found *config.Error
	if errors.As(err, &found) {
		return found.Problems, nil
	}
	if err != nil {
		return nil, err
	}
	return append([]config.Problem{}, app.CheckReferences(cfg)...), nil
}
