package config

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServe(t *testing.T) {
	for text, want := range map[string]Serve{
		"":                                   {Listen: "127.0.0.1:8420"},
		"serve:\n":                           {Listen: "127.0.0.1:8420"},
		"serve: {}\n":                        {Listen: "127.0.0.1:8420"},
		"serve: {listen: \"127.0.0.2:0\"}\n": {Listen: "127.0.0.2:0"},
		"serve: {listen: \"[::1]:8420\", name: lockstep.example}\n":                          {Listen: "[::1]:8420", Name: "lockstep.example"},
		"serve: {listen: \"127.0.0.1:1\", name: 10.0.0.7, tls: {cert: a.pem, key: b.pem}}\n": {Listen: "127.0.0.1:1", Name: "10.0.0.7", TLS: &TLS{"a.pem", "b.pem"}},
		"serve: {listen: \":8420\", tls: {cert: a.pem, key: /b.pem}}\n":                      {Listen: ":8420", TLS: &TLS{"a.pem", "/b.pem"}},
		"serve: {poll: 3s, health: 5m}\n":                                                    {Listen: "127.0.0.1:8420", Poll: 3 * time.Second, Health: 5 * time.Minute},
		"serve: {traces: \"http://127.0.0.1:4318\"}\n":                                       {Listen: "127.0.0.1:8420", Traces: "http://127.0.0.1:4318"},
		"serve: {traces: \"http://[::1]:4318/v1/traces\"}\n":                                 {Listen: "127.0.0.1:8420", Traces: "http://[::1]:4318/v1/traces"},
		"serve: {traces: \"https://otel.example/v1/traces\"}\n":                              {Listen: "127.0.0.1:8420", Traces: "https://otel.example/v1/traces"},
		"serve: {traces: env:TRACES}\n":                                                      {Listen: "127.0.0.1:8420", Traces: "env:TRACES"},
		"serve: {listen: \"0.0.0.0:8420\", insecure: true}\n":                                {Listen: "0.0.0.0:8420", Insecure: true},
		"serve: {listen: \"[2001:db8::1]:443\", insecure: true, name: a-b.c}\n":              {Listen: "[2001:db8::1]:443", Insecure: true, Name: "a-b.c"},
	} {
		if want.Poll == 0 {
			want.Poll, want.Health = 12*time.Second, time.Minute
		}
		c, err := Parse("lockstep.yaml", []byte(text+sound))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, c.Serve); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// Every mistake is one problem, with its line.
func TestServeMistakes(t *testing.T) {
	const exposed = "which others can reach"
	for text, want := range map[string]string{
		"listen: 0.0.0.0:8420":              exposed,
		"listen: \":8420\"":                 exposed,
		"listen: \"[::]:8420\"":             exposed,
		"listen: 192.0.2.7:8420":            exposed,
		"listen: \"[::ffff:192.0.2.7]:80\"": exposed,
		"listen: 8420":                      "must be an IP address",
		"listen: 127.0.0.1":                 "must be an IP address",
		"listen: \"127.0.0.1:\"":            "must be an IP address",
		"listen: 127.0.0.1:65536":           "must be an IP address",
		"listen: 127.0.0.1:http":            "must be an IP address",
		"listen: lockstep.example:8420":     "must be an IP address",
		"listen: localhost:8420":            "must be an IP address",
		"listen: http://127.0.0.1:8420":     "must be an IP address",
		"listen: [127.0.0.1]":               "serve.listen must be text",
		"name: https://lockstep.example":    "must be a host name",
		"name: lockstep.example:8420":       "must be a host name",
		"name: lockstep..example":           "must be a host name",
		"name: \"*.example\"":               "must be a host name",
		"name: [a]":                         "serve.name must be text",
		"insecure: perhaps":                 "serve.insecure must be true or false",
		"tls: {cert: a.pem}":                "serve.tls.key is missing",
		"tls: {key: a.pem}":                 "serve.tls.cert is missing",
		"tls: {cert: a, key: b, ca: c}":     `unknown key "ca" in serve.tls`,
		"tls: a.pem":                        "serve.tls must be a mapping of cert, key",
		"listn: 127.0.0.1:1":                `unknown key "listn" in serve; did you mean "listen"?`,
		"poll: 100ms":                       `serve.poll is "100ms", must be a time such as 12s, between 1s and 1h`,
		"health: 0s":                        `serve.health is "0s", must be a time such as 1m, between 1s and 24h`,
		"traces: http://otel.example:4318":  "is not an https URL, which it must be where it is not on this machine",
		"traces: otel.example:4318":         "is not an http or https URL; or refer to it with env:NAME or file:PATH",
		"traces: \"\"":                      "is not an http or https URL",
		"traces: https://a:b@otel.example":  "serve.traces holds a user or password",
		"traces: https://otel.example/?a=b": "has something after its path",
		"traces: \"env:\"":                  "must refer to the secret",
		"traces: [a]":                       "serve.traces must be text",
		"public: true":                      `unknown key "public" in serve`,
	} {
		_, err := Parse("lockstep.yaml", []byte("serve:\n  "+text+"\n"+sound))
		if err == nil || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "lockstep.yaml:2: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want one problem in line 2: %s", text, err, want)
		}
	}
	_, err := Parse("lockstep.yaml", []byte("serve:\n  tls: {cert: a, key: b}\n  insecure: true\n"+sound))
	if err == nil || !strings.Contains(err.Error(), "lockstep.yaml:3: serve.insecure does not go with serve.tls") {
		t.Error(err)
	}
	_, err = Parse("lockstep.yaml", []byte("serve: [a]\n"+sound))
	if want := "lockstep.yaml:1: serve must be a mapping of listen, name, tls, insecure, poll, health, traces"; err == nil || fmt.Sprint(err) != want {
		t.Error(err)
	}
}
