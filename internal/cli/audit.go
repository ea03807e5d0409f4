package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/config"
)

func newAudit(e *env) *cobra.Command {
	return group("audit", "Verify, export, sign and show the audit log", newAuditVerify(e), newAuditExport(e), newAuditHead(e), newAuditList(e))
}

// onJournal adds the flag of commands that read the journal alone.
func onJournal(e *env, c *cobra.Command) *cobra.Command {
	c.Flags().StringVar(&e.journalPath, "journal", os.Getenv("LOCKSTEP_JOURNAL"), journalUsage)
	return c
}

const journalUsage = "file or postgres:// URL; default: as --config says (LOCKSTEP_JOURNAL)"

// journal is where the journal is, whatever else the configuration says.
func (e *env) journal() (string, error) {
	if e.journalPath != "" {
		return e.journalPath, nil
	}
	return config.JournalOf(e.configPath)
}

// auditLog opens the audit log of the journal.
func (e *env) auditLog(ctx context.Context) (app.AuditLog, error) {
	journal, err := e.journal()
	if err != nil {
		return nil, err
	}
	return app.OpenAuditLog(ctx, journal)
}

func newAuditVerify(e *env) *cobra.Command {
	var against knownHead
	c := &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Prove that the audit log is what was written",
		Long: `Verify the audit log in FILE, which is an export or a journal, or in the journal of this project.
Nothing else is needed: no configuration, no network. A journal is only read, also while a rollout
runs, and its rows are compared with the log.

An entry that was changed, taken out, added or moved is found. Whether the end was cut off, or all
of it written anew, only a signed head tells that was kept elsewhere (audit head): give it with
--head, and with --signer who must have signed it.

` + exitCodes,
		Example: `  lockstep audit verify
  lockstep audit verify audit.jsonl --head head.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && cmd.Flags().Changed("journal") {
				return usageError{errors.New("name a file or a journal, not both; see lockstep audit verify --help")}
			}
			check, err := e.auditCheck(args)
			if err != nil {
				return err
			}
			if check.head, check.signers, err = against.read(); err != nil {
				return err
			}
			report, err := check.run(cmd.Context())
			if err != nil {
				return err
			}
			if err := e.printAuditReport(check, report); err != nil {
				return err
			}
			if err := report.Err(); err != nil {
				return differenceError{fmt.Errorf("%s: %w", check.name, err)}
			}
			return nil
		},
	}
	against.flags(c)
	return onJournal(e, c)
}

// knownHead is what a log is compared with.
type knownHead struct {
	path    string
	signers []string
}

func (k *knownHead) flags(c *cobra.Command) {
	c.Flags().StringVar(&k.path, "head", "", "head that was signed earlier, from a place that this machine cannot write")
	c.Flags().StringSliceVar(&k.signers, "signer", nil, "address that must have signed the head (repeat if one of several)")
}

func (k *knownHead) read() (*audit.Head, []common.Address, error) {
	var signers []common.Address
	for _, s := range k.signers {
		if !common.IsHexAddress(s) {
			return nil, nil, usageError{fmt.Errorf("--signer %q is not an address", s)}
		}
		signers = append(signers, common.HexToAddress(s))
	}
	if k.path == "" {
		if len(signers) > 0 {
			return nil, nil, usageError{errors.New("--signer says who signed the head: give that with --head")}
		}
		return nil, nil, nil
	}
	head, err := readHead(k.path)
	if err != nil {
		return nil, nil, err
	}
	return &head, signers, nil
}

// auditCheck is what is to be verified.
type auditCheck struct {
	path    string // of the file, or where the journal is
	journal bool   // it is no export
	name    string // what may be shown of the path
	head    *audit.Head
	signers []common.Address
}

const sqliteMagic = "SQLite format 3\x00"

func (e *env) auditCheck(args []string) (c auditCheck, err error) {
	if len(args) > 0 && !strings.HasPrefix(args[0], "postgres://") && !strings.HasPrefix(args[0], "postgresql://") {
		return auditCheck{path: args[0], name: args[0]}, nil
	}
	c.journal = true
	if len(args) > 0 {
		c.path = args[0]
	} else {
		c.path, err = e.journal()
	}
	c.name = app.JournalName(c.path)
	return c, err
}

func (c auditCheck) run(ctx context.Context) (report audit.Report, err error) {
	if !c.journal {
		f, err := os.Open(c.path)
		if err != nil {
			return report, err
		}
		start := make([]byte, len(sqliteMagic))
		n, err := io.ReadFull(f, start)
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return report, errors.Join(err, f.Close())
		}
		if string(start) != sqliteMagic {
			report, err := audit.Verify(audit.Read(io.MultiReader(bytes.NewReader(start[:n]), f)), c.head, c.signers...)
			return report, errors.Join(err, f.Close())
		}
		if err := f.Close(); err != nil {
			return report, err
		}
	}
	log, err := app.OpenAuditLog(ctx, c.path)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	return log.VerifyAudit(ctx, c.head, c.signers...)
}

func readHead(path string) (h audit.Head, err error) {
	f, err := os.Open(path)
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err := io.ReadAll(io.LimitReader(f, audit.MaxHead+1))
	if err != nil {
		return h, err
	}
	if h, err = audit.DecodeHead(data); err != nil {
		return h, fmt.Errorf("%s is not the head of an audit log: %w", path, err)
	}
	return h, nil
}

func clock(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.DateTime) }

func (e *env) printAuditReport(c auditCheck, r audit.Report) error {
	if e.json {
		problems := r.Problems
		if problems == nil {
			problems = []audit.Problem{}
		}
		doc := map[string]any{
			"file": c.name, "ok": r.Sound(), "log": r.Log, "project": r.Project, "entries": r.Tip.Seq, "hash": r.Tip.Hash, "begun": r.Begun,
			"last": r.Last, "problems": problems,
		}
		if c.head != nil {
			doc["head"] = map[string]any{"seq": c.head.Seq, "time": c.head.Time, "signer": c.head.Signer}
		}
		return e.printJSON(doc)
	}
	if !r.Sound() {
		fmt.Fprintf(e.stdout, "%s is not sound\n", c.name)
		for _, p := range r.Problems {
			fmt.Fprint(e.stdout, wrapped(p.String()))
		}
		fmt.Fprintf(e.stdout, "  sound up to entry %d\n", r.Tip.Seq)
		return nil
	}
	fmt.Fprintf(e.stdout, "%s is sound: %d entries\n", c.name, r.Tip.Seq)
	fmt.Fprintf(e.stdout, "  log    %s\n", r.Log)
	if r.Project != "" {
		fmt.Fprintf(e.stdout, "         of project %s\n", r.Project)
	}
	fmt.Fprintf(e.stdout, "  begun  %s UTC\n  last   %s UTC, %s\n", clock(r.Begun), clock(r.Last), r.Tip.Hash)
	switch {
	case c.head == nil:
		fmt.Fprint(e.stdout, wrapped("no head was given: whether the end was cut off, or all of it written anew, cannot be told"))
	case len(c.signers) == 0:
		fmt.Fprintf(e.stdout, "  head   entry %d, signed %s UTC by %s\n", c.head.Seq, clock(c.head.Time), c.head.Signer)
		fmt.Fprintln(e.stdout, "         is that whom you expect? --signer compares")
	default:
		fmt.Fprintf(e.stdout, "  head   entry %d, signed %s UTC by %s\n", c.head.Seq, clock(c.head.Time), c.head.Signer)
	}
	return nil
}

func newAuditExport(e *env) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log to a file, one entry a line",
		Long: `Write the audit log of the journal to a file, one entry a line, or to standard output with -o -.
The file can be verified anywhere: lockstep audit verify FILE, or with a program of your own.`,
		Example: "  lockstep audit export -o audit.jsonl",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := needsOutput(out); err != nil {
				return err
			}
			if out == "-" && e.json {
				return usageError{errors.New("with -o - the log itself is printed, one document a line: leave --json out")}
			}
			log, err := e.auditLog(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, log.Close()) }()
			var tip audit.Tip
			write := func(w io.Writer) (err error) {
				if tip, err = audit.Write(w, log.Audit(cmd.Context(), 1)); err != nil {
					return fmt.Errorf("%w: see lockstep audit verify", err)
				}
				if tip.Seq == 0 {
					return errors.New("there is no entry in the audit log: see lockstep audit verify")
				}
				return nil
			}
			if out == "-" {
				return write(e.stdout)
			}
			if err := writeStream(out, 0o644, write); err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"file": out, "entries": tip.Seq, "hash": tip.Hash})
			}
			fmt.Fprintf(e.stdout, "wrote %s: %d entries\nthe last has the hash %s\n", out, tip.Seq, tip.Hash)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file to write, - for standard output")
	return onJournal(e, c)
}

func needsOutput(out string) error {
	if out == "" {
		return usageError{errors.New("say with -o where to write to: a file, or - for standard output")}
	}
	return nil
}

func newAuditHead(e *env) *cobra.Command {
	var out, signer string
	c := &cobra.Command{
		Use:   "head",
		Short: "Sign where the audit log ends",
		Long: `Verify the audit log, sign where it ends with a signer of the configuration, and write the head to a
file, or to standard output with -o -. Keep heads where whoever can write the journal cannot: only
they tell later whether the log was cut or written anew. That a head was signed is an entry of the
log, too.

` + exitCodes,
		Example: "  lockstep audit head --signer guardian -o head.json",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := needsOutput(out); err != nil {
				return err
			}
			if signer == "" {
				return usageError{errors.New("say with --signer who signs: a signer of the configuration, by name")}
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			h, err := a.SignHead(cmd.Context(), signer)
			if unsound := (*audit.UnsoundError)(nil); errors.As(err, &unsound) {
				return differenceError{err}
			}
			if err != nil {
				return err
			}
			data, err := h.Encode()
			if err != nil {
				return err
			}
			if out == "-" {
				e.printed = true
				_, err := e.stdout.Write(data)
				return err
			}
			if err := writeFile(out, data, 0o644); err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{
					"file": out, "log": h.Log, "seq": h.Seq, "hash": h.Hash, "time": h.Time, "signer": h.Signer, "signature": h.Signature,
				})
			}
			fmt.Fprintf(e.stdout, "wrote %s: entry %d with the hash\n%s\nsigned by %s\n", out, h.Seq, h.Hash, h.Signer)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "file to write, - for standard output")
	c.Flags().StringVar(&signer, "signer", "", "who signs: a signer of the configuration, by name")
	completes(c, "signer", func(string) []string { return e.signerNames() })
	return onJournal(e, c)
}
