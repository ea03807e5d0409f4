package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/plan"
)

func newPlan(e *env) *cobra.Command {
	var action, out, report, oldBuild, oldManifest string
	var hotfix bool
	c := &cobra.Command{
		Use:   "plan [MANIFEST]",
		Short: "Make a plan: what will be sent to each network, whether it is safe, what it costs",
		Long: `Make a plan, to be reviewed and approved: the exact calls on every network, what they were decided
on, and what was observed: a simulation of all of them, the activation at the end of the timelock
included, gas and cost, what changes for callers and in the dispatcher. Nothing is sent.

Actions are deploy, rollout, rollback, pause, unpause, cancel and policy (another approval policy).
A plan for rollout holds the deployments that it needs. What is approved is the digest of calls and
preconditions; whoever carries the plan out makes it again and refuses it if anything has moved. A
plan is used once.

Checks tell what is dangerous. One of severity warning is told; one of severity error refuses the
plan, unless --hotfix accepts it, which needs more approvals; a fatal one always does.

` + exitCodes,
		Example: `  lockstep plan --old-build ../v1 -o plan.json --report plan.md
  lockstep plan --action pause --network ethereum -o pause.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if !slices.Contains(plan.Actions(), action) {
				return usageError{fmt.Errorf("--action %s: want %s", action, strings.Join(plan.Actions(), ", "))}
			}
			if signed, err := readApprovals(out); err != nil || len(signed) > 0 {
				return errors.Join(err, fmt.Errorf("%s holds what was signed about an earlier %s: name another file with -o, or move both", approvalsDir(out), out))
			}
			a, cfg, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			req := app.PlanRequest{Action: action, Hotfix: hotfix, OldBuild: oldBuild}
			if action == plan.Rollback && len(args) == 0 {
				if req.File, err = a.PreviousManifest(cmd.Context()); err != nil {
					return err
				}
				if req.Manifest, _, err = app.VerifyManifest(req.File); err != nil {
					return err
				}
			} else if slices.Contains([]string{plan.Deploy, plan.Rollout, plan.Rollback}, action) {
				if req.Manifest, req.File, err = e.verifiedManifest(args); err != nil {
					return err
				}
			} else if len(args) > 0 {
				return usageError{fmt.Errorf("a plan to %s is for no manifest", action)}
			}
			if oldManifest != "" {
				if req.OldManifest, _, err = e.verifiedManifest([]string{oldManifest}); err != nil {
					return err
				}
			}
			journal, err := e.journal()
			if err != nil {
				return err
			}
			req.Ignore = append(ignored(cfg.Dir, out, report, journal), plansIn(cfg.Dir)...)
			p, err := a.MakePlan(cmd.Context(), req)
			var refused *app.RefusedPlanError
			if errors.As(err, &refused) {
				e.endProgress(nil)
				if e.json {
					if jsonErr := e.printPlan(cmd.Context(), a, p, ""); jsonErr != nil {
						return jsonErr
					}
				}
				return differenceError{err}
			}
			if err != nil {
				return err
			}
			data, err := plan.Encode(p)
			if err != nil {
				return err
			}
			if err := writeFile(out, data, 0o644); err != nil {
				return err
			}
			if report != "" {
				if err := writeFile(report, []byte(p.Markdown()), 0o644); err != nil {
					return err
				}
			}
			return e.printPlan(cmd.Context(), a, p, out)
		},
	}
	c.Flags().StringVar(&action, "action", plan.Rollout, "what to plan")
	c.Flags().StringVarP(&out, "output", "o", "plan.json", "file to write")
	c.Flags().StringVar(&report, "report", "", "file for a report in Markdown, for a pull request")
	c.Flags().BoolVar(&hotfix, "hotfix", false, "accept the errors that checks find; the plan needs more approvals")
	c.Flags().StringVar(&oldBuild, "old-build", "", "build of the version in use, to compare storage with")
	c.Flags().StringVar(&oldManifest, "old-manifest", "", "manifest in use; default what the journal holds")
	completes(c, "action", oneOf(plan.Actions()...))
	return onNetworks(e, c)
}

// ignored are files that the program writes, relative to the folder of the configuration.
func ignored(dir string, paths ...string) []string {
	var out []string
	for _, p := range paths {
		if p == "" {
			continue
		}
		base, errDir := filepath.Abs(dir)
		path, errPath := filepath.Abs(p)
		rel, err := filepath.Rel(base, path)
		if errDir != nil || errPath != nil || err != nil || !filepath.IsLocal(rel) {
			continue // it is elsewhere
		}
		for _, suffix := range []string{"", "-wal", "-shm", ".lock", ".tmp"} {
			out = append(out, rel+suffix)
		}
	}
	return out
}

// plansIn are the plans of a folder and what was signed about them, which are no sources.
func plansIn(dir string) []string {
	var out []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // whoever reads the sources will say so
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() && strings.HasSuffix(name, ".approvals") {
			out = append(out, name)
		} else if strings.HasSuffix(name, ".json") {
			if plan, err := isPlan(filepath.Join(dir, name)); err == nil && plan {
				out = append(out, name)
			}
		}
	}
	return out
}

// printPlan says what a plan is, and where it was written.
func (e *env) printPlan(ctx context.Context, a *app.App, p *plan.Plan, file string) error {
	needed, err := a.Needed(ctx, p)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(map[string]any{
			"file": file, "digest": p.Digest, "action": p.Intent.Action, "expires": p.Intent.Expires, "needed": needed, "checks": p.Observations.Checks,
			"routes": p.Observations.Routes, "networks": p.Observations.Networks,
		})
	}
	e.showPlan(p)
	next := fmt.Sprintf("needs %d approvals: lockstep approve %s", needed, file)
	switch {
	case p.Intent.Action == plan.ChangePolicy:
		next += "; then lockstep approvals policy " + file
	case needed == 0:
		next = fmt.Sprintf("needs no approval: lockstep %s %s", p.Intent.Action, file)
	default:
		next += fmt.Sprintf("; then lockstep %s %s", p.Intent.Action, file)
	}
	fmt.Fprintf(e.stdout, "\nwrote %s\n%s\n", file, next)
	return nil
}

// showPlan prints a plan for people.
func (e *env) showPlan(p *plan.Plan) {
	fmt.Fprintf(e.stdout, "plan    %s\naction  %s of %s\n", p.Digest, p.Intent.Action, p.Intent.Project)
	for _, row := range p.Summary() {
		fmt.Fprint(e.stdout, wrapped(row[0]+": "+row[1]))
	}
	if len(p.Intent.Networks) > 0 {
		rows := [][]string{{"NETWORK", "CALLS", "GAS LIMITS", "AT MOST, WEI", "SIMULATED", "PRECONDITIONS"}}
		for i, n := range p.Intent.Networks {
			o := p.Observations.Of(n.Name)
			rows = append(rows, []string{
				n.Name, fmt.Sprint(len(n.Calls)), fmt.Sprint(o.Gas), o.Cost, fmt.Sprint(o.Simulated), fmt.Sprint(len(p.Preconditions[i].Facts)),
			})
		}
		fmt.Fprintln(e.stdout)
		e.table(rows)
	}
	for _, r := range p.Observations.Routes {
		fmt.Fprintf(e.stdout, "\nfor callers on %s\n", shortened(strings.Join(r.Networks, ", "), 84))
		for _, c := range r.Changes {
			fmt.Fprint(e.stdout, wrapped(c.String()))
		}
		fmt.Fprintf(e.stdout, "  %d functions stay as they are\n", r.Unchanged)
	}
	if init := p.Observations.Init; init != "" {
		fmt.Fprintf(e.stdout, "\nat activation runs %s\n", init)
	}
	if len(p.Intent.Calls) > 0 {
		fmt.Fprintln(e.stdout, "\ncalls")
	}
	for i, c := range p.Intent.Calls {
		var where []string
		for _, n := range p.Intent.Networks {
			if slices.Contains(n.Calls, i) {
				where = append(where, n.Name)
			}
		}
		on := strings.Join(where, ", ")
		if len(where) == len(p.Intent.Networks) {
			on = "all networks"
		}
		fmt.Fprintf(e.stdout, "  %2d  %-34s by %-9s on %s\n", i+1, shortened(c.Step, 34), c.By, shortened(on, 38))
	}
	for _, c := range p.Observations.Checks {
		fmt.Fprint(e.stdout, "\n"+wrapped(c.String()))
	}
}

func newShow(e *env) *cobra.Command {
	var markdown, check bool
	var manifestPath, output string
	c := &cobra.Command{
		Use:   "show PLAN",
		Short: "Show a plan, or find out whether it still holds",
		Long: `Show a plan: of a file, or one that the journal holds, by its digest, of which eight digits are
enough. With -o it is also written to a file. Its digest is computed again, and a plan that was
changed is refused. With --check the plan is made again, on this machine, with its configuration and
endpoints, and what is another thing now is named: that is also what approve and every command that
carries a plan out do first.

` + exitCodes,
		Example: "  lockstep show plan.json\n  lockstep show plan.json --check\n  lockstep show plan.json --markdown > plan.md\n" +
			"  lockstep show 0x6229515d -o cancel.json",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			p, err := e.planOf(cmd, args[0])
			if err != nil {
				return err
			}
			if output != "" {
				data, err := plan.Encode(p)
				if err != nil {
					return err
				}
				if err := writeFile(output, data, 0o644); err != nil {
					return err
				}
			}
			switch {
			case check:
				return e.checkPlan(cmd, p, args[0], manifestPath)
			case markdown:
				_, err := io.WriteString(e.stdout, p.Markdown())
				return err
			case e.json:
				data, err := plan.Encode(p)
				if err != nil {
					return err
				}
				e.printed = true
				_, err = e.stdout.Write(data)
				return err
			}
			e.showPlan(p)
			return nil
		},
	}
	c.Flags().BoolVar(&markdown, "markdown", false, "print the report for a pull request")
	c.Flags().BoolVar(&check, "check", false, "make the plan again, and name what has moved")
	c.Flags().StringVarP(&output, "output", "o", "", "write it to this file, too")
	c.MarkFlagsMutuallyExclusive("markdown", "check")
	forManifest(c, &manifestPath)
	return onNetworks(e, c)
}

var aDigest = regexp.MustCompile(`^0x[0-9a-fA-F]{8,64}$`)

// planOf reads a plan from a file, or from the journal if it is named by its digest.
func (e *env) planOf(cmd *cobra.Command, name string) (*plan.Plan, error) {
	if !aDigest.MatchString(name) {
		return readPlanAlone(name)
	}
	if _, err := os.Lstat(name); err == nil {
		return readPlanAlone(name)
	}
	journal, err := e.journal()
	if err != nil {
		return nil, err
	}
	return app.StoredPlan(cmd.Context(), journal, name)
}

// forManifest adds the flag of commands that need the manifest of a plan.
func forManifest(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "manifest", "", "of the plan; default what the journal holds, or manifest.json")
}

func (e *env) checkPlan(cmd *cobra.Command, p *plan.Plan, file, manifestPath string) (err error) {
	a, _, err := e.open()
	if err != nil {
		return err
	}
	defer closing(a, &err)
	m, data, err := e.planManifest(cmd, a, p, manifestPath)
	if err != nil {
		return err
	}
	found, err := a.Check(cmd.Context(), p, m, data)
	if err != nil {
		return err
	}
	if e.json {
		doc := map[string]any{
			"file": file, "digest": p.Digest, "holds": found.Holds(), "moved": append([]plan.Moved{}, found.Moved...),
			"checks": append([]plan.Check{}, found.Checks...), "begun": append([]string{}, found.Begun...),
		}
		if err := e.printJSON(doc); err != nil {
			return err
		}
	}
	if !found.Holds() {
		return differenceError{notHolding(p, found)}
	}
	if e.json {
		return nil
	}
	if len(found.Begun) > 0 {
		fmt.Fprintf(e.stdout, "%s was begun on %s, where it goes on, or has ended\n", file, strings.Join(found.Begun, ", "))
	}
	if len(found.Begun) < len(p.Intent.Networks) {
		fmt.Fprintf(e.stdout, "%s holds: made again now, it is the same\n", file)
	}
	return nil
}

// notHolding says why a plan cannot be approved or carried out any more.
func notHolding(p *plan.Plan, found app.Checked) error {
	var errs []error
	if len(found.Moved) > 0 {
		errs = append(errs, &app.MovedError{Plan: p.Digest, Moved: found.Moved})
	}
	if len(found.Checks) > 0 {
		errs = append(errs, &app.RefusedPlanError{Checks: found.Checks})
	}
	return errors.Join(errs...)
}

// planManifest is the manifest that a plan is for: as named, from the journal, or manifest.json; nil if it is for none.
func (e *env) planManifest(cmd *cobra.Command, a *app.App, p *plan.Plan, path string) (*manifest.Manifest, []byte, error) {
	want := p.Intent.Manifest
	if want == nil {
		return nil, nil, nil
	}
	if path == "" {
		file, err := a.ManifestOf(cmd.Context(), p)
		if err != nil {
			return nil, nil, err
		}
		if file != nil {
			m, differences, err := app.VerifyManifest(file)
			if err == nil && len(differences) > 0 {
				err = fmt.Errorf("the journal's manifest does not say what follows from its inputs: %s", differences[0])
			}
			return m, file, err
		}
		path = defaultManifest(e.configPath)
	}
	m, file, err := e.verifiedManifest([]string{path})
	if err != nil {
		return nil, nil, fmt.Errorf("the plan is for manifest %s: %w", want.Root, err)
	}
	if m.Root != want.Root {
		return nil, nil, fmt.Errorf("the plan is for manifest %s, %s is %s: name the right one with --manifest", want.Root, path, m.Root)
	}
	return m, file, nil
}

// readPlan reads a plan and what was signed about it.
func readPlan(path string) (*plan.Plan, []plan.Approval, error) {
	p, err := readPlanAlone(path)
	if err != nil {
		return nil, nil, err
	}
	signed, err := readApprovals(path)
	return p, signed, err
}

// readPlanAlone reads a plan, whatever lies beside it.
func readPlanAlone(path string) (*plan.Plan, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p, err := plan.Decode(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// revocations reads what is there of them now; what cannot be read takes nothing back.
func revocations(path string) []plan.Approval {
	files, err := filepath.Glob(filepath.Join(approvalsDir(path), "*.revoked.json"))
	if err != nil {
		return nil
	}
	var out []plan.Approval
	for _, name := range files {
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() > plan.MaxApproval {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if a, err := plan.DecodeApproval(data); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// approvalsDir is where what was signed about a plan is kept.
func approvalsDir(path string) string { return strings.TrimSuffix(path, ".json") + ".approvals" }

// approvalFile is the file of one signature about a plan.
func approvalFile(path string, a plan.Approval) string {
	name := a.Signer.Hex() + ".json"
	if a.Revoked {
		name = a.Signer.Hex() + ".revoked.json"
	}
	return filepath.Join(approvalsDir(path), name)
}

// mostApprovals bounds how many files of approvals are read.
const mostApprovals = 1000

func readApprovals(path string) ([]plan.Approval, error) {
	dir := approvalsDir(path)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(entries) > mostApprovals {
		return nil, fmt.Errorf("%s holds more than %d files", dir, mostApprovals)
	}
	var out []plan.Approval
	for _, entry := range entries {
		name := filepath.Join(dir, entry.Name())
		if !strings.HasSuffix(name, ".json") || !entry.Type().IsRegular() {
			continue
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(io.LimitReader(f, plan.MaxApproval+1))
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		a, err := plan.DecodeApproval(data)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, a)
	}
	return out, nil
}

// isPlan tells a plan from a manifest by how the file begins.
func isPlan(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	begin := make([]byte, 512)
	n, err := io.ReadFull(f, begin)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return bytes.Contains(begin[:n], []byte(`"lockstep-plan/`)), errors.Join(err, f.Close())
}
