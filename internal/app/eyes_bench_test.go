package app_test

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/ethclient"
	"github.com/ethereum/go-ethereum/params"

	"github.com/seed-b6a97670/lockstep/internal/app"
	"github.com/seed-b6a97670/lockstep/internal/event"
	"github.com/seed-b6a97670/lockstep/internal/rollout"
	"github.com/seed-b6a97670/lockstep/internal/store"
)

// announced is when a node has announced its blocks.
type announced struct {
	mu sync.Mutex
	at map[uint64]time.Time
}

// announced listens to a network.
func (s *site) announced(network string) *announced {
	s.t.Helper()
	eth, err := ethclient.Dial(s.nets[network].WSURL())
	if err != nil {
		s.t.Fatal(err)
	}
	heads := make(chan *types.Header, 64)
	ctx, cancel := context.WithCancel(s.t.Context())
	if _, err := eth.SubscribeNewHead(ctx, heads); err != nil {
		s.t.Fatal(err)
	}
	a := &announced{at: map[uint64]time.Time{}}
	var listening sync.WaitGroup
	listening.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case h := <-heads:
				a.mu.Lock()
				a.at[h.Number.Uint64()] = time.Now()
				a.mu.Unlock()
			}
		}
	})
	s.t.Cleanup(func() {
		cancel()
		eth.Close()
		listening.Wait()
	})
	return a
}

func (a *announced) since(number uint64) float64 {
	now := time.Now()
	for {
		a.mu.Lock()
		at, ok := a.at[number]
		a.mu.Unlock()
		if ok {
			return float64(now.Sub(at).Microseconds()) / 1000
		}
		time.Sleep(time.Millisecond) // the other one was told first
	}
}

// BenchmarkFromBlockTo measures how long it takes from when a node announces a block with an offence until its event is a row, until the alert is in the
// journal, and, from when the block arrived, until the pause that follows was broadcast. Baseline: the announcement to another subscriber.
func BenchmarkFromBlockTo(b *testing.B) {
	for _, way := range []string{"subscription", "polling"} {
		b.Run(way, func(b *testing.B) {
			for b.Loop() {
				measureFromBlock(b, way == "subscription")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func measureFromBlock(b *testing.B, subscribed bool) {
	const rounds, pauses = 40, 15
	s := newSite(b, local(71))
	at := local(71)
	if subscribed {
		at.urls = func(url string) string { return fmt.Sprintf("%q, %q", strings.Replace(url, "http", "ws", 1), url) }
	}
	c := s.pausing(guarded("Vault").on(at), "on")
	c.more = strings.Replace(c.more, "endpoints: 1}}", "endpoints: 1, perHour: 60}, rules: {unplanned_privilege: {actions: [pause]}}}", 1)
	free := c
	free.approvals = ""
	p := s.live(free)
	address := s.dispatcher(p)
	to := s.address("pausing")
	s.sendTx("net71", "outsider", func(id *big.Int, nonce uint64) types.TxData {
		return &types.DynamicFeeTx{
			ChainID: id, Nonce: nonce, Gas: 21_000, GasFeeCap: big.NewInt(100 * params.GWei), GasTipCap: big.NewInt(1), To: &to, Value: big.NewInt(params.Ether),
		}
	})
	w := s.watch(c)
	journal, err := store.OpenReadOnly(b.Context(), s.journal)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = journal.Close() })
	blocks := s.announced("net71")

	var row, alert, pause []float64
	for i := range rounds {
		r := s.send("net71", "admin", address, dispatcherABI.PackSetEtaGrace(uint32(61+i)))
		number := r.BlockNumber.Uint64()
		rowAt, alertAt := 0.0, 0.0
		for ctx := s.ctx(); rowAt == 0 || alertAt == 0; {
			if ctx.Err() != nil {
				b.Fatal("nothing is seen")
			}
			if rowAt == 0 {
				rows, err := journal.Events(ctx, event.Filter{ChainID: 71, Contract: address, From: number, To: number})
				if err != nil {
					b.Fatal(err)
				}
				if len(rows) > 0 {
					rowAt = blocks.since(number)
				}
			}
			alerts, err := journal.Alerts(ctx, app.AlertQuery{Limit: 1})
			if err != nil {
				b.Fatal(err)
			}
			if len(alerts) > 0 && alerts[0].Block.Number == number {
				alertAt = blocks.since(number)
			}
		}
		row, alert = append(row, rowAt), append(alert, alertAt)
	}
	for i := range pauses {
		s.send("net71", "admin", address, dispatcherABI.PackGrantRole([32]byte{}, common.BigToAddress(big.NewInt(int64(0xabc000+i)))))
		for ctx := s.ctx(); ; time.Sleep(5 * time.Millisecond) {
			all, err := w.p.Pauses(ctx, 1000)
			if err != nil {
				b.Fatal(err)
			}
			landed := slices.DeleteFunc(all, func(d app.PauseDecision) bool { return d.Outcome != rollout.PauseLanded })
			if len(landed) == i+1 {
				pause = append(pause, float64(landed[0].Took))
				break
			}
		}
		s.send("net71", "guardian", address, dispatcherABI.PackUnpause())
	}
	for what, list := range map[string][]float64{"row": row, "alert": alert, "broadcast": pause} {
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], what+"-median-ms")
		b.ReportMetric(list[len(list)*9/10], what+"-p90-ms")
	}
	w.end()
}
