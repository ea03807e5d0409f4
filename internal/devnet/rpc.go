package devnet

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	gethmath "github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/eth/filters"
	"github.com/ethereum/go-ethereum/eth/tracers"
	_ "github.com/ethereum/go-ethereum/eth/tracers/native" // callTracer, prestateTracer and the like
	"github.com/ethereum/go-ethereum/node"
	"github.com/ethereum/go-ethereum/rpc"
)

const (
	batchItems        = 1000             // requests in a batch
	batchResponse     = 25 * 1000 * 1000 // bytes in the answer to a batch
	readHeaderTimeout = 10 * time.Second
	shutdownTimeout   = 250 * time.Millisecond
)

// server serves JSON-RPC over HTTP and WebSocket on one port. The node has servers of its own, but those take five seconds to
// close when a client holds a connection that it never used, as Go's HTTP client does now and then, and their debug namespace
// includes methods that write files.
type server struct {
	addr string // host:port
	rpc  *rpc.Server
	http *http.Server
	done chan struct{} // closed when Serve has returned
}

func serve(n *Network) (*server, error) {
	handler := rpc.NewServer()
	handler.SetBatchLimits(batchItems, batchResponse)
	filterSystem := filters.NewFilterSystem(n.eth.APIBackend, filters.Config{})
	apis := append(n.eth.APIs(), tracers.APIs(n.eth.APIBackend)...)
	apis = append(
		apis,
		rpc.API{Namespace: "eth", Service: filters.NewFilterAPI(filterSystem)},
		rpc.API{Namespace: "web3", Service: &web3API{version: n.node.Config().NodeName()}},
		rpc.API{Namespace: "evm", Service: &evmAPI{n}},
		rpc.API{Namespace: "debug", Service: &debugAPI{n}}, // after geth's own: the later method wins
	)
	if err := node.RegisterApis(apis, []string{"eth", "net", "web3", "debug", "txpool", "evm"}, handler); err != nil {
		return nil, err
	}
	// The handler stack refuses host names other than localhost and requests of web pages from elsewhere.
	overHTTP := node.NewHTTPHandlerStack(handler, nil, []string{"localhost"}, nil)
	overWS := node.NewWSHandlerStack(handler.WebsocketHandler(nil), nil)

	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	s := &server{
		addr: listener.Addr().String(),
		rpc:  handler,
		done: make(chan struct{}),
		http: &http.Server{
			ReadHeaderTimeout: readHeaderTimeout,
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
					overWS.ServeHTTP(w, r)
					return
				}
				overHTTP.ServeHTTP(w, r)
			}),
		},
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // returns when the server is closed, with nothing else to say
	}()
	return s, nil
}

// close gives running requests a moment to end and then cuts all connections.
func (s *server) close() {
	s.rpc.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		_ = s.http.Close() // closing loopback connections: there is nothing to do about an error
	}
	<-s.done
}

// evmAPI is the evm namespace, with the names and meaning that anvil gives them.
type evmAPI struct{ n *Network }

// IncreaseTime moves the chain's clock forward by a number of seconds, for the blocks to come, and returns by how many seconds it
// is now ahead of the wall clock.
func (api *evmAPI) IncreaseTime(seconds gethmath.HexOrDecimal64) (int64, error) {
	if uint64(seconds) > math.MaxInt64/uint64(time.Second) {
		return 0, fmt.Errorf("increase time by %d seconds: too far", uint64(seconds))
	}
	api.n.mu.Lock()
	defer api.n.mu.Unlock()
	if api.n.closed {
		return 0, ErrClosed
	}
	return api.n.increaseTime(int64(seconds)), nil
}

// Mine mines one block and returns "0x0".
func (api *evmAPI) Mine() (string, error) {
	if err := api.n.Mine(1); err != nil {
		return "", err
	}
	return "0x0", nil
}

// debugAPI replaces what of the debug namespace changes the chain.
type debugAPI struct{ n *Network }

// SetHead makes an older block the head.
func (api *debugAPI) SetHead(number hexutil.Uint64) error {
	return api.n.rewind(uint64(number))
}

// web3API is the web3 namespace, which belongs to the servers of the node.
type web3API struct{ version string }

// ClientVersion returns the name and version of the node.
func (api *web3API) ClientVersion() string { return api.version }

// Sha3 returns the Keccak-256 hash of its input.
func (api *web3API) Sha3(input hexutil.Bytes) hexutil.Bytes { return crypto.Keccak256(input) }
