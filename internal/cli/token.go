package cli

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

func newToken(e *env) *cobra.Command {
	return group("token", "Make, list and revoke tokens for the API of lockstep serve", newTokenCreate(e), newTokenList(e), newTokenRevoke(e))
}

// How long a token is good.
const (
	defaultLasts = 90 * 24 * time.Hour
	longestLasts = 10 * 365 * 24 * time.Hour
)

func newTokenCreate(e *env) *cobra.Command {
	var name string
	var names []string
	var lasts time.Duration
	c := &cobra.Command{
		Use:   "create",
		Short: "Make a token, and show it once",
		Long: `Make a token, and print it to standard output. It is shown once: the journal keeps a hash of it. Who
has it may do what its scopes say, and nothing else:

  read    see what there is, where the daemon does not listen on loopback or a proxy asks
  start   begin an execution
  decide  answer what an execution waits for

That it was made, and what it may do, is in the audit log.`,
		Example: `  lockstep token create --name ci --scope start --expires 720h > token.txt
  lockstep token create --name prometheus --scope read --expires 0`,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := token.CheckName(name); err != nil {
				return usageError{fmt.Errorf("--name: %w", err)}
			}
			scopes, err := token.ParseScopes(names)
			if err != nil {
				return usageError{fmt.Errorf("--scope: %w", err)}
			}
			if lasts != 0 && lasts < time.Minute || lasts > longestLasts {
				return usageError{fmt.Errorf("--expires must be from 1m to %dh, or 0 for a token that never does", int(longestLasts.Hours()))}
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			made, record, err := a.CreateToken(cmd.Context(), name, scopes, lasts)
			if err != nil {
				return err
			}
			if e.json {
				doc := map[string]any{"token": made.Reveal(), "id": record.ID, "name": record.Name, "scopes": record.Scopes, "createdAt": record.CreatedAt}
				if record.ExpiresAt != 0 {
					doc["expiresAt"] = record.ExpiresAt
				}
				return e.printJSON(doc)
			}
			// beside the token, which may go to a file
			fmt.Fprintf(e.stderr, "token %s, %s: may %s, %s; it is not shown again\n", record.ID, record.Name, token.JoinScopes(record.Scopes), expiry(record))
			fmt.Fprintln(e.stdout, made.Reveal())
			return nil
		},
	}
	c.Flags().StringVar(&name, "name", "", "who or what it is for: letters, digits, spaces, and . _ @ -")
	c.Flags().StringSliceVar(&names, "scope", nil, "what it may do: read, start or decide (repeat or separate by commas)")
	c.Flags().DurationVar(&lasts, "expires", defaultLasts, "how long it is good, such as 720h; 0 for ever")
	var all []string
	for _, s := range token.Scopes() {
		all = append(all, string(s))
	}
	completes(c, "scope", oneOf(all...))
	return onJournal(e, c)
}

func expiry(r token.Record) string {
	if r.ExpiresAt == 0 {
		return "never expires"
	}
	return "expires " + clock(r.ExpiresAt) + " UTC"
}

// tokenState says whether the token of a record is good.
func tokenState(r token.Record) string {
	switch err := r.Good(time.Now().Unix()); {
	case errors.Is(err, token.ErrRevoked):
		return "revoked"
	case errors.Is(err, token.ErrExpired):
		return "expired"
	}
	return "good"
}

func newTokenList(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "list",
		Short: "List the tokens, those that are good no more included",
		Long: `List the tokens of the journal, oldest first, those that have expired or are revoked included. The
tokens themselves are not in the journal.`,
		Example: "  lockstep token list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			journal, err := e.journal()
			if err != nil {
				return err
			}
			records, err := app.Tokens(cmd.Context(), journal)
			if err != nil {
				return err
			}
			if e.json {
				docs := []map[string]any{}
				for _, r := range records {
					doc := map[string]any{"id": r.ID, "name": r.Name, "scopes": r.Scopes, "state": tokenState(r), "createdAt": r.CreatedAt}
					for name, at := range map[string]int64{"expiresAt": r.ExpiresAt, "revokedAt": r.RevokedAt} {
						if at != 0 {
							doc[name] = at
						}
					}
					docs = append(docs, doc)
				}
				return e.printJSON(map[string]any{"tokens": docs})
			}
			rows := [][]string{{"ID", "NAME", "SCOPES", "STATE", "EXPIRES"}}
			for _, r := range records {
				expires := "never"
				if r.ExpiresAt != 0 {
					expires = clock(r.ExpiresAt)
				}
				rows = append(rows, []string{r.ID, shortened(r.Name, 32), token.JoinScopes(r.Scopes), tokenState(r), expires})
			}
			e.table(rows)
			return nil
		},
	}
	return onJournal(e, c)
}

var tokenID = regexp.MustCompile(`^[0-9a-f]{12}$`)

func newTokenRevoke(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a token, for good",
		Long: `Revoke a token by its id, for good: from now on a daemon with this journal refuses it. A token that
has leaked can be given itself: its id is in it.`,
		Example: "  lockstep token revoke 3f9c2e8a71d0",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			id := args[0]
			if leaked, err := token.Parse(id); err == nil {
				id = leaked.ID()
			}
			if !tokenID.MatchString(id) { // it may be most of a token, so it is not shown
				return usageError{fmt.Errorf("this is not the id of a token, which has twelve hex digits, nor a token: see lockstep token list")}
			}
			a, _, err := e.open()
			if err != nil {
				return err
			}
			defer closing(a, &err)
			if err := a.RevokeToken(cmd.Context(), id); err != nil {
				return err
			}
			if e.json {
				return e.printJSON(map[string]any{"id": id, "state": "revoked"})
			}
			fmt.Fprintf(e.stdout, "token %s is revoked\n", id)
			return nil
		},
	}
	return onJournal(e, c)
}
