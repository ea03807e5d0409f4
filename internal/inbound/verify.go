package inbound

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of signatures. Those of reports are of the Standard Webhooks specification, as those of our own webhooks are; the names of Grafana's
// are chosen by whoever configures it, of which the first is what it proposes.
const (
	headerPagerDuty = "X-Pagerduty-Signature"

	headerGrafana     = "X-Grafana-Alerting-Signature"
	headerGrafanaTime = "X-Grafana-Alerting-Timestamp"

	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// Tolerance is how far the time of a signed delivery may be from ours.
const Tolerance = 5 * time.Minute

const (
	maxSignatures = 16  // in a header
	maxID         = 256 // bytes of the id of a delivery
)

// Verify says whether a delivery is by somebody who may: it bears a signature or the token, and each of both that it bears is good. The error is
// for the log; who sends what is not good need not learn why.
func (h *Hook) Verify(now time.Time, header http.Header, body []byte) error {
	proven := false
	if h.Secret != "" {
		signed, err := h.signed(now, header, body)
		if err != nil {
			return err
		}
		proven = signed
	}
	if values := header.Values("Authorization"); h.Token != "" && len(values) > 0 {
		if len(values) > 1 {
			return errors.New("there is more than one Authorization header")
		}
		if !h.knows(values[0]) {
			return errors.New("the token is wrong")
		}
		proven = true
	}
	if !proven {
		return errUnsigned
	}
	return nil
}

// knows compares the token in constant time, whatever it is compared with. The name of a user says nothing.
func (h *Hook) knows(authorization string) bool {
	scheme, text, _ := strings.Cut(authorization, " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
	case strings.EqualFold(scheme, "Basic"):
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return false
		}
		_, text, _ = strings.Cut(string(decoded), ":")
	default:
		return false
	}
	presented, want := sha256.Sum256([]byte(text)), sha256.Sum256([]byte(h.Token))
	return subtle.ConstantTimeCompare(presented[:], want[:]) == 1
}

// signed tells whether a delivery is signed. One that is signed wrongly is an error.
func (h *Hook) signed(now time.Time, header http.Header, body []byte) (bool, error) {
	switch h.Kind {
	case KindPagerDuty:
		values := header.Values(headerPagerDuty)
		return len(values) > 0, h.pagerDutySigned(values, body)
	case KindGrafana:
		values := header.Values(headerGrafana)
		return len(values) > 0, h.grafanaSigned(now, values, header.Get(headerGrafanaTime), body)
	case KindReport:
		values := header.Values(headerSignature)
		return len(values) > 0, h.reportSigned(now, values, header, body)
	}
	return false, nil
}

var errSignature = errors.New("its signature is not by the secret")

// among tells whether one of the texts is a good signature, in a time that does not say which.
func (h *Hook) among(texts []string, decode func(string) ([]byte, error), signed ...string) error {
	if len(texts) > maxSignatures {
		return fmt.Errorf("it has more than %d signatures", maxSignatures)
	}
	mac := hmac.New(sha256.New, h.key)
	for _, part := range signed {
		_, _ = io.WriteString(mac, part) // a hash takes all
	}
	want, good := mac.Sum(nil), 0
	for _, text := range texts {
		if sum, err := decode(text); err == nil && hmac.Equal(sum, want) {
			good++
		}
	}
	if good == 0 {
		return errSignature
	}
	return nil
}

// pagerDutySigned: v1= and the HMAC-SHA256 of the body, for each secret that holds while they are changed.
func (h *Hook) pagerDutySigned(values []string, body []byte) error {
	if len(values) == 0 {
		return nil
	}
	var sums []string
	for text := range strings.SplitSeq(strings.Join(values, ","), ",") {
		if sum, is := strings.CutPrefix(strings.TrimSpace(text), "v1="); is {
			sums = append(sums, sum)
		}
	}
	return h.among(sums, hex.DecodeString, string(body))
}

// grafanaSigned: the HMAC-SHA256 of the time, a colon and the body. Grafana can leave the time out; then whoever has seen a delivery could send it
// again at any time.
func (h *Hook) grafanaSigned(now time.Time, values []string, timestamp string, body []byte) error {
	switch {
	case len(values) == 0:
		return nil
	case timestamp == "":
		return fmt.Errorf("it is signed without a time: set the timestamp header of the contact point to %s", headerGrafanaTime)
	}
	if err := h.among(values, hex.DecodeString, timestamp, ":", string(body)); err != nil {
		return err
	}
	return recent(now, timestamp)
}

// grafanaID names a signed delivery; it is empty for one that is not signed.
func grafanaID(header http.Header) string {
	sum, err := hex.DecodeString(header.Get(headerGrafana))
	if err != nil || len(sum) != sha256.Size {
		return ""
	}
	return hex.EncodeToString(sum)
}

// reportSigned: v1, and the HMAC-SHA256 of id, time and body, with dots between them, in base64.
func (h *Hook) reportSigned(now time.Time, values []string, header http.Header, body []byte) error {
	if len(values) == 0 {
		return nil
	}
	id, timestamp := header.Get(headerID), header.Get(headerTimestamp)
	if id == "" || len(id) > maxID || strings.Contains(id, ".") || timestamp == "" {
		return fmt.Errorf("it is signed, and lacks %s or %s, or they are not as they should be", headerID, headerTimestamp)
	}
	var sums []string
	for text := range strings.FieldsSeq(strings.Join(values, " ")) {
		if sum, is := strings.CutPrefix(text, "v1,"); is {
			sums = append(sums, sum)
		}
	}
	if err := h.among(sums, base64.StdEncoding.DecodeString, id, ".", timestamp, ".", string(body)); err != nil {
		return err
	}
	return recent(now, timestamp)
}

// recent checks the time that a signature holds.
func recent(now time.Time, timestamp string) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != timestamp {
		return errors.New("the time at which it was signed is not in unix seconds")
	}
	if off := now.Sub(time.Unix(seconds, 0)).Abs(); off > Tolerance {
		return fmt.Errorf("it was signed more than %s from now: it is sent again, or a clock is wrong", Tolerance)
	}
	return nil
}

const secretPrefix = "whsec_"

// standardKey is the key of a secret of Standard Webhooks: whsec_ and base64; any other text is the key itself.
func standardKey(secret string) ([]byte, error) {
	encoded, is := strings.CutPrefix(secret, secretPrefix)
	if !is {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("its secret begins with whsec_, and what follows is not base64: make one with openssl rand -base64 32") // it is not shown
	}
	return key, nil
}
