package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/params"
	"github.com/google/uuid"

	"github.com/seed-b6a97670/lockstep/internal/devnet"
	"github.com/seed-b6a97670/lockstep/internal/evm"
)

// rig is a folder with the protocol of examples/market and a network in process.
type rig struct {
	dir     string
	network *devnet.Network
}

const rigConfig = `project: rig
build: { out: artifacts }
pageSize: 10
dispatcher:
  delay: 5
  deployer: deployer
  roles: { admin: [deployer], governance: [deployer], commit: [deployer], apply: [deployer], pauser: [guardian], emergency: [guardian] }
facets:
%snetworks:
  - { name: local, chainId: 31337, kind: local, rpc: ["%s"] }
signers:
  deployer: { keystore: deployer.json, password: "file:password" }
  guardian: { keystore: guardian.json, password: "file:password" }
`

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{dir: t.TempDir()}
	alloc := map[common.Address]*big.Int{}
	for _, name := range []string{"deployer", "guardian"} {
		key, err := crypto.ToECDSA(crypto.Keccak256([]byte(name)))
		if err != nil {
			t.Fatal(err)
		}
		alloc[crypto.PubkeyToAddress(key.PublicKey)] = big.NewInt(params.Ether)
		r.write(t, name+".json", keyFile(t, key))
	}
	r.network = newDevnet(t, devnet.Config{
		ChainID: 31337, Alloc: alloc,
		Code: map[common.Address][]byte{common.HexToAddress("0x4e59b44847b379578588920ca78fbf26c0b4956c"): evm.ArachnidRuntime},
	})
	if err := os.CopyFS(r.path("artifacts"), os.DirFS(filepath.Join("..", "..", "examples", "market", "artifacts"))); err != nil {
		t.Fatal(err)
	}
	one := "  - { contract: Token, args: [\"1000\"] }\n  - { contract: Staking }\n  - { contract: Market }\n"
	two := "  - { contract: Token, args: [\"1000\"] }\n  - { contract: StakingV2 }\n  - { contract: MarketV2, args: [250] }\n" +
		"init: { contract: MigrateToV2, function: migrate, callArgs: [1] }\n"
	r.write(t, "password", "light\n")
	r.write(t, "one.yaml", fmt.Sprintf(rigConfig, one, r.network.URL()))
	r.write(t, "two.yaml", strings.Replace(fmt.Sprintf(rigConfig, two, r.network.URL()), "networks:\n", "networks:\n"+
		"  - { name: another, chainId: 31338, kind: local, rpc: [\"http://127.0.0.1:1\"] }\n", 1))
	return r
}

// newDevnet starts a network that ends with the test.
func newDevnet(t *testing.T, cfg devnet.Config) *devnet.Network {
	t.Helper()
	n, err := devnet.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// keyFile encrypts a key with scrypt parameters that open it in no time.
func keyFile(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	data, err := keystore.EncryptKey(&keystore.Key{Id: uuid.New(), Address: crypto.PubkeyToAddress(key.PublicKey), PrivateKey: key}, "light", 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(r.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a command line. A word that begins with @ is a file in the rig's folder. Whenever the command waits for a
// timelock, the network's time is moved on; with --keep, and serve, it is interrupted when it has printed something.
func (r *rig) run(t *testing.T, stdin string, words ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	args := make([]string, len(words))
	for i, w := range words {
		if args[i] = w; strings.HasPrefix(w, "@") {
			args[i] = r.path(w[1:])
		}
	}
	var out, errs bytes.Buffer
	code = Main(ctx, args, strings.NewReader(stdin), writerFunc(func(p []byte) (int, error) {
		if slices.Contains(words, "--keep") || words[0] == "serve" {
			cancel()
		}
		return out.Write(p)
	}), writerFunc(func(p []byte) (int, error) {
		if bytes.Contains(p, []byte("of block time to go")) {
			if err := r.network.AdvanceTime(5*time.Minute + 5*time.Second); err != nil {
				t.Error(err)
			}
		}
		return errs.Write(p)
	}))
	return code, out.String(), errs.String()
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
