package notify

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/seed-b6a97670/lockstep/internal/notice"
)

// secretSlack is a sink whose URL is a secret.
func secretSlack(t *testing.T, base string) *Outlet {
	t.Helper()
	return outletOf(t, Spec{Type: TypeSlack, URL: base + "/services/hunter2hunter2?key=hunter2"})
}

func mustFail(t *testing.T, err error, want string, retry bool, after time.Duration) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v, want %s", err, want)
	}
	if !strings.Contains(e.Error(), want) || e.Retry != retry || e.After != after {
		t.Errorf("%q, retry %v after %s; want %q, %v after %s", e, e.Retry, e.After, want, retry, after)
	}
	if strings.Contains(e.Error(), "hunter2") || strings.Contains(e.Error(), "127.0.0.1:") && !strings.Contains(want, "127.0.0.1:") {
		t.Errorf("it shows a secret: %s", e)
	}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		status int
		header string // Retry-After
		body   string
		want   string // empty if the message is taken
		retry  bool
		after  time.Duration
	}{
		{status: 200},
		{status: 202, body: `{"status":"success"}`},
		{status: 204},
		{429, "7", "", "it wants fewer messages (HTTP status 429): lower perMinute", true, 7 * time.Second},
		{429, "0.35", "", "it wants fewer messages", true, 350 * time.Millisecond},
		{429, "Tue, 14 Nov 2023 22:13:50 GMT", "", "it wants fewer messages", true, 30 * time.Second},
		{429, "Tue, 14 Nov 2023 22:13:10 GMT", "", "it wants fewer messages", true, 0},
		{429, "86400", "", "it wants fewer messages", true, 10 * time.Minute},
		{429, "1e300", "", "it wants fewer messages", true, 10 * time.Minute},
		{429, "soon", "", "it wants fewer messages", true, 0},
		{429, "-5", "", "it wants fewer messages", true, 0},
		{429, "NaN", "", "it wants fewer messages", true, 0},
		{429, "", "", "it wants fewer messages", true, 0},
		{503, "3", "", "it wants fewer messages (HTTP status 503)", true, 3 * time.Second},
		{503, "", "busy", "it answers with HTTP status 503 (busy): it is tried again", true, 0},
		{500, "", "", "it answers with HTTP status 500: it is tried again", true, 0},
		{502, "9", "", "it answers with HTTP status 502", true, 0},
		{408, "", "", "it answers with HTTP status 408", true, 0},
		{425, "", "", "it answers with HTTP status 425", true, 0},
		{400, "", "invalid_blocks\n\x1b[31m", "it refuses the message (HTTP status 400 (invalid_blocks  [31m)): check what is configured for it", false, 0},
		{400, "", "see https://hooks.example/services/hunter2hunter2", "(see [hidden])", false, 0},
		{400, "", "no /services/hunter2hunter2 here, nor hunter2", "(no [hidden] here, nor [hidden])", false, 0},
		{400, "", strings.Repeat("x", 300), strings.Repeat("x", 200) + "...)", false, 0},
		{401, "", "", "it does not accept the credentials (HTTP status 401)", false, 0},
		{403, "", "invalid_token", "(HTTP status 403 (invalid_token)): check the key, or the URL", false, 0},
		{404, "", "", "there is nothing at its URL (HTTP status 404): check it, it may have been revoked", false, 0},
		{410, "", "", "there is nothing at its URL", false, 0},
		{413, "", "", "it refuses the message (HTTP status 413)", false, 0},
		{304, "", "", "it refuses the message (HTTP status 304)", false, 0},
	} {
		w := newWall(t, func(w http.ResponseWriter, _ int) {
			if test.header != "" {
				w.Header().Set("Retry-After", test.header)
			}
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		err := send(t, secretSlack(t, w.URL), messages()[0])
		if test.want == "" {
			if err != nil {
				t.Errorf("%d: %v", test.status, err)
			}
			continue
		}
		mustFail(t, err, strings.ReplaceAll(test.want, "((", "("), test.retry, test.after)
	}
}

// What is told goes to nobody that is not configured.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newWall(t, nil)
	for _, status := range []int{301, 302, 303, 307, 308} {
		w := newWall(t, func(w http.ResponseWriter, _ int) {
			w.Header().Set("Location", elsewhere.URL+"/hunter2")
			w.WriteHeader(status)
		})
		mustFail(t, send(t, secretSlack(t, w.URL), messages()[0]), "it sends elsewhere, and nothing was sent there", false, 0)
	}
	if got := elsewhere.all(); len(got) != 0 {
		t.Errorf("elsewhere was told %q", got)
	}
}

func TestNoAnswer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	mustFail(t, send(t, secretSlack(t, gone), messages()[0]), "it cannot be reached (connect: connection refused)", true, 0)

	ends := newWall(t, func(w http.ResponseWriter, _ int) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	})
	mustFail(t, send(t, secretSlack(t, ends.URL), messages()[0]), "it ended the connection before it had answered", true, 0)

	silent := make(chan struct{})
	waits := newWall(t, func(http.ResponseWriter, int) { <-silent })
	o := secretSlack(t, waits.URL)
	endpointOf(o).timeout = 50 * time.Millisecond
	mustFail(t, send(t, o, messages()[0]), "it gave no answer in 50ms", true, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = secretSlack(t, waits.URL).Sink.Send(ctx, messages()[0])
	mustFail(t, err, "it was not waited for", true, 0)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	close(silent)
}

// An answer without an end is not read to its end.
func TestEndlessAnswer(t *testing.T) {
	done := make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		written := 0
		for {
			n, err := w.Write(make([]byte, 1<<16))
			if written += n; err != nil {
				done <- written
				return
			}
		}
	}))
	defer server.Close()
	mustFail(t, send(t, secretSlack(t, server.URL), messages()[0]), "it refuses the message (HTTP status 400)", false, 0)
	if written := <-done; written > 64<<20 { // what fits into buffers on the way is far less
		t.Errorf("%d bytes were read", written)
	}
}

// A certificate that nobody vouches for is not accepted.
func TestCertificates(t *testing.T) {
	w := &wall{arrived: make(chan string, 10)}
	server := httptest.NewUnstartedServer(w)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	mustFail(t, send(t, secretSlack(t, server.URL), messages()[0]), "it shows a certificate that this machine does not trust", true, 0)
	if len(w.all()) != 0 {
		t.Error("it was told something")
	}
	roots, err := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, error(nil)
	if block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}); !roots.AppendCertsFromPEM(block) || err != nil {
		t.Fatal("no certificate")
	}
	if err := send(t, outletOf(t, Spec{Type: TypeSlack, URL: server.URL, Roots: roots}), messages()[0]); err != nil {
		t.Error(err)
	}
}

// The key of PagerDuty is in no error, even if it answers with it.
func TestKeyIsHidden(t *testing.T) {
	w := newWall(t, func(w http.ResponseWriter, _ int) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"errors":["routing_key hunter2 is unknown"]}`)
	})
	err := send(t, outletOf(t, Spec{Type: TypePagerDuty, URL: w.URL + "/v2/enqueue", Key: "hunter2"}), messages()[0])
	mustFail(t, err, "routing_key [hidden] is unknown", false, 0)
}

func TestPagerDutyOfNoAlert(t *testing.T) {
	w := newWall(t, nil)
	mustFail(t, send(t, outletOf(t, Spec{Type: TypePagerDuty, URL: w.URL, Key: "k"}), notice.Message{ID: "m", Kind: notice.Raised}), "it takes events of alerts", false, 0)
	if len(w.all()) != 0 {
		t.Error("it was told something")
	}
}
