package audit

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
)

// reference is docs/reference/audit.md.
func reference(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "audit.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var bodies = map[Kind]any{
	LogBegun: Begun{}, HeadSigned: Head{}, ManifestFound: Manifest{}, ManifestSaved: Manifest{}, ManifestAdded: Manifest{}, RunFound: Run{}, RunBegun: Run{}, RunEnded: RunEnd{},
	DecisionMade: Decision{}, TransactionFound: Transaction{}, TransactionSigned: Transaction{}, TransactionReleased: Turn{},
	TransactionVoid: Turn{}, TransactionReplaced: Turn{}, TransactionDropped: Turn{}, TransactionLost: Turn{}, NoncesAdopted: Adoption{}, NoncesFound: Adoption{}, JournalRestored: Restored{}, TransactionConfirmed: Outcome{}, TransactionReverted: Outcome{},
	PlanSaved: Plan{}, PlanBegun: PlanUse{}, PlanEnded: PlanUse{}, ApprovalGiven: Approval{}, ApprovalRevoked: Approval{}, PolicySet: Policy{},
	LeaseTakenOver: LeaseTaken{}, ExecutionBegun: Execution{}, ExecutionReleased: Execution{}, ExecutionStopped: Execution{},
	ExecutionEnded: Execution{}, ExecutionNetworkSet: ExecutionNetwork{}, HealthChanged: Health{},
	TokenCreated: Token{}, TokenRevoked: TokenRevocation{},
	AlertRaised: Alert{}, AlertConfirmed: Alert{}, AlertEscalated: Alert{}, AlertAcknowledged: Alert{}, AlertResolved: Alert{},
	SilenceBegun: Silence{}, SilenceEnded: SilenceEnd{},
	RelayAsked: RelayAnswer{}, RelayLanded: RelayLanding{}, RelayEnded: RelayEnd{},
	PauseDecided: Pause{}, PauseEnded: PauseEnd{},
}

