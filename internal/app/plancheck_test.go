package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/go-cmp/cmp"
	"github.com/holiman/uint256"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/plan"
)

func callTo(to common.Address, data []byte) ethereum.CallMsg {
	return ethereum.CallMsg{To: &to, Data: data}
}

// oneFacet is a project of one facet on one local network.
var oneFacet = conf{facets: []string{"Vault"}, places: []place{local(71)}}

func (c conf) with(facets ...string) conf { c.facets = facets; return c }

func (c conf) on(places ...place) conf { c.places = places; return c }

// live deploys a version and makes it live, on networks where no plan is needed.
func (s *site) live(c conf, change ...func(*app.Options)) program {
	s.t.Helper()
	p := s.open(c, change...)
	if _, err := p.Deploy(s.ctx(), p.m, false); err != nil {
		s.t.Fatal(err)
	}
	if _, err := p.Rollout(s.ctx(), p.m, p.file, false); err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *site) dispatcher(p program) common.Address {
	s.t.Helper()
	address, err := p.Dispatcher()
	if err != nil {
		s.t.Fatal(err)
	}
	return address
}

// commit makes a git repository of the folder, in which all is committed.
func (s *site) commit() {
	s.t.Helper()
	for _, args := range [][]string{
		{"init", "--quiet"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "--quiet", "--message", "all"},
	} {
		cmd := exec.CommandContext(s.t.Context(), "git", args...)
		cmd.Dir = s.dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			s.t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
}

// looked is a request whose source is looked at.
func (p program) looked(action string) app.PlanRequest {
	req := p.request(action)
	req.Source = nil
	return req
}

// before starts an endpoint before a network's, which may answer a request by itself, or change an answer.
func before(t *testing.T, url string, answer func(method string) any, change func(method string, result []byte) []byte) string {
	t.Helper()
	type message struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method,omitempty"`
		Params  json.RawMessage `json:"params,omitempty"`
		Result  json.RawMessage `json:"result,omitempty"`
		Error   any             `json:"error,omitempty"`
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked message
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if e := answer(asked.Method); e != nil {
			_ = json.NewEncoder(w).Encode(message{Version: "2.0", ID: asked.ID, Error: e})
			return
		}
		body, err := json.Marshal(asked)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		up, err := http.Post(url, "application/json", bytes.NewReader(body)) //nolint:gosec // the devnet's own URL
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer func() { _ = up.Body.Close() }()
		raw, err := io.ReadAll(up.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		_, _ = w.Write(change(asked.Method, raw))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func nothingOf(string) any { return nil }

func same(_ string, answer []byte) []byte { return answer }

// cannotSimulate answers as nodes do that lack the method.
func cannotSimulate(method string) any {
	if method != "eth_simulateV1" {
		return nil
	}
	return map[string]any{"code": -32601, "message": "the method eth_simulateV1 does not exist/is not available"}
}

// liar says that another root would be active after what it has simulated.
func liar(root common.Hash) func(string, []byte) []byte {
	return func(method string, answer []byte) []byte {
		if method != "eth_simulateV1" {
			return answer
		}
		return bytes.ReplaceAll(answer, []byte(root.Hex()[2:]), []byte(common.HexToHash("0xbad").Hex()[2:]))
	}
}

// sourcify answers as a Sourcify server, version 2: it has all contracts, or none.
func sourcify(t *testing.T, verified bool) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/server/v2/contract/"), "/")
		match := any(nil)
		if verified {
			match = "exact_match"
		} else {
			w.WriteHeader(http.StatusNotFound)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{
			"match": match, "creationMatch": match, "runtimeMatch": match, "chainId": parts[0], "address": parts[1],
		})
	}))
	t.Cleanup(server.Close)
	return server.URL + "/server"
}

// checkCase makes a check trip, or something near to it that does not.
type checkCase struct {
	id    string
	what  string
	also  []string // checks that trip with it
	make  func(t *testing.T, trips bool) (*site, program, app.PlanRequest)
	about string // what its message says
}

func either[T any](trips bool, a, b T) T {
	if trips {
		return a
	}
	return b
}

// fresh is a rollout of facets to a network with nothing on it.
func fresh(facet, near string) func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
	return func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
		s := newSite(t, local(71))
		p := s.open(oneFacet.with("Vault", either(trips, facet, near)))
		s.commit()
		return s, p, p.looked(plan.Rollout)
	}
}

