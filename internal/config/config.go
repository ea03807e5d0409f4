// Package config reads lockstep.yaml. It reports every mistake of a file at once, each with its line and what to do.
//
// Secrets are never in the file: it refers to them (env:NAME, file:PATH), and they are read when they are used.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"go.yaml.in/yaml/v3"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
	"github.com/seed-b6a97670/lockstep/internal/network"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 1 << 20

// RoleKeys are the keys of dispatcher.roles.
var RoleKeys = []string{"admin", "governance", "commit", "apply", "pauser", "emergency"}

// Config is a checked configuration file.
type Config struct {
	File       string // as it was named
	Dir        string // what paths in the file are relative to
	Project    string
	Build      Build
	PageSize   int // routes; 0 if the file does not say
	Salt       common.Hash
	Factory    network.Factory // through which everything is deployed
	Database   Ref             // the URL of a PostgreSQL database that holds the journal; empty if a file beside this one does
	Sending    Sending
	Approvals  *Approvals     // nil if the file does not say
	Rollout    rollout.Policy // in which order networks become live
	Sourcify   Ref            // a Sourcify server that is asked whether code is verified; empty if none is
	Dispatcher Dispatcher
	Facets     []Facet
	Init       *Init
	Networks   []Network
	Signers    map[string]Signer
	Serve      Serve
	Alerts     Alerts
}

// Build says where the build output is. What is empty is to be found.
type Build struct {
	Tool string // forge, hardhat or solc
	Out  string // folder, or solc's output file
}

// Sending says how transactions that need not wait for one another are sent.
type Sending struct {
	Careful    bool          // one at a time: each outcome is awaited
	BatchDelay time.Duration // between the broadcasts of a sequence
}

// Approvals says whose approvals a plan needs, and how many.
type Approvals struct {
	Approvers []Account
	Required  int
	Hotfix    int
	Pause     int
	Cancel    int
	Others    int           // where no network is a mainnet
	ValidFor  time.Duration // in which a plan must be begun
	Line      int
}

// Dispatcher says what the dispatcher is to be like.
type Dispatcher struct {
	Delay    uint64               // seconds
	Deployer string               // name of a signer
	Roles    map[string][]Account // by RoleKeys
}

// Account is an address, or the name of a signer.
type Account struct {
	Signer  string
	Address common.Address // zero for a signer
}

// Facet asks for a contract as facet.
type Facet struct {
	Contract string
	Args     []any
	Include  []string
	Exclude  []string
	Line     int
}

// Init asks for a call at activation.
type Init struct {
	Contract string
	Args     []any
	Function string
	CallArgs []any
	Line     int
}

// Network is a network with the endpoints through which it is reached.
type Network struct {
	network.Network
	RPC        []Ref
	MaxFee     *big.Int // wei a gas that a transaction may offer; nil if the file does not say
	LegacyFees bool     // gas prices, not those of EIP-1559
	Relays     []Relay  // to which transactions are given, in this order; if empty they go to the endpoints
	// AllowPublic says that everybody may see transactions before they are in a block, where the network would keep them private.
	AllowPublic bool
	RelayKey    string // name of the signer whose key signs requests to relays
	Measured    bool   // relays are ordered by what was measured of them
	Patience    uint64 // blocks that a relay has until the next one is asked, too; 0 if the file does not say
	Line        int
}

// Signer is an account that signs, or one that is only known by its address.
type Signer struct {
	Keystore string // path of a key file
	Password Ref
	Address  common.Address // zero if the key file tells it
	Line     int
}

// Error is a configuration with problems.
type Error struct {
	Problems []Problem
}

