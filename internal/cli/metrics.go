package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/seed-b6a97670/lockstep/internal/lookout"
)

func newMetrics(e *env) *cobra.Command {
	return group("metrics", "Print what Prometheus and Grafana need to watch lockstep serve", newMetricsRules(e), newMetricsDashboard(e))
}

func newMetricsRules(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "Print the rules for Prometheus",
		Long: `Print the rules for Prometheus: alerts on what lockstep serve shows at /metrics, and series that the
dashboard needs. docs/reference/observability.md says what to do about each alert.`,
		Example: "  lockstep metrics rules > /etc/prometheus/lockstep.rules.yml",
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(e.stdout, lookout.Rules())
			return err
		},
	}
}

func newMetricsDashboard(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "dashboard",
		Short: "Print the dashboard for Grafana",
		Long: `Print the dashboard for Grafana 10 and later, to import. It asks which Prometheus it is to read, and
needs the rules of lockstep metrics rules there.`,
		Example: "  lockstep metrics dashboard > lockstep.json",
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(e.stdout, lookout.Dashboard())
			return err
		},
	}
}
