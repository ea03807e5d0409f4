package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/config"
	"github.com/seed-b6a97670/lockstep/internal/network"
)

func newNetwork(e *env) *cobra.Command {
	return group("network", "List the known networks, and check live ones", newNetworkList(e), newNetworkCheck(e))
}

func newNetworkList(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the catalogue of networks",
		Long: `List the networks that the program knows: GAS is the most that one transaction may use, DEPTH how
many blocks deep a step must be to be final. A network that is not listed, or for which something
else is right, is described in lockstep.yaml. What a network can do changes with its forks: network
check asks a live one.`,
		Example: "  lockstep network list",
		RunE: func(*cobra.Command, []string) error {
			all := network.All()
			if e.json {
				return e.printJSON(map[string]any{"networks": all, "factories": network.Factories()})
			}
			rows := [][]string{{"NAME", "CHAIN ID", "KIND", "GRACE", "GAS", "DEPTH", "PRIVACY", "STATUS"}}
			for _, n := range all {
				status := n.Status
				if n.Refusal() != "" {
					status = "refused: its rules differ"
				} else if len(n.Opcodes.Missing()) > 0 && status == "live" {
					status = "no " + strings.Join(n.Opcodes.Missing(), ", ")
				}
				rows = append(rows, []string{
					n.Name, fmt.Sprint(n.ChainID), n.Kind, fmt.Sprintf("%d s", n.Grace), fmt.Sprintf("%.1fM", float64(n.GasCap)/1e6),
					fmt.Sprint(n.Confirmations), n.Privacy, status,
				})
			}
			e.table(rows)
			return nil
		},
	}
}

func newNetworkCheck(e *env) *cobra.Command {
	var rpc string
	c := &cobra.Command{
		Use:   "check [NAME]",
		Short: "Ask live networks what the catalogue says of them",
		Long: `Ask each network of the configuration, or with --rpc one of the catalogue: chain id, opcodes (by
running them), the rule of code hashes, base fee, gas of a block, and which CREATE2 factories are
there with known code. The one of the configuration must be; with --rpc, any will do. Nothing is
sent.

` + exitCodes,
		Example: "  lockstep network check\n  lockstep network check base --rpc env:BASE_RPC_URL",
		Args:    cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(args) > 0:
				return nil, cobra.ShellCompDirectiveNoFileComp
			case rpc != "":
				return catalogueNames(), cobra.ShellCompDirectiveNoFileComp
			}
			return e.networkNames(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			var checks []app.NetworkCheck
			if rpc != "" {
				if len(args) == 0 {
					return usageError{errors.New("--rpc needs the name of a network of the catalogue: see lockstep network list")}
				}
				n, ok := network.Lookup(args[0])
				if !ok {
					return usageError{fmt.Errorf("network %q is not in the catalogue: see lockstep network list, or describe it in lockstep.yaml", args[0])}
				}
				url, err := (&config.Config{}).Resolve(config.Ref(rpc))
				if err != nil {
					return err
				}
				check, err := app.CheckNetwork(cmd.Context(), n, []string{url})
				if err != nil {
					return err
				}
				checks = append(checks, check)
			} else {
				e.networks = append(e.networks, args...)
				a, _, err := e.open()
				if err != nil {
					return err
				}
				defer closing(a, &err)
				if checks, err = a.CheckNetworks(cmd.Context()); err != nil {
					return err
				}
			}
			if e.json {
				if err := e.printJSON(map[string]any{"networks": checks}); err != nil {
					return err
				}
			}
			found := 0
			for _, check := range checks {
				if !e.json {
					e.showNetwork(check)
				}
				found += len(check.Problems) + len(check.Differences)
			}
			if found > 0 {
				return differenceError{fmt.Errorf("%d found on %d networks", found, len(checks))}
			}
			return nil
		},
	}
	c.Flags().StringVar(&rpc, "rpc", "", "endpoint, URL or env:NAME, of one network of the catalogue")
	return onNetworks(e, c)
}

func (e *env) showNetwork(check app.NetworkCheck) {
	state := "usable"
	if !check.Usable() {
		state = "NOT USABLE"
	}
	fmt.Fprintf(e.stdout, "%s (chain id %d) at block %d: %s\n", check.Network, check.ChainID, check.Block, state)
	for _, f := range check.Factories {
		fmt.Fprintf(e.stdout, "  factory %-8s %s\n", f.Name, f.State)
	}
	for _, p := range check.Problems {
		fmt.Fprintf(e.stdout, "  problem: %s\n", p)
	}
	for _, d := range check.Differences {
		fmt.Fprintf(e.stdout, "  differs: %s\n", d)
	}
}