func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Load reads and checks a file. An *Error holds all its problems.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: make one with lockstep init, or name it with --config", path)
	}
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	return Parse(path, data)
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// Parse checks the text of a file.
func Parse(path string, data []byte) (*Config, error) {
	r := &reader{file: path}
	if len(data) > maxFile {
		r.problem(nil, "the file is larger than %d bytes", maxFile)
		return nil, &Error{r.problems}
	}
	var root, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&root); err != nil {
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			line, err := strconv.Atoi(m[1])
			if err != nil {
				line = 1
			}
			r.problems = append(r.problems, Problem{path, line, "not YAML: " + m[2]})
		} else if errors.Is(err, io.EOF) {
			r.problem(nil, "the file is empty: write one with lockstep init")
		} else {
			r.problem(nil, "not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		}
		return nil, &Error{r.problems}
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		second.Line = max(second.Line, 1)
		r.problem(&second, "a second YAML document begins here: the file must hold one")
	}
	c := r.config(resolve(root.Content[0]))
	c.File, c.Dir = path, filepath.Dir(path)
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
		return nil, &Error{slices.Compact(r.problems)}
	}
	return c, nil
}

// Journal is where the journal is: the URL of a database, or the path of a file beside this one.
func (c *Config) Journal() (string, error) {
	if c.Database == "" {
		return c.Path(journalFile), nil
	}
	where, err := c.Resolve(c.Database)
	if err != nil {
		return "", fmt.Errorf("%s: database: %w", c.File, err)
	}
	return where, nil
}

// journalFile is the journal, if the configuration names no database.
const journalFile = "lockstep.db"

// JournalOf is where the journal of a configuration file is, whatever else is wrong with the file, and also if there is none.
func JournalOf(path string) (string, error) {
	c := &Config{File: path, Dir: filepath.Dir(path)}
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read configuration: %w", err)
	}
	var file struct {
		Database Ref `yaml:"database"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return "", fmt.Errorf("where the journal is cannot be read from %s, which is not YAML: mend it, or name the journal with --journal", path)
	}
	c.Database = file.Database
	return c.Journal()
}

// ProjectOf is the project that the configuration in a file names, whatever else is in it; empty if there is no file.
func ProjectOf(path string) (string, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read configuration: %w", err)
	}
	var file struct {
		Project string `yaml:"project"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return "", fmt.Errorf("whose journal it is cannot be read from %s, which is not YAML: mend it, or name another one with --config", path)
	}
	return file.Project, nil
}

// Path makes a path of the file relative to the file's folder.
func (c *Config) Path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

func (r *reader) config(n *yaml.Node) *Config {
	top := r.section(n, "", "project", "build", "pageSize", "salt", "factory", "database", "sending", "approvals", "verification", "rollout", "dispatcher",
		"facets", "init", "networks", "signers", "serve", "alerts")
	c := &Config{
		Project:  top.need("project", "give the protocol a name"),
		PageSize: int(top.integer("pageSize", 0, 1, manifest.MaxPageRoutes)),
		Salt:     top.hash("salt"),
	}
	if n := top.get("database"); n != nil {
		c.Database = r.database(n)
	}
	build := r.section(top.get("build"), "build", "tool", "out")
	c.Build = Build{Tool: build.text("tool"), Out: build.text("out")}
	switch c.Build.Tool {
	case "", "forge", "hardhat":
	case "solc":
		if c.Build.Out == "" {
			r.problem(build.get("tool"), "build.out is missing: name the file with solc's output")
		}
	default:
		r.problem(build.get("tool"), "build.tool is %q, known are forge, hardhat and solc", c.Build.Tool)
	}
	sending := r.section(top.get("sending"), "sending", "careful", "batchDelay")
	c.Sending = Sending{
		Careful:    sending.boolean("careful"),
		BatchDelay: time.Duration(sending.integer("batchDelay", 0, 0, 300)) * time.Second,
	}
	r.facets(c, top)
	r.signers(c, top)
	r.dispatcher(c, top)
	r.factory(c, top)
	r.networks(c, top)
	r.approvals(c, top)
	r.rollout(c, top)
	r.credentials(c, top)
	verification := r.section(top.get("verification"), "verification", "sourcify")
	if n := verification.get("sourcify"); n != nil {
		c.Sourcify = r.ref(n, verification.at("sourcify"), n.Value, true)
	}
	r.serve(c, top)
	r.alerts(c, top)
	r.deployerRoles(c)
	return c
}

