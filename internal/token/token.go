// Package token is what API tokens are: how they are written, what they may do, and whether one that is presented is good. A token is
// shown once, when it is made; what is kept of it is a hash.
package token

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Prefix begins every token, so that scanners for leaked secrets know one:
//
//	lockstep_[0-9a-f]{12}_[a-z2-7]{58}
//
// The twelve digits are the id, which is no secret. The rest is 32 random bytes and a CRC-32 of the id and of them, so that a mistyped or
// truncated token is told from one that is unknown.
const Prefix = "lockstep_"

const (
	idBytes     = 6
	secretBytes = 32
	idText      = 2 * idBytes
	restText    = 58 // of the secret and the checksum
	text        = len(Prefix) + idText + 1 + restText
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Token is a token with its secret. It shows the secret when it is asked to Reveal it, and not when it is printed or logged.
type Token struct {
	id     [idBytes]byte
	secret [secretBytes]byte
}

// New makes a token from random bytes, which must be those of a cryptographic generator.
func New(random io.Reader) (t Token, err error) {
	if _, err = io.ReadFull(random, t.id[:]); err == nil {
		_, err = io.ReadFull(random, t.secret[:])
	}
	if err != nil {
		return Token{}, fmt.Errorf("make a token: %w", err)
	}
	return t, nil
}

// MalformedError says that a text is no token. It does not hold the text.
type MalformedError struct {
	Reason string
}

func (e *MalformedError) Error() string { return "this is not a token: " + e.Reason }

// Parse reads a token. The error is a MalformedError.
func Parse(s string) (t Token, err error) {
	switch {
	case !strings.HasPrefix(s, Prefix):
		return Token{}, &MalformedError{"it does not begin with " + Prefix}
	case len(s) != text:
		return Token{}, &MalformedError{fmt.Sprintf("it has %d characters, a token has %d", len(s), text)}
	}
	id, rest := s[len(Prefix):len(Prefix)+idText], s[len(s)-restText:]
	raw, err := encoding.DecodeString(rest)
	if err == nil {
		_, err = hex.Decode(t.id[:], []byte(id))
	}
	if err != nil {
		return Token{}, &MalformedError{"it has characters that no token has"}
	}
	copy(t.secret[:], raw)
	// whatever else decodes to the same bytes is none: upper case, another separator, bits that are left over
	if t.Reveal() != s {
		return Token{}, &MalformedError{"its checksum is wrong: is a character mistyped?"}
	}
	return t, nil
}

// ID names a token. It is no secret.
func (t Token) ID() string { return hex.EncodeToString(t.id[:]) }

// Hash is what is kept of the secret. A salt or a slow hash would add nothing: the secret is 256 random bits.
func (t Token) Hash() [sha256.Size]byte { return sha256.Sum256(t.secret[:]) }

// Reveal is the token as it is presented.
func (t Token) Reveal() string {
	sum := binary.BigEndian.AppendUint32(t.secret[:], crc32.ChecksumIEEE(append(t.id[:], t.secret[:]...)))
	return Prefix + t.ID() + "_" + encoding.EncodeToString(sum)
}

// String leaves the secret out.
func (t Token) String() string { return Prefix + t.ID() + "_..." }

// GoString is String for %#v.
func (t Token) GoString() string { return t.String() }

// MarshalText is String for encoders.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Scope is something that a token may do. Scopes do not include one another.
type Scope string

// The scopes.
const (
	Read   Scope = "read"   // see what there is, where that is not open to everybody who can connect
	Start  Scope = "start"  // begin an execution
	Decide Scope = "decide" // answer what an execution waits for
)

var scopes = []Scope{Read, Start, Decide}

// Scopes are all that there are.
func Scopes() []Scope { return slices.Clone(scopes) }

// ParseScopes checks names of scopes, and returns each once in the order of Scopes.
func ParseScopes(names []string) ([]Scope, error) {
	for _, n := range names {
		if !slices.Contains(scopes, Scope(n)) {
			return nil, fmt.Errorf("there is no scope %q: known are %s", n, joined(scopes, ", "))
		}
	}
	var out []Scope
	for _, s := range scopes {
		if slices.Contains(names, string(s)) {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("a token needs a scope: %s", joined(scopes, ", "))
	}
	return out, nil
}

// JoinScopes is how scopes are stored, and SplitScopes reads that.
func JoinScopes(s []Scope) string { return joined(s, " ") }

// SplitScopes refuses what JoinScopes does not write.
func SplitScopes(s string) ([]Scope, error) {
	out, err := ParseScopes(strings.Split(s, " "))
	if err == nil && JoinScopes(out) != s {
		err = errors.New("they are not written as scopes are")
	}
	return out, err
}

func joined(s []Scope, separator string) string {
	names := make([]string, len(s))
	for i := range s {
		names[i] = string(s[i])
	}
	return strings.Join(names, separator)
}

var name = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 ._@-]{0,62}[A-Za-z0-9])?$`)

// CheckName refuses a name that could be mistaken for something else where it is shown.
func CheckName(s string) error {
	if !name.MatchString(s) {
		return errors.New("the name of a token has at most 64 letters, digits, spaces, and of . _ @ -, and a letter or digit first and last")
	}
	if strings.Contains(s, Prefix) {
		return errors.New("a token is given as the name of one")
	}
	return nil
}

// Record is what is kept of a token.
type Record struct {
	ID        string
	Name      string
	Hash      [sha256.Size]byte
	Scopes    []Scope
	CreatedAt int64 // unix seconds
	ExpiresAt int64 // 0 if it never does
	RevokedAt int64 // 0 if it is not
}

// Why a token is not good.
var (
	ErrUnknown = errors.New("the token is unknown")
	ErrExpired = errors.New("the token has expired")
	ErrRevoked = errors.New("the token is revoked")
)

// Check tells whether a token is the one of a record, and good at a time. Why one is not good is told to whoever knows the secret alone.
func (r Record) Check(t Token, now int64) error {
	presented := t.Hash()
	if subtle.ConstantTimeCompare(presented[:], r.Hash[:]) != 1 || r.ID != t.ID() {
		return ErrUnknown
	}
	return r.Good(now)
}

// Good tells whether the token of a record is good at a time.
func (r Record) Good(now int64) error {
	switch {
	case r.RevokedAt != 0:
		return ErrRevoked
	case r.ExpiresAt != 0 && now >= r.ExpiresAt:
		return ErrExpired
	}
	return nil
}

// May tells whether a token may do something.
func (r Record) May(s Scope) bool { return slices.Contains(r.Scopes, s) }
