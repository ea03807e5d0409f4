package store

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// closed writes the story to a journal and closes it: one file that can be copied.
func closed(t *testing.T, on *database) (path string, entries []audit.Entry) {
	t.Helper()
	path = on.place(t)
	s, err := Open(t.Context(), path, "market")
	if err != nil {
		t.Fatal(err)
	}
	story(t, s)
	entries = log(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, entries
}

// rebuilt replaces the log by other entries, in a table that refuses nothing.
func rebuilt(t *testing.T, on *database, path string, entries []audit.Entry) verifier {
	t.Helper()
	return on.altered(t, path, func(exec func(string, ...any)) {
		exec(`DROP TABLE audit`)
		exec(`CREATE TABLE audit (seq BIGINT, version BIGINT, time BIGINT, kind TEXT, chain_id BIGINT, body TEXT, previous TEXT, hash TEXT)`)
		for _, e := range entries {
			exec(`INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, int64(e.Seq), int64(e.Version), e.Time, string(e.Kind), int64(e.ChainID),
				string(e.Body), e.Previous.Hex(), e.Hash.Hex())
		}
	})
}

func file(entries []audit.Entry) string {
	var b bytes.Buffer
	for _, e := range entries {
		b.Write(e.Encode())
		b.WriteByte('\n')
	}
	return b.String()
}

// anew writes the chain of some entries anew, from one on, with hashes that are right.
func anew(t *testing.T, entries []audit.Entry, from int) []audit.Entry {
	t.Helper()
	out := slices.Clone(entries)
	for i := from; i < len(out); i++ {
		var tip audit.Tip
		if i > 0 {
			tip = out[i-1].Tip()
		}
		e, err := tip.Next(out[i].Time, out[i].Kind, out[i].ChainID, out[i].Body)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = e
	}
	return out
}

func head(t *testing.T, log common.Hash, tip audit.Tip, name string) *audit.Head {
	t.Helper()
	key, err := crypto.ToECDSA(crypto.Keccak256([]byte(name)))
	if err != nil {
		t.Fatal(err)
	}
	h := &audit.Head{Log: log, Seq: tip.Seq, Hash: tip.Hash, Time: 1_700_000_000, Signer: crypto.PubkeyToAddress(key.PublicKey)}
	if h.Signature, err = crypto.Sign(accounts.TextHash([]byte(h.Text())), key); err != nil {
		t.Fatal(err)
	}
	h.Signature[64] += 27
	return h
}

// TestTamperingIsFound does the same to an exported file and to a copy of the database.
func TestTamperingIsFound(t *testing.T) { onEach(t, testTamperingIsFound) }

func testTamperingIsFound(t *testing.T, on *database) {
	path, entries := closed(t, on)
	_, others := closed(t, on)
	n := len(entries)
	end := head(t, entries[0].Hash, entries[n-1].Tip(), "auditor")
	auditor := end.Signer
	changed := func(i int, change func(*audit.Entry)) []audit.Entry {
		out := slices.Clone(entries)
		out[i].Body = slices.Clone(out[i].Body)
		change(&out[i])
		return out
	}
	without := func(from, to int) []audit.Entry { return slices.Delete(slices.Clone(entries), from, to) }
	at := func(i int, e audit.Entry) []audit.Entry { return slices.Insert(slices.Clone(entries), i, e) }
	const anything = audit.What("")
	cases := map[string]struct {
		entries []audit.Entry
		head    *audit.Head
		file    audit.What // "sound" if nobody can know
		journal audit.What
	}{
		"as it was":              {entries, nil, "sound", "sound"},
		"as it was, head":        {entries, end, "sound", "sound"},
		"early head":             {entries, head(t, entries[0].Hash, entries[4].Tip(), "auditor"), "sound", "sound"},
		"first out":              {without(0, 1), nil, audit.Missing, audit.Missing},
		"middle out":             {without(9, 10), nil, audit.Missing, audit.Missing},
		"some out":               {without(5, 12), nil, audit.Missing, audit.Missing},
		"last out":               {without(n-1, n), nil, "sound", audit.WrongRow}, // the journal has the rollout that it began
		"last out, head":         {without(n-1, n), end, audit.Cut, audit.Cut},
		"tail out":               {without(4, n), nil, "sound", audit.WrongRow},
		"tail out, head":         {without(4, n), end, audit.Cut, audit.Cut},
		"all out":                {nil, nil, audit.Empty, audit.Empty},
		"swapped":                {swapped(entries, 3, 4), nil, audit.Reordered, "sound"}, // a table has no order but that of the numbers
		"swapped by number":      {renumbered(entries, 3, 4), nil, audit.Changed, audit.Changed},
		"twice":                  {at(4, entries[3]), nil, audit.Duplicate, audit.Duplicate},
		"twice, at the end":      {at(n, entries[2]), nil, audit.Duplicate, audit.Duplicate},
		"of another log":         {changed(4, func(e *audit.Entry) { *e = others[4] }), nil, audit.Changed, audit.Changed},
		"last changed anew":      {anew(t, changed(n-1, func(e *audit.Entry) { e.Time++ }), n-1), nil, "sound", audit.WrongRow},
		"anew":                   {anew(t, changed(1, func(e *audit.Entry) { e.Body = bytes.Replace(e.Body, []byte(`"nonce":0`), []byte(`"nonce":7`), 1) }), 1), nil, "sound", audit.WrongRow},
		"anew, head":             {anew(t, changed(12, func(e *audit.Entry) { e.Time++ }), 12), end, audit.Rewritten, audit.Rewritten},
		"anew from first, head":  {anew(t, changed(0, func(e *audit.Entry) { e.Time++ }), 0), end, audit.OtherLog, audit.OtherLog},
		"head of another log":    {entries, head(t, others[0].Hash, others[3].Tip(), "auditor"), audit.OtherLog, audit.OtherLog},
		"head of a stranger":     {entries, head(t, entries[0].Hash, entries[n-1].Tip(), "stranger"), audit.WrongSigner, audit.WrongSigner},
		"head with another hash": {entries, tampered(*end), audit.WrongSigner, audit.WrongSigner},
		"version":                {changed(5, func(e *audit.Entry) { e.Version++ }), nil, audit.UnknownVersion, audit.UnknownVersion},
		"number":                 {changed(5, func(e *audit.Entry) { e.Seq += 100 }), nil, audit.Changed, audit.Missing},
		"negative number":        {changed(5, func(e *audit.Entry) { e.Seq = 1<<64 - 1 }), nil, audit.Unreadable, audit.Unreadable},
		"time":                   {changed(5, func(e *audit.Entry) { e.Time ^= 1 }), nil, audit.Changed, audit.Changed},
		"kind":                   {changed(5, func(e *audit.Entry) { e.Kind = "transaction.reueased" }), nil, audit.Changed, audit.Changed},
		"kind with a quote":      {changed(5, func(e *audit.Entry) { e.Kind = `transaction."` }), nil, audit.Unreadable, audit.Unreadable},
		"chain id":               {changed(5, func(e *audit.Entry) { e.ChainID ^= 1 }), nil, audit.Changed, audit.Changed},
		"no chain id":            {changed(5, func(e *audit.Entry) { e.ChainID = 0 }), nil, audit.Changed, audit.Changed},
		"body":                   {changed(5, func(e *audit.Entry) { e.Body[12] ^= 1 }), nil, audit.Changed, audit.Changed},
		"body no JSON":           {changed(5, func(e *audit.Entry) { e.Body[1] = 'x' }), nil, audit.Unreadable, audit.Unreadable},
		"space in the body":      {changed(5, func(e *audit.Entry) { e.Body = append([]byte("{ "), e.Body[1:]...) }), nil, audit.Changed, audit.Changed},
		"previous":               {changed(5, func(e *audit.Entry) { e.Previous[9] ^= 1 }), nil, audit.Changed, audit.Changed},
		"hash":                   {changed(5, func(e *audit.Entry) { e.Hash[9] ^= 1 }), nil, audit.Changed, audit.Changed},
		"first's body":           {changed(0, func(e *audit.Entry) { e.Body[12] ^= 1 }), nil, audit.Changed, audit.Changed},
		"last's body":            {changed(n-1, func(e *audit.Entry) { e.Body[40] ^= 1 }), nil, audit.Changed, audit.Changed},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			judge := func(of string, want audit.What, r audit.Report, err error) {
				t.Helper()
				switch {
				case err != nil:
					t.Errorf("%s: %v", of, err)
				case want == "sound" && !r.Sound():
					t.Errorf("%s: %v; want it to be sound", of, r.Problems)
				case want != "sound" && (r.Sound() || r.Problems[0].What != want && want != anything):
					t.Errorf("%s: %v; want %s", of, r.Problems, want)
				}
			}
			r, err := audit.Verify(audit.Read(strings.NewReader(file(test.entries))), test.head, auditor)
			judge("file", test.file, r, err)
			r, err = rebuilt(t, on, path, test.entries).VerifyAudit(t.Context(), test.head, auditor)
			judge("database", test.journal, r, err)
		})
	}
}

func swapped(entries []audit.Entry, i, j int) []audit.Entry {
	out := slices.Clone(entries)
	out[i], out[j] = out[j], out[i]
	return out
}

func renumbered(entries []audit.Entry, i, j int) []audit.Entry {
	out := swapped(entries, i, j)
	out[i].Seq, out[j].Seq = out[j].Seq, out[i].Seq
	return out
}

func tampered(h audit.Head) *audit.Head {
	h.Hash[5] ^= 1
	return &h
}

// TestTamperingWithRowsIsFound: the log is left as it is, and the journal is changed.
func TestTamperingWithRowsIsFound(t *testing.T) { onEach(t, testTamperingWithRowsIsFound) }

func testTamperingWithRowsIsFound(t *testing.T, on *database) {
	path, _ := closed(t, on)
	for statement, want := range map[string][]string{
		`UPDATE transactions SET chain_id = 1 WHERE id = 1`:                                     {"transaction 1 is of chain 1 in the journal, the log says 8453"},
		`UPDATE transactions SET signer = 'x' WHERE id = 1`:                                     {`"x" in the journal is not written as an address is`, "transaction 1: signer is"},
		`UPDATE transactions SET signer = upper(signer)`:                                        {"is not written as an address is"},
		`UPDATE transactions SET nonce = 9 WHERE id = 1`:                                        {"entry 12: row differs: transaction 1: nonce is 9 in the journal, the log says 0"},
		`UPDATE transactions SET nonce = -9 WHERE id = 1`:                                       {"transaction 1: nonce is "},
		`UPDATE transactions SET step = 'harmless' WHERE id = 2`:                                {`transaction 2: step is "harmless" in the journal, the log says "step 1"`},
		`UPDATE transactions SET hash = root FROM manifests WHERE id = 2 AND root LIKE '0x11%'`: {"transaction 2: hash is"},
		`UPDATE transactions SET raw = x'02' WHERE id = 3`:                                      {"transaction 3: rawHash is"},
		`UPDATE transactions SET status = 'confirmed' WHERE id = 2`:                             {`transaction 2: status is "confirmed" in the journal, the log says "reverted"`},
		`UPDATE transactions SET status = 'void' WHERE id = 3`:                                  {`transaction 3: status is "void"`},
		`UPDATE transactions SET status = 'signed' WHERE id = 4`:                                {`transaction 4: status is "signed"`},
		`UPDATE transactions SET block_number = 9 WHERE id = 1`:                                 {"transaction 1: blockNumber is 9 in the journal, the log says 7"},
		`UPDATE transactions SET block_number = 0 WHERE id = 3`:                                 {"transaction 3: blockNumber is 0 in the journal, the log says nothing"},
		`UPDATE transactions SET block_hash = NULL WHERE id = 1`:                                {"transaction 1: blockHash is"},
		`UPDATE transactions SET gas_used = 1 WHERE id = 1`:                                     {"transaction 1: gasUsed is 1 in the journal, the log says 21007"},
		`UPDATE transactions SET created_at = 1 WHERE id = 1`:                                   {"transaction 1: createdAt is 1 in the journal"},
		`UPDATE transactions SET finished_at = NULL WHERE id = 1`:                               {"transaction 1: finishedAt is nothing in the journal"},
		`DELETE FROM transactions WHERE id = 4`:                                                 {"entry 11: row differs: transaction 4 is in the log and not in the journal"},
		`INSERT INTO transactions (chain_id, signer, nonce, step, hash, raw, status, created_at)
			SELECT chain_id, signer, 50, step, root, raw, 'released', 5 FROM transactions, manifests WHERE id = 1 AND root LIKE '0x11%'`: {"transaction 5 is in the journal and not in its log"},
		`UPDATE rollouts SET chain_id = 1 WHERE id = 1`:                                          {"rollout 1 is of chain 1"},
		`UPDATE rollouts SET dispatcher = root WHERE id = 1`:                                     {"is not written as an address is", "rollout 1: dispatcher is"},
		`UPDATE rollouts SET root = hash FROM transactions t WHERE rollouts.id = 1 AND t.id = 1`: {"rollout 1: root is"},
		`UPDATE rollouts SET epoch = 5 WHERE id = 2`:                                             {"rollout 2: epoch is 5 in the journal, the log says 2"},
		`UPDATE rollouts SET after = 0 WHERE id = 1`:                                             {"rollout 1: after is 0 in the journal, the log says 4"},
		`UPDATE rollouts SET status = 'done' WHERE id = 2`:                                       {`rollout 2: status is "done" in the journal, the log says "abandoned"`},
		`UPDATE rollouts SET status = 'abandoned' WHERE id = 3`:                                  {`rollout 3: status is "abandoned" in the journal, the log says "running"`},
		`UPDATE rollouts SET finished_at = 5 WHERE id = 3`:                                       {"rollout 3: finishedAt is 5 in the journal, the log says nothing"},
		`DELETE FROM rollouts WHERE id = 2`:                                                      {"rollout 2 is in the log and not in the journal"},
		`UPDATE manifests SET body = x'00' WHERE root LIKE '0x11%'`:                              {"manifest 0x1100000000000000000000000000000000000000000000000000000000000000: sha256 is"},
		`UPDATE manifests SET routes_root = root WHERE root LIKE '0x11%'`:                        {"routesRoot is"},
		`DELETE FROM manifests WHERE root LIKE '0x22%'`:                                          {"manifest 0x2200000000000000000000000000000000000000000000000000000000000000 is in the log and not in the journal"},
		`UPDATE manifests SET root = routes_root WHERE root LIKE '0x22%'`:                        {"is in the log and not in the journal", "is in the journal and not in its log"},
		// the hash covers how a hash is written
		`DROP TRIGGER audit_stays; UPDATE audit SET hash = upper(hash) WHERE seq = 4`:         {"entry 4: changed: "},
		`DROP TRIGGER audit_stays; UPDATE audit SET previous = previous || '0' WHERE seq = 4`: {"entry 4: changed: "},
		`DROP TABLE audit`: {"empty: the journal has no audit log: an earlier release wrote it, or somebody took the log out"},
	} {
		t.Run(statement, func(t *testing.T) {
			s := on.altered(t, path, func(exec func(string, ...any)) { exec(statement) })
			r := check(t, s)
			var got []string
			for _, p := range r.Problems {
				got = append(got, p.String())
			}
			text := strings.Join(got, "\n")
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("found\n%s\nwant %s", text, w)
				}
			}
			if len(got) == 0 {
				t.Error("nothing is found")
			}
		})
	}
}

