package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

func newAuditList(e *env) *cobra.Command {
	var kind, chosen string
	var last int
	c := &cobra.Command{
		Use:   "list",
		Short: "Show entries of the audit log",
		Long: `Show the last entries of the audit log. With --json they are shown whole. Nothing is verified: that
is what audit verify does.`,
		Example: "  lockstep audit list\n  lockstep audit list --kind transaction --network base --last 0",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if kind != "" && !slices.ContainsFunc(audit.Kinds(), func(k audit.Kind) bool { return k.Is(audit.Kind(kind)) }) {
				return usageError{fmt.Errorf("there is no kind %q; there are %s", kind, strings.Join(kindNames(""), ", "))}
			}
			if last < 0 {
				return usageError{errors.New("--last must not be negative; 0 shows all")}
			}
			names := e.chainNames()
			var chainID uint64
			if chosen != "" {
				if chainID, err = names.id(chosen); err != nil {
					return err
				}
			}
			log, err := e.auditLog(cmd.Context())
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, log.Close()) }()
			var found []audit.Entry
			total, steps := 0, map[uint64]string{}
			for entry, err := range log.Audit(cmd.Context(), 1) {
				if err != nil {
					return fmt.Errorf("%w: see lockstep audit verify", err)
				}
				if b := wordsOf(entry); b.Step != "" {
					steps[b.ID] = b.Step
				}
				if kind != "" && !entry.Kind.Is(audit.Kind(kind)) || chosen != "" && entry.ChainID != chainID {
					continue
				}
				total++
				if found = append(found, entry); last > 0 && len(found) > last {
					found = found[1:]
				}
			}
			if e.json {
				return e.printJSON(map[string]any{"entries": listed(found, names), "total": total})
			}
			e.showEntries(found, names, steps)
			if len(found) < total {
				fmt.Fprintf(e.stdout, "%d of %d; --last 0 shows all\n", len(found), total)
			}
			return nil
		},
	}
	c.Flags().StringVar(&kind, "kind", "", "only entries of this kind, such as transaction or transaction.signed")
	c.Flags().StringVar(&chosen, "network", "", "only entries about this network: a name, or a chain id")
	c.Flags().IntVar(&last, "last", 20, "how many at most; 0 shows all")
	completes(c, "kind", kindNames)
	completes(c, "network", func(string) []string { return e.networkNames() })
	return onJournal(e, c)
}

// kindNames are the kinds of entries, and what several of them have in common.
func kindNames(string) (out []string) {
	for _, k := range audit.Kinds() {
		if group, _, _ := strings.Cut(string(k), "."); !slices.Contains(out, group) {
			out = append(out, group)
		}
		out = append(out, string(k))
	}
	return out
}

// listedEntry is an entry as audit list prints it.
type listedEntry struct {
	Seq      uint64          `json:"seq"`
	Time     int64           `json:"time"`
	Kind     audit.Kind      `json:"kind"`
	ChainID  uint64          `json:"chainId,omitempty"`
	Network  string          `json:"network,omitempty"`
	Body     json.RawMessage `json:"body"`
	Previous common.Hash     `json:"previous"`
	Hash     common.Hash     `json:"hash"`
}

func listed(entries []audit.Entry, names chainNames) []listedEntry {
	out := []listedEntry{}
	for _, x := range entries {
		l := listedEntry{x.Seq, x.Time, x.Kind, x.ChainID, "", x.Body, x.Previous, x.Hash}
		if x.ChainID != 0 {
			l.Network = names.name(x.ChainID)
		}
		out = append(out, l)
	}
	return out
}

// showEntries prints entries in a table; steps says what each transaction of the journal is for.
func (e *env) showEntries(entries []audit.Entry, names chainNames, steps map[uint64]string) {
	rows := [][]string{{"ENTRY", "TIME (UTC)", "KIND", "NETWORK", "WHAT"}}
	for _, x := range entries {
		name := "-"
		if x.ChainID != 0 {
			name = shortened(names.name(x.ChainID), 16)
		}
		rows = append(rows, []string{fmt.Sprint(x.Seq), clock(x.Time), string(x.Kind), name, summary(x, steps)})
	}
	room := columns
	for i := range 4 {
		width := 0
		for _, row := range rows {
			width = max(width, len([]rune(row[i])))
		}
		room -= width + 2
	}
	for _, row := range rows {
		row[4] = shortened(row[4], max(room, 20))
	}
	e.table(rows)
}

// entryWords is whatever one of the bodies has that people want to see.
type entryWords struct {
	ID, Nonce, Seq, Epoch, BlockNumber  uint64
	Hash, Root, Plan, Digest            common.Hash
	Signer                              common.Address
	Project, Kind, Status, Step, Reason string
	Action, Name, From, Holder          string
	State, Problem, Rule, Summary       string
	Resolution, AcknowledgedBy, By      string
	Steps                               []string
}

// wordsOf reads a body. What cannot be read is left empty: audit verify says so.
func wordsOf(x audit.Entry) (b entryWords) {
	_ = json.Unmarshal(x.Body, &b)
	return b
}

