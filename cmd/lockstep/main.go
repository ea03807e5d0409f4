// Command lockstep operates smart-contract upgrades on many EVM networks at once.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/seed-b6a97670/lockstep/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
