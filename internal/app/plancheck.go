package app

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"golang.org/x/sync/errgroup"

	"github.com/seed-b6a97670/lockstep/internal/build"
	"github.com/seed-b6a97670/lockstep/internal/bytecode"
	"github.com/seed-b6a97670/lockstep/internal/create2"
	"github.com/seed-b6a97670/lockstep/internal/evm"
	"github.com/seed-b6a97670/lockstep/internal/layout"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/plan"
	"github.com/seed-b6a97670/lockstep/internal/source"
	"github.com/seed-b6a97670/lockstep/internal/sourcify"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

func sortChecks(checks []plan.Check) {
	rank := map[plan.Severity]int{plan.Fatal: 0, plan.Error: 1, plan.Warning: 2}
	slices.SortStableFunc(checks, func(a, b plan.Check) int {
		return cmp.Or(rank[a.Severity]-rank[b.Severity], strings.Compare(a.ID, b.ID))
	})
}

// journalManifest returns the manifest with a routes root, nil if the journal does not hold it.
func (a *App) journalManifest(ctx context.Context, routesRoot common.Hash) (*manifest.Manifest, error) {
	if routesRoot == (common.Hash{}) {
		return nil, nil
	}
	file, err := a.store.Manifest(ctx, routesRoot)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return manifest.Decode(bytes.NewReader(file))
}

// checkCode looks at what the code of facets can do.
func checkCode(m *manifest.Manifest) ([]plan.Check, error) {
	salt, err := create2.Shared(m.Factory.Name, m.Salt)
	if err != nil {
		return nil, err
	}
	all := m.Deployments()
	var creations []evm.Creation
	for _, d := range all {
		creations = append(creations, evm.Creation{Address: d.Address, InitCode: d.InitCode})
	}
	codes, err := evm.CreateAll(m.Networks[0].ChainID, m.Factory.Address, salt, creations)
	if err != nil {
		return nil, err
	}
	var out []plan.Check
	trip := func(d manifest.Deployment, id, message, remedy string) {
		out = append(out, plan.Trip(id, "", d.Contract, message, remedy))
	}
	for i, d := range all {
		if len(d.Routes) == 0 {
			continue // what facets link is pinned with them; an init call is run once
		}
		f := bytecode.Inspect(codes[i])
		if f.Selfdestructs {
			trip(d, plan.FacetSelfdestruct, "its code holds SELFDESTRUCT, which runs as the dispatcher: it gives away what that holds, and on some networks ends it",
				"take it out")
		}
		switch {
		case f.Proxy != "":
			trip(d, plan.FacetProxy, "its code stands for other code ("+f.Proxy+"), which can be exchanged without a manifest", "route the contract behind it instead")
		case f.Delegated != nil:
			trip(d, plan.FacetProxy, "its code is a delegation to "+f.Delegated.Hex(), "route the contract itself")
		case f.Delegatecalls && len(d.Links) == 0:
			trip(d, plan.FacetProxy, "its code delegates to code that the manifest does not pin", "link it as a library, or call it")
		}
	}
	return out, nil
}

// checkSources compares storage with the version in use, and looks at what the manifest was built from.
func (a *App) checkSources(ctx context.Context, req PlanRequest, p *plan.Plan) ([]plan.Check, error) {
	checks, err := a.checkLayouts(req, p.Observations.Routes)
	if err != nil {
		return nil, err
	}
	state, err := source.Read(ctx, a.cfg.Dir, req.Ignore...)
	if err != nil {
		return nil, err
	}
	p.Intent.Source = &plan.Source{Commit: state.Commit, Clean: state.Clean}
	if built, err := a.BuildManifest(); err != nil {
		return nil, err
	} else if built.Root != req.Manifest.Root {
		checks = append(checks, plan.Trip(plan.SourceNotClean, "", "manifest", fmt.Sprintf("the build and the configuration give root %s, the manifest has %s",
			built.Root, req.Manifest.Root), "run lockstep manifest build, and review what changes"))
	}
	if state.Why != "" {
		checks = append(checks, plan.Trip(plan.SourceNotClean, "", a.cfg.File, "it is not known from which commit the manifest was built: "+state.Why,
			"plan in a clone of the repository"))
	} else if !state.Clean {
		what := strings.Join(state.Changed, ", ")
		if more := state.Count - len(state.Changed); more > 0 {
			what += fmt.Sprintf(" and %d more", more)
		}
		checks = append(checks, plan.Trip(plan.SourceNotClean, "", shortCommit(state.Commit), "files differ from what is committed: "+what,
			"commit them, or let git ignore what is no source"))
	}
	unverified, err := a.checkVerified(ctx, req.Manifest)
	return append(checks, unverified...), err
}

func shortCommit(commit string) string { return commit[:min(12, len(commit))] }

// replaced pairs each facet with those that it takes functions over from.
func replaced(routes []plan.RouteChanges) [][2]string {
	var out [][2]string
	for _, r := range routes {
		for _, c := range r.Changes {
			if pair := [2]string{c.From, c.To}; (c.Kind == manifest.Recoded || c.Kind == manifest.Moved) && !slices.Contains(out, pair) {
				out = append(out, pair)
			}
		}
	}
	slices.SortFunc(out, func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) })
	return out
}

