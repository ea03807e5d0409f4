package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// VerifyAudit verifies the audit log, and compares the journal with it: each row must be what its entries say, and each entry
// must have its row. See audit.Verify for the head and its signers.
func (s *Store) VerifyAudit(ctx context.Context, head *audit.Head, signers ...common.Address) (report audit.Report, err error) {
	// others may write meanwhile
	err = s.view(ctx, func(db querier) (err error) {
		report, err = verify(ctx, db, head, signers)
		return err
	})
	if err != nil {
		return report, fmt.Errorf("verify the audit log: %w", err)
	}
	return report, nil
}

func verify(ctx context.Context, db querier, head *audit.Head, signers []common.Address) (report audit.Report, err error) {
	if begun, err := db.has(ctx, "audit"); err != nil {
		return report, err
	} else if !begun {
		report.Problems = []audit.Problem{{What: audit.Empty, Detail: "the journal has no audit log: an earlier release wrote it, or " +
			"somebody took the log out"}}
		return report, nil
	}
	l := ledger{}
	log := entries(0, db.engine.words(), func(after entryRow) ([]entryRow, error) { return entryPage(ctx, db, after) })
	report, err = audit.Verify(l.watch(log), head, signers...)
	if err != nil || !report.Sound() {
		return report, err
	}
	rows, err := readRows(ctx, db)
	if err != nil {
		return report, err
	}
	report.Problems = l.compare(rows)
	return report, nil
}

// ledger is what the journal must hold by its log: rows by what they are about.
type ledger struct {
	rows     map[subject]*ledgerRow
	problems []audit.Problem
}

// subject names a row.
type subject struct {
	what   string         // manifest, manifest file, rollout, transaction, nonces, plan, use, approval, revocation, policy, execution, network, token, alert, silence, pause
	id     int64          // of a rollout, a transaction, a policy, an alert, a silence or a pause; the chain id of nonces, of the use of a plan and of a network
	root   common.Hash    // of a manifest; the digest of a plan
	signer common.Address // of nonces, an approval or a revocation
	name   string         // of a token: its id
}

func nonces(chainID uint64, signer common.Address) subject {
	return subject{what: "nonces", id: int64(chainID), signer: signer}
}

func (s subject) String() string {
	switch s.what {
	case "nonces":
		return fmt.Sprintf("the adopted nonces of %s on chain %d", s.signer, s.id)
	case "manifest", "manifest file", "plan":
		return fmt.Sprintf("%s %s", s.what, s.root)
	case "execution":
		return fmt.Sprintf("the execution of plan %s", s.root)
	case "network":
		return fmt.Sprintf("the execution of plan %s on chain %d", s.root, s.id)
	case "token":
		return fmt.Sprintf("token %.12q", s.name)
	case "use":
		return fmt.Sprintf("the use of plan %s on chain %d", s.root, s.id)
	case "approval", "revocation":
		return fmt.Sprintf("the %s of plan %s by %s", s.what, s.root, s.signer)
	}
	return fmt.Sprintf("%s %d", s.what, s.id)
}

type ledgerRow struct {
	chainID uint64
	body    any // a pointer to a body of package audit
	entry   uint64
}

