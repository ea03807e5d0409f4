package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/demo"
)

func newDemo(e *env) *cobra.Command {
	var keep bool
	var networks string
	c := &cobra.Command{
		Use:   "demo",
		Short: "Go the whole path on networks in process",
		Long: `Start networks in process (real geth nodes with the chain ids of Ethereum, Arbitrum One and Base, or
with --networks all of every usable network of the catalogue), deploy an example protocol, roll out
version 1, use it, upgrade to version 2 with an init call, use that, and return to the routes of
version 1. The summary is read from the networks by code that the sender does not share.`,
		Example: "  lockstep demo\n  lockstep demo --json\n  lockstep demo --keep\n  lockstep demo --networks all",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if networks != "three" && networks != "all" {
				return usageError{fmt.Errorf("--networks %s: want three or all", networks)}
			}
			return e.demo(cmd.Context(), networks == "all", keep)
		},
	}
	c.Flags().StringVar(&networks, "networks", "three", "three, or all of the catalogue that can be used")
	completes(c, "networks", oneOf("three", "all"))
	c.Flags().BoolVar(&keep, "keep", false, "leave the networks up until interrupted, and print their RPC addresses")
	return c
}

func (e *env) demo(ctx context.Context, all, keep bool) (err error) {
	dir, err := os.MkdirTemp("", "lockstep-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	say := func(line string) {
		out := e.stdout
		if e.json {
			out = e.stderr
		}
		fmt.Fprintln(out, line)
	}
	d, err := demo.Start(demo.Options{Dir: dir, Log: e.logger(), Say: say, All: all})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	r, err := d.Run(ctx)
	if err != nil {
		return err
	}
	if e.json {
		doc := struct {
			*demo.Result
			Endpoints []demo.Endpoint `json:"endpoints,omitempty"`
		}{Result: r}
		if keep {
			doc.Endpoints = d.Endpoints()
		}
		if err := e.printJSON(doc); err != nil {
			return err
		}
	} else {
		e.showDemo(r)
	}
	if !r.Consistent {
		return errors.New("the networks do not agree: this is a defect")
	}
	if !keep {
		return nil
	}
	if !e.json {
		fmt.Fprintln(e.stdout, "\nThe networks stay up until you press Ctrl-C:")
		for _, ep := range d.Endpoints() {
			fmt.Fprintf(e.stdout, "  %-16s chain id %-6d %s\n", ep.Name, ep.ChainID, ep.URL)
		}
		fmt.Fprintf(e.stdout, "for instance: cast call %s 'activeEpoch()(uint64)' --rpc-url %s\n",
			r.Networks[0].Dispatcher, d.Endpoints()[0].URL)
	}
	<-ctx.Done()
	return nil
}

func (e *env) showDemo(r *demo.Result) {
	fmt.Fprintln(e.stdout, "\nWhat each step cost, over all networks:")
	rows := [][]string{{"STEP", "TRANSACTIONS", "BLOCKS", "GAS", "SECONDS"}}
	for _, s := range r.Steps {
		rows = append(rows, []string{
			s.Name, fmt.Sprint(s.Transactions), fmt.Sprint(s.Blocks), fmt.Sprint(s.GasUsed), fmt.Sprintf("%.1f", s.Seconds),
		})
	}
	e.table(rows)
	fmt.Fprintln(e.stdout, "\nWhat the networks say, read by code that the sender does not share:")
	rows = [][]string{{"NETWORK", "CHAIN ID", "EPOCH", "ACTIVE ROOT", "TRANSACTIONS", "BLOCKS", "GAS"}}
	for _, n := range r.Networks {
		rows = append(rows, []string{
			n.Name, fmt.Sprint(n.ChainID), fmt.Sprint(n.ActiveEpoch), n.ActiveRoot[:18] + "..", fmt.Sprint(n.Transactions),
			fmt.Sprint(n.Blocks), fmt.Sprint(n.GasUsed),
		})
	}
	e.table(rows)
	fmt.Fprintf(e.stdout, "same routes, same address, same code on all %d networks: %v\n", len(r.Networks), r.Consistent)
}
