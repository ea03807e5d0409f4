package cli

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// widest is how many columns help may have.
const widest = 100

// runMain runs a command line that needs no rig.
func runMain(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = Main(t.Context(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

// words are those of a command after lockstep.
func words(c *cobra.Command) []string { return strings.Fields(c.CommandPath())[1:] }

func checkWidth(t *testing.T, what, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > widest {
			t.Errorf("%s: %d columns: %s", what, n, line)
		}
	}
}

func TestHelp(t *testing.T) {
	t.Setenv("LOCKSTEP_CONFIG", "")
	t.Setenv("LOCKSTEP_JOURNAL", "")
	everyCommand(func(c *cobra.Command) {
		code, help, stderr := runMain(t, append(words(c), "--help")...)
		if code != exitDone || stderr != "" || !strings.Contains(help, "\nUsage:\n  "+c.CommandPath()) {
			t.Errorf("%s --help: exit code %d\n%s%s", c.CommandPath(), code, help, stderr)
		}
		checkWidth(t, c.CommandPath()+" --help", help)
		if _, same, _ := runMain(t, append([]string{"help"}, words(c)...)...); same != help {
			t.Errorf("lockstep help %s prints something else than --help", strings.Join(words(c), " "))
		}
		checkExample(t, c)
	})
	reference, err := Reference()
	if err != nil {
		t.Fatal(err)
	}
	checkWidth(t, "docs/reference/cli.md", reference)
	_, list, _ := runMain(t, "network", "list")
	checkWidth(t, "network list", list)
}

var shellWord = regexp.MustCompile(`'[^']*'|\S+`)

// checkExample fails unless a command has an example of itself whose commands and flags there are.
func checkExample(t *testing.T, c *cobra.Command) {
	t.Helper()
	itself := false
	for line := range strings.Lines(c.Example) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "  ") || strings.TrimSpace(line) == "" {
			t.Errorf("%s: the example %q is not indented by two", c.CommandPath(), line)
		}
		for _, command := range regexp.MustCompile(`&&|<\(|[|<>]`).Split(line, -1) {
			args := shellWord.FindAllString(strings.TrimRight(command, ")"), -1)
			if len(args) == 0 || args[0] != "lockstep" {
				continue
			}
			found, rest, err := newRoot(&env{}).Find(args[1:])
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: the example %q: %v", c.CommandPath(), line, err)
				continue
			}
			itself = itself || strings.HasPrefix(found.CommandPath()+" ", c.CommandPath()+" ")
		}
	}
	if !itself {
		t.Errorf("%s has no example of itself: %q", c.CommandPath(), c.Example)
	}
}

func TestUsageErrors(t *testing.T) {
	everyCommand(func(c *cobra.Command) {
		mistakes := [][]string{{"--no-such-flag"}, {"--config"}}
		if !strings.HasSuffix(c.Use, "...") {
			mistakes = append(mistakes, slices.Repeat([]string{"superfluous"}, 9))
		}
		if !c.HasSubCommands() && c.ValidateArgs(nil) != nil {
			mistakes = append(mistakes, nil)
		}
		for _, m := range mistakes {
			args := append(words(c), m...)
			code, stdout, stderr := runMain(t, args...)
			if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "lockstep: ") || !strings.Contains(stderr, "; see lockstep") {
				t.Errorf("lockstep %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, exitUsage, stdout, stderr)
			}
		}
	})
	for _, args := range []string{
		"demo --networks five", "init --tool make", "address create2 --factory nobody --init-code-hash 0x" + strings.Repeat("00", 32),
		"address create2 --init-code-hash 0x12", "address create2 --salt 0xzz", "address create2 --chain-id minus",
		"network check --rpc http://127.0.0.1:1", "key new there.json", "completion tcsh", "help nothing", "manifest nothing",
		"audit nothing", "audit list --last -1", "audit list --kind transactions", "audit list --network nowhere", "audit export",
		"audit head -o head.json", "event list --name Typo", "event list --from 10 --to 5", "event list --last -1", "upgrade list --last -1", "audit verify --signer 0x12", "audit verify x.jsonl --journal lockstep.db",
	} {
		if code, stdout, stderr := runMain(t, strings.Fields(args)...); code != exitUsage || stdout != "" {
			t.Errorf("lockstep %s: exit code %d, want %d\n%s%s", args, code, exitUsage, stdout, stderr)
		}
	}
}

