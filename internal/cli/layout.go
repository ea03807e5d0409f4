package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/layout"
)

const buildHelp = `A build is a project's folder, a folder with build-info, or a file of it: forge build --build-info
and Hardhat write it. A file with solc's standard JSON output does as well; if it is {"input": ...,
"output": ...}, findings have lines. Syntax trees (ast) are needed, storageLayout is used if it is
there.`

func newLayout(e *env) *cobra.Command {
	return group("layout", "Check that an upgrade keeps what is in storage", newLayoutCheck(e), newLayoutShow(e))
}

func newLayoutCheck(e *env) *cobra.Command {
	var oldBuild, newBuild, oldContract, newContract, kind string
	kinds := []string{string(layout.UUPS), string(layout.Transparent), string(layout.Beacon), string(layout.Diamond)}
	c := &cobra.Command{
		Use:   "check",
		Short: "Compare the storage of two versions of a contract, and find what is unsafe",
		Long: `Compare the storage of two versions of a contract: what was stored must be found where it was, with
the same type. And find what makes the new version unsafe by itself: constructors, delegatecall and
selfdestruct, immutables, linked libraries, initializers that are missing, doubled or out of order.
Verdicts are those of OpenZeppelin's upgrades-core, and its annotations are obeyed: oz-renamed-from,
oz-retyped-from, oz-upgrades-unsafe-allow, oz-upgrades-unsafe-allow-reachable.

What delegates to the contract is a uups, transparent or beacon proxy. If --kind does not say, it is
uups if the old version has an upgrade function, else transparent. With --kind diamond the contract
is a facet of a ManifestDispatcher: immutables and linked libraries are allowed, for the manifest
pins them; constructors may not write storage; initializers are not looked at, for an init call sets
state; namespaces of libraries and files are compared too; and variables outside of namespaces are a
warning, since all facets share them.

` + buildHelp + `

Exit codes: 0 safe, 1 unsafe, or it could not be checked, 2 usage.`,
		Example: "  lockstep layout check --old ../v1 --new . --contract src/Vault.sol:Vault --kind uups",
		RunE: func(*cobra.Command, []string) error {
			if oldBuild == "" || newBuild == "" || oldContract == "" {
				return usageError{errors.New("--old, --new and --contract are needed; see lockstep layout check --help")}
			}
			if kind != "" && !slices.Contains(kinds, kind) {
				return usageError{fmt.Errorf("--kind %q is not known: it is one of %s", kind, strings.Join(kinds, ", "))}
			}
			if newContract == "" {
				newContract = oldContract
			}
			before, err := readContract("old", oldBuild, oldContract)
			if err != nil {
				return err
			}
			after, err := readContract("new", newBuild, newContract)
			if err != nil {
				return err
			}
			as := layout.Kind(kind)
			if as == "" {
				as = layout.KindOf(before)
			}
			r := layout.Check(before, after, as)
			if e.json {
				if err := e.printJSON(r); err != nil {
					return err
				}
			} else {
				e.showReport(r)
			}
			if !r.OK {
				return errors.New("the upgrade is not safe")
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&oldBuild, "old", "", "build with the version that is in use")
	f.StringVar(&newBuild, "new", "", "build with the version to come")
	f.StringVar(&oldContract, "contract", "", "the contract, as PATH:NAME, or NAME alone if there is one of that name")
	f.StringVar(&newContract, "new-contract", "", "its name in the new build, if it is another")
	f.StringVar(&kind, "kind", "", "what delegates to it: "+strings.Join(kinds, ", "))
	return c
}

func newLayoutShow(e *env) *cobra.Command {
	var from, contract string
	c := &cobra.Command{
		Use:   "show",
		Short: "Show where a contract keeps what in storage",
		Long: `Show the variables of a contract with their slots, and the ERC-7201 namespaces that it and its base
contracts declare. Slots in a namespace count from where it begins.

` + buildHelp,
		Example: "  lockstep layout show --build . --contract src/Vault.sol:Vault",
		RunE: func(*cobra.Command, []string) error {
			if contract == "" {
				return usageError{errors.New("--contract is needed; see lockstep layout show --help")}
			}
			c, err := readContract("", from, contract)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(showLayout(c))
			}
			e.showFields("contract "+c.Name, c.Storage)
			for _, ns := range c.Namespaces {
				heading := "\nnamespace " + ns.ID
				if ns.Slot != nil {
					heading += fmt.Sprintf("\nat slot %#x", ns.Slot)
				}
				e.showFields(heading, ns.Fields)
			}
			return nil
		},
	}
	c.Flags().StringVar(&from, "build", ".", "build with the contract")
	c.Flags().StringVar(&contract, "contract", "", "the contract, as PATH:NAME, or NAME alone if there is one of that name")
	return c
}

// readContract reads a contract of a build; version says which, if there are two.
func readContract(version, place, contract string) (*layout.Contract, error) {
	all, err := build.ReadCompilations(place)
	if err == nil {
		var c *layout.Contract
		if c, err = all.Contract(contract); err == nil {
			return c, nil
		}
	}
	if version != "" {
		return nil, fmt.Errorf("%s version: %w", version, err)
	}
	return nil, err
}

// showReport prints what was found.
func (e *env) showReport(r layout.Report) {
	name := r.Contract
	if r.NewContract != r.Contract {
		name += " to " + r.NewContract
	}
	verdict := "safe"
	if !r.OK {
		verdict = "NOT SAFE"
	}
	fmt.Fprintf(e.stdout, "%s, %s: %s\n", name, r.Kind, verdict)
	if len(r.Changes) > 0 {
		fmt.Fprintln(e.stdout)
		rows := [][]string{{"CHANGE", "VARIABLE", "SLOT", "WAS", "IS"}}
		for _, c := range r.Changes {
			rows = append(rows, changeRow(c))
		}
		e.table(rows)
		for _, c := range r.Changes {
			in := ""
			if c.Namespace != "" && c.Namespace != c.Label {
				in = " in " + c.Namespace
			}
			e.paragraph(fmt.Sprintf("%s %s%s", c.Kind, c.Label, in), c.Why)
		}
	}
	for _, f := range r.Findings {
		heading := f.Kind
		if f.Warning {
			heading += " (warning)"
		}
		where := f.File
		if f.Line > 0 {
			where += fmt.Sprintf(":%d", f.Line)
		}
		e.paragraph(fmt.Sprintf("%s, %s at %s", heading, f.Contract, where), f.Why)
	}
}

// changeRow is a change in columns that together fit a line.
func changeRow(c layout.Change) []string {
	row := []string{c.Kind, shorten(c.Label, 20), "-", "-", "-"}
	var slots []string
	for i, v := range []*layout.Variable{c.Old, c.New} {
		if v == nil {
			continue
		}
		row[3+i] = shorten(v.Type, 20)
		slots = append(slots, shorten(place(v), 8))
	}
	if len(slots) > 0 {
		row[2] = strings.Join(slices.Compact(slots), " to ")
	}
	if c.Kind == layout.Rename || c.Kind == layout.Replace {
		row[1] = shorten(c.Old.Label, 8) + " to " + shorten(c.New.Label, 8)
	}
	return row
}

// place is a slot, with the byte in it if it is not the first.
func place(v *layout.Variable) string {
	if v.Offset == 0 {
		return v.Slot
	}
	return fmt.Sprintf("%s+%d", v.Slot, v.Offset)
}

// shorten leaves out the middle of what does not fit.
func shorten(text string, width int) string {
	if len(text) <= width {
		return text
	}
	half := (width - 3) / 2
	return text[:width-3-half] + "..." + text[len(text)-half:]
}

const lineWidth = 100

// paragraph prints a heading and text in lines below it.
func (e *env) paragraph(heading, text string) {
	fmt.Fprintf(e.stdout, "\n%s\n", heading)
	line := " "
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > lineWidth && len(line) > 1 {
			fmt.Fprintln(e.stdout, line)
			line = " "
		}
		line += " " + word
	}
	fmt.Fprintln(e.stdout, line)
}

