package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/config"
)

func newDB(e *env) *cobra.Command {
	return group("db", "Check, back up, restore and migrate the journal", newDBCheck(e), newDBBackup(e), newDBRestore(e), newDBMigrate(e))
}

func newDBCheck(e *env) *cobra.Command {
	var against knownHead
	c := &cobra.Command{
		Use:   "check",
		Short: "Look for whatever can be wrong with the journal",
		Long: `Look for whatever can be wrong with the journal, or with a backup of it (--journal FILE): the
version of its schema, what SQLite or PostgreSQL says of the database, the audit log, and every row
that the log tells of. Nothing is changed, and a rollout can run meanwhile.

Whether the end of the log was cut off, as in a backup that is old, only a signed head tells that
was kept elsewhere (audit head): give it with --head.

` + exitCodes,
		Example: "  lockstep db check\n  lockstep db check --journal lockstep-backup.db --head head.json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			head, signers, err := against.read()
			if err != nil {
				return err
			}
			journal, err := e.journal()
			if err != nil {
				return err
			}
			health, err := app.CheckJournal(cmd.Context(), journal, head, signers...)
			if err != nil {
				return err
			}
			name := app.JournalName(journal)
			if err := e.printHealth(name, health, head); err != nil {
				return err
			}
			if n := len(health.Problems); n > 0 {
				return differenceError{fmt.Errorf("%s: %d of what was checked is not as it should be: %s", name, n, health.Problems[0].Detail)}
			}
			return nil
		},
	}
	against.flags(c)
	return onJournal(e, c)
}

func (e *env) printHealth(name string, h app.JournalHealth, head *audit.Head) error {
	if e.json {
		problems, tables := h.Problems, h.Tables
		if problems == nil {
			problems = []app.JournalProblem{}
		}
		if tables == nil {
			tables = []app.TableRows{}
		}
		doc := map[string]any{
			"journal": name, "ok": len(h.Problems) == 0, "engine": h.Engine, "schema": map[string]any{"version": h.Version, "known": h.Known},
			"tables": tables, "entries": h.Audit.Tip.Seq, "hash": h.Audit.Tip.Hash, "problems": problems,
		}
		if head != nil {
			doc["head"] = map[string]any{"seq": head.Seq, "time": head.Time, "signer": head.Signer}
		}
		return e.printJSON(doc)
	}
	if len(h.Problems) > 0 {
		fmt.Fprintf(e.stdout, "%s is not as it should be\n", name)
		for _, p := range h.Problems {
			at := ""
			if p.Entry > 0 {
				at = fmt.Sprintf(" entry %d:", p.Entry)
			}
			fmt.Fprint(e.stdout, wrapped(p.Check+":"+at+" "+p.Detail))
		}
		return nil
	}
	fmt.Fprintf(e.stdout, "%s is sound\n  engine   %s, schema %d\n", name, h.Engine, h.Version)
	for i, t := range h.Tables {
		title := ""
		if i == 0 {
			title = "rows"
		}
		fmt.Fprintf(e.stdout, "  %-8s %-16s %d\n", title, t.Table, t.Rows)
	}
	fmt.Fprintf(e.stdout, "  log      %d entries, the last has the hash\n           %s\n", h.Audit.Tip.Seq, h.Audit.Tip.Hash)
	if head == nil {
		fmt.Fprint(e.stdout, wrapped("no head was given: whether the end was cut off, or all of it written anew, cannot be told"))
		return nil
	}
	fmt.Fprintf(e.stdout, "  head     entry %d, signed %s UTC by %s\n", head.Seq, clock(head.Time), head.Signer)
	return nil
}

func newDBBackup(e *env) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the journal into a file, also while it is in use",
		Long: `Copy the journal, in a file or a PostgreSQL database, into FILE, as it is at one moment; others may
write it meanwhile. FILE is a journal itself, in SQLite: db check and audit verify take it. It
appears when it is whole and verified, for this user alone: it holds signed transactions.

Note the hash of the last entry, or sign a head (audit head), and keep it apart from the backup.

` + exitCodes,
		Example: "  lockstep db backup lockstep-backup.db",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			journal, err := e.journal()
			if err != nil {
				return err
			}
			copied, err := app.BackUpJournal(cmd.Context(), journal, args[0], force)
			if unsound := (*audit.UnsoundError)(nil); errors.As(err, &unsound) {
				return differenceError{fmt.Errorf("%w; nothing was written: see lockstep db check, and keep the journal as it is", err)}
			}
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{
					"file": args[0], "journal": app.JournalName(journal), "schema": copied.Version, "tables": copied.Tables,
					"entries": copied.Tip.Seq, "hash": copied.Tip.Hash,
				})
			}
			fmt.Fprintf(e.stdout, "wrote %s: %d entries\n", args[0], copied.Tip.Seq)
			if copied.Tip.Seq > 0 {
				fmt.Fprintf(e.stdout, "the last has the hash %s\n", copied.Tip.Hash)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&force, "force", false, "write over a file that is there")
	return onJournal(e, c)
}

