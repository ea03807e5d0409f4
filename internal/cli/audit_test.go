package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/audit"
)

// rolledOut is a rig whose journal holds a deployment and a rollout.
func rolledOut(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	for _, line := range []string{
		"manifest build --config @one.yaml -o @one.json", "deploy --config @one.yaml @one.json --yes", "rollout --config @one.yaml @one.json --yes",
	} {
		r.must(t, line)
	}
	return r
}

// must runs a command line that succeeds, and returns what it prints.
func (r *rig) must(t *testing.T, line string) string {
	t.Helper()
	code, stdout, stderr := r.run(t, "", strings.Fields(line)...)
	if code != exitDone {
		t.Fatalf("lockstep %s: exit code %d\n%s%s", line, code, stdout, stderr)
	}
	return stdout
}

// TestAudit goes the way of an operator and of an auditor.
func TestAudit(t *testing.T) {
	r := rolledOut(t)
	if out := r.must(t, "audit head --config @one.yaml --signer guardian -o @head.json"); !strings.Contains(out, "signed by 0x") {
		t.Errorf("head:\n%s", out)
	}
	var head audit.Head
	if err := json.Unmarshal([]byte(mustRead(t, r.path("head.json"))), &head); err != nil {
		t.Fatal(err)
	}
	r.must(t, "pause --config @one.yaml --yes")
	r.must(t, "audit export --journal @lockstep.db -o @audit.jsonl")
	if piped := r.must(t, "audit export --config @one.yaml -o -"); piped != mustRead(t, r.path("audit.jsonl")) {
		t.Error("on standard output comes something else than in the file")
	}
	if left, err := filepath.Glob(r.path("*.tmp")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	// in another folder, without configuration
	elsewhere := t.TempDir()
	for _, name := range []string{"audit.jsonl", "lockstep.db", "head.json"} {
		if err := os.WriteFile(filepath.Join(elsewhere, name), []byte(mustRead(t, r.path(name))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(elsewhere)
	for _, line := range []string{"audit verify", "audit verify audit.jsonl", "audit verify lockstep.db", "audit verify --journal lockstep.db"} {
		out := r.must(t, line)
		checkWidth(t, line, out)
		if !strings.Contains(out, " is sound: ") || !strings.Contains(out, "of project rig") || !strings.Contains(out, "no head was given") {
			t.Errorf("%s:\n%s", line, out)
		}
		out = r.must(t, line+" --head head.json")
		checkWidth(t, line, out)
		if !strings.Contains(out, "by "+head.Signer.Hex()) || !strings.Contains(out, "--signer compares") {
			t.Errorf("%s with a head:\n%s", line, out)
		}
		out = r.must(t, line+" --head head.json --signer 0x0000000000000000000000000000000000000001,"+head.Signer.Hex())
		if !strings.Contains(out, "by "+head.Signer.Hex()) || strings.Contains(out, "--signer compares") {
			t.Errorf("%s with a head and its signer:\n%s", line, out)
		}
	}
	if files, err := os.ReadDir("."); err != nil || len(files) != 3 {
		t.Errorf("files were made: %v, %v", files, err)
	}
	// cut before the head, and cut after it
	lines := strings.SplitAfter(mustRead(t, "audit.jsonl"), "\n")
	for n, want := range map[uint64]int{head.Seq - 1: exitDifference, head.Seq: exitDone} {
		if err := os.WriteFile("cut.jsonl", []byte(strings.Join(lines[:n], "")), 0o600); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := r.run(t, "", "audit", "verify", "cut.jsonl", "--head", "head.json")
		if code != want || (want != exitDone) != strings.Contains(stderr, "cut: the log ends with entry") {
			t.Errorf("%d entries: exit code %d, want %d\n%s%s", n, code, want, stdout, stderr)
		}
		checkWidth(t, "audit verify of what was cut", stdout)
	}
	// what cannot be read is neither sound nor unsound
	if err := os.WriteFile("rubbish.db", []byte(sqliteMagic+"rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"audit verify nowhere", "audit verify .", "audit verify --journal nowhere.db", "audit verify rubbish.db", "audit verify audit.jsonl --head cut.jsonl"} {
		if code, stdout, stderr := r.run(t, "", strings.Fields(line)...); code != exitFailed || stdout != "" || stderr == "" {
			t.Errorf("%s: exit code %d\n%s%s", line, code, stdout, stderr)
		}
	}
	// an empty file is no log
	if err := os.WriteFile("empty", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, _ := r.run(t, "", "audit", "verify", "empty"); code != exitDifference || !strings.Contains(stdout, "empty is not sound\n  empty: there is no entry in it\n") {
		t.Errorf("an empty file: exit code %d\n%s", code, stdout)
	}
}

func TestAuditList(t *testing.T) {
	r := rolledOut(t)
	all := r.must(t, "audit list --config @one.yaml --last 0")
	checkWidth(t, "audit list", all)
	for _, want := range []string{
		"\n1      ", "log.begun", "the log begins rig", "deploy extension, deploy dispatcher", "wait: the timelock runs", "manifest.saved", "run 1, done",
		" deploy Token, nonce ", " deploy Token, block ", "  local  ",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("there is no %q in\n%s", want, all)
		}
	}
	last := r.must(t, "audit list --config @one.yaml")
	rows := strings.Split(strings.TrimSpace(all), "\n")
	if got := strings.Split(strings.TrimSpace(last), "\n"); len(got) != 22 || got[20] != rows[len(rows)-1] || !strings.HasSuffix(got[21], "; --last 0 shows all") {
		t.Errorf("the last are\n%s\nof\n%s", last, all)
	}
	// without its configuration the network has no name; it is found by its chain id
	code, byID, stderr := r.run(t, "", "audit", "list", "--config", "@nowhere.yaml", "--journal", "@lockstep.db", "--network", "31337", "--kind", "run", "--last", "0")
	if got := strings.Split(strings.TrimSpace(byID), "\n"); code != exitDone || len(got) != 3 || !strings.Contains(got[1], "chain 31337") {
		t.Errorf("exit code %d\n%s%s", code, byID, stderr)
	}
	if out := r.must(t, "audit list --config @one.yaml --network base"); strings.Count(out, "\n") != 1 {
		t.Errorf("of a network without entries:\n%s", out)
	}
}

// TestAuditHeadOfAnUnsoundLog: nobody signs what was tampered with.
func TestAuditHeadOfAnUnsoundLog(t *testing.T) {
	r := rolledOut(t)
	text := mustRead(t, r.path("lockstep.db"))
	if !strings.Contains(text, "deploy Token") {
		t.Fatal("the journal does not hold the step")
	}
	r.write(t, "lockstep.db", strings.ReplaceAll(text, "deploy Token", "deploy Taken"))
	code, stdout, stderr := r.run(t, "", "audit", "head", "--config", "@one.yaml", "--signer", "guardian", "-o", "@head.json")
	if code != exitDifference || stdout != "" || !strings.Contains(stderr, "nothing is signed: the audit log is not sound: entry ") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(r.path("head.json")); err == nil {
		t.Error("a head was written")
	}
}

func TestWrapped(t *testing.T) {
	text := wrapped(strings.Repeat("word ", 50) + strings.Repeat("x", 120))
	checkWidth(t, "wrapped words", strings.ReplaceAll(text, strings.Repeat("x", 120), "x"))
	if strings.Count(text, "word") != 50 || !strings.HasPrefix(text, "  word") || !strings.Contains(text, "\n    word") || !strings.HasSuffix(text, "x\n") {
		t.Errorf("%q", text)
	}
	if got := wrapped("short"); got != "  short\n" {
		t.Errorf("%q", got)
	}
}

// TestAuditOfADatabase: what is a URL is a journal, and what is said of it holds no password.
func TestAuditOfADatabase(t *testing.T) {
	r := &rig{dir: t.TempDir()}
	code, _, stderr := r.run(t, "", "audit", "verify", "postgres://somebody:hunter2@127.0.0.1:1/journal?connect_timeout=2")
	if code != exitFailed || !strings.Contains(stderr, "open journal postgres://127.0.0.1:1/journal") || strings.Contains(stderr, "hunter2") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