func (e *env) showFields(heading string, fields []layout.Field) {
	fmt.Fprintln(e.stdout, heading)
	rows := [][]string{{"SLOT", "BYTE", "BYTES", "TYPE", "VARIABLE", "OF"}}
	for _, f := range fields {
		of := f.Contract
		if of == "" {
			of = "-"
		}
		rows = append(rows, []string{
			shorten(f.Slot.String(), 12), fmt.Sprint(f.Offset), shorten(f.Type.Bytes().String(), 6), shorten(f.Type.String(), 32),
			shorten(f.Label, 20), shorten(of, 16),
		})
	}
	if len(fields) == 0 {
		fmt.Fprintln(e.stdout, "no variables")
		return
	}
	e.table(rows)
}

type shownField struct {
	Label    string `json:"label"`
	Type     string `json:"type"`
	Slot     string `json:"slot"`
	Offset   int    `json:"offset"`
	Bytes    string `json:"bytes"`
	Contract string `json:"contract"`
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
}

type shownNamespace struct {
	ID        string       `json:"id"`
	Slot      string       `json:"slot,omitempty"`
	Variables []shownField `json:"variables"`
}

// showLayout is a layout for machines.
func showLayout(c *layout.Contract) any {
	fields := func(all []layout.Field) []shownField {
		out := []shownField{}
		for _, f := range all {
			out = append(out, shownField{f.Label, f.Type.String(), f.Slot.String(), f.Offset, f.Type.Bytes().String(), f.Contract, f.File, f.Line})
		}
		return out
	}
	namespaces := []shownNamespace{}
	for _, ns := range c.Namespaces {
		shown := shownNamespace{ID: ns.ID, Variables: fields(ns.Fields)}
		if ns.Slot != nil {
			shown.Slot = fmt.Sprintf("%#x", ns.Slot)
		}
		namespaces = append(namespaces, shown)
	}
	return map[string]any{"contract": c.Name, "variables": fields(c.Storage), "namespaces": namespaces}
}
