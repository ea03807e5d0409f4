package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// bashComplete completes the words of its arguments as bash does when Tab is pressed. bash gets the words from the package
// bash-completion, which splits them at other places than the shell itself; there is nothing to split here.
const bashComplete = `
_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
compopt() { :; }
source <(lockstep completion bash)
[[ $(complete -p lockstep) == *__start_lockstep* ]] || exit 9
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_TYPE=9
COMP_POINT=${#COMP_LINE}
__start_lockstep
printf '%s\n' "${COMPREPLY[@]}"
`

// zshComplete can only be asked whether it takes the script: what it completes to is seen on a terminal alone.
const zshComplete = `autoload -U compinit && compinit -u -D && source <(lockstep completion zsh) && [[ $_comps[lockstep] == _lockstep ]]`

const fishComplete = `lockstep completion fish | source; complete -C "$argv" | string split -f1 \t; or true`

// TestCompletionInShells completes networks of a configuration in the shells that are installed; bash always is.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := fmt.Sprintf(marketConfig, 50, facetsOne, "http://127.0.0.1:1")
	mustWrite(t, filepath.Join(dir, "lockstep.yaml"), strings.Replace(config, "networks:\n",
		"networks:\n  - { name: anvil, chainId: 31338, kind: local, rpc: [\"http://127.0.0.1:1\"] }\n", 1))
	line := []string{"lockstep", "deploy", "--network", ""}
	for _, shell := range []struct {
		name string
		args []string
		want []string
	}{
		{"bash", append([]string{"--norc", "-c", bashComplete, "bash"}, line...), []string{"anvil", "local"}},
		{"fish", []string{"--no-config", "-c", fishComplete, strings.Join(line, " ")}, []string{"anvil", "local"}},
		{"zsh", []string{"-f", "-c", zshComplete}, nil},
	} {
		t.Run(shell.name, func(t *testing.T) {
			if _, err := exec.LookPath(shell.name); err != nil && shell.name != "bash" {
				t.Skipf("%s is not installed", shell.name)
			}
			cmd := exec.CommandContext(t.Context(), shell.name, shell.args...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+places.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "HOME="+dir)
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if got := strings.Fields(string(out)); !slices.Equal(got, shell.want) {
				t.Errorf("it completes to %q, want %q", got, shell.want)
			}
		})
	}
}
