// Command generate writes the documents of docs/reference that are made from the program. Run it from the root of the repository: make generate.
package main

import (
	"log"
	"os"

	"github.com/seed-b6a97670/lockstep/internal/cli"
	"github.com/seed-b6a97670/lockstep/internal/lookout"
	"github.com/seed-b6a97670/lockstep/internal/metric"
)

func main() {
	// a reader's environment must not change the documents
	for _, name := range []string{"LOCKSTEP_CONFIG", "LOCKSTEP_JOURNAL"} {
		if err := os.Unsetenv(name); err != nil {
			log.Fatal(err)
		}
	}
	text, err := cli.Reference()
	if err != nil {
		log.Fatal(err)
	}
	ruleText, err := rules()
	if err != nil {
		log.Fatal(err)
	}
	for path, text := range map[string]string{
		"docs/reference/cli.md":                                text,
		"docs/reference/metrics.md":                            metric.Reference(),
		"docs/reference/observability.md":                      lookout.Reference(),
		"docs/reference/observability/dashboard.json":          lookout.Dashboard(),
		"docs/reference/observability/lockstep.rules.yml":      lookout.Rules(),
		"docs/reference/observability/lockstep.rules.test.yml": lookout.RuleTests(),
		"docs/reference/rules.md":                              ruleText,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
