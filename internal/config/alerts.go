package config

import (
	"github.com/seed-b6a97670/lockstep/internal/rule"
)

// Alerts says what is an alert, and who is told.
type Alerts struct {
	Rules      map[string]rule.Settings          // all rules, with their defaults where the file does not say
	Escalation map[rule.Severity]rule.Escalation // all severities, likewise
}

// alerts reads what concerns alerts.
func (r *reader) alerts(c *Config, top section) {
	s := r.section(top.get("alerts"), "alerts", "sinks", "receivers", "rules", "escalation", "pause", "inbound", "baseURL")
	who := r.receiverNames(s)
	c.Alerts.Rules = r.rules(s, who)
	c.Alerts.Escalation = r.escalation(s, who)
	r.mustExist(s, c.Alerts, who)
}
