package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

func newCompletion(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print the script that completes commands in a shell",
		Long: `Print the script that completes commands, flags and their values in bash, zsh, fish or powershell.
Load it when the shell starts; bash needs the package bash-completion.`,
		Example: `  source <(lockstep completion bash)
  lockstep completion zsh > "${fpath[1]}/_lockstep"
  lockstep completion fish > ~/.config/fish/completions/lockstep.fish
  lockstep completion powershell | Out-String | Invoke-Expression`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(e.stdout, true)
			case "zsh":
				return root.GenZshCompletion(e.stdout)
			case "fish":
				return root.GenFishCompletion(e.stdout, true)
			default:
				return root.GenPowerShellCompletionWithDesc(e.stdout)
			}
		},
	}
}

// completes makes a flag complete to what values returns.
func completes(c *cobra.Command, flag string, values func(word string) []string) {
	err := c.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, word string) ([]string, cobra.ShellCompDirective) {
		return values(word), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // there is no such flag: a mistake of the program
	}
}

// oneOf are the values of a flag that are known beforehand.
func oneOf(values ...string) func(string) []string {
	return func(string) []string { return values }
}

// networkNames are the networks of the configuration, none if it cannot be read.
func (e *env) networkNames() []string {
	cfg, err := config.Load(e.configPath)
	if err != nil {
		return nil
	}
	var out []string
	for _, n := range cfg.Networks {
		out = append(out, n.Name)
	}
	return out
}

// signerNames are the signers of the configuration, none if it cannot be read.
func (e *env) signerNames() []string {
	cfg, err := config.Load(e.configPath)
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(cfg.Signers))
}

// networkList completes the last of several networks that are separated by commas.
func (e *env) networkList(word string) []string {
	before := word[:strings.LastIndexByte(word, ',')+1]
	chosen := strings.Split(before, ",")
	var out []string
	for _, name := range e.networkNames() {
		if !slices.Contains(chosen, name) {
			out = append(out, before+name)
		}
	}
	return out
}

// catalogueNames are the networks of the catalogue.
func catalogueNames() []string {
	var out []string
	for _, n := range network.All() {
		out = append(out, n.Name)
	}
	return out
}

func factoryNames() []string {
	var out []string
	for _, f := range network.Factories() {
		out = append(out, f.Name)
	}
	return out
}
