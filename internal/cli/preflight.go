package cli

import (
	"context"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/seed-b6a97670/lockstep/internal/app"
)

// confirmDeploy shows what a deployment will do and cost, and asks.
func (e *env) confirmDeploy(ctx context.Context, planned []app.Outcome) error {
	e.endProgress(nil) // a network that was out of reach has begun the table
	if planned != nil {
		e.showPreflight(e.stderr, planned)
	}
	return e.confirm(ctx, e.question)
}

// showPreflight prints one table of what a deployment will do and cost.
func (e *env) showPreflight(w io.Writer, planned []app.Outcome) {
	rows := [][]string{{"NETWORK", "TRANSACTIONS", "GAS LIMITS", "MAY COST", "FOR DATA", "BALANCE", "NONCE", "STATE"}}
	rough := false
	for _, o := range planned {
		p := o.Preflight
		if p == nil {
			rows = append(rows, []string{o.Network, "-", "-", "-", "-", "-", "-", "interrupted"})
			continue
		}
		state := "ready"
		switch {
		case len(p.Problems) > 0:
			state = "not ready"
		case p.Transactions == 0:
			state = "done already"
		}
		gas := fmt.Sprint(p.Gas)
		if p.Rough > 0 {
			gas, rough = "~"+gas, true
		}
		balance := coins(p.Balance, 0)
		if p.Transactions == 0 {
			balance = "-" // it was not asked for
		}
		rows = append(rows, []string{
			o.Network, fmt.Sprint(p.Transactions), gas, coins(p.Cost, 999_999_999_999), coins(p.DataFee, 999_999_999_999), balance, fmt.Sprint(p.Nonce), state,
		})
	}
	table(w, rows)
	fmt.Fprintln(w, "Costs and balances are in the coin of each network. A transaction that is stuck is replaced by one that\noffers more: up to ten times, or maxFee.")
	if rough {
		fmt.Fprintln(w, "~ More transactions than a node simulates at once: the gas of some is a guess from above.")
	}
}

// coins is an amount in the coin of a network, in millionths, after some wei are added: costs are rounded up, so that nothing
// looks free that is not, and balances down.
func coins(w *app.Wei, add int64) string {
	millionths := new(big.Int).Add(&w.Int, big.NewInt(add))
	millionths.Quo(millionths, big.NewInt(1_000_000_000_000))
	text := new(big.Rat).SetFrac(millionths, big.NewInt(1_000_000)).FloatString(6)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}
