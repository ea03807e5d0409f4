package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

func newManifest(e *env) *cobra.Command {
	return group("manifest", "Build, show, verify and compare manifests", newManifestBuild(e), newManifestShow(e), newManifestVerify(e),
		newManifestDiff(e), newManifestProve(e))
}

func newManifestBuild(e *env) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "build",
		Short: "Make manifest.json from the build output and lockstep.yaml",
		Long: `Make a manifest: exact init code, the addresses and code hashes that follow from it, routes, pages
and the root. The same input gives the same bytes on any machine. Nothing is asked of any network:
init code is run in process.`,
		Example: "  forge build && lockstep manifest build -o manifest.json",
		RunE: func(*cobra.Command, []string) error {
			a, cfg, err := e.open()
			if err != nil {
				return err
			}
			m, err := a.BuildManifest()
			if err != nil {
				return err
			}
			data, err := manifest.Encode(m)
			if err != nil {
				return err
			}
			if out == "" {
				out = cfg.Path("manifest.json")
			}
			if err := writeFile(out, data, 0o644); err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{
					"file": out, "root": m.Root, "routesRoot": m.RoutesRoot, "routes": m.RouteCount(), "pages": len(m.Pages),
				})
			}
			fmt.Fprintf(e.stdout, "wrote %s: %d routes over %d facets in %d pages\nroot %s\n",
				out, m.RouteCount(), len(m.Facets), len(m.Pages), m.Root)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file to write; default manifest.json beside the configuration")
	return c
}

func newManifestShow(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "show [FILE]",
		Short:   "Show what a manifest says",
		Example: "  lockstep manifest show manifest.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := e.readManifest(args)
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(m)
			}
			e.showManifest(m)
			return nil
		},
	}
}

func newManifestVerify(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Compute a manifest again from the file alone, and compare",
		Long: `Compute everything in a manifest again from its inputs (init code, routes, init call, networks) and
compare it with the file, byte for byte. No configuration, build output or network is needed.

` + exitCodes,
		Example: "  lockstep manifest verify manifest.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			file, path, err := e.readManifestFile(args)
			if err != nil {
				return err
			}
			m, differences, err := app.VerifyManifest(file)
			if err != nil {
				return differenceError{fmt.Errorf("%s: %w", path, err)}
			}
			if e.json {
				if differences == nil {
					differences = []manifest.Difference{}
				}
				err := e.printJSON(map[string]any{"file": path, "ok": len(differences) == 0, "root": m.Root, "differences": differences})
				if err != nil {
					return err
				}
			}
			if len(differences) > 0 {
				if !e.json {
					for _, d := range differences {
						fmt.Fprintln(e.stdout, d)
					}
				}
				return differenceError{fmt.Errorf("%s does not say what follows from its inputs: %d differences", path, len(differences))}
			}
			if !e.json {
				fmt.Fprintf(e.stdout, "%s is right: root %s\n", path, m.Root)
			}
			return nil
		},
	}
}

func newManifestDiff(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Say what changes for callers between two manifests",
		Long: `Say, function by function, what changes for callers when NEW takes the place of OLD. Both files are
verified first.

` + exitCodes,
		Example: "  lockstep manifest diff manifest-v1.json manifest-v2.json",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			before, _, err := e.verifiedManifest(args[:1])
			if err != nil {
				return err
			}
			after, _, err := e.verifiedManifest(args[1:])
			if err != nil {
				return err
			}
			c := before.Compare(after)
			if e.json {
				return e.printJSON(c)
			}
			if c.OldRoot == c.NewRoot {
				fmt.Fprintln(e.stdout, "nothing changes: both have the root", c.NewRoot)
				return nil
			}
			for _, r := range c.Routes {
				fmt.Fprintln(e.stdout, r)
			}
			fmt.Fprintf(e.stdout, "%d routes change, %d stay as they are\n", len(c.Routes), c.Unchanged)
			if c.Init != "" {
				fmt.Fprintf(e.stdout, "at activation %s runs once\n", c.Init)
			}
			for _, n := range c.AddedNetworks {
				fmt.Fprintf(e.stdout, "network %s is new\n", n)
			}
			for _, n := range c.RemovedNetworks {
				fmt.Fprintf(e.stdout, "network %s is not in it any more: its routes stay what they are\n", n)
			}
			return nil
		},
	}
}

