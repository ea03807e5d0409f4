package config

// Alerts says what is an alert, who is told, and who tells.
type Alerts struct {
	BaseURL string             // by which links in messages lead back to this daemon, without a slash at the end; empty if they do not
	Inbound map[string]Inbound // hooks by which others answer alerts, and report theirs
}

// alerts reads the section of that name.
func (r *reader) alerts(c *Config, top section) {
	s := r.section(top.get("alerts"), "alerts", "sinks", "receivers", "rules", "escalation", "pause", "inbound", "baseURL")
	r.baseURL(c, s)
	r.inbound(c, s)
}
