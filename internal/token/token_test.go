package token

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func fresh(t testing.TB) Token {
	t.Helper()
	tok, err := New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// The form is a promise to scanners for secrets, and to the records of tokens that were given out.
func TestFormOfATokenStays(t *testing.T) {
	var bytesOf [38]byte
	for i := range bytesOf {
		bytesOf[i] = byte(i)
	}
	tok, err := New(bytes.NewReader(bytesOf[:]))
	if err != nil {
		t.Fatal(err)
	}
	const want = "lockstep_000102030405_aydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qccirdeqsuausd7e"
	if got := tok.Reveal(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if tok.Hash() != sha256.Sum256(bytesOf[6:]) {
		t.Errorf("the hash is %x", tok.Hash())
	}
	if tok.ID() != "000102030405" {
		t.Errorf("the id is %s", tok.ID())
	}
	if !regexp.MustCompile(`^lockstep_[0-9a-f]{12}_[a-z2-7]{58}$`).MatchString(fresh(t).Reveal()) {
		t.Error("a token does not look as the package says")
	}
}

func TestNewNeedsRandomBytes(t *testing.T) {
	for _, n := range []int{0, 5, 6, 37} {
		if tok, err := New(bytes.NewReader(make([]byte, n))); err == nil || tok != (Token{}) {
			t.Errorf("%d bytes make a token: %v", n, err)
		}
	}
}

func TestParse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, err := New(bytes.NewReader(rapid.SliceOfN(rapid.Byte(), 38, 38).Draw(t, "random")))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Parse(want.Reveal()); err != nil || got != want {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// A token with one character more, less or other is malformed, so it is never looked up.
func TestParseFindsEveryTypo(t *testing.T) {
	tok := fresh(t).Reveal()
	refused := func(what, s string) {
		t.Helper()
		got, err := Parse(s)
		var malformed *MalformedError
		if !errors.As(err, &malformed) || got != (Token{}) {
			t.Errorf("%s: %q is read as %v: %v", what, s, got, err)
		}
		if err != nil && len(s) > 12 && strings.Contains(err.Error(), s[len(s)-8:]) {
			t.Errorf("%s: the error shows the token: %v", what, err)
		}
	}
	for i := range tok {
		refused("truncated", tok[:i])
		refused("left out", tok[:i]+tok[i+1:])
		if upper := tok[:i] + strings.ToUpper(tok[i:]); upper != tok { // it may end with digits
			refused("upper case", upper)
		}
		for _, c := range []byte("abcdefghijklmnopqrstuvwxyz0123456789_= \n\x00") {
			if c != tok[i] {
				refused("another", tok[:i]+string(c)+tok[i+1:])
			}
		}
	}
	refused("longer", tok+"a")
	refused("space", tok+"\n")
	refused("twice", tok+tok)
	refused("another prefix", "keystone"+tok[len("lockstep"):])
	other := fresh(t).Reveal()
	refused("the id of another", tok[:len(Prefix)+12]+other[len(Prefix)+12:])
}

func FuzzParse(f *testing.F) {
	f.Add(fresh(f).Reveal())
	f.Add("lockstep_000102030405_aydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qccirdeqsuausd7e")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if tok, err := Parse(s); err == nil && tok.Reveal() != s {
			t.Errorf("%q is read as %q", s, tok.Reveal())
		}
	})
}

// A token that is printed, logged or encoded by mistake keeps its secret.
func TestPrintingATokenHidesItsSecret(t *testing.T) {
	tok := fresh(t)
	encoded, err := json.Marshal(map[string]any{"token": tok})
	if err != nil {
		t.Fatal(err)
	}
	secret := tok.Reveal()[len(Prefix)+13:]
	for _, s := range []string{
		fmt.Sprint(tok), fmt.Sprintf("%v %+v %#v %s %q", tok, tok, tok, tok, tok), fmt.Sprintf("%v %+v %#v", &tok, &tok, &tok), string(encoded),
	} {
		if strings.Contains(s, secret) || strings.Contains(s, secret[:20]) || strings.Contains(s, fmt.Sprint(tok.secret)) ||
			!strings.Contains(s, tok.ID()) {
			t.Error(s)
		}
	}
}

func TestScopes(t *testing.T) {
	for _, tc := range []struct {
		names []string
		want  []Scope
	}{
		{[]string{"decide"}, []Scope{Decide}},
		{[]string{"decide", "read", "start", "read"}, []Scope{Read, Start, Decide}},
		{nil, nil},
		{[]string{}, nil},
		{[]string{""}, nil},
		{[]string{"admin"}, nil},
		{[]string{"*"}, nil},
		{[]string{"start", "Start"}, nil},
		{[]string{"start decide"}, nil},
		{[]string{"start,decide"}, nil},
	} {
		got, err := ParseScopes(tc.names)
		if (err == nil) != (tc.want != nil) || !slices.Equal(got, tc.want) {
			t.Errorf("%q: %v, %v, want %v", tc.names, got, err, tc.want)
		}
		if err != nil && !strings.Contains(err.Error(), "read, start, decide") {
			t.Errorf("%q: the error does not say what there is: %v", tc.names, err)
		}
		if tc.want == nil {
			continue
		}
		if again, err := SplitScopes(JoinScopes(got)); err != nil || !slices.Equal(again, got) {
			t.Errorf("%v is stored and read as %v: %v", got, again, err)
		}
	}
	for _, s := range []string{"", " ", "start read", "read  start", "read read", "read\n", "root"} {
		if got, err := SplitScopes(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
	}
	r := Record{Scopes: []Scope{Start}}
	if !r.May(Start) || r.May(Decide) || r.May(Read) || r.May("") || (Record{}).May(Start) {
		t.Error("a token may do another thing than its scopes say")
	}
}

func TestCheckName(t *testing.T) {
	for _, s := range []string{"a", "ci", "GitHub Actions", "alice@example.org", "x-1_2.3", strings.Repeat("a", 64)} {
		if err := CheckName(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", " ", " a", "a ", "-a", "a\n", "a\nb", "<b>a</b>", "é", "a\x1b[1m", strings.Repeat("a", 65), fresh(t).Reveal()[:60], "a\u202eb",
	} {
		if err := CheckName(s); err == nil {
			t.Errorf("%q is a name", s)
		}
	}
}

func TestCheck(t *testing.T) {
	tok, other := fresh(t), fresh(t)
	mixed := tok // the id of one with the secret of another
	mixed.secret = other.secret
	sound := Record{ID: tok.ID(), Hash: tok.Hash(), ExpiresAt: 100}
	forever, revoked, another := sound, sound, sound
	forever.ExpiresAt = 0
	revoked.RevokedAt = 1
	another.ID = other.ID()
	for name, tc := range map[string]struct {
		record Record
		token  Token
		now    int64
		want   error
	}{
		"good":                       {sound, tok, 99, nil},
		"for ever":                   {forever, tok, 1 << 40, nil},
		"expired, to the second":     {sound, tok, 100, ErrExpired},
		"expired":                    {sound, tok, 1000, ErrExpired},
		"revoked":                    {revoked, tok, 50, ErrRevoked},
		"revoked and expired":        {revoked, tok, 1000, ErrRevoked},
		"another secret":             {sound, mixed, 50, ErrUnknown},
		"another token":              {sound, other, 50, ErrUnknown},
		"another id":                 {another, tok, 50, ErrUnknown},
		"no token":                   {sound, Token{}, 50, ErrUnknown},
		"no record":                  {Record{}, tok, 50, ErrUnknown},
		"wrong secret, expired":      {sound, mixed, 1000, ErrUnknown},
		"wrong secret, and it is no": {revoked, mixed, 50, ErrUnknown},
	} {
		if err := tc.record.Check(tc.token, tc.now); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}