// TestEntriesThatDoNotFollow: whoever writes a chain that is right in itself must still tell a story that can be true.
func TestEntriesThatDoNotFollow(t *testing.T) { onEach(t, testEntriesThatDoNotFollow) }

func testEntriesThatDoNotFollow(t *testing.T, on *database) {
	path, entries := closed(t, on)
	tip := entries[len(entries)-1]
	tx := body[audit.Transaction](t, entries[1])
	for name, test := range map[string]struct {
		kind    audit.Kind
		chainID uint64
		body    any
		want    string
	}{
		"signed twice":         {audit.TransactionSigned, chainID, tx, "transaction 1 is in entry 12 already"},
		"not a body":           {audit.TransactionSigned, chainID, map[string]string{"id": "one"}, "its body is not one of transaction.signed"},
		"of nothing":           {audit.TransactionReleased, chainID, audit.Turn{ID: 99}, "transaction 99 becomes released, which chain 8453 does not have"},
		"of another chain":     {audit.TransactionReleased, 1, audit.Turn{ID: 3, Hash: tx.Hash}, "transaction 3 becomes released, which chain 1 does not have"},
		"released twice":       {audit.TransactionReleased, chainID, audit.Turn{ID: 3, Hash: body[audit.Transaction](t, entries[3]).Hash}, "becomes released; it was released"},
		"another hash":         {audit.TransactionConfirmed, chainID, audit.Outcome{ID: 3, Hash: tx.Hash}, "transaction 3 with hash"},
		"void that is sent":    {audit.TransactionVoid, chainID, audit.Turn{ID: 3, Hash: body[audit.Transaction](t, entries[3]).Hash}, "becomes void; it was released"},
		"confirmed that fails": {audit.TransactionReverted, chainID, audit.Outcome{ID: 1, Hash: tx.Hash}, "becomes reverted; it was confirmed"},
		"end twice":            {audit.RunEnded, chainID, audit.RunEnd{ID: 1, Status: "done"}, "rollout 1 ends, which was not running on chain 8453"},
		"end of nothing":       {audit.RunEnded, chainID, audit.RunEnd{ID: 99, Status: "done"}, "rollout 99 ends"},
		"end elsewhere":        {audit.RunEnded, 1, audit.RunEnd{ID: 3, Status: "done"}, "rollout 3 ends, which was not running on chain 1"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := tip.Tip().Next(tip.Time, test.kind, test.chainID, test.body)
			if err != nil {
				t.Fatal(err)
			}
			r := check(t, rebuilt(t, on, path, append(slices.Clone(entries), e)))
			if len(r.Problems) == 0 || !slices.ContainsFunc(r.Problems, func(p audit.Problem) bool {
				return p.Entry == e.Seq && p.What == audit.WrongRow && strings.Contains(p.Detail, test.want)
			}) {
				t.Errorf("%v, want %s", r.Problems, test.want)
			}
		})
	}
}

