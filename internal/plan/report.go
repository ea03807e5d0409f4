package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/crypto"

	"github.com/seed-b6a97670/lockstep/internal/manifest"
)

// Markdown is the report of a plan, for a pull request.
func (p *Plan) Markdown() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	i := p.Intent
	line("# Plan: %s %s", i.Action, code(i.Project))
	line("")
	line("| | |\n|---|---|")
	line("| plan digest, which is what is approved | %s |", code(p.Digest.Hex()))
	for _, row := range p.Summary() {
		line("| %s | %s |", row[0], code(row[1]))
	}
	line("")
	p.markdownChecks(line)
	p.markdownRoutes(line)
	p.markdownNetworks(line)
	line("## Calls")
	line("")
	line("| | step | from | to | data |\n|---|---|---|---|---|")
	for at, c := range i.Calls {
		line("| %d | %s | %s | %s | %d bytes, keccak256 %s |", at+1, code(c.Step), code(c.From.Hex()), code(c.To.Hex()), len(c.Data), code(crypto.Keccak256Hash(c.Data).Hex()))
	}
	line("")
	line("Made by %s. What was observed is not part of the digest; `lockstep show PLAN --check` observes again.", code(p.Observations.Tool))
	return b.String()
}

// Summary says in rows what a plan is for.
func (p *Plan) Summary() [][2]string {
	i := p.Intent
	clock := func(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }
	rows := [][2]string{{"networks", i.Describe()}, {"dispatcher", i.Dispatcher.Hex()}}
	if m := i.Manifest; m != nil {
		rows = append(rows, [2]string{"manifest root", m.Root.Hex()}, [2]string{"manifest file, sha256", m.SHA256.Hex()})
	}
	if i.Action == Rollback {
		rows = append(rows, [2]string{"root that becomes active", i.root().Hex()})
	}
	if s := i.Source; s != nil {
		text := "commit " + s.Commit
		switch {
		case s.Commit == "":
			text = "not known"
		case !s.Clean:
			text += ", with changes that are not committed"
		}
		rows = append(rows, [2]string{"source", text})
	}
	rows = append(rows, [2]string{"created", clock(i.Created)}, [2]string{"to be begun by", clock(i.Expires)}, [2]string{"approval policy", i.Policy.Hex()})
	if i.Hotfix {
		rows = append(rows, [2]string{"accepts", i.accepts()})
	}
	if i.Rollout != nil {
		for _, l := range i.Rollout.Lines(i.nameOf) {
			rows = append(rows, [2]string{"order", l})
		}
	}
	if n := i.NewPolicy; n != nil {
		for _, l := range n.Lines() {
			rows = append(rows, [2]string{"new policy", l})
		}
	}
	return rows
}

func (i *Intent) nameOf(chainID uint64) string {
	n, _ := i.Network(chainID)
	return n.Name
}

func (p *Plan) markdownChecks(line func(string, ...any)) {
	line("## Checks")
	line("")
	if len(p.Observations.Checks) == 0 {
		line("No check has tripped.")
		line("")
		return
	}
	line("| severity | check | network | about | what | what to do |\n|---|---|---|---|---|---|")
	for _, c := range p.Observations.Checks {
		line("| **%s** | %s | %s | %s | %s | %s |", escape(string(c.Severity)), code(c.ID), code(c.Network), code(c.Subject), escape(c.Message), escape(c.Remedy))
	}
	line("")
}

func (p *Plan) markdownRoutes(line func(string, ...any)) {
	if p.Intent.Manifest == nil {
		return
	}
	line("## What changes for callers")
	line("")
	for _, r := range p.Observations.Routes {
		line("On %s:", code(strings.Join(r.Networks, ", ")))
		line("")
		for _, c := range r.Changes {
			line("- %s", code(c.String()))
		}
		line("- %d functions stay as they are", r.Unchanged)
		line("")
	}
	if p.Observations.Init != "" {
		line("At activation %s runs, once, with the dispatcher's storage.", code(p.Observations.Init))
		line("")
	}
}

func (p *Plan) markdownNetworks(line func(string, ...any)) {
	for at, n := range p.Intent.Networks {
		line("## %s", code(fmt.Sprintf("%s (chain %d, %s)", n.Name, n.ChainID, n.Kind)))
		line("")
		if len(n.Calls) == 0 {
			line("Nothing is sent.")
			line("")
		}
		o := p.Observations.Of(n.Name)
		line("Observed after block %d (%s), by a simulation: %s. At most %s wei in all, at %s wei a gas.",
			o.Block.Number, code(o.Block.Hash.Hex()), yes(o.Simulated), escape(o.Cost), escape(o.MaxFee))
		line("")
		if len(n.Calls) > 0 {
			line("| | call | gas limit | |\n|---|---|---|---|")
			for j, c := range p.Intent.CallsOf(n) {
				if j < len(o.Calls) {
					line("| %d | %s | %d | %s |", j+1, code(c.Step), o.Calls[j].Gas, escape(o.Calls[j].Refused))
				}
			}
			line("")
		}
		if len(o.Changes) > 0 {
			line("| state | from | to |\n|---|---|---|")
			for _, c := range o.Changes {
				line("| %s | %s | %s |", escape(c.What), code(c.From), code(c.To))
			}
			line("")
		}
		if o.Traced && o.Slots > 0 {
			line("<details><summary>%d slots of storage change</summary>", o.Slots)
			line("")
			line("| account | slot | from | to |\n|---|---|---|---|")
			for _, s := range o.Storage {
				line("| %s | %s | %s | %s |", code(s.Account.Hex()), code(s.Slot.Hex()), code(s.From.Hex()), code(s.To.Hex()))
			}
			line("")
			line("</details>")
			line("")
		}
		line("<details><summary>%d preconditions</summary>", len(p.Preconditions[at].Facts))
		line("")
		line("| fact | value |\n|---|---|")
		for _, f := range p.Preconditions[at].Facts {
			line("| %s | %s |", escape(f.What), code(f.Value))
		}
		line("")
		line("</details>")
		line("")
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// code shows a text as it is, whatever it holds.
func code(text string) string {
	text = printable(text)
	switch {
	case text == "":
		return ""
	case strings.ContainsAny(text, "`|\\"):
		// within backticks nothing can be escaped, and tables end cells there as well
		return "<code>" + escape(text) + "</code>"
	}
	return "`" + text + "`"
}

// escape takes its meaning from what Markdown or HTML would make something of.
func escape(text string) string {
	return escaper.Replace(printable(text))
}

var escaper = strings.NewReplacer("\\", `\\`, "`", "&#96;", "|", "&#124;", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "#", `\#`, "!", `\!`,
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "$", "&#36;", "@", "&#64;")

// GroupRoutes puts networks on which the same changes for callers together.
func GroupRoutes(networks []string, changes [][]manifest.RouteChange, unchanged []int) []RouteChanges {
	var out []RouteChanges
	for at, name := range networks {
		same := slices.IndexFunc(out, func(r RouteChanges) bool {
			return r.Unchanged == unchanged[at] && slices.Equal(r.Changes, changes[at])
		})
		if same < 0 {
			out = append(out, RouteChanges{Networks: []string{name}, Changes: changes[at], Unchanged: unchanged[at]})
			continue
		}
		out[same].Networks = append(out[same].Networks, name)
	}
	return out
}
