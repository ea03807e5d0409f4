// Package devnet runs a real geth inside this process: a private EVM network with JSON-RPC on a free loopback port, any chain
// id, automatic mining and time travel.
//
// It exists because a rollout waits: timelocks, voting periods and grace periods last for days, and a mock that skips them proves
// nothing about the nodes that operators run. The demo and the tests start several networks in well under a second, move their
// clocks forward, and talk to them over the same RPC that a production endpoint speaks, without anvil or any other program.
//
// A network is proof-of-stake from its first block, with every fork up to and including Osaka active at genesis. In particular
// EIP-7825 holds: a transaction may not ask for more than 2^24 = 16,777,216 gas, whatever the block gas limit. The network keeps
// the state of all its blocks, in memory only, and listens nowhere but on 127.0.0.1.
//
// Besides the namespaces eth, net, web3, debug and txpool it answers evm_increaseTime and evm_mine as anvil does, so that
// `cast rpc evm_increaseTime 3600` followed by `cast rpc evm_mine` works. debug_setHead makes reorgs.
package devnet

import (
	"errors"
	"fmt"
	"math/big"
	"os"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/rawdb"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/p2p"
	"github.com/ethereum/go-ethereum/params"
	"github.com/ethereum/go-ethereum/version"
)

const (
	defaultGasLimit = 36_000_000
	indexTimeout    = time.Minute
	indexPatience   = time.Second // until it is helped
	maxTime         = 1 << 40     // unix seconds, some 35,000 years from now: arithmetic on times cannot overflow
)

// ErrClosed is returned by every operation on a network after Close.
var ErrClosed = errors.New("devnet is closed")

// Config describes a network. Only ChainID is required.
type Config struct {
	ChainID     uint64                      // EIP-155 chain id, at least 1
	Alloc       map[common.Address]*big.Int // balances at genesis, in wei
	Code        map[common.Address][]byte   // runtime code of the contracts at genesis, e.g. a CREATE2 factory
	GasLimit    uint64                      // gas limit of every block; 36,000,000 when 0
	Time        uint64                      // genesis time in unix seconds, where the chain's clock starts; now when 0
	FinalityLag uint64                      // blocks by which "safe" and "finalized" trail the head; 0: every block is final at once
}

// Network is a running network. Its methods may be called concurrently.
type Network struct {
	cfg    Config
	node   *node.Node
	eth    *eth.Ethereum
	server *server

	quit  chan struct{} // closed when Close begins
	kick  chan struct{} // holds one token when the pool may have something to mine
	miner sync.WaitGroup

	closeOnce sync.Once
	closeErr  error

	mu     sync.Mutex // guards the fields below and every change of the chain's head
	closed bool
	held   bool  // nothing is mined by itself
	offset int64 // seconds between the wall clock and the chain's clock
	err    error // first error of the mining goroutine; Close returns it
}

// Start starts a network. The caller must Close it.
//
// Block 1 is empty and is there when Start returns: until a first block is indexed, geth answers the question for an unknown
// transaction with an error instead of null.
func Start(cfg Config) (*Network, error) {
	n, err := start(cfg)
	if err != nil {
		return nil, fmt.Errorf("start devnet with chain id %d: %w", cfg.ChainID, err)
	}
	return n, nil
}