func newDBRestore(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make the journal from a backup",
		Long: `Make the journal, in a file or a PostgreSQL database, from a backup. That journal must not be there
yet, or be empty. The backup is verified first; all of it is restored, or nothing. With a backup of
one engine and a journal of the other a project moves: stop all programs before the backup.

What was sent after the backup was made is not in it. An account that the backup knows and that has
sent since is stopped: find out what it sent, then accept that with transaction adopt. One that had
sent nothing begins where the chain says, as in a new journal. What the chain shows as done is not
done again. Approvals, and that a plan was used, are lost as well: make new plans.

` + exitCodes,
		Example: "  lockstep db restore lockstep-backup.db --yes\n  lockstep db restore lockstep-backup.db --journal postgres://lockstep@db/lockstep",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			journal, err := e.journal()
			if err != nil {
				return err
			}
			project, err := config.ProjectOf(e.configPath)
			if err != nil {
				return err
			}
			name := app.JournalName(journal)
			what := fmt.Sprintf("restore %s into %s, without what was sent since", args[0], name)
			if f, ok := e.stdin.(*os.File); !e.yes && (!ok || !isTerminal(f)) {
				return usageError{fmt.Errorf("%s: that needs confirmation: add --yes", what)}
			}
			if err := e.confirm(cmd.Context(), what); err != nil {
				return err
			}
			restored, err := app.RestoreJournal(cmd.Context(), args[0], journal, project)
			if unsound := (*audit.UnsoundError)(nil); errors.As(err, &unsound) {
				return differenceError{fmt.Errorf("%w; nothing was restored", err)}
			}
			if err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{
					"file": args[0], "journal": name, "project": restored.From.Project, "tables": restored.From.Tables,
					"backup":  map[string]any{"schema": restored.From.Version, "entries": restored.From.Tip.Seq, "hash": restored.From.Tip.Hash},
					"entries": restored.Tip.Seq, "hash": restored.Tip.Hash,
				})
			}
			fmt.Fprintf(e.stdout, "restored %s: %d entries, the last has the hash\n%s\n", name, restored.From.Tip.Seq, restored.From.Tip.Hash)
			fmt.Fprintf(e.stdout, "entry %d says that it was restored\n", restored.Tip.Seq)
			fmt.Fprint(e.stdout, wrapped("What was sent since the backup is not in it. A signer that has sent since is stopped: find out what, then "+
				"lockstep transaction adopt SIGNER. Make new plans; heads that were signed since fit no more."))
			return nil
		},
	}
	c.Flags().BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	return onJournal(e, c)
}

func newDBMigrate(e *env) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the schema of the journal up to date",
		Long: `Bring the schema of the journal up to date. Every command that writes the journal does that, too;
with this it is done when you choose, by a role that may change tables. Make a backup before: there
is no way back. Programs of an earlier release stop then, also those that run, before they write
again.

` + exitCodes,
		Example: "  lockstep db migrate --dry-run\n  lockstep db migrate",
		RunE: func(cmd *cobra.Command, _ []string) error {
			journal, err := e.journal()
			if err != nil {
				return err
			}
			project, err := config.ProjectOf(e.configPath)
			if err != nil {
				return err
			}
			m, err := app.MigrateJournal(cmd.Context(), journal, project, dryRun)
			if err != nil {
				return err
			}
			name := app.JournalName(journal)
			if e.json {
				steps := m.Steps
				if steps == nil {
					steps = []app.Migration{}
				}
				return e.printJSON(map[string]any{"journal": name, "from": m.From, "to": m.To, "done": !dryRun, "migrations": steps})
			}
			switch {
			case len(m.Steps) == 0:
				fmt.Fprintf(e.stdout, "%s is up to date: schema %d\n", name, m.From)
				return nil
			case dryRun:
				fmt.Fprintf(e.stdout, "%s has schema %d; %d would be applied:\n", name, m.From, len(m.Steps))
			default:
				fmt.Fprintf(e.stdout, "%s is brought from schema %d to %d\n", name, m.From, m.To)
			}
			for _, s := range m.Steps {
				fmt.Fprintf(e.stdout, "  %d %s\n", s.Version, s.Name)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would be applied, and change nothing")
	return onJournal(e, c)
}