// checkLayouts compares the storage of facets with that of those which they replace, and of the facets with one another.
func (a *App) checkLayouts(req PlanRequest, routes []plan.RouteChanges) ([]plan.Check, error) {
	pairs := replaced(routes)
	var out []plan.Check
	updated, err := a.layouts(req.Manifest)
	if err != nil {
		if req.OldBuild != "" {
			return nil, fmt.Errorf("build of the new version: %w", err)
		}
		return []plan.Check{plan.Trip(plan.LayoutNotCompared, "", "all facets", "the build says nothing of storage: "+err.Error(),
			"build with build-info, so that facets are compared with one another and with those in use (--old-build)")}, nil
	}
	var facets []*layout.Contract
	for _, f := range req.Manifest.Facets {
		facets = append(facets, updated[f.Contract])
	}
	for _, c := range layout.Collisions(facets) {
		out = append(out, plan.Trip(plan.StorageCollision, "", c.Contract+" and "+c.OtherContract, c.Why, "all facets share the dispatcher's storage"))
	}
	if len(pairs) == 0 {
		return out, nil
	}
	if req.OldBuild == "" {
		var names []string
		for _, p := range pairs {
			names = append(names, p[0]+" by "+p[1])
		}
		return append(out, plan.Trip(plan.LayoutNotCompared, "", strings.Join(names, ", "), "code is replaced, and its storage was not compared",
			"name the build of the version in use with --old-build")), nil
	}
	old, err := build.ReadCompilations(req.OldBuild)
	if err != nil {
		return nil, fmt.Errorf("build of the version in use: %w", err)
	}
	for _, p := range pairs {
		before, err := old.Contract(p[0])
		if common.IsHexAddress(p[0]) {
			return nil, fmt.Errorf("it is not known what %s is: name the manifest in use with --old-manifest", p[0])
		}
		if err != nil {
			return nil, fmt.Errorf("build of the version in use: %w", err)
		}
		out = append(out, layoutChecks(layout.Check(before, updated[p[1]], layout.Diamond), p)...)
	}
	return out, nil
}

func layoutChecks(r layout.Report, pair [2]string) []plan.Check {
	var out []plan.Check
	subject := pair[1] + " in the place of " + pair[0]
	for _, c := range r.Changes {
		where := "slot " + c.Slot
		if c.Namespace != "" {
			where += " of " + c.Namespace
		}
		out = append(out, plan.Trip(plan.LayoutChanged, "", subject, fmt.Sprintf("%s of %s at %s: %s", c.Kind, c.Label, where, c.Why),
			"what is stored would be read as something else"))
	}
	for _, f := range r.Findings {
		if !f.Warning {
			out = append(out, plan.Trip(plan.LayoutChanged, "", subject, f.Kind+": "+f.Why, "see lockstep layout check"))
		}
	}
	return out
}

// layouts are the facets of a manifest by name, as the build says where they keep what.
func (a *App) layouts(m *manifest.Manifest) (map[string]*layout.Contract, error) {
	at, err := build.Locate(a.cfg.Dir, build.Location(a.cfg.Build))
	if err != nil {
		return nil, err
	}
	read, err := build.ReadCompilations(a.cfg.Path(at.Out))
	if err != nil {
		return nil, err
	}
	out := map[string]*layout.Contract{}
	for _, f := range m.Facets {
		if out[f.Contract], err = read.Contract(f.Contract); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// checkVerified asks a service whether the sources of what stands on public networks can be read there.
func (a *App) checkVerified(ctx context.Context, m *manifest.Manifest) ([]plan.Check, error) {
	var public []*net
	for _, n := range a.networks {
		if n.Kind != network.Local {
			public = append(public, n)
		}
	}
	if len(public) == 0 {
		return nil, nil
	}
	if a.cfg.Sourcify == "" {
		return []plan.Check{plan.Trip(plan.CodeNotVerified, "", "all contracts", "it is not known whether their sources can be read by everybody",
			"name a Sourcify server under verification.sourcify")}, nil
	}
	base, err := a.cfg.Resolve(a.cfg.Sourcify)
	if err != nil {
		return nil, fmt.Errorf("verification.sourcify: %w", err)
	}
	client, err := sourcify.New(base)
	if err != nil {
		return nil, fmt.Errorf("verification.sourcify: %w", err)
	}
	found := make([][]plan.Check, len(public))
	var g errgroup.Group
	for i, n := range public {
		g.Go(func() (err error) {
			found[i], err = checkVerifiedOn(ctx, client, n, m)
			return err
		})
	}
	err = g.Wait()
	return slices.Concat(found...), err
}

func checkVerifiedOn(ctx context.Context, client *sourcify.Client, n *net, m *manifest.Manifest) ([]plan.Check, error) {
	at, err := n.chain.Head(ctx)
	if err != nil {
		return nil, err
	}
	var out []plan.Check
	for _, d := range m.Deployments() {
		code, err := n.chain.Code(ctx, at.Hash, d.Address)
		if err != nil {
			return nil, err
		}
		if len(code) == 0 {
			continue // it cannot be, before it is there
		}
		match, failure := client.Verified(ctx, n.ChainID, d.Address)
		if failure != nil { // the others would take as long
			out = append(out, plan.Trip(plan.CodeNotVerified, n.Name, d.Contract, "whether sources are verified is not known: "+failure.Error(), "plan again"))
			break
		}
		if match == sourcify.NotVerified {
			out = append(out, plan.Trip(plan.CodeNotVerified, n.Name, d.Contract, "its sources are not verified",
				"verify them there: everybody should be able to read what runs"))
		}
	}
	return out, nil
}