func start(cfg Config) (*Network, error) {
	now := time.Now().Unix()
	if cfg.GasLimit == 0 {
		cfg.GasLimit = defaultGasLimit
	}
	if cfg.Time == 0 {
		cfg.Time = uint64(now)
	}
	genesis, err := newGenesis(cfg)
	if err != nil {
		return nil, err
	}
	stack, err := node.New(nodeConfig())
	if err != nil {
		return nil, err
	}
	backend, err := eth.New(stack, ethConfig(genesis))
	if err != nil {
		return nil, errors.Join(err, stack.Close())
	}
	if err := stack.Start(); err != nil {
		return nil, errors.Join(err, stack.Close())
	}
	n := &Network{
		cfg:    cfg,
		node:   stack,
		eth:    backend,
		quit:   make(chan struct{}),
		kick:   make(chan struct{}, 1),
		offset: int64(cfg.Time) - now,
	}
	if err := n.run(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// run brings a network whose node is up to the point where it mines and answers.
func (n *Network) run() error {
	// A private network takes any tip, zero included. eth.New insists on a positive minimum, which also seeds the suggested tip.
	n.eth.TxPool().SetGasTip(new(big.Int))
	if err := n.eth.Miner().SetGasTip(new(big.Int)); err != nil {
		return err
	}
	n.eth.SetSynced()
	if err := n.Mine(1); err != nil {
		return err
	}
	if err := n.awaitIndex(); err != nil {
		return err
	}
	n.startMining()
	var err error
	n.server, err = serve(n)
	return err
}

// awaitIndex waits until geth has indexed the transactions of the first block.
func (n *Network) awaitIndex() error {
	start, poke := time.Now(), indexPatience
	for !n.eth.BlockChain().TxIndexDone() {
		switch waited := time.Since(start); {
		case waited > indexTimeout:
			return errors.New("transaction index is not ready")
		case waited > poke:
			// the indexer misses a block that is made while it starts, and waits for the next
			if err := n.Mine(1); err != nil {
				return err
			}
			poke += indexPatience
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// URL returns the address of the JSON-RPC endpoint over HTTP, e.g. http://127.0.0.1:40123.
func (n *Network) URL() string { return "http://" + n.server.addr }

// WSURL returns the address of the JSON-RPC endpoint over WebSocket. It has the port of URL.
func (n *Network) WSURL() string { return "ws://" + n.server.addr }

// ChainID returns the configured chain id.
func (n *Network) ChainID() uint64 { return n.cfg.ChainID }

// Close stops mining, closes the endpoints and the node, and waits for them. Calling it again returns the same result. The
// error includes the first one that automatic mining met, if any.
func (n *Network) Close() error {
	n.closeOnce.Do(func() {
		close(n.quit)
		if n.server != nil {
			n.server.close()
		}
		n.miner.Wait()
		n.mu.Lock()
		n.closed = true
		n.mu.Unlock()
		n.closeErr = errors.Join(n.err, n.node.Close())
	})
	return n.closeErr
}

func newGenesis(cfg Config) (*core.Genesis, error) {
	if cfg.ChainID == 0 {
		return nil, errors.New("chain id is missing")
	}
	if cfg.Time > maxTime {
		return nil, fmt.Errorf("genesis time %d is out of range", cfg.Time)
	}
	chain := *params.AllDevChainProtocolChanges
	chain.ChainID = new(big.Int).SetUint64(cfg.ChainID)

	// The contracts that the protocol itself calls in every block since Cancun and Prague.
	alloc := types.GenesisAlloc{
		params.BeaconRootsAddress:        {Nonce: 1, Balance: new(big.Int), Code: params.BeaconRootsCode},
		params.HistoryStorageAddress:     {Nonce: 1, Balance: new(big.Int), Code: params.HistoryStorageCode},
		params.WithdrawalQueueAddress:    {Nonce: 1, Balance: new(big.Int), Code: params.WithdrawalQueueCode},
		params.ConsolidationQueueAddress: {Nonce: 1, Balance: new(big.Int), Code: params.ConsolidationQueueCode},
	}
	for addr, code := range cfg.Code {
		alloc[addr] = types.Account{Nonce: 1, Balance: new(big.Int), Code: common.CopyBytes(code)}
	}
	for addr, balance := range cfg.Alloc {
		if balance == nil || balance.Sign() < 0 || balance.BitLen() > 256 {
			return nil, fmt.Errorf("balance %v of %s is out of range", balance, addr)
		}
		account := alloc[addr]
		account.Balance = new(big.Int).Set(balance)
		alloc[addr] = account
	}
	return &core.Genesis{
		Config:     &chain,
		Timestamp:  cfg.Time,
		GasLimit:   cfg.GasLimit,
		BaseFee:    big.NewInt(params.InitialBaseFee),
		Difficulty: new(big.Int),
		Alloc:      alloc,
	}, nil
}

// nodeConfig describes a node without files, peers, endpoints or log output. The endpoints are our own: see serve.
func nodeConfig() *node.Config {
	return &node.Config{
		Name:      "geth",
		UserIdent: "devnet",
		Version:   fmt.Sprintf("%d.%d.%d", version.Major, version.Minor, version.Patch),
		// Nothing ever reads a key here, but without a directory that exists node.New creates one.
		KeyStoreDir: os.TempDir(),
		P2P:         p2p.Config{NoDiscovery: true, NoDial: true},
		Logger:      log.NewLogger(log.DiscardHandler()),
		// The presigned deployments that give a contract the same address everywhere predate EIP-155.
		AllowUnprotectedTxs: true,
	}
}

func ethConfig(genesis *core.Genesis) *ethconfig.Config {
	conf := ethconfig.Defaults
	conf.Genesis = genesis
	conf.SyncMode = ethconfig.FullSync
	conf.Miner.GasCeil = genesis.GasLimit
	conf.TxPool.NoLocals = true
	conf.TxPool.Journal = ""
	conf.RPCTxFeeCap = 0

	// Keep the state of every block, without the caches, background work and indices that pay only on a large chain.
	conf.StateScheme = rawdb.HashScheme
	conf.NoPruning = true
	conf.NoPrefetch = true
	conf.TransactionHistory = 0
	conf.LogNoHistory = true
	conf.SnapshotCache = 0
	conf.TrieCleanCache = 0
	conf.TrieDirtyCache = 0
	return &conf
}
