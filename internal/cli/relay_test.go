package cli

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/audit"
	"github.com/seed-b6a97670/lockstep/internal/relay"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// relayed writes relayed.yaml, with relays on one of two networks, and relayed.db, which has seen something of them.
func relayed(t *testing.T, r *rig) {
	t.Helper()
	t.Setenv("RELAY_URL", "https://hunter2.example/hunter2")
	edited("one.yaml", "relayed.yaml", "kind: local,", `kind: local, choice: measured, patience: 5, relays: [`+
		`{ name: mine, url: "env:RELAY_URL" }, { name: other, kind: bloxroute, method: m, url: "file:hunter2", authorization: "file:hunter2" }],`)(t, r)
	edited("relayed.yaml", "relayed.yaml", "networks:\n", "networks:\n  - { name: another, chainId: 31338, kind: local, rpc: [\"http://127.0.0.1:1\"] }\n")(t, r)
	s, err := store.Open(t.Context(), r.path("relayed.db"), "test")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	at := time.Unix(1_700_000_000, 0)
	for i, m := range []relay.Measurement{
		{Relay: "mine", Outcome: relay.OutcomeRefused, Reason: "relay mine refuses (no such account)", At: at},
		{Relay: "mine", Outcome: relay.OutcomeTaken, Again: true, Took: 30 * time.Millisecond},
		{Relay: "mine", Outcome: relay.OutcomeTaken, Took: 10 * time.Millisecond},
		{Relay: "mine", Outcome: relay.OutcomeLate, Blocks: 5},
		{Relay: "mine", Outcome: relay.OutcomeLanded, Blocks: 1, GasPrice: big.NewInt(3 * params.GWei), BaseFee: big.NewInt(params.GWei)},
		{Relay: "mine", Outcome: relay.OutcomeLanded, Blocks: 2, GasPrice: big.NewInt(2 * params.GWei), BaseFee: big.NewInt(params.GWei)},
		{Relay: "mine", Outcome: relay.OutcomeCancelled},
		{Relay: "gone", Outcome: relay.OutcomeUnsent, Reason: "relay gone cannot be reached", At: at},
	} {
		m.Hashes = []common.Hash{{byte(i)}}
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Measure(t.Context(), store.RelayMeasurement{
			ChainID: 31337, Relay: m.Relay, Outcome: string(m.Outcome), Hash: m.Hashes[0], Body: body, Kind: audit.RelayEnded, Entry: audit.RelayEnd{},
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRelayList(t *testing.T) {
	r := newRig(t)
	relayed(t, r)
	code, out, errs := r.run(t, "", "relay", "list", "--config", "@relayed.yaml", "--journal", "@relayed.db")
	const want = `NETWORK  RELAY   KIND           PRIVACY  TAKEN  FAILED  MISSED  LANDED  BLOCKS  PRICE  ANSWERS
another  public  endpoints      public   0      0       0       0       -       -      -
local    mine    rpc            relay    1      1       1       2       1.5     2.50   20 ms
local    other   bloxroute      relay    0      0       0       0       -       -      -
local    gone    not asked now           0      1       0       0       -       -      -
local, last error at 2023-11-14 22:13:20: relay mine refuses (no such account)
local, last error at 2023-11-14 22:13:20: relay gone cannot be reached
`
	if code != exitDone || out != want || errs != "" {
		t.Errorf("exit code %d\n%s%s\nwant\n%s", code, out, errs, want)
	}
	checkWidth(t, "relay list", out)
	_, document, _ := r.run(t, "", "relay", "list", "--config", "@relayed.yaml", "--journal", "@relayed.db", "--json")
	if strings.Contains(out+document, "hunter2") {
		t.Errorf("it shows where secrets are:\n%s%s", out, document)
	}
}