func (r *reader) facets(c *Config, top section) {
	if len(top.list("facets")) == 0 {
		r.problem(top.node, "facets is missing: list the contracts whose functions the dispatcher is to answer")
	}
	seen := map[string]bool{}
	for i, n := range top.list("facets") {
		s := r.section(n, fmt.Sprintf("facets[%d]", i), "contract", "args", "include", "exclude")
		f := Facet{
			Contract: s.need("contract", "name it as path:Name or Name"), Args: s.values("args"),
			Include: s.texts("include"), Exclude: s.texts("exclude"), Line: n.Line,
		}
		if f.Contract != "" && seen[f.Contract] {
			r.problem(n, "facet %s stands twice: remove one", f.Contract)
		}
		seen[f.Contract] = true
		c.Facets = append(c.Facets, f)
	}
	if n := top.get("init"); n != nil {
		s := r.section(n, "init", "contract", "args", "function", "callArgs")
		c.Init = &Init{
			Contract: s.need("contract", "name it as path:Name or Name"), Args: s.values("args"),
			Function: s.need("function", "name the function that is called once at activation"),
			CallArgs: s.values("callArgs"), Line: n.Line,
		}
	}
}

func (r *reader) signers(c *Config, top section) {
	c.Signers = map[string]Signer{}
	all := r.section(top.get("signers"), "signers")
	for _, name := range slices.Sorted(maps.Keys(all.keys)) {
		n := all.keys[name]
		s := r.section(n, "signers."+name, "keystore", "password", "address")
		signer := Signer{Keystore: s.text("keystore"), Line: n.Line}
		if a := s.text("address"); a != "" {
			signer.Address = r.address(s.get("address"), s.at("address"), a)
		}
		if p := s.get("password"); p != nil {
			signer.Password = r.ref(p, s.at("password"), p.Value, false)
		}
		switch {
		case signer.Keystore == "" && signer.Address == (common.Address{}):
			r.problem(n, "signers.%s needs a keystore, or an address if it never signs here", name)
		case signer.Keystore != "" && signer.Password == "":
			r.problem(n, "signers.%s.password is missing: refer to it with env:NAME or file:PATH", name)
		}
		c.Signers[name] = signer
	}
}

func (r *reader) dispatcher(c *Config, top section) {
	n := top.get("dispatcher")
	if n == nil {
		r.problem(top.node, "dispatcher is missing: it needs deployer and roles")
		return
	}
	s := r.section(n, "dispatcher", "delay", "deployer", "roles")
	c.Dispatcher = Dispatcher{
		Delay:    s.integer("delay", 3600, 1, 365*24*3600),
		Deployer: s.need("deployer", "name the signer that deploys"),
		Roles:    map[string][]Account{},
	}
	if d := c.Dispatcher.Deployer; d != "" {
		if _, ok := c.Signers[d]; !ok {
			r.problem(s.get("deployer"), "dispatcher.deployer names %q, which is not under signers", d)
		}
	}
	if s.get("roles") == nil {
		r.problem(n, "dispatcher.roles is missing: say who holds %s", strings.Join(RoleKeys, ", "))
		return
	}
	roles := r.section(s.get("roles"), "dispatcher.roles", RoleKeys...)
	for _, role := range RoleKeys {
		for _, item := range roles.list(role) {
			path := roles.at(role)
			if _, ok := c.Signers[item.Value]; ok {
				c.Dispatcher.Roles[role] = append(c.Dispatcher.Roles[role], Account{Signer: item.Value})
				r.holders = append(r.holders, holder{item, role, Account{Signer: item.Value}})
				continue
			}
			if !strings.HasPrefix(item.Value, "0x") {
				r.problem(item, "%s names %q, which is neither an address nor under signers", path, item.Value)
				continue
			}
			holding := Account{Address: r.address(item, path, item.Value)}
			c.Dispatcher.Roles[role] = append(c.Dispatcher.Roles[role], holding)
			r.holders = append(r.holders, holder{item, role, holding})
		}
		n := roles.get(role)
		empty := n == nil || n.Kind == yaml.SequenceNode && len(n.Content) == 0
		if empty && role != "governance" {
			r.problem(roles.node, "dispatcher.roles.%s is missing: name at least one holder", role)
		}
	}
}

