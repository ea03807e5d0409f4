package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestLongWords: what others write fits, whatever it is, and nothing of it is lost.
func TestLongWords(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("x", 96), strings.Repeat("x", 97), strings.Repeat("é", 300), "a " + strings.Repeat("b", 200) + " c", strings.Repeat("word ", 50), "",
	} {
		got := wrapped(text)
		checkWidth(t, text, got)
		if strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(text), "") {
			t.Errorf("%s becomes\n%s", text, got)
		}
	}
	var out bytes.Buffer
	e := &env{stdout: &out}
	alert := app.KeptAlert{Record: rule.Record{ID: 1, Alert: rule.Alert{Rule: rule.External, Summary: strings.Repeat("x", 250), Subject: strings.Repeat("y", 250)}}}
	e.showAlerts([]app.KeptAlert{alert}, true, false)
	e.showAlert(alert)
	e.showAcknowledged(app.Acknowledged{KeptAlert: alert, Done: true}, "", true)
	hash := `"0x` + strings.Repeat("ab", 32) + `"`
	e.showEvents([]app.IndexedEvent{{
		Network: "arbitrum", Block: 412_345_678, BlockTime: 1_790_000_000, Name: "RoleAdminChanged",
		Fields: []byte(`{"role": ` + hash + `, "previousAdminRole": ` + hash + `, "newAdminRole": ` + hash + `}`),
	}})
	checkWidth(t, "what is printed", out.String())
	if text := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(text, "role=0xabababab.. previousAdminRole=0xabababab.. newAdminRole=0xabababab..") {
		t.Errorf("of the event:\n%s", out.String())
	}
}