// TestReferenceNamesEveryKind compares the table of kinds with the types of their bodies.
func TestReferenceNamesEveryKind(t *testing.T) {
	text := reference(t)
	rows := map[Kind]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z.]+)` \\| (.*) \\|$").FindAllStringSubmatch(text, -1) {
		rows[Kind(m[1])] = m[2]
	}
	for _, k := range Kinds() {
		row, ok := rows[k]
		if !ok {
			t.Errorf("%s is not in the reference", k)
			continue
		}
		// a row may lean on another
		if strings.HasPrefix(row, "the same") {
			row += rows[map[Kind]Kind{ManifestFound: ManifestSaved, TransactionReverted: TransactionConfirmed, ApprovalRevoked: ApprovalGiven}[k]]
		}
		if m := regexp.MustCompile("^as `([a-z.]+)`").FindStringSubmatch(row); m != nil {
			row += rows[Kind(m[1])]
		}
		if bodies[k] == nil {
			t.Errorf("%s has no body here", k)
			continue
		}
		for _, name := range members(reflect.TypeOf(bodies[k])) {
			// of what is found only: left out elsewhere
			if found := []string{"status", "createdAt", "finishedAt", "blockNumber", "blockHash", "gasUsed"}; slices.Contains(found, name) &&
				(k == TransactionSigned || k == RunBegun || k == ManifestSaved || k == ManifestAdded) {
				continue
			}
			if !strings.Contains(row, "`"+name+"`") {
				t.Errorf("%s: member %s is not in the reference: %s", k, name, row)
			}
		}
	}
}

// members are the names that encoding/json gives to the fields of a struct.
func members(t reflect.Type) (out []string) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for f := range fields(t) {
		if f.Anonymous {
			out = append(out, members(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(append(out, name), members(f.Type)...)
	}
	return out
}

func fields(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

var jsBlock = regexp.MustCompile("(?s)```js\n(.*?)```")

// TestCheckerInNode runs the checker of the reference, which shares no code with this package, on sound logs and on others:
// both must say the same.
func TestCheckerInNode(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatalf("node is missing: install Node.js 20 or newer: %v", err)
	}
	blocks := jsBlock.FindAllStringSubmatch(reference(t), -1)
	if len(blocks) != 1 {
		t.Fatalf("%d blocks of JavaScript", len(blocks))
	}
	if n := strings.Count(blocks[0][1], "\n"); n > 60 {
		t.Errorf("%d lines are more than a reader wants to read", n)
	}
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	program := write("check.mjs", blocks[0][1])

	entries := chain(t, "märket \"\u2028\x7f😀\\", 9)
	odd, err := entries[8].Tip().Next(maxInteger, HeadSigned, maxInteger, map[string]any{
		"\u20ac": -maxInteger, "\r": nil, "\ufb33": []any{true, "", map[string]int{}}, "1": 1, "😀": "\u0000\u001f\b\f\n\r\t/<>&", "\u0080": 0, "ö": 7, "__proto__": 1, "10": 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	entries = append(entries, odd)
	text := file(entries)
	lines := slices.Collect(strings.Lines(text))
	log := entries[0].Hash
	later := file(rewrite(t, entries, 4, func(e *Entry) { e.Time++ }))
	head := sign(t, log, entries[9].Tip(), auditor)
	for name, test := range map[string]struct {
		text string
		head *Head
	}{
		"sound":                {text, nil},
		"one entry":            {lines[0], nil},
		"sound, head":          {text, head},
		"early head":           {text, sign(t, log, entries[3].Tip(), auditor)},
		"written anew":         {later, nil},
		"written anew, head":   {later, head},
		"all anew, head":       {file(rewrite(t, entries, 0, func(e *Entry) { e.Time++ })), head},
		"head of another log":  {text, sign(t, common.Hash{1}, entries[3].Tip(), auditor)},
		"nothing":              {"", nil},
		"middle out":           {join(slices.Delete(slices.Clone(lines), 4, 5)), nil},
		"first out":            {join(lines[1:]), nil},
		"cut":                  {join(lines[:6]), nil},
		"cut, head":            {join(lines[:6]), head},
		"swapped":              {join(swap(lines, 3, 4)), nil},
		"twice":                {join(slices.Insert(slices.Clone(lines), 4, lines[3])), nil},
		"changed":              {join(onLine(lines, 4, "step 4", "step 7")), nil},
		"changed number":       {join(onLine(lines, 4, `"seq":5`, `"seq":6`)), nil},
		"space":                {join(onLine(lines, 4, `"seq":5`, `"seq": 5`)), nil},
		"version":              {join(onLine(lines, 4, `"version":1`, `"version":2`)), nil},
		"fraction":             {join(onLine(lines, 4, `"nonce":4`, `"nonce":4.5`)), nil},
		"large number":         {join(onLine(lines, 4, `"nonce":4`, `"nonce":9007199254740993`)), nil},
		"no beginning":         {file(rewrite(t, entries, 0, func(e *Entry) { e.Kind = RunBegun })), nil},
		"something before it":  {file(rewrite(t, entries, 0, func(e *Entry) { e.Previous = common.Hash{1} })), nil},
		"not JSON":             {join(lines[:4]) + "entry\n", nil},
		"half a line":          {text[:len(text)-9], nil},
		"not UTF-8":            {join(onLine(lines, 4, "step 4", "step \xff")), nil},
		"a mark of byte order": {"\ufeff" + text, nil},
	} {
		args := []string{program, write("audit.jsonl", test.text)}
		if test.head != nil {
			data, err := test.head.Encode()
			if err != nil {
				t.Fatal(err)
			}
			args = append(args, write("head.json", string(data)))
		}
		out, err := exec.CommandContext(t.Context(), node, args...).CombinedOutput()
		var failed *exec.ExitError
		if err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		report := verify(t, test.text, test.head)
		if report.Sound() != (err == nil) {
			t.Errorf("%s: here %v, in Node.js %v: %s", name, report.Problems, err, out)
		}
		if want := "the last is " + report.Tip.Hash.Hex(); report.Sound() && !strings.Contains(string(out), want) {
			t.Errorf("%s: %s, want %s", name, out, want)
		}
	}
}