// summary says what is in an entry, in a few words.
func summary(x audit.Entry, steps map[uint64]string) string {
	b := wordsOf(x)
	switch x.Kind {
	case audit.LogBegun:
		return strings.TrimSpace("the log begins " + b.Project)
	case audit.HeadSigned:
		return fmt.Sprintf("entry %d, by %s", b.Seq, b.Signer)
	case audit.ManifestFound, audit.ManifestSaved, audit.ManifestAdded:
		return "root " + b.Root.Hex()
	case audit.RunFound, audit.RunBegun:
		return fmt.Sprintf("run %d, epoch %d, root %s", b.ID, b.Epoch, b.Root)
	case audit.RunEnded:
		return fmt.Sprintf("run %d, %s", b.ID, b.Status)
	case audit.DecisionMade:
		if len(b.Steps) > 0 {
			return strings.Join(b.Steps, ", ")
		}
		return strings.TrimSuffix(b.Kind+": "+b.Reason, ": ")
	case audit.TransactionFound, audit.TransactionSigned:
		return fmt.Sprintf("%.10s %s, nonce %d", b.Hash.Hex(), b.Step, b.Nonce)
	case audit.TransactionConfirmed, audit.TransactionReverted:
		return fmt.Sprintf("%.10s %s, block %d", b.Hash.Hex(), steps[b.ID], b.BlockNumber)
	case audit.TransactionReleased, audit.TransactionVoid:
		return fmt.Sprintf("%.10s %s", b.Hash.Hex(), steps[b.ID])
	case audit.PlanSaved:
		return fmt.Sprintf("plan %s, %s", short(b.Digest), b.Action)
	case audit.PlanBegun:
		return "plan " + short(b.Plan)
	case audit.PlanEnded:
		return fmt.Sprintf("plan %s, %s", short(b.Plan), b.Status)
	case audit.ApprovalGiven, audit.ApprovalRevoked:
		return fmt.Sprintf("plan %s, by %s", short(b.Plan), b.Signer)
	case audit.JournalRestored:
		return "from a backup that ends before this entry"
	case audit.PolicySet:
		return "policy " + short(b.Hash)
	case audit.ExecutionBegun, audit.ExecutionReleased, audit.ExecutionStopped, audit.ExecutionEnded:
		return strings.TrimSuffix(fmt.Sprintf("plan %s, %s: %s", short(b.Plan), b.Status, b.Reason), ": ")
	case audit.ExecutionNetworkSet:
		return strings.TrimSuffix(fmt.Sprintf("plan %s, %s: %s", short(b.Plan), b.State, b.Reason), ": ")
	case audit.HealthChanged:
		return cmp.Or(b.Problem, "healthy")
	case audit.LeaseTakenOver:
		return fmt.Sprintf("%s, from %s to %s", b.Name, b.From, b.Holder)
	case audit.AlertRaised, audit.AlertConfirmed, audit.AlertEscalated, audit.AlertAcknowledged, audit.AlertResolved:
		return fmt.Sprintf("alert %d, %s: %s", b.ID, b.Rule, cmp.Or(b.Resolution, b.AcknowledgedBy, b.By, b.Summary))
	case audit.SilenceBegun, audit.SilenceEnded:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("silence %d %s: %s", b.ID, b.Rule, b.Reason), " "), ":")
	case audit.TokenCreated, audit.TokenRevoked:
		return tokenWords(x)
	case audit.PauseDecided, audit.PauseEnded:
		return pauseWords(x)
	}
	return string(x.Body) // of a kind that a later release writes
}

// tokenWords is the summary of an entry about a token. Who a token is for is in the entry of its making alone.
func tokenWords(x audit.Entry) string {
	var t audit.Token
	_ = json.Unmarshal(x.Body, &t) // as wordsOf
	if x.Kind == audit.TokenRevoked {
		return "token " + t.ID
	}
	return fmt.Sprintf("token %s, %s, may %s", t.ID, t.Name, strings.Join(t.Scopes, " "))
}

// pauseWords is the summary of an entry about an automatic pause. What it is for is in the entry of its decision alone.
func pauseWords(x audit.Entry) string {
	var p audit.Pause
	_ = json.Unmarshal(x.Body, &p) // as wordsOf
	text := fmt.Sprintf("pause %d, %s", p.ID, p.Outcome)
	for _, more := range []string{p.Rule, p.Note} {
		if more != "" {
			text += ": " + more
		}
	}
	return text
}

// short is enough of a hash to know it again.
func short(h common.Hash) string { return h.Hex()[:10] }

// chainNames are the names of networks by chain id: those of the configuration if it can be read, and those of the catalogue.
type chainNames map[uint64]string

func (e *env) chainNames() chainNames {
	out := chainNames{}
	for _, n := range network.All() {
		out[n.ChainID] = n.Name
	}
	if cfg, err := config.Load(e.configPath); err == nil {
		for _, n := range cfg.Networks {
			out[n.ChainID] = n.Name
		}
	}
	return out
}

func (c chainNames) name(id uint64) string {
	if name, ok := c[id]; ok {
		return name
	}
	return fmt.Sprintf("chain %d", id)
}

func (c chainNames) id(name string) (uint64, error) {
	for id, n := range c {
		if n == name {
			return id, nil
		}
	}
	id, err := strconv.ParseUint(name, 10, 64)
	if err != nil || id == 0 {
		return 0, usageError{fmt.Errorf("network %q is neither in the configuration nor in the catalogue: give its chain id", name)}
	}
	return id, nil
}