// watch passes entries on and takes them in.
func (l *ledger) watch(entries iter.Seq2[audit.Entry, error]) iter.Seq2[audit.Entry, error] {
	return func(yield func(audit.Entry, error) bool) {
		for e, err := range entries {
			if err == nil {
				l.take(e)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func (l *ledger) wrong(entry uint64, format string, args ...any) {
	l.problems = append(l.problems, audit.Problem{Entry: entry, What: audit.WrongRow, Detail: fmt.Sprintf(format, args...)})
}

// take changes rows as the journal changed them when it wrote the entry.
func (l *ledger) take(e audit.Entry) {
	var err error
	switch e.Kind {
	case audit.ManifestFound, audit.ManifestSaved:
		var m audit.Manifest
		if err = json.Unmarshal(e.Body, &m); err == nil {
			if e.Kind == audit.ManifestSaved {
				m.CreatedAt = e.Time
			}
			l.add(e, subject{what: "manifest", root: m.Root}, &m)
		}
	case audit.RunFound, audit.RunBegun:
		var r audit.Run
		if err = json.Unmarshal(e.Body, &r); err == nil {
			if e.Kind == audit.RunBegun {
				r.Status, r.CreatedAt = "running", e.Time
			}
			l.add(e, subject{what: "rollout", id: r.ID}, &r)
		}
	case audit.RunEnded:
		var end audit.RunEnd
		if err = json.Unmarshal(e.Body, &end); err == nil {
			l.endRun(e, end)
		}
	case audit.TransactionFound, audit.TransactionSigned:
		var t audit.Transaction
		if err = json.Unmarshal(e.Body, &t); err == nil {
			if e.Kind == audit.TransactionSigned {
				t.Status, t.CreatedAt = string(rollout.Signed), e.Time
				if use := l.rows[subject{what: "use", root: t.Plan, id: int64(e.ChainID)}]; t.Plan != (common.Hash{}) && use == nil {
					l.wrong(e.Seq, "transaction %d is of plan %s, which was not begun on chain %d", t.ID, t.Plan, e.ChainID)
				}
			}
			l.add(e, subject{what: "transaction", id: t.ID}, &t)
		}
	case audit.NoncesFound, audit.NoncesAdopted:
		var a audit.Adoption
		if err = json.Unmarshal(e.Body, &a); err == nil {
			if e.Kind == audit.NoncesAdopted {
				a.AdoptedAt = e.Time
			}
			delete(l.rows, nonces(e.ChainID, a.Signer)) // a later one takes the place of an earlier one
			l.add(e, nonces(e.ChainID, a.Signer), &a)
		}
	case audit.TransactionReleased, audit.TransactionVoid, audit.TransactionReplaced, audit.TransactionDropped, audit.TransactionLost,
		audit.TransactionConfirmed, audit.TransactionReverted:
		var o audit.Outcome // a Turn is the first part of it
		if err = json.Unmarshal(e.Body, &o); err == nil {
			l.turn(e, o)
		}
	}
	if err == nil {
		err = errors.Join(l.takeManifest(e), l.takePlan(e), l.takeExecution(e))
	}
	if err == nil {
		err = errors.Join(l.takeToken(e), l.takeAlert(e), l.takePause(e))
	}
	if err != nil {
		l.wrong(e.Seq, "its body is not one of %s: %v", e.Kind, err)
	}
}

// takePlan is take for what is about plans, approvals and policies.
func (l *ledger) takePlan(e audit.Entry) (err error) {
	switch e.Kind {
	case audit.PlanSaved:
		var p audit.Plan
		if err = json.Unmarshal(e.Body, &p); err == nil {
			p.CreatedAt = e.Time
			l.add(e, subject{what: "plan", root: p.Digest}, &p)
		}
	case audit.PlanBegun:
		var u audit.PlanUse
		if err = json.Unmarshal(e.Body, &u); err == nil {
			u.Status, u.CreatedAt = string(PlanBegun), e.Time
			l.add(e, subject{what: "use", root: u.Plan, id: int64(e.ChainID)}, &u)
		}
	case audit.PlanEnded:
		var end audit.PlanUse
		if err = json.Unmarshal(e.Body, &end); err != nil {
			break
		}
		row := l.rows[subject{what: "use", root: end.Plan, id: int64(e.ChainID)}]
		if row == nil || row.body.(*audit.PlanUse).Status != string(PlanBegun) {
			l.wrong(e.Seq, "plan %s ends, which was not begun on chain %d", end.Plan, e.ChainID)
			break
		}
		u := row.body.(*audit.PlanUse)
		u.Status, u.FinishedAt, row.entry = end.Status, e.Time, e.Seq
	case audit.ApprovalGiven, audit.ApprovalRevoked:
		var a audit.Approval
		if err = json.Unmarshal(e.Body, &a); err == nil {
			a.CreatedAt = e.Time
			l.add(e, signedAbout(a, e.Kind == audit.ApprovalRevoked), &a)
		}
	case audit.PolicySet:
		var p audit.Policy
		if err = json.Unmarshal(e.Body, &p); err == nil {
			p.CreatedAt = e.Time
			l.add(e, subject{what: "policy", id: p.ID}, &p)
		}
	}
	return err
}

func signedAbout(a audit.Approval, revoked bool) subject {
	what := "approval"
	if revoked {
		what = "revocation"
	}
	return subject{what: what, root: a.Plan, signer: a.Signer}
}

func (l *ledger) add(e audit.Entry, of subject, body any) {
	if l.rows == nil {
		l.rows = map[subject]*ledgerRow{}
	}
	if l.rows[of] != nil {
		l.wrong(e.Seq, "%s is in entry %d already", of, l.rows[of].entry)
	}
	l.rows[of] = &ledgerRow{e.ChainID, body, e.Seq}
}

func (l *ledger) endRun(e audit.Entry, end audit.RunEnd) {
	row := l.rows[subject{what: "rollout", id: end.ID}]
	if row == nil || row.chainID != e.ChainID || row.body.(*audit.Run).Status != "running" {
		l.wrong(e.Seq, "rollout %d ends, which was not running on chain %d", end.ID, e.ChainID)
		return
	}
	r := row.body.(*audit.Run)
	r.Status, r.FinishedAt, row.entry = end.Status, e.Time, e.Seq
}

func (l *ledger) turn(e audit.Entry, o audit.Outcome) {
	becomes := map[audit.Kind]struct {
		from []rollout.Status
		to   rollout.Status
	}{
		audit.TransactionReleased:  {[]rollout.Status{rollout.Signed}, rollout.Released},
		audit.TransactionVoid:      {[]rollout.Status{rollout.Signed}, rollout.Void},
		audit.TransactionReplaced:  {[]rollout.Status{rollout.Released}, rollout.Replaced},
		audit.TransactionDropped:   {[]rollout.Status{rollout.Released, rollout.Replaced}, rollout.Dropped},
		audit.TransactionLost:      {[]rollout.Status{rollout.Confirmed, rollout.Reverted, rollout.Dropped}, rollout.Lost},
		audit.TransactionConfirmed: {[]rollout.Status{rollout.Released, rollout.Replaced}, rollout.Confirmed},
		audit.TransactionReverted:  {[]rollout.Status{rollout.Released, rollout.Replaced}, rollout.Reverted},
	}[e.Kind]
	after := becomes.to
	row := l.rows[subject{what: "transaction", id: o.ID}]
	if row == nil || row.chainID != e.ChainID {
		l.wrong(e.Seq, "transaction %d becomes %s, which chain %d does not have", o.ID, after, e.ChainID)
		return
	}
	t := row.body.(*audit.Transaction)
	if t.Hash != o.Hash || !slices.Contains(becomes.from, rollout.Status(t.Status)) {
		l.wrong(e.Seq, "transaction %d with hash %s becomes %s; it was %s and has hash %s", o.ID, o.Hash, after, t.Status, t.Hash)
		return
	}
	t.Status, row.entry = string(after), e.Seq
	switch after {
	case rollout.Confirmed, rollout.Reverted:
		t.Inclusion, t.FinishedAt = &o.Inclusion, e.Time
	case rollout.Dropped:
		t.FinishedAt = e.Time
	}
}

// compare says where the journal is not what its log says.
func (l *ledger) compare(rows journalRows) []audit.Problem {
	seen := map[subject]bool{}
	check := func(of subject, chainID uint64, body any) {
		seen[of] = true
		want := l.rows[of]
		switch {
		case want == nil:
			l.wrong(0, "%s is in the journal and not in its log", of)
		case want.chainID != chainID:
			l.wrong(want.entry, "%s is of chain %d in the journal, the log says %d", of, chainID, want.chainID)
		default:
			for _, d := range differences(want.body, body) {
				l.wrong(want.entry, "%s: %s", of, d)
			}
		}
	}
	for _, m := range rows.manifests {
		check(subject{what: "manifest", root: m.Root}, 0, m)
	}
	for _, m := range rows.manifestFiles {
		check(subject{what: "manifest file", root: m.SHA256}, 0, m)
	}
	for _, r := range rows.runs {
		check(subject{what: "rollout", id: r.ID}, r.chainID, r.Run)
	}
	for _, t := range rows.transactions {
		check(subject{what: "transaction", id: t.ID}, t.chainID, t.Transaction)
	}
	for _, a := range rows.adoptions {
		check(nonces(a.chainID, a.Signer), a.chainID, a.Adoption)
	}
	for _, p := range rows.plans {
		check(subject{what: "plan", root: p.Digest}, 0, p)
	}
	for _, u := range rows.uses {
		check(subject{what: "use", root: u.Plan, id: int64(u.chainID)}, u.chainID, u.PlanUse)
	}
	for _, a := range rows.approvals {
		check(signedAbout(a.Approval, a.revoked), 0, a.Approval)
	}
	for _, p := range rows.policies {
		check(subject{what: "policy", id: p.ID}, 0, p)
	}
	for _, e := range rows.executions {
		check(subject{what: "execution", root: e.Plan}, 0, e)
	}
	for _, n := range rows.networks {
		check(subject{what: "network", root: n.Plan, id: int64(n.chainID)}, n.chainID, n.ExecutionNetwork)
	}
	for _, t := range rows.tokens {
		check(subject{what: "token", name: t.ID}, 0, t)
	}
	for _, a := range rows.alerts {
		check(subject{what: "alert", id: a.ID}, a.chainID, a.Alert)
	}
	for _, s := range rows.silences {
		check(subject{what: "silence", id: s.ID}, 0, s)
	}
	for _, p := range rows.pauses {
		check(subject{what: "pause", id: p.ID}, p.chainID, p.Pause)
	}
	for of, row := range l.rows {
		if !seen[of] {
			l.wrong(row.entry, "%s is in the log and not in the journal", of)
		}
	}
	for _, odd := range rows.odd {
		l.wrong(0, "%s", odd)
	}
	slices.SortStableFunc(l.problems, func(a, b audit.Problem) int {
		return cmp.Or(cmp.Compare(a.Entry, b.Entry), strings.Compare(a.Detail, b.Detail))
	})
	return l.problems
}

// differences compares two values by what they are in JSON.
func differences(want, got any) (out []string) {
	fields := func(v any) map[string]json.RawMessage {
		m := map[string]json.RawMessage{}
		data, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(data, &m)
		}
		if err != nil {
			panic(err) // they are structs of numbers, texts and hashes
		}
		return m
	}
	w, g := fields(want), fields(got)
	names := maps.Clone(w)
	maps.Copy(names, g)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if !bytes.Equal(w[name], g[name]) {
			out = append(out, fmt.Sprintf("%s is %s in the journal, the log says %s", name, orNothing(g[name]), orNothing(w[name])))
		}
	}
	return out
}

func orNothing(value json.RawMessage) string {
	if value == nil {
		return "nothing"
	}
	return string(value)
}

// journalRows is the journal as its log tells of it.
type journalRows struct {
	manifests     []audit.Manifest
	manifestFiles []audit.Manifest // others, with the same roots
	runs          []runRow
	transactions  []transactionRow
	adoptions     []adoptionRow
	plans         []audit.Plan
	uses          []useRow
	approvals     []approvalRow
	policies      []audit.Policy
	executions    []audit.Execution
	networks      []networkRow
	tokens        []audit.Token
	alerts        []alertRow
	silences      []audit.Silence
	pauses        []pauseRow
	odd           []string // what is not written as this package writes it, and would not be found
}

type runRow struct {
	chainID uint64
	audit.Run
}

type transactionRow struct {
	chainID uint64
	audit.Transaction
}

type adoptionRow struct {
	chainID uint64
	audit.Adoption
}

type useRow struct {
	chainID uint64
	audit.PlanUse
}

type approvalRow struct {
	revoked bool
	audit.Approval
}

// each hands the rows of a query to a function.
func each(ctx context.Context, db querier, query string, row func(*sql.Rows) error, args ...any) (err error) {
	rows, err := db.query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func readRows(ctx context.Context, db querier) (out journalRows, err error) {
	each := func(query string, row func(*sql.Rows) error) error { return each(ctx, db, query, row) }
	// an earlier release knew no plans, and a journal that is only read is not brought up to date
	plans, err := db.has(ctx, "plans")
	if err != nil {
		return out, fmt.Errorf("read plans: %w", err)
	}
	held := "NULL"
	if plans {
		held = "plan"
	}
	err = each(`SELECT root, routes_root, body, created_at FROM manifests ORDER BY created_at, root`, func(rows *sql.Rows) error {
		var root, routesRoot string
		var body []byte
		var createdAt int64
		if err := rows.Scan(&root, &routesRoot, &body, &createdAt); err != nil {
			return err
		}
		m := manifestEntry(out.hash(root), out.hash(routesRoot), body)
		m.CreatedAt = createdAt
		out.manifests = append(out.manifests, m)
		return nil
	})
	if err != nil {
		return out, fmt.Errorf("read manifests: %w", err)
	}
	err = each(`SELECT id, chain_id, dispatcher, root, manifest, epoch, after, status, created_at, coalesce(finished_at, 0)
		FROM rollouts ORDER BY id`, func(rows *sql.Rows) error {
		var r runRow
		var dispatcher, root, manifest string
		var chainID, epoch int64
		err := rows.Scan(&r.ID, &chainID, &dispatcher, &root, &manifest, &epoch, &r.After, &r.Status, &r.CreatedAt, &r.FinishedAt)
		r.chainID, r.Epoch = uint64(chainID), uint64(epoch)
		r.Dispatcher, r.Root, r.Manifest = out.address(dispatcher), out.hash(root), out.hash(manifest)
		out.runs = append(out.runs, r)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read rollouts: %w", err)
	}
	err = each(`SELECT id, chain_id, signer, nonce, step, hash, raw, status, `+held+`, coalesce(replaces, 0), block_number, block_hash,
		gas_used, created_at, coalesce(finished_at, 0) FROM transactions ORDER BY id`, func(rows *sql.Rows) error {
		var t transactionRow
		var signer, hash string
		var raw []byte
		var chainID, nonce int64
		var number, gas sql.NullInt64
		var plan, blockHash sql.NullString
		err := rows.Scan(&t.ID, &chainID, &signer, &nonce, &t.Step, &hash, &raw, &t.Status, &plan, &t.Replaces, &number, &blockHash, &gas,
			&t.CreatedAt, &t.FinishedAt)
		t.chainID, t.Nonce = uint64(chainID), uint64(nonce)
		t.Signer, t.Hash, t.RawHash = out.address(signer), out.hash(hash), crypto.Keccak256Hash(raw)
		t.Plan = out.hashOrNull(plan)
		if number.Valid || blockHash.Valid || gas.Valid {
			t.Inclusion = &audit.Inclusion{BlockNumber: uint64(number.Int64), GasUsed: uint64(gas.Int64)}
			if blockHash.Valid {
				t.BlockHash = out.hash(blockHash.String)
			}
		}
		out.transactions = append(out.transactions, t)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read transactions: %w", err)
	}
	err = each(`SELECT chain_id, signer, next_nonce, adopted_at FROM adopted_nonces ORDER BY chain_id, signer`, func(rows *sql.Rows) error {
		var a adoptionRow
		var chainID, next int64
		var signer string
		err := rows.Scan(&chainID, &signer, &next, &a.AdoptedAt)
		a.chainID, a.NextNonce, a.Signer = uint64(chainID), uint64(next), out.address(signer)
		out.adoptions = append(out.adoptions, a)
		return err
	})
	if err != nil {
		return out, fmt.Errorf("read adopted nonces: %w", err)
	}
	if plans {
		if err := out.readPlans(ctx, db); err != nil {
			return out, err
		}
	}
	if err := out.readManifestFiles(ctx, db); err != nil {
		return out, err
	}
	if err := out.readExecutions(ctx, db); err != nil {
		return out, err
	}
	if err := out.readTokens(ctx, db); err != nil {
		return out, err
	}
	if err := out.readAlerts(ctx, db); err != nil {
		return out, err
	}
	return out, out.readPauses(ctx, db)
}

func (r *journalRows) readPlans(ctx context.Context, db querier) error {
	err := each(ctx, db, `SELECT digest, action, body, created_at FROM plans ORDER BY created_at, digest`, func(rows *sql.Rows) error {
		var digest, action string
		var body []byte
		var createdAt int64
		if err := rows.Scan(&digest, &action, &body, &createdAt); err != nil {
			return err
		}
		p := planEntry(r.hash(digest), action, body)
		p.CreatedAt = createdAt
		r.plans = append(r.plans, p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read plans: %w", err)
	}
	err = each(ctx, db, `SELECT plan, chain_id, status, created_at, coalesce(finished_at, 0) FROM plan_uses ORDER BY plan, chain_id`, func(rows *sql.Rows) error {
		var u useRow
		var digest string
		var chainID int64
		err := rows.Scan(&digest, &chainID, &u.Status, &u.CreatedAt, &u.FinishedAt)
		u.Plan, u.chainID = r.hash(digest), uint64(chainID)
		r.uses = append(r.uses, u)
		return err
	})
	if err != nil {
		return fmt.Errorf("read uses of plans: %w", err)
	}
	err = each(ctx, db, `SELECT plan, signer, revoked, signature, created_at FROM approvals ORDER BY plan, signer, revoked`, func(rows *sql.Rows) error {
		var a approvalRow
		var digest, signer, signature string
		if err := rows.Scan(&digest, &signer, &a.revoked, &signature, &a.CreatedAt); err != nil {
			return err
		}
		a.Plan, a.Signer = r.hash(digest), r.address(signer)
		var err error
		if a.Signature, err = hexutil.Decode(signature); err != nil || a.Signature.String() != signature {
			r.odd = append(r.odd, fmt.Sprintf("%.200q in the journal is not written as a signature is", signature))
		}
		r.approvals = append(r.approvals, a)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read approvals: %w", err)
	}
	err = each(ctx, db, `SELECT id, body, plan, created_at FROM policies ORDER BY id`, func(rows *sql.Rows) error {
		var p audit.Policy
		var body string
		var under sql.NullString
		if err := rows.Scan(&p.ID, &body, &under, &p.CreatedAt); err != nil {
			return err
		}
		policy, err := decodePolicy(body)
		if err != nil {
			r.odd = append(r.odd, fmt.Sprintf("policy %d in the journal is not one: %v", p.ID, err))
			return nil
		}
		if p.Body, err = audit.Canonical([]byte(body)); err != nil {
			return err
		}
		p.Hash, p.Plan = policy.Hash(), r.hashOrNull(under)
		r.policies = append(r.policies, p)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read policies: %w", err)
	}
	return nil
}

func (r *journalRows) hash(text string) common.Hash {
	h := common.HexToHash(text)
	if h.Hex() != text {
		r.odd = append(r.odd, fmt.Sprintf("%.100q in the journal is not written as a hash is", text))
	}
	return h
}

// hashOrNull is orNull, read. A hash of zeros is not written.
func (r *journalRows) hashOrNull(text sql.NullString) common.Hash {
	if !text.Valid {
		return common.Hash{}
	}
	h := r.hash(text.String)
	if h == (common.Hash{}) {
		r.odd = append(r.odd, fmt.Sprintf("%.100q is in the journal where there should be nothing", text.String))
	}
	return h
}

func (r *journalRows) address(text string) common.Address {
	a := common.HexToAddress(text)
	if a.Hex() != text {
		r.odd = append(r.odd, fmt.Sprintf("%.100q in the journal is not written as an address is", text))
	}
	return a
}