func TestCompletion(t *testing.T) {
	r := &rig{dir: t.TempDir()}
	r.write(t, "lockstep.yaml", "project: not sound\n")
	r.write(t, "three.yaml", threeNetworks)
	t.Chdir(r.dir)
	for _, test := range []struct {
		line string // words of the command line, the last of which is completed
		want []string
	}{
		{"deploy --config three.yaml --network ", []string{"ethereum", "arbitrum", "local"}},
		{"--config three.yaml status --network a", []string{"arbitrum"}},
		{"rollout --config three.yaml --network=", []string{"ethereum", "arbitrum", "local"}},
		{"pause --config three.yaml --network arbitrum,", []string{"arbitrum,ethereum", "arbitrum,local"}},
		{"pause --config three.yaml --network arbitrum,local,e", []string{"arbitrum,local,ethereum"}},
		{"cancel --config nowhere.yaml --network ", nil},
		{"cancel --network ", nil},
		{"network check --config three.yaml ", []string{"ethereum", "arbitrum", "local"}},
		{"network check --config three.yaml local ", nil},
		{"network check --rpc http://127.0.0.1:1 arbitrum", []string{"arbitrum", "arbitrum-sepolia"}},
		{"address create2 --factory ", []string{"arachnid", "safe", "createx"}},
		{"init --tool ", []string{"forge", "hardhat", "solc"}},
		{"init --tool h", []string{"hardhat"}},
		{"demo --networks ", []string{"three", "all"}},
		{"audit ", []string{"export", "head", "list", "verify"}},
		{"audit list --kind run", []string{"run", "run.found", "run.begun", "run.ended"}},
		{"audit list --config three.yaml --network a", []string{"arbitrum"}},
		{"audit head --config three.yaml --signer ", []string{"deployer", "operator"}},
		{"audit head --config nowhere.yaml --signer ", nil},
		{"completion ", []string{"bash", "zsh", "fish", "powershell"}},
		{"manifest ", []string{"build", "diff", "prove", "show", "verify"}},
		{"help manifest ", []string{"build", "diff", "prove", "show", "verify"}},
		{"help manifest build ", nil},
	} {
		code, stdout, stderr := runMain(t, append([]string{cobra.ShellCompNoDescRequestCmd}, strings.Split(test.line, " ")...)...)
		if code != exitDone {
			t.Errorf("%q: exit code %d: %s", test.line, code, stderr)
		}
		lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		got, directive := lines[:len(lines)-1], lines[len(lines)-1]
		if directive != ":4" { // no file names
			t.Errorf("%q: directive %s", test.line, directive)
		}
		// cobra leaves the choice among a flag's values to the shell where the shell does it anyway
		prefix := test.line[strings.LastIndexAny(test.line, " =")+1:]
		got = slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !strings.HasPrefix(s, prefix) })
		if !slices.Equal(got, test.want) {
			t.Errorf("%q completes to %q, want %q", test.line, got, test.want)
		}
	}
}

const threeNetworks = `project: three
build: { out: artifacts }
dispatcher:
  delay: 3600
  deployer: deployer
  roles: { admin: [operator], governance: [operator], commit: [operator], apply: [operator], pauser: [operator], emergency: [operator] }
facets:
  - { contract: Token }
networks:
  - { name: ethereum, allowPublic: true, rpc: ["https://rpc.example"] }
  - { name: arbitrum, rpc: ["https://rpc.example"] }
  - { name: local, chainId: 31337, kind: local, rpc: ["http://127.0.0.1:1"] }
approvals: { approvers: [operator], required: 1, hotfix: 1 }
signers:
  deployer: { keystore: deployer.json, password: "env:PASSWORD" }
  operator: { keystore: operator.json, password: "env:PASSWORD" }
`
