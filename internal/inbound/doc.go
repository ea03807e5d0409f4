// Package inbound is what others tell about alerts: that somebody has one of ours in hand (Answer), or that something outside is wrong, which
// becomes an alert here (a rule.Seen of rule.SawReport). It verifies that who tells it may, and reads their formats; it serves nothing and keeps
// nothing but which deliveries it has had.
//
//	Hook          a webhook: PagerDuty, Grafana and Alertmanager in their own formats, people and scripts in a plain one
//	Alertmanager  is asked which of the alerts that it was given are silenced, and by whom
//
// Members of a document that are not known are passed over, since these are formats of others, who add to them. Those that are needed must be
// there, and be of the type that they are said to be.
package inbound
