package sight_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// TestNonsenseForAMoment: an endpoint says of a refused call that it is not refused when it is executed again, and then tells the truth.
func TestNonsenseForAMoment(t *testing.T) {
	r := newFundedAnvil(t)
	p := before(t, r.url)
	l, _ := r.look(nil, p.url)
	again, id := regexp.MustCompile(`debug_traceTransaction|eth_simulateV1|eth_call`), regexp.MustCompile(`"id":(\d+)`)
	p.set(false, func(request, answer string) string {
		if !again.MatchString(request) {
			return answer
		}
		return fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"result":"0x"}`, id.FindStringSubmatch(request)[1])
	})
	r.refuse(outsider, r.made.Address, pack.PackPause())
	for range 2 {
		if out, err := l.try(); err == nil || len(words(out, rule.SawRefusal)) > 0 {
			t.Errorf("while it does not say why: %v, %v", words(out, rule.SawRefusal), err)
		}
		r.rpc("evm_mine")
	}
	p.set(false, nil)
	if out, err := l.try(); err != nil || len(words(out, rule.SawRefusal)) != 1 {
		t.Errorf("afterwards: %v, %v", words(out, rule.SawRefusal), err)
	}
}