// upgrade is one from a version that is live.
func upgrade(facet, near string, change func(s *site, trips bool, req *app.PlanRequest)) func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
	return func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
		s := newSite(t, local(71))
		s.live(oneFacet)
		p := s.open(oneFacet.with(either(trips, facet, near)))
		s.commit()
		req := p.looked(plan.Rollout)
		req.OldBuild = filepath.Join(s.dir, "out.json")
		if change != nil {
			change(s, trips, &req)
		}
		return s, p, req
	}
}

var checkCases = []checkCase{
	{id: plan.SelectorRemoved, what: "a function less", about: "drop()", make: upgrade("VaultWithoutDrop", "VaultDoubling", nil)},
	{id: plan.LayoutChanged, what: "another variable first", about: "total", make: upgrade("VaultMoved", "VaultDoubling", nil)},
	{
		id: plan.LayoutNotCompared, what: "no build of the version in use", about: "src/Plan.sol:Vault by src/Plan.sol:VaultDoubling",
		make: upgrade("VaultDoubling", "VaultDoubling", func(_ *site, trips bool, req *app.PlanRequest) {
			if trips {
				req.OldBuild = ""
			}
		}),
	},
	{id: plan.StorageCollision, what: "one slot for two", about: "owner", make: fresh("Clashing", "Reading")},
	{id: plan.FacetProxy, what: "delegates", about: "delegates to code that the manifest does not pin", make: fresh("Delegating", "Calling")},
	{id: plan.FacetSelfdestruct, what: "destructs", about: "SELFDESTRUCT", make: fresh("Destructing", "Paying")},
	{
		id: plan.HolderDelegated, what: "EIP-7702", about: "0x00000000000000000000000000000000000000AA",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			p := s.open(oneFacet)
			s.delegate("net71", either(trips, "guardian", "outsider"), common.HexToAddress("0xaa"))
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.DelayUnderFloor, what: "a minute on a mainnet", about: "60 s",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, mainnet(72))
			// the configuration refuses it as well, so it is set behind its back
			p := s.open(oneFacet.on(mainnet(72)), func(o *app.Options) { o.Config.Dispatcher.Delay = either[uint64](trips, 60, 3600) })
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.RoleMissing, what: "the pauser is none any more", also: []string{plan.WouldRevert}, about: "PAUSER_ROLE",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			p := s.live(oneFacet)
			s.revoke(p, "PAUSER_ROLE", "guardian")
			if trips { // who holds EMERGENCY_ROLE may pause
				s.revoke(p, "EMERGENCY_ROLE", "guardian")
			}
			return s, p, p.request(plan.Pause)
		},
	},
	{
		id: plan.RoleMissing, what: "nobody can apply pages", also: []string{plan.Blocked}, about: "APPLY_ROLE",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			s.live(oneFacet)
			p := s.open(oneFacet.with("VaultDoubling"))
			if _, err := p.Deploy(s.ctx(), p.m, false); err != nil {
				t.Fatal(err)
			}
			s.revoke(p, either(trips, "APPLY_ROLE", "PAUSER_ROLE"), either(trips, "operator", "guardian"))
			return s, p, p.request(plan.Rollback)
		},
	},
	{
		id: plan.RoleMissing, what: "nothing to pause", also: []string{plan.WouldRevert}, about: "PAUSER_ROLE",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			p := s.live(oneFacet)
			if !trips { // it is paused already, so no role is missing
				s.send("net71", "guardian", s.dispatcher(p), dispatcherABI.PackPause())
			}
			s.revoke(p, "PAUSER_ROLE", "guardian")
			s.revoke(p, "EMERGENCY_ROLE", "guardian")
			return s, p, p.request(plan.Pause)
		},
	},
	{
		id: plan.BalanceLow, what: "a poor deployer", about: "1000000000 wei",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			at := local(71)
			at.poor = either(trips, "deployer", "guardian") // who sends nothing here
			s := newSite(t, at)
			p := s.open(oneFacet)
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.GasOverCap, what: "a low cap", about: "700000",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			at := local(71)
			s := newSite(t, at)
			at.more = either(trips, ", gasCap: 700000", ", gasCap: 5000000")
			p := s.open(oneFacet.on(at))
			return s, p, p.request(plan.Deploy)
		},
	},
	{
		id: plan.FeeOverCeiling, what: "a low ceiling", about: "wei",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			at := local(71)
			s := newSite(t, at)
			at.more = either(trips, `, maxFee: "0.01 gwei"`, `, maxFee: "2 gwei"`)
			p := s.open(oneFacet.on(at))
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.CodeNotVerified, what: "the server has it not", about: "its sources are not verified",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			return onTestnet(t, fmt.Sprintf("verification: {sourcify: %q}", sourcify(t, !trips)))
		},
	},
	{
		id: plan.CodeNotVerified, what: "no server", about: "it is not known",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			return onTestnet(t, either(trips, "", fmt.Sprintf("verification: {sourcify: %q}", sourcify(t, true))))
		},
	},
	{
		id: plan.CodeNotVerified, what: "a server that is down", about: "not known",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			return onTestnet(t, fmt.Sprintf("verification: {sourcify: %q}", either(trips, "http://127.0.0.1:1", sourcify(t, true))))
		},
	},
	{
		id: plan.SourceNotClean, what: "a change", about: "lockstep.yaml",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s, p, req := fresh("Reading", "Reading")(t, trips)
			if trips {
				s.put("lockstep.yaml", "# changed\n")
			}
			return s, p, req
		},
	},
	{
		id: plan.SourceNotClean, what: "files that were not added", about: "file-with-a-name-that-takes-its-place-00",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s, p, req := fresh("Reading", "Reading")(t, trips)
			long := strings.Repeat("folder-with-a-name-that-is-long/", 8)
			for i := range 25 {
				name := fmt.Sprintf("%sfile-with-a-name-that-takes-its-place-%02d", long, i)
				s.put(name, "new")
				if !trips {
					req.Ignore = append(req.Ignore, name)
				}
			}
			return s, p, req
		},
	},
	{
		id: plan.SourceNotClean, what: "no repository", about: "no git repository",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			p := s.open(oneFacet)
			if !trips {
				s.commit()
			}
			return s, p, p.looked(plan.Rollout)
		},
	},
	{
		id: plan.SourceNotClean, what: "another manifest than the build gives", about: "the build and the configuration give root",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			other := s.open(oneFacet.with("VaultDoubling"))
			p := s.open(oneFacet)
			s.commit()
			if trips {
				p.m, p.file = other.m, other.file
			}
			return s, p, p.looked(plan.Rollout)
		},
	},
	{
		id: plan.WouldRevert, what: "an init call that reverts", about: "nothing to begin with",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			c := oneFacet
			c.init = either(trips, "0", "1")
			p := s.open(c)
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.WrongOutcome, what: "an endpoint that lies", about: common.HexToHash("0xbad").Hex(),
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			at := local(71)
			s := newSite(t, at)
			// the root is in what an observer sees, not in what the calls do: a page holds no root, a commit does
			root := either(trips, s.open(oneFacet).m.Root, common.HexToHash("0xdead"))
			at.urls = func(url string) string { return fmt.Sprintf("%q", before(t, url, nothingOf, liar(root))) }
			p := s.open(oneFacet.on(at))
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.NotSimulated, what: "two endpoints that cannot", about: "eth_simulateV1",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			at := local(71)
			s := newSite(t, at)
			at.urls = func(url string) string {
				return fmt.Sprintf("%q, %q", before(t, url, cannotSimulate, same), before(t, url, either(trips, cannotSimulate, nothingOf), same))
			}
			p := s.open(oneFacet.on(at))
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.Blocked, what: "somebody else's root", about: common.HexToHash("0xbad").Hex(),
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			p := s.open(oneFacet)
			if _, err := p.Deploy(s.ctx(), p.m, false); err != nil {
				t.Fatal(err)
			}
			if trips {
				s.send("net71", "operator", s.dispatcher(p), dispatcherABI.PackCommitRoot(common.HexToHash("0xbad"), 1))
			}
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.Blocked, what: "no dispatcher to pause", about: "there is no dispatcher",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			p := s.open(oneFacet)
			if !trips {
				p = s.live(oneFacet)
			}
			return s, p, p.request(plan.Pause)
		},
	},
	{
		id: plan.Blocked, what: "other code where the dispatcher is to be", about: "find out who put it there",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			none := newSite(t)
			taken := none.dispatcher(none.open(oneFacet))
			at := local(71)
			at.code = map[common.Address][]byte{either(trips, taken, common.HexToAddress("0xaa")): {0x60, 0x00}}
			s := newSite(t, at)
			p := s.open(oneFacet)
			return s, p, p.request(plan.Rollout)
		},
	},
	{
		id: plan.Blocked, what: "a return to contracts that are not there", about: "VaultDoubling at 0x",
		make: func(t *testing.T, trips bool) (*site, program, app.PlanRequest) {
			s := newSite(t, local(71))
			s.live(oneFacet)
			p := s.open(oneFacet.with("VaultDoubling"))
			if !trips {
				if _, err := p.Deploy(s.ctx(), p.m, false); err != nil {
					t.Fatal(err)
				}
			}
			return s, p, p.request(plan.Rollback)
		},
	},
}

