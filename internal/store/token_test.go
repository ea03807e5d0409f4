package store

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/token"
)

// tokenOf is a token whose random bytes are all the same.
func tokenOf(t testing.TB, b byte) token.Token {
	t.Helper()
	tok, err := token.New(bytes.NewReader(bytes.Repeat([]byte{b}, 38)))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// createToken keeps such a token.
func createToken(t testing.TB, s *Store, b byte, expires int64, scopes ...token.Scope) token.Record {
	t.Helper()
	tok := tokenOf(t, b)
	r, err := s.CreateToken(t.Context(), token.Record{ID: tok.ID(), Name: "token " + string('a'+rune(b)), Hash: tok.Hash(), Scopes: scopes, ExpiresAt: expires})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// tokenStory makes three tokens, and revokes the second.
func tokenStory(t testing.TB, s *Store) (made []token.Record) {
	t.Helper()
	made = []token.Record{
		createToken(t, s, 1, 0, token.Start, token.Decide), createToken(t, s, 2, 4_000_000_000, token.Read), createToken(t, s, 3, 1, token.Read, token.Start),
	}
	if err := s.RevokeToken(t.Context(), made[1].ID); err != nil {
		t.Fatal(err)
	}
	return made
}

func TestTokens(t *testing.T) { onEach(t, testTokens) }

func testTokens(t *testing.T, on *database) {
	s, ctx := on.fresh(t), t.Context()
	if got, err := s.Tokens(ctx); err != nil || len(got) != 0 {
		t.Errorf("a new journal has tokens %v, %v", got, err)
	}
	want := tokenStory(t, s)
	for i, r := range want {
		got, known, err := s.Token(ctx, r.ID)
		if err != nil || !known {
			t.Fatalf("token %d: %v, %v", i, known, err)
		}
		if (got.RevokedAt != 0) != (i == 1) {
			t.Errorf("token %d is revoked at %d", i, got.RevokedAt)
		}
		want[i].RevokedAt = got.RevokedAt
		if diff := cmp.Diff(want[i], got); diff != "" || got.CreatedAt == 0 {
			t.Errorf("token %d (-want +got):\n%s", i, diff)
		}
	}
	got, err := s.Tokens(ctx)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	// what is not known is not good
	for _, id := range []string{"", "none", tokenOf(t, 9).ID(), "' OR 1 = 1 --", "%", tokenOf(t, 1).Reveal()} {
		if r, known, err := s.Token(ctx, id); err != nil || known || r.ID != "" {
			t.Errorf("%q: %v, %v, %v", id, r, known, err)
		}
		if err := s.RevokeToken(ctx, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := s.RevokeToken(ctx, tokenOf(t, 1).Reveal()); err == nil || strings.Contains(err.Error(), tokenOf(t, 1).Reveal()[22:30]) {
		t.Errorf("the error shows a token that was given as an id: %v", err)
	}
	// again, nothing changes, the time included
	if err := s.RevokeToken(ctx, want[1].ID); err != nil {
		t.Error(err)
	}
	if _, err := s.CreateToken(ctx, want[0]); err == nil {
		t.Error("a token is made twice")
	}
	twin := want[0] // another id with the same secret
	twin.ID = tokenOf(t, 9).ID()
	if _, err := s.CreateToken(ctx, twin); err == nil {
		t.Error("a secret is kept twice")
	}
	entries := log(t, s)
	if diff := cmp.Diff([]audit.Kind{audit.LogBegun, audit.TokenCreated, audit.TokenCreated, audit.TokenCreated, audit.TokenRevoked}, kinds(entries)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	body, err := audit.Canonical([]byte(`{"id":"020202020202","name":"token c","hash":"` + tokenEntry(want[1]).Hash.Hex() + `","scopes":["read"],"expiresAt":4000000000}`))
	if err != nil || string(entries[2].Body) != string(body) {
		t.Errorf("the entry is %s, want %s (%v)", entries[2].Body, body, err)
	}
	if string(entries[4].Body) != `{"id":"020202020202"}` {
		t.Errorf("the entry is %s", entries[4].Body)
	}
	mustBeSound(t, s)
}

// The secret of a token is neither in the journal nor in its log.
func TestSecretOfATokenIsNowhere(t *testing.T) {
	on := &database{}
	path := on.place(t)
	s := open(t, path)
	tok := tokenOf(t, 1)
	createToken(t, s, 1, 0, token.Start)
	reveals := []string{tok.Reveal()[22:], strings.Repeat("\x01", 32), strings.Repeat("01", 32)}
	for _, e := range log(t, s) {
		for _, r := range reveals {
			if strings.Contains(string(e.Body), r) {
				t.Errorf("%s holds the secret", e.Body)
			}
		}
	}
	found := false
	for _, suffix := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		found = found || bytes.Contains(data, []byte(tok.ID()))
		for _, r := range reveals {
			if bytes.Contains(data, []byte(r)) {
				t.Errorf("lockstep.db%s holds the secret", suffix)
			}
		}
	}
	if !found {
		t.Error("the files do not even hold the id: they are not looked at")
	}
}

// A row that was made by hand, in another way than the program makes it, opens nothing.
func TestRowsOfTokensThatAreNotWrittenSo(t *testing.T) {
	onEach(t, func(t *testing.T, on *database) {
		for _, statement := range []string{
			`UPDATE tokens SET scopes = 'decide start'`, `UPDATE tokens SET scopes = ''`, `UPDATE tokens SET scopes = 'start root'`,
			`UPDATE tokens SET hash = upper(hash)`, `UPDATE tokens SET hash = ''`,
		} {
			s := on.fresh(t)
			r := createToken(t, s, 1, 0, token.Start, token.Decide)
			on.exec(t, s, statement)
			if got, known, err := s.Token(t.Context(), r.ID); err == nil || known || len(got.Scopes) > 0 {
				t.Errorf("%s: %v, %v, %v", statement, got, known, err)
			}
			if _, err := s.Tokens(t.Context()); err == nil {
				t.Errorf("%s: they are listed", statement)
			}
		}
	})
}

// TestTamperingWithTokensIsFound: every column is changed, rows are deleted and added, and the log is left as it is.
func TestTamperingWithTokensIsFound(t *testing.T) { onEach(t, testTamperingWithTokensIsFound) }

func testTamperingWithTokensIsFound(t *testing.T, on *database) {
	path := on.place(t)
	s, err := Open(t.Context(), path, "market")
	if err != nil {
		t.Fatal(err)
	}
	tokenStory(t, s)
	entries := log(t, s)
	mustBeSound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	const (
		one, two, three = `"010101010101"`, `"020202020202"`, `"030303030303"`
		missing         = " is in the log and not in the journal"
		strange         = " is in the journal and not in its log"
	)
	for statement, want := range map[string][]string{
		`UPDATE tokens SET id = 'x' WHERE id = '010101010101'`:                                           {"token " + one + missing, `token "x"` + strange},
		`UPDATE tokens SET name = 'x' WHERE id = '010101010101'`:                                         {"token " + one + `: name is "x" in the journal, the log says "token b"`},
		`UPDATE tokens SET hash = '0x` + strings.Repeat("7", 64) + `' WHERE id = '010101010101'`:         {"token " + one + ": hash is"}, // that of a token somebody else knows
		`UPDATE tokens SET hash = upper(hash) WHERE id = '010101010101'`:                                 {"is not written as a hash is"},
		`UPDATE tokens SET scopes = 'start' WHERE id = '010101010101'`:                                   {"token " + one + `: scopes is ["start"] in the journal`},
		`UPDATE tokens SET scopes = 'read decide' WHERE id = '020202020202'`:                             {"token " + two + `: scopes is ["read","decide"] in the journal`}, // may do more
		`UPDATE tokens SET scopes = '' WHERE id = '010101010101'`:                                        {"token " + one + `: scopes is [""] in the journal`},
		`UPDATE tokens SET created_at = 1 WHERE id = '010101010101'`:                                     {"token " + one + ": createdAt is 1 in the journal"},
		`UPDATE tokens SET expires_at = NULL WHERE id = '030303030303'`:                                  {"token " + three + ": expiresAt is nothing in the journal, the log says 1"}, // is good again
		`UPDATE tokens SET expires_at = 4000000000 WHERE id = '030303030303'`:                            {"token " + three + ": expiresAt is 4000000000 in the journal, the log says 1"},
		`UPDATE tokens SET expires_at = 0 WHERE id = '010101010101'`:                                     {"token " + one + " has the time 0"},
		`UPDATE tokens SET revoked_at = NULL WHERE id = '020202020202'`:                                  {"token " + two + ": revokedAt is nothing in the journal"}, // is good again
		`UPDATE tokens SET revoked_at = 1 WHERE id = '020202020202'`:                                     {"token " + two + ": revokedAt is 1 in the journal"},
		`UPDATE tokens SET revoked_at = 1 WHERE id = '010101010101'`:                                     {"token " + one + ": revokedAt is 1 in the journal, the log says nothing"},
		`UPDATE tokens SET revoked_at = 0 WHERE id = '010101010101'`:                                     {"token " + one + " has the time 0"},
		`DELETE FROM tokens WHERE id = '020202020202'`:                                                   {"token " + two + missing},
		`INSERT INTO tokens VALUES ('x', 'x', '0x` + strings.Repeat("7", 64) + `', 'start', 1, 2, NULL)`: {`token "x"` + strange},
		`DROP TABLE tokens`: {"token " + one + missing, "token " + two + missing, "token " + three + missing},
	} {
		t.Run(statement, func(t *testing.T) {
			s := on.altered(t, path, func(exec func(string, ...any)) { exec(statement) })
			var got []string
			for _, p := range check(t, s).Problems {
				got = append(got, p.String())
			}
			for _, w := range want {
				if text := strings.Join(got, "\n"); !strings.Contains(text, w) {
					t.Errorf("found\n%s\nwant %s", text, w)
				}
			}
		})
	}
	// and a chain of entries that is right in itself must tell what can be true of tokens
	tip := entries[len(entries)-1]
	for name, test := range map[string]struct {
		kind audit.Kind
		body any
		want string
	}{
		"made twice":        {audit.TokenCreated, audit.Token{ID: "010101010101"}, "token " + one + " is in entry 2 already"},
		"made, not here":    {audit.TokenCreated, audit.Token{ID: "x"}, `token "x"` + missing},
		"revoked twice":     {audit.TokenRevoked, audit.TokenRevocation{ID: "020202020202"}, "token " + two + " is revoked, which was not good"},
		"never made":        {audit.TokenRevoked, audit.TokenRevocation{ID: "x"}, `token "x" is revoked, which was not good`},
		"revoked, not here": {audit.TokenRevoked, audit.TokenRevocation{ID: "010101010101"}, "token " + one + ": revokedAt is nothing in the journal"},
		"not a token":       {audit.TokenCreated, map[string]int{"id": 1}, "its body is not one of token.created"},
		"not a revocation":  {audit.TokenRevoked, map[string]int{"id": 1}, "its body is not one of token.revoked"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := tip.Tip().Next(tip.Time, test.kind, 0, test.body)
			if err != nil {
				t.Fatal(err)
			}
			r := check(t, rebuilt(t, on, path, append(slices.Clone(entries), e)))
			if !slices.ContainsFunc(r.Problems, func(p audit.Problem) bool {
				return p.Entry == e.Seq && p.What == audit.WrongRow && strings.Contains(p.Detail, test.want)
			}) {
				t.Errorf("%v, want %s", r.Problems, test.want)
			}
		})
	}
	for i := 1; i < len(entries); i++ {
		if r := check(t, rebuilt(t, on, path, anew(t, slices.Delete(slices.Clone(entries), i, i+1), i))); r.Sound() {
			t.Errorf("entry %d, %s, is out, and that is not found", i+1, entries[i].Kind)
		}
	}
}

// A journal of a release before tokens is read, and has none.
func TestTokensOfAnEarlierJournal(t *testing.T) {
	path, _ := earlier(t)
	s := readOnly(t, path)
	if got, err := s.Tokens(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	if n := mustBeSound(t, s); n == 0 {
		t.Error("no entries")
	}
}
