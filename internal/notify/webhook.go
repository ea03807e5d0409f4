package notify

import (
	"context"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/notice"
)

// webhook posts messages as JSON, signed.
type webhook struct {
	*endpoint
	secret *Secret // nil if requests are not signed
	words  *notice.Templates
}

func newWebhook(s Spec) (Sink, error) {
	e, err := newEndpoint(s.URL, s.Roots, s.Secret)
	if err != nil {
		return nil, err
	}
	w := &webhook{endpoint: e, words: s.Templates}
	if s.Secret != "" {
		secret, err := ParseSecret(s.Secret)
		if err != nil {
			return nil, err
		}
		w.secret = &secret
	}
	return w, nil
}

// webhookBody is a message with its words.
type webhookBody struct {
	notice.Message
	Title string `json:"title"`
	Text  string `json:"text"`
}

func (w *webhook) Send(ctx context.Context, m notice.Message) error {
	words := w.words.Words(&m)
	body, err := marshal(webhookBody{m, words.Title, words.Text})
	if err != nil {
		return refused("%v", err)
	}
	header := map[string][]string{headerID: {m.ID}}
	if w.secret != nil {
		header = w.secret.Sign(m.ID, w.now().Truncate(time.Second), body)
	}
	return w.post(ctx, w.url, "application/json", body, header)
}