func (r *reader) networks(c *Config, top section) {
	list := top.list("networks")
	if len(list) == 0 {
		r.problem(top.node, "networks is missing: list at least one")
	}
	names, ids := map[string]bool{}, map[uint64]string{}
	for i, n := range list {
		s := r.section(n, fmt.Sprintf("networks[%d]", i), "name", "chainId", "kind", "grace", "confirmations", "gasCap", "blockTime", "l1Fee", "fees", "maxFee", "rpc",
			"privacy", "allowPublic", "relays", "relayKey", "choice", "patience")
		nw := Network{Network: r.network(s), Line: n.Line}
		switch fees := s.text("fees"); fees {
		case "", "eip1559":
		case "legacy":
			nw.LegacyFees = true
		default:
			r.problem(s.get("fees"), "%s is %q, must be eip1559 or legacy", s.at("fees"), fees)
		}
		nw.MaxFee = s.fee("maxFee")
		r.privacy(s, &nw)
		for _, item := range s.list("rpc") {
			nw.RPC = append(nw.RPC, r.ref(item, s.at("rpc"), item.Value, true))
		}
		if len(s.list("rpc")) == 0 {
			r.problem(n, "%s is missing: list endpoints, as URLs or env:NAME", s.at("rpc"))
		}
		if nw.Name != "" && names[nw.Name] {
			r.problem(n, "network %s stands twice: remove one", nw.Name)
		}
		if other, ok := ids[nw.ChainID]; ok && nw.ChainID != 0 {
			r.problem(n, "networks %s and %s have the same chain id %d", other, nw.Name, nw.ChainID)
		}
		names[nw.Name], ids[nw.ChainID] = true, nw.Name
		r.networkHasFactory(c, nw, n)
		if floor := nw.TimelockFloor; floor > 0 && c.Dispatcher.Delay < floor && top.get("dispatcher") != nil {
			r.problem(top.get("dispatcher"), "dispatcher.delay is %d s, %s is a mainnet and wants at least %d s",
				c.Dispatcher.Delay, nw.Name, floor)
		}
		c.Networks = append(c.Networks, nw)
	}
}

// network joins what the catalogue knows with what the file says. The file may not make a mainnet less than one.
func (r *reader) network(s section) network.Network {
	name := s.need("name", "give the network a name")
	known, inCatalogue := network.Lookup(name)
	id := s.integer("chainId", known.ChainID, 1, math.MaxInt64)
	switch byID, ok := network.LookupID(id); {
	case inCatalogue && id != known.ChainID:
		r.problem(s.get("chainId"), "%s is %d, but %s has chain id %d: choose another name", s.at("chainId"), id, name, known.ChainID)
	case ok:
		known, inCatalogue = byID, true
	case id == 0:
		r.problem(s.node, "network %q is not in the catalogue: give its chainId and kind", name)
	}
	if !inCatalogue {
		known = network.Custom(id, s.text("kind"))
		switch known.Kind {
		case network.Mainnet, network.Testnet, network.Local:
		default:
			r.problem(s.node, "%s must be %s, %s or %s", s.at("kind"), network.Mainnet, network.Testnet, network.Local)
		}
	} else if kind := s.text("kind"); kind != "" && kind != known.Kind {
		r.problem(s.get("kind"), "%s is %q, but chain id %d is a %s", s.at("kind"), kind, id, known.Kind)
	}
	if refusal := known.Refusal(); refusal != "" {
		r.problem(s.node, "network %s cannot be used: %s; remove it", name, refusal)
	}
	known.Name = name
	known.Grace = uint32(s.integer("grace", uint64(known.Grace), 30, 300))
	known.Confirmations = s.integer("confirmations", known.Confirmations, 1, 10_000)
	known.GasCap = s.integer("gasCap", known.GasCap, 100_000, 1_000_000_000)
	if s.get("blockTime") != nil {
		known.BlockTime = float64(s.integer("blockTime", 1, 1, 3600))
	}
	switch fee := s.text("l1Fee"); fee {
	case "":
	case "none", "opstack", "arbitrum", "scroll", "linea":
		known.L1Fee = fee
	default:
		r.problem(s.get("l1Fee"), "%s is %q, known are none, opstack, arbitrum, scroll and linea", s.at("l1Fee"), fee)
	}
	return known
}
