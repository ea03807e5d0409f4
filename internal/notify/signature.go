package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of a signed request, as those of the Standard Webhooks specification, for which receivers in most languages have a library.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

const (
	secretPrefix = "whsec_"
	minSecret    = 16 // bytes
	maxID        = 256
)

// Tolerance is how far the time of a signed request may be from that of who receives it.
const Tolerance = 5 * time.Minute

// Secret is the key of signatures.
type Secret struct{ key []byte }

// ParseSecret reads a secret: whsec_ and base64, or any text of at least 16 bytes.
func ParseSecret(text string) (Secret, error) {
	encoded, is := strings.CutPrefix(text, secretPrefix)
	key := []byte(text)
	if is {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return Secret{}, errors.New("the secret begins with whsec_, and what follows is not base64: make one with openssl rand -base64 32") // it is not shown
		}
	}
	if len(key) < minSecret {
		return Secret{}, fmt.Errorf("the secret has %d bytes, and must have at least %d: make one with openssl rand -base64 32", len(key), minSecret)
	}
	return Secret{key}, nil
}

// String hides it.
func (Secret) String() string { return "[secret]" }

// sum is the HMAC-SHA256 over id, time and body, with dots between them.
func (s Secret) sum(id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	_, _ = io.WriteString(mac, id+"."+timestamp+".") // a hash takes all
	_, _ = mac.Write(body)
	return mac.Sum(nil)
}

// Sign makes the headers of a request.
func (s Secret) Sign(id string, at time.Time, body []byte) http.Header {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	return http.Header{
		headerID: {id}, headerTimestamp: {timestamp}, headerSignature: {"v1," + base64.StdEncoding.EncodeToString(s.sum(id, timestamp, body))},
	}
}

// Verify checks the headers of a request, in constant time, and returns its id. Whoever receives it refuses ids that it has seen within twice
// the Tolerance, so that nobody can send it again.
func (s Secret) Verify(h http.Header, now time.Time, body []byte) (id string, err error) {
	id, timestamp := h.Get(headerID), h.Get(headerTimestamp)
	if id == "" || len(id) > maxID || strings.Contains(id, ".") || timestamp == "" || len(h.Values(headerSignature)) != 1 {
		return "", fmt.Errorf("it is not signed: it needs the headers %s, %s and %s", headerID, headerTimestamp, headerSignature)
	}
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || strconv.FormatInt(seconds, 10) != timestamp {
		return "", fmt.Errorf("%s is not a time in seconds", headerTimestamp)
	}
	want, found := s.sum(id, timestamp, body), 0
	for signature := range strings.FieldsSeq(h.Get(headerSignature)) {
		version, encoded, _ := strings.Cut(signature, ",")
		sum, err := base64.StdEncoding.DecodeString(encoded)
		if version == "v1" && err == nil && hmac.Equal(sum, want) {
			found++
		}
	}
	if found == 0 {
		return "", errors.New("its signature is not by the secret")
	}
	if at := time.Unix(seconds, 0); at.Before(now.Add(-Tolerance)) || at.After(now.Add(Tolerance)) {
		return "", fmt.Errorf("it was signed more than %s from now: it is sent again, or a clock is wrong", Tolerance)
	}
	return id, nil
}
