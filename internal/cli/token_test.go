package cli

import (
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/token"
)

func init() {
	exercises = append(exercises, []exercise{
		{command: "lockstep token create", args: "--config @one.yaml --name ci --scope start,read"},
		{command: "lockstep token create", args: "--config @one.yaml --name prometheus --scope read --expires 0"},
		{command: "lockstep token create", args: "--config @one.yaml --name ci --scope admin", code: exitUsage, fails: true},
		{command: "lockstep token create", args: "--config @one.yaml --name ci", code: exitUsage, fails: true},
		{command: "lockstep token create", args: "--config @one.yaml --scope start", code: exitUsage, fails: true},
		{command: "lockstep token create", args: "--config @one.yaml --name ci --scope start --expires 1s", code: exitUsage, fails: true},
		{command: "lockstep token create", args: "--config @one.yaml --name ci --scope start --expires -1h", code: exitUsage, fails: true},
		{command: "lockstep token create", args: "--config @nowhere.yaml --name ci --scope start", code: exitFailed, fails: true},
		{command: "lockstep token revoke", args: "--config @one.yaml 0a0b0c0d0e0f", before: token0a},
		{command: "lockstep token revoke", args: "--config @one.yaml 000000000000", code: exitFailed, fails: true},
		{command: "lockstep token revoke", args: "--config @one.yaml ci", code: exitUsage, fails: true},
		{command: "lockstep token list", args: "--journal @lockstep.db"},
		{command: "lockstep token list", args: "--journal @nowhere.db", code: exitFailed, fails: true},
	}...)
}

// The token alone goes to standard output, so that it can be put in a file, and nothing shows it again.
func TestTokenIsShownOnce(t *testing.T) {
	r := newRig(t)
	code, stdout, stderr := r.run(t, "", "token", "create", "--config", "@one.yaml", "--name", "ci", "--scope", "start")
	made, err := token.Parse(strings.TrimSuffix(stdout, "\n"))
	if code != exitDone || err != nil {
		t.Fatalf("exit code %d, %v:\n%s%s", code, err, stdout, stderr)
	}
	if !strings.Contains(stderr, made.ID()) || !strings.Contains(stderr, "may start, expires 2") {
		t.Errorf("it says %s", stderr)
	}
	secret := made.Reveal()[22:]
	seen, listed := stderr, ""
	for _, words := range []string{"token list", "token list --json", "audit list --last 0", "audit list --last 0 --json", "token revoke " + made.Reveal(), "token list"} {
		code, stdout, stderr = r.run(t, "", append(strings.Fields(words), "--config", "@one.yaml")...)
		if code != exitDone {
			t.Fatalf("%.20s: exit code %d: %s", words, code, stderr)
		}
		if !strings.Contains(stdout, made.ID()) {
			t.Errorf("%.20s does not name it:\n%s", words, stdout)
		}
		if !strings.Contains(words, "--json") {
			checkWidth(t, words, stdout)
		}
		if words == "audit list --last 0" {
			listed = stdout
		}
		seen += stdout + stderr
	}
	if !strings.Contains(stdout, "revoked") {
		t.Errorf("a token that was given to be revoked is not:\n%s", stdout)
	}
	if !strings.Contains(listed, "token "+made.ID()+", ci, may start\n") {
		t.Errorf("the audit log lists it as\n%s", listed)
	}
	// most of a token, in the place of an id
	code, stdout, stderr = r.run(t, "", "token", "revoke", "--config", "@one.yaml", made.Reveal()[:79])
	if code != exitUsage {
		t.Errorf("exit code %d", code)
	}
	if seen += stdout + stderr; strings.Contains(seen, secret) || strings.Contains(seen, secret[:20]) {
		t.Errorf("the token is shown again:\n%s", seen)
	}
}