func newManifestProve(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "prove FUNCTION [FILE]",
		Short: "Prove that a route belongs to the manifest's root",
		Long: `Show the page that holds the route of FUNCTION (a selector, signature or name), its Merkle leaf, and
the proof from the leaf to routesRoot. OpenZeppelin's MerkleProof.sol and their JavaScript package
verify it.`,
		Example: "  lockstep manifest prove 'transfer(address,uint256)' manifest.json --json",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			m, _, err := e.verifiedManifest(args[1:])
			if err != nil {
				return err
			}
			p, err := m.Prove(args[0])
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(p)
			}
			fmt.Fprintf(e.stdout, "%s %s is answered by %s\n  facet      %s\n  code hash  %s\n", p.Selector, p.Signature, p.Contract, p.Facet, p.CodeHash)
			fmt.Fprintf(e.stdout, "  page       %d of %d, %d bytes\n  leaf       %s\n", p.Page+1, len(m.Pages), len(p.Bytes), p.Leaf)
			for _, h := range p.Proof {
				fmt.Fprintf(e.stdout, "  proof      %s\n", h)
			}
			fmt.Fprintf(e.stdout, "  routesRoot %s\n", p.RoutesRoot)
			if p.Root != p.RoutesRoot {
				fmt.Fprintf(e.stdout, "  initHash   %s\n  root       %s\n", p.InitHash, p.Root)
			}
			return nil
		},
	}
}

// readManifestFile reads the file named on the command line, or manifest.json beside the configuration.
func (e *env) readManifestFile(args []string) (data []byte, path string, err error) {
	path = defaultManifest(e.configPath)
	if len(args) > 0 {
		path = args[0]
	}
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, path, fmt.Errorf("there is no %s: make one with lockstep manifest build", path)
	}
	if err != nil {
		return nil, path, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, manifest.MaxFileSize+1))
	return data, path, err
}

func (e *env) readManifest(args []string) (*manifest.Manifest, error) {
	data, path, err := e.readManifestFile(args)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// verifiedManifest reads a manifest that is to be deployed or rolled out: it must be right.
func (e *env) verifiedManifest(args []string) (*manifest.Manifest, []byte, error) {
	data, path, err := e.readManifestFile(args)
	if err != nil {
		return nil, nil, err
	}
	m, differences, err := app.VerifyManifest(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(differences) > 0 {
		return nil, nil, fmt.Errorf("%s does not say what follows from its inputs (%s; %d differences): build it again",
			path, differences[0], len(differences))
	}
	return m, data, nil
}

func (e *env) showManifest(m *manifest.Manifest) {
	fmt.Fprintf(e.stdout, "project     %s, written by %s\n", m.Project, m.Tool)
	fmt.Fprintf(e.stdout, "root        %s\nroutesRoot  %s\n", m.Root, m.RoutesRoot)
	for i, n := range m.Networks {
		label := "networks"
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(e.stdout, "%-11s %s (%d)\n", label, n.Name, n.ChainID)
	}
	fmt.Fprintf(e.stdout, "factory     %s at %s\nsalt        %s", m.Factory.Name, m.Factory.Address, m.Salt)
	if owner := create2.Owner(m.Factory.Name, m.Salt); owner != (common.Address{}) {
		fmt.Fprintf(e.stdout, ", for %s alone", owner)
	}
	fmt.Fprintf(e.stdout, "\npages       %d, of %d routes at most\n", len(m.Pages), m.PageSize)
	for _, l := range m.Libraries {
		showDeployment(e.stdout, "library", l)
	}
	for _, f := range m.Facets {
		showDeployment(e.stdout, "facet", f)
		for _, r := range f.Routes {
			fmt.Fprintf(e.stdout, "  %s  %s\n", r.Selector, r.Signature)
		}
	}
	if m.Init != nil {
		showDeployment(e.stdout, "init", m.Init.Deployment)
		fmt.Fprintf(e.stdout, "  %s with %s\n", m.Init.Signature, m.Init.CallArgs)
	}
}

func showDeployment(w io.Writer, kind string, d manifest.Deployment) {
	fmt.Fprintf(w, "\n%s %s\n  address   %s\n  code hash %s (%d bytes)\n  solc %s, %s, optimizer %v, %d runs, viaIR %v\n",
		kind, d.Contract, d.Address.Hex(), d.CodeHash, d.CodeSize, d.Compiler.Version, d.Compiler.EVMVersion,
		d.Compiler.Optimizer, d.Compiler.Runs, d.Compiler.ViaIR)
	if args := string(d.Args); args != "[]" {
		fmt.Fprintf(w, "  arguments %s\n", args)
	}
	for _, l := range d.Links {
		fmt.Fprintf(w, "  links     %s at %s\n", l.Contract, l.Address.Hex())
	}
}