// TestTwiceBetweenPages: an entry that is there twice is not lost where reading pauses.
func TestTwiceBetweenPages(t *testing.T) { onEach(t, testTwiceBetweenPages) }

func testTwiceBetweenPages(t *testing.T, on *database) {
	path, entries := closed(t, on)
	for len(entries) < page+10 {
		e, err := entries[len(entries)-1].Tip().Next(5, audit.HeadSigned, 0, map[string]int{"i": len(entries)})
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	if r := check(t, rebuilt(t, on, path, entries)); !r.Sound() {
		t.Fatal(r.Problems)
	}
	for _, i := range []int{page - 2, page - 1, page} {
		r := check(t, rebuilt(t, on, path, slices.Insert(slices.Clone(entries), i, entries[i])))
		if len(r.Problems) == 0 || r.Problems[0].What != audit.Duplicate || r.Problems[0].Entry != uint64(i+2) {
			t.Errorf("entry %d twice: %v", i+1, r.Problems)
		}
	}
}

// TestFlippedBitsInTheFile flips a bit here and there in a database file, without SQL.
func TestFlippedBitsInTheFile(t *testing.T) {
	path, entries := closed(t, &database{})
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	needles := [][]byte{
		entries[4].Body, []byte(entries[7].Hash.Hex()), []byte("transaction.void"), []byte("step 2"), []byte("abandoned"), {0x02, 0x01, 0x00, 0xff},
	}
	for _, needle := range needles {
		bad := slices.Clone(needle)
		bad[len(bad)/2] ^= 1
		flipped := bytes.ReplaceAll(data, needle, bad) // SQLite leaves copies in pages that it does not use
		if bytes.Equal(flipped, data) {
			t.Fatalf("%q is not in the file", needle)
		}
		to := filepath.Join(t.TempDir(), "flipped.db")
		if err := os.WriteFile(to, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := OpenReadOnly(t.Context(), to)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.VerifyAudit(t.Context(), nil)
		if err == nil && r.Sound() {
			t.Errorf("a flipped bit in %q is not found", needle)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