// onTestnet has a dispatcher on a public network.
func onTestnet(t *testing.T, more string) (*site, program, app.PlanRequest) {
	t.Helper()
	s := newSite(t, testnet(73))
	c := oneFacet.on(testnet(73))
	c.more = more
	p := s.open(c)
	if _, err := p.Deploy(s.ctx(), p.m, false); err != nil {
		t.Fatal(err)
	}
	s.commit()
	return s, p, p.looked(plan.Rollout)
}

// revoke takes a role from somebody on the first network.
func (s *site) revoke(p program, role, from string) {
	s.t.Helper()
	network := p.Networks()[0].Name
	s.send(network, "admin", s.dispatcher(p), dispatcherABI.PackRevokeRole(crypto.Keccak256Hash([]byte(role)), s.address(from)))
}

// put writes to the end of a file of the project.
func (s *site) put(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, append(old, text...), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// delegate hands an account over to a contract (EIP-7702).
func (s *site) delegate(network, who string, to common.Address) {
	s.t.Helper()
	s.sendTx(network, "outsider", func(id *big.Int, nonce uint64) types.TxData {
		chain := *uint256.MustFromBig(id)
		at, err := s.dial(network).NonceAt(s.ctx(), s.address(who), nil)
		if err != nil {
			s.t.Fatal(err)
		}
		if who == "outsider" {
			at = nonce + 1
		}
		auth, err := types.SignSetCode(s.keys[who], types.SetCodeAuthorization{ChainID: chain, Address: to, Nonce: at})
		if err != nil {
			s.t.Fatal(err)
		}
		return &types.SetCodeTx{
			ChainID: &chain, Nonce: nonce, Gas: 200_000, GasFeeCap: uint256.NewInt(100 * params.GWei), GasTipCap: uint256.NewInt(1),
			To: s.address("outsider"), AuthList: []types.SetCodeAuthorization{auth},
		}
	})
	var want []byte
	if to != (common.Address{}) { // which takes it back
		want = types.AddressToDelegation(to)
	}
	code, err := s.dial(network).CodeAt(s.ctx(), s.address(who), nil)
	if err != nil || !bytes.Equal(code, want) {
		s.t.Fatalf("%s has code %#x (%v)", who, code, err)
	}
}

// TestChecks makes each check trip and almost trip, and looks at what becomes of the plan.
func TestChecks(t *testing.T) {
	covered := map[string]bool{}
	for _, c := range checkCases {
		covered[c.id] = true
	}
	for _, id := range plan.Checks() {
		if !covered[id] {
			t.Errorf("check %s has no case", id)
		}
		delete(covered, id)
	}
	if len(covered) > 0 {
		t.Errorf("cases of no check: %v", covered)
	}
	for _, c := range checkCases {
		t.Run(c.id+"/"+c.what, func(t *testing.T) {
			t.Parallel()
			s, p, req := c.make(t, true)
			s.mustTrip(p, req, c)
		})
		t.Run(c.id+"/almost "+c.what, func(t *testing.T) {
			t.Parallel()
			s, p, req := c.make(t, false)
			made := s.plan(p, req)
			for _, found := range made.Observations.Checks {
				// what is near may be warned of otherwise
				if found.ID == c.id || found.Severity != plan.Warning {
					t.Errorf("%s", found)
				}
			}
			req.Hotfix = true
			if _, err := p.MakePlan(s.ctx(), req); err == nil || !strings.Contains(err.Error(), "nothing for a hotfix to accept") {
				t.Errorf("as a hotfix: %v", err)
			}
		})
	}
}

func ids(checks []plan.Check) (out []string) {
	for _, c := range checks {
		out = append(out, c.ID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func (s *site) mustTrip(p program, req app.PlanRequest, c checkCase) {
	s.t.Helper()
	made, err := p.MakePlan(s.ctx(), req)
	if made == nil {
		s.t.Fatalf("no plan, not even one with what was found: %v", err)
	}
	var refusing []plan.Check
	for _, found := range made.Observations.Checks {
		if found.Severity != plan.SeverityOf(found.ID) || found.Message == "" || found.Remedy == "" || found.Subject == "" {
			s.t.Errorf("%+v", found)
		}
		if found.Severity != plan.Warning {
			refusing = append(refusing, found)
		}
	}
	tripped := slices.DeleteFunc(ids(made.Observations.Checks), func(id string) bool {
		return id != c.id && plan.SeverityOf(id) == plan.Warning && !slices.Contains(c.also, id)
	})
	want := append([]string{c.id}, c.also...)
	slices.Sort(want)
	if diff := cmp.Diff(want, tripped); diff != "" {
		s.t.Fatalf("tripped (-want +got):\n%s\n%v", diff, made.Observations.Checks)
	}
	if !slices.ContainsFunc(made.Observations.Checks, func(f plan.Check) bool { return f.ID == c.id && strings.Contains(f.String(), c.about) }) {
		s.t.Errorf("nothing says %q: %v", c.about, made.Observations.Checks)
	}

	severity := plan.SeverityOf(c.id)
	var refused *app.RefusedPlanError
	switch {
	case severity == plan.Warning:
		if err != nil {
			s.t.Fatalf("a warning refuses the plan: %v", err)
		}
		s.mustRead(made)
	case !errors.As(err, &refused):
		s.t.Fatalf("got %v, want that the plan is refused", err)
	default:
		if diff := cmp.Diff(refusing, refused.Checks); diff != "" || refused.Hotfix != (severity == plan.Error) {
			s.t.Errorf("a hotfix could accept it: %t; refusing (-found +refused):\n%s", refused.Hotfix, diff)
		}
	}

	// as a hotfix it is made where errors are all that stands in the way, and says what it accepts
	req.Hotfix = true
	again, err := p.MakePlan(s.ctx(), req)
	if severity != plan.Error {
		if err == nil {
			s.t.Errorf("a hotfix accepts what is %s", severity)
		}
		return
	}
	if err != nil {
		s.t.Fatalf("as a hotfix: %v", err)
	}
	s.mustRead(again)
	var accepted []plan.Accepted
	for _, found := range refusing {
		if a := (plan.Accepted{Check: found.ID, Network: found.Network, Subject: found.Subject}); !slices.Contains(accepted, a) {
			accepted = append(accepted, a)
		}
	}
	if diff := cmp.Diff(accepted, again.Intent.Accepted); diff != "" || !again.Intent.Hotfix {
		s.t.Errorf("accepted (-errors found +accepted):\n%s", diff)
	}
	// and it does all that it would do otherwise
	for i, n := range again.Intent.Networks {
		if diff := cmp.Diff(made.Intent.CallsOf(made.Intent.Networks[i]), again.Intent.CallsOf(n)); diff != "" {
			s.t.Errorf("the hotfix makes other calls:\n%s", diff)
		}
		if req.Action == plan.Rollout && (n.Root != p.m.Root || len(n.Calls) < 3) {
			s.t.Errorf("the hotfix brings root %s with %d calls", n.Root, len(n.Calls))
		}
	}
}

// TestLargeDeploymentIsSimulated: what a plan does need not fit into one block.
func TestLargeDeploymentIsSimulated(t *testing.T) {
	t.Parallel()
	at := local(71)
	at.limit = 4_000_000
	s := newSite(t, at)
	at.more = ", gasCap: 4000000"
	p := s.open(oneFacet.on(at).with("Vault", "Reading", "Paying", "Calling"))
	before := s.state("net71", s.dispatcher(p))
	made := s.plan(p, p.request(plan.Rollout))
	if seen := made.Observations.Of("net71"); !seen.Simulated || seen.Gas < at.limit {
		t.Fatalf("simulated %t, with limits of %d gas: %v", seen.Simulated, seen.Gas, made.Observations.Checks)
	}
	s.execute(p, made)
	s.mustForesee(made, "net71", before)
}

// TestRoleHeldByTwoNames: a role may be given to a signer and to its address.
func TestRoleHeldByTwoNames(t *testing.T) {
	t.Parallel()
	s := newSite(t, local(71))
	c := oneFacet
	c.roles = strings.Replace(usualRoles, "commit: [operator]", fmt.Sprintf("commit: [operator, %q]", s.address("operator")), 1)
	s.live(c)
	p := s.open(c.with("VaultDoubling"))
	s.execute(p, s.plan(p, p.request(plan.Rollout)))
}
