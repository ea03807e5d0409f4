package cli

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestInitShowsAlerts: the example of alerts that init writes is sound when it is uncommented, and says what is wrong where a secret is missing.
func TestInitShowsAlerts(t *testing.T) {
	r := &rig{dir: t.TempDir()}
	t.Chdir(r.dir)
	if code, _, stderr := r.run(t, "", "init"); code != exitDone {
		t.Fatal(stderr)
	}
	problems := func() (out []string) {
		t.Helper()
		_, stdout, stderr := r.run(t, "", "config", "check", "--json")
		var doc struct {
			Problems []struct{ Message string } `json:"problems"`
		}
		if err := json.Unmarshal([]byte(stdout), &doc); err != nil {
			t.Fatal(err, stderr)
		}
		for _, p := range doc.Problems {
			out = append(out, p.Message)
		}
		return out
	}
	before := problems() // there are no keys and no build output
	text := mustRead(t, filepath.Join(r.dir, "lockstep.yaml"))
	example := regexp.MustCompile(`(?m)^# alerts:(.*\n#.*)+`).FindString(text)
	if strings.Count(example, "\n") < 10 {
		t.Fatalf("the example is\n%s", example)
	}
	var lines []string
	for line := range strings.Lines(example) {
		lines = append(lines, strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "#"), " "))
	}
	r.write(t, "lockstep.yaml", strings.Replace(text, example, strings.Join(lines, "\n"), 1))
	if got := strings.Join(problems(), "\n"); !strings.Contains(got, "alerts: sink chat: url: environment variable SLACK_URL is not set") {
		t.Errorf("without secrets:\n%s", got)
	}
	t.Setenv("SLACK_URL", "https://hooks.slack.example/x")
	t.Setenv("PAGERDUTY_KEY", strings.Repeat("k", 32))
	t.Setenv("GRAFANA_SECRET", strings.Repeat("s", 32))
	r.write(t, "hook.key", strings.Repeat("s", 32))
	if diff := cmp.Diff(before, problems()); diff != "" {
		t.Errorf("with alerts (-without +with):\n%s", diff)
	}
}
