package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMetricsFiles: the program prints the files that are in the documents.
func TestMetricsFiles(t *testing.T) {
	for what, file := range map[string]string{"rules": "lockstep.rules.yml", "dashboard": "dashboard.json"} {
		want, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "observability", file))
		if err != nil {
			t.Fatal(err)
		}
		if code, out, errs := runMain(t, "metrics", what); code != exitDone || out != string(want) || errs != "" {
			t.Errorf("metrics %s: exit code %d, %d bytes of %d, %s", what, code, len(out), len(want), errs)
		}
	}
}
