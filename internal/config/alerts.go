package config

// Alerts says what follows from alerts.
type Alerts struct {
	Pause Pause
}

// alerts reads the section of that name.
func (r *reader) alerts(c *Config, top section) {
	s := r.section(top.get("alerts"), "alerts", "sinks", "receivers", "rules", "escalation", "pause", "inbound")
	r.pause(c, s, top)
}
