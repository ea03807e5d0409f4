package config

import (
	"slices"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/network"
)

// Bounds of the time in which a plan must be begun.
const (
	shortestValidity = time.Hour
	longestValidity  = 30 * 24 * time.Hour
	usualValidity    = 72 * time.Hour
)

// mostApprovals bounds how many approvals can be asked for.
const mostApprovals = 100

func (r *reader) approvals(c *Config, top section) {
	n := top.get("approvals")
	if n == nil {
		if at := slices.IndexFunc(c.Networks, func(n Network) bool { return n.Kind == network.Mainnet }); at >= 0 {
			r.problem(top.list("networks")[at], "approvals is missing: %s is a mainnet, where nothing is sent that no approved plan holds; name approvers",
				c.Networks[at].Name)
		}
		return
	}
	s := r.section(n, "approvals", "approvers", "required", "hotfix", "pause", "cancel", "others", "validFor")
	a := &Approvals{
		Required: int(s.integer("required", 2, 1, mostApprovals)), Pause: int(s.integer("pause", 0, 0, mostApprovals)),
		Cancel: int(s.integer("cancel", 0, 0, mostApprovals)), Others: int(s.integer("others", 0, 0, mostApprovals)), Line: n.Line,
	}
	a.Hotfix = int(s.integer("hotfix", uint64(max(3, a.Required)), 1, mostApprovals))
	if a.Hotfix < a.Required {
		r.problem(s.get("hotfix"), "%s is %d: a hotfix needs no fewer approvals than the %d of any other plan", s.at("hotfix"), a.Hotfix, a.Required)
	}
	a.ValidFor = s.duration("validFor", usualValidity, shortestValidity, longestValidity)
	named := s.list("approvers")
	for _, item := range named {
		acc := Account{Signer: item.Value}
		if _, ok := c.Signers[item.Value]; !ok {
			if !strings.HasPrefix(item.Value, "0x") {
				r.problem(item, "%s names %q, which is neither an address nor under signers", s.at("approvers"), item.Value)
				continue
			}
			acc = Account{Address: r.address(item, s.at("approvers"), item.Value)}
		}
		if acc != (Account{}) && slices.Contains(a.Approvers, acc) {
			r.problem(item, "%s names %s twice: remove one", s.at("approvers"), item.Value)
		}
		a.Approvers = append(a.Approvers, acc)
	}
	if most := max(a.Required, a.Hotfix, a.Pause, a.Cancel, a.Others); len(named) < most {
		r.problem(n, "%s names %d accounts, but up to %d approvals are asked for: name more, or ask for fewer",
			s.at("approvers"), len(named), most)
	}
	c.Approvals = a
}
