package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"strings"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/rule"
	"github.com/seed-b6a97670/lockstep/internal/store"
	"github.com/seed-b6a97670/lockstep/internal/web"
)

var alertPage = template.Must(template.New("alert").Parse(`{{with .Alert}}<p><strong>{{.Summary}}</strong>
<dl>
<dt>severity<dd>{{.Severity}}
<dt>rule<dd>{{.Rule}}
<dt>about<dd>{{.Subject}}
{{with .Network}}<dt>network<dd>{{.}}
{{end}}{{end}}<dt>since<dd>{{.Since}}
<dt>who has it in hand<dd>{{.Who}}
</dl>
{{with .Note}}<p>{{.}}
{{end}}`))

// showLinked is the page of an alert.
func (x *answers) showLinked(ctx context.Context, secret [sha256.Size]byte) (web.View, error) {
	r, _, used, err := x.store.LinkedAlert(ctx, secret)
	if err != nil {
		return web.View{}, told(err)
	}
	return x.view(r, used, ""), nil
}

// acknowledgeLinked notes that whoever has the link has the alert in hand.
func (x *answers) acknowledgeLinked(ctx context.Context, secret [sha256.Size]byte) (web.View, error) {
	_, done, err := x.alerts.AcknowledgeLinked(ctx, secret)
	if err != nil && !errors.Is(err, store.ErrResolved) { // which the page says
		return web.View{}, told(err)
	}
	r, _, used, err := x.store.LinkedAlert(ctx, secret)
	if err != nil {
		return web.View{}, told(err)
	}
	note := ""
	if done {
		note = "Noted: you have it in hand. Nobody else is called."
		x.log.InfoContext(ctx, "alert acknowledged", "alert", r.ID, "rule", r.Rule, "by", r.AcknowledgedBy)
	}
	return x.view(r, used, note), nil
}

func (x *answers) view(r rule.Record, used bool, note string) web.View {
	v := web.View{Title: fmt.Sprintf("%s: alert %d", x.project, r.ID), Body: alertPage}
	who := "nobody"
	switch {
	case r.AcknowledgedBy != "":
		who = fmt.Sprintf("%s, since %s", r.AcknowledgedBy, moment(r.AcknowledgedAt))
	case used && r.Fires():
		note = "This link was used, and the alert was raised again since: use the one in the next message."
	case r.Fires():
		v.Button = "I have it in hand"
	}
	if !r.Fires() {
		note = fmt.Sprintf("It is resolved since %s: %s.", moment(r.ResolvedAt), r.Resolution)
	}
	if r.Fires() && r.Rule == rule.External && note == "" {
		source, _, _ := strings.Cut(r.Subject, " ")
		note = fmt.Sprintf("It ends when %s says so. If that never comes: lockstep alert resolve %d --reason TEXT", source, r.ID)
	}
	v.Data = map[string]any{"Alert": r.Alert, "Since": moment(r.RaisedAt), "Who": who, "Note": note}
	return v
}

func moment(unix int64) string { return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC") }
