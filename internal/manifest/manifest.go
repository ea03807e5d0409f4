package manifest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// Format names the version of the file format.
const Format = "lockstep-manifest/1"

// MaxFileSize bounds what Decode reads, in bytes: 1,000 facets of the largest init code fit.
const MaxFileSize = 128 << 20

// DefaultPageSize is the number of routes on a page if the configuration does not say otherwise; it is also the
// dispatcher's default limit.
const DefaultPageSize = 50

// InitTypehash keeps roots that name an init call apart from routesRoots.
var InitTypehash = crypto.Keccak256Hash([]byte("Manifest(bytes32 routesRoot,bytes32 initHash)"))

// Manifest is the desired state of one dispatcher on one or more networks.
type Manifest struct {
	Format     string       `json:"format"`
	Project    string       `json:"project"`
	Tool       string       `json:"tool"` // program and version that wrote the file
	Root       common.Hash  `json:"root"` // what is committed
	RoutesRoot common.Hash  `json:"routesRoot"`
	InitHash   common.Hash  `json:"initHash"` // zero without an init call
	Networks   []Network    `json:"networks"` // ascending by chain id
	Factory    Factory      `json:"factory"`
	Salt       common.Hash  `json:"salt"`
	Libraries  []Deployment `json:"libraries"` // what the others link, ascending by contract
	Facets     []Deployment `json:"facets"`    // ascending by contract
	Init       *InitCall    `json:"init"`
	PageSize   int          `json:"pageSize"` // routes, at most
	Pages      []Page       `json:"pages"`
}

// Network is a chain that the manifest is for.
type Network struct {
	Name    string `json:"name"`
	ChainID uint64 `json:"chainId"`
}

// Factory is the contract that deploys init code with CREATE2.
type Factory struct {
	Name     string         `json:"name"`
	Address  common.Address `json:"address"`
	CodeHash common.Hash    `json:"codeHash"`
}

// String names the factory by name, address and code, for messages.
func (f Factory) String() string {
	return fmt.Sprintf("%s at %s (code hash %s)", f.Name, f.Address, f.CodeHash)
}

// Compiler says how a contract was built. The tool that called the compiler is no part of it: the same sources and
// settings are the same manifest.
type Compiler struct {
	Version    string `json:"version"`
	EVMVersion string `json:"evmVersion"`
	Optimizer  bool   `json:"optimizer"`
	Runs       int    `json:"runs"`
	ViaIR      bool   `json:"viaIR"`
}

// Deployment is a contract with exact init code, at the address that follows from it. A facet also has routes.
type Deployment struct {
	Contract     string          `json:"contract"` // path:Name
	Compiler     Compiler        `json:"compiler"`
	Args         json.RawMessage `json:"args"` // constructor arguments as they were given
	Address      common.Address  `json:"address"`
	CodeHash     common.Hash     `json:"codeHash"` // keccak256 of the code at the address, on every network
	CodeSize     int             `json:"codeSize"` // bytes
	InitCodeHash common.Hash     `json:"initCodeHash"`
	InitCode     hexutil.Bytes   `json:"initCode"` // constructor arguments and addresses of libraries included
	Links        []Link          `json:"links,omitempty"`
	Routes       []Route         `json:"routes,omitempty"`
}

// Route is a function that the dispatcher answers through a facet.
type Route struct {
	Selector  Selector `json:"selector"`
	Signature string   `json:"signature"`
}

// InitCall is run once, by delegatecall, in the transaction that activates the manifest.
type InitCall struct {
	Deployment
	Signature string          `json:"signature"`
	CallArgs  json.RawMessage `json:"callArgs"`
	Data      hexutil.Bytes   `json:"data"`
}

// Page is one batch of routes as it is applied on chain.
type Page struct {
	Index  int           `json:"index"`
	Routes int           `json:"routes"`
	Leaf   common.Hash   `json:"leaf"`
	Proof  []common.Hash `json:"proof"`
	Bytes  hexutil.Bytes `json:"bytes"`
}

// String is 0x and eight hex digits.
func (s Selector) String() string { return "0x" + hex.EncodeToString(s[:]) }

// MarshalText is the form in JSON.
func (s Selector) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads 0x and eight hex digits.
func (s *Selector) UnmarshalText(text []byte) error {
	b, err := hexutil.Decode(string(text))
	if err != nil || len(b) != 4 {
		return fmt.Errorf("selector %q: want 0x and eight hex digits", text)
	}
	copy(s[:], b)
	return nil
}

// Deployments lists all contracts that must stand on a network before the manifest is committed, libraries first.
func (m *Manifest) Deployments() []Deployment {
	out := slices.Concat(m.Libraries, m.Facets)
	if m.Init != nil {
		out = append(out, m.Init.Deployment)
	}
	return out
}

// RouteCount is the number of routes over all facets.
func (m *Manifest) RouteCount() int {
	n := 0
	for _, f := range m.Facets {
		n += len(f.Routes)
	}
	return n
}

// RootWithInit is the root of a manifest that names an init call, by the dispatcher's definition.
func RootWithInit(routesRoot, initHash common.Hash) common.Hash {
	if initHash == (common.Hash{}) {
		return routesRoot
	}
	return crypto.Keccak256Hash(InitTypehash[:], routesRoot[:], initHash[:])
}

// InitHash is keccak256(abi.encode(init, init.codehash, keccak256(data))).
func InitHash(init common.Address, codeHash common.Hash, data []byte) common.Hash {
	return crypto.Keccak256Hash(common.LeftPadBytes(init[:], 32), codeHash[:], crypto.Keccak256(data))
}

// Encode returns the one canonical encoding of a manifest: fields in the order of the type, two spaces of indentation,
// no escaping of HTML, a newline at the end.
func Encode(m *Manifest) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(m); err != nil {
		return nil, fmt.Errorf("encode manifest: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads a manifest. It refuses unknown fields, other formats and files that are too large; it does not verify.
func Decode(r io.Reader) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFileSize+1))
	if err != nil {
		return nil, fmt.Errorf("read manifest: %w", err)
	}
	if len(data) > MaxFileSize {
		return nil, fmt.Errorf("manifest is larger than %d bytes", MaxFileSize)
	}
	var m Manifest
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("not a manifest: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a manifest: data after its end")
	}
	if m.Format != Format {
		return nil, fmt.Errorf("manifest has format %q, this program reads %q", m.Format, Format)
	}
	if err := m.checkNames(); err != nil {
		return nil, err
	}
	return &m, nil
}

// maxName bounds every name in a manifest, in bytes; a signature may be as long.
const maxName = 1024

// checkNames refuses names that a terminal would not show as what they are.
func (m *Manifest) checkNames() error {
	names := []string{m.Project, m.Tool, m.Factory.Name}
	for _, n := range m.Networks {
		names = append(names, n.Name)
	}
	for _, d := range m.Deployments() {
		names = append(names, d.Contract, d.Compiler.Version, d.Compiler.EVMVersion)
		for _, l := range d.Links {
			names = append(names, l.Contract)
		}
		for _, r := range d.Routes {
			names = append(names, r.Signature)
		}
	}
	if m.Init != nil {
		names = append(names, m.Init.Signature)
	}
	for _, name := range names {
		if len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return fmt.Errorf("name %.80q is too long or holds characters that cannot be printed", name)
		}
	}
	return nil
}

// name is the contract without its path, for messages.
func (d Deployment) Name() string {
	return d.Contract[strings.LastIndexByte(d.Contract, ':')+1:]
}
