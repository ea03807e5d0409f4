package store

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// TestWhatIsLookedForOftenIsFoundByAnIndex: every second or two the program asks which alerts fire, and which of its calls were refused. Rows that
// are over, and calls of others, are ever more, and must not be walked for that.
func TestWhatIsLookedForOftenIsFoundByAnIndex(t *testing.T) {
	onEach(t, testWhatIsLookedForOftenIsFoundByAnIndex)
}

func testWhatIsLookedForOftenIsFoundByAnIndex(t *testing.T, on *database) {
	s := on.fresh(t)
	numbers, bytes := `WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000) `, `x'01'`
	explain := "EXPLAIN QUERY PLAN "
	if on.postgres {
		bytes, explain = `'\x01'::bytea`, "EXPLAIN "
	}
	on.exec(t, s, `INSERT INTO refused (chain_id, block_number, block_hash, block_time, contract, sender, selector, error, data, source) `+numbers+
		`SELECT 1, n, `+bytes+`, n, `+bytes+`, `+bytes+`, '0x12345678', '', `+bytes+`, CASE n WHEN 7 THEN 'simulation' ELSE 'block' END FROM n`)
	on.exec(t, s, `INSERT INTO alerts (fingerprint, state, rule, severity, network, chain_id, subject, body, confirmed, level, acked_by, note, resolution, created_at, finished_at) `+numbers+
		`SELECT 'f' || n, CASE n WHEN 7 THEN 'firing' ELSE 'resolved' END, 'drift', 'high', '', 0, 'x', '{}', 0, 0, '', '', '', 1, CASE n WHEN 7 THEN NULL ELSE 2 END FROM n`)
	if on.postgres { // which looks at how many rows there are
		on.exec(t, s, `ANALYZE refused`)
		on.exec(t, s, `ANALYZE alerts`)
	}
	firing, none := AlertQuery{Firing: true}.statement()
	for _, c := range []struct {
		query, index string
		args         []any
	}{
		{firing, "alerts_firing", none},
		{refusedUnsent, "refused_unsent", []any{0}},
	} {
		var plan []string
		err := s.read(t.Context(), func(db querier) error {
			rows, err := db.query(t.Context(), explain+c.query, c.args...)
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			columns, err := rows.Columns()
			if err != nil {
				return err
			}
			cells := make([]any, len(columns))
			for i := range cells {
				cells[i] = new(any)
			}
			for rows.Next() {
				if err := rows.Scan(cells...); err != nil {
					return err
				}
				line, _ := (*cells[len(cells)-1].(*any)).(string)
				plan = append(plan, line)
			}
			return rows.Err()
		})
		if text := strings.Join(plan, "\n"); err != nil || !strings.Contains(text, c.index) {
			t.Errorf("%s\nis not found by %s: %v\n%s", c.query, c.index, err, text)
		}
	}
	if all, err := s.FiringAlerts(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%d fire, %v", len(all), err)
	}
	if all, err := s.RefusedUnsent(t.Context(), 0); err != nil || len(all) != 1 {
		t.Errorf("%d of ours were refused, %v", len(all), err)
	}
}

func TestTransactionsAfter(t *testing.T) { onEach(t, testTransactionsAfter) }

func testTransactionsAfter(t *testing.T, on *database) {
	s := on.fresh(t)
	tip := func() uint64 {
		t.Helper()
		seq, err := s.Tip(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return seq
	}
	look := func(after, upTo uint64) (out []string) {
		t.Helper()
		open, finished, err := s.TransactionsAfter(t.Context(), after, upTo)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range open {
			out = append(out, "open "+o.Hash.Hex()[:6])
		}
		for _, f := range finished {
			if f.At == 0 {
				t.Errorf("%s has no time", f.Hash)
			}
			out = append(out, string(f.Status)+" "+f.Hash.Hex()[:6])
		}
		return out
	}
	name := func(x rollout.Transaction) string { return x.Hash.Hex()[:6] }
	all := addAll(t, s, 0, 1, 2)
	rest, err := s.Release(t.Context(), all[1:]) // the first of a sequence is so already
	if err != nil {
		t.Fatal(err)
	}
	released := append(all[:1:1], rest...)
	began := tip()
	finish(t, s, released[1], rollout.Reverted, 7)
	middle := tip()
	again := replace(t, s, released[2], 1)
	finish(t, s, released[0], rollout.Confirmed, 8)
	end := tip()
	for _, c := range []struct {
		after, upTo uint64
		want        []string
	}{
		{began, middle, []string{"open " + name(again), "reverted " + name(released[1])}},
		{middle, end, []string{"open " + name(again), "confirmed " + name(released[0])}},
		{end, end, []string{"open " + name(again)}},
	} {
		if diff := cmp.Diff(c.want, look(c.after, c.upTo)); diff != "" {
			t.Errorf("after %d, up to %d (-want +got):\n%s", c.after, c.upTo, diff)
		}
	}
}
