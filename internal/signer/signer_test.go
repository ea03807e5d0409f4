package signer

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

const (
	secret = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
	decoy  = "hunter2-hunter2"
)

var (
	key, _  = crypto.HexToECDSA(secret)
	account = crypto.PubkeyToAddress(key.PublicKey)
)

func password(text string) func() (string, error) { return func() (string, error) { return text, nil } }

// keyFile is a key file that is quick to decrypt.
func keyFile(t testing.TB, key *ecdsa.PrivateKey, password string) []byte {
	t.Helper()
	file, err := keystore.EncryptKey(&keystore.Key{Address: crypto.PubkeyToAddress(key.PublicKey), PrivateKey: key}, password,
		keystore.LightScryptN, keystore.LightScryptP)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func write(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func open(t testing.TB, data []byte, secret string) *Signer {
	t.Helper()
	s, err := OpenKeystore(write(t, data), password(secret))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func transfer(chainID int64) *types.Transaction {
	return types.NewTx(&types.DynamicFeeTx{
		ChainID: big.NewInt(chainID), Nonce: 3, Gas: 21000, GasFeeCap: big.NewInt(5), GasTipCap: big.NewInt(1), To: &common.Address{1},
	})
}

// hidesSecrets fails if a text holds a key or password, or a good part of one.
func hidesSecrets(t testing.TB, what, text string) {
	t.Helper()
	decimal := new(big.Int).SetBytes(common.FromHex(secret)).String()
	for _, s := range []string{secret[:12], secret[20:40], strings.ToUpper(secret[:12]), decimal[:20], decoy} {
		if strings.Contains(text, s) {
			t.Errorf("%s tells a secret: %s", what, text)
		}
	}
}

func TestKeystoreRoundTrip(t *testing.T) {
	t.Parallel()
	file, address, err := Encrypt("0x"+secret, decoy)
	if err != nil || address != account {
		t.Fatalf("address %s, %v; want %s", address, err, account)
	}
	hidesSecrets(t, "key file", string(file))
	s := open(t, file, decoy)
	if s.Address() != account {
		t.Errorf("address %s, want %s", s.Address(), account)
	}
	if err := s.Unlock(); err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(7, transfer(7))
	if err != nil {
		t.Fatal(err)
	}
	if from, err := types.Sender(types.LatestSignerForChainID(big.NewInt(7)), signed); err != nil || from != account {
		t.Errorf("signed by %s, %v; want %s", from, err, account)
	}
}

func TestNewKey(t *testing.T) {
	t.Parallel() // with the round trip: both are slow on purpose
	file, address, err := Encrypt("", decoy)
	if err != nil || address == account || address == (common.Address{}) {
		t.Fatalf("address %s, %v", address, err)
	}
	var head struct {
		Version int
		ID      string
		Address string
		Crypto  struct {
			KDFParams struct{ N int }
		}
	}
	if err := json.Unmarshal(file, &head); err != nil {
		t.Fatal(err)
	}
	if head.Version != 3 || len(head.ID) != 36 || common.HexToAddress(head.Address) != address || head.Crypto.KDFParams.N != 1<<18 {
		t.Errorf("%+v, want a version 3 file of %s that is slow to guess", head, address)
	}
}

func TestEncryptRefusesWhatIsNoKey(t *testing.T) {
	for name, text := range map[string]string{
		"short": secret[:62], "long": secret + "00", "not hex": "g" + secret[1:], "white space": secret + "\n",
		"zero": strings.Repeat("0", 64), "beyond the curve": strings.Repeat("f", 64), "0x alone": "0x",
	} {
		file, _, err := Encrypt(text, decoy)
		if err == nil || file != nil || !strings.Contains(err.Error(), "64 hex digits") {
			t.Errorf("%s: %s, %v", name, file, err)
			continue
		}
		hidesSecrets(t, name, err.Error())
	}
}

func TestOpenKeystoreRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.json")
	for name, c := range map[string]struct{ path, want string }{
		"missing":       {missing, missing},
		"folder":        {t.TempDir(), "keystore: "},
		"empty":         {write(t, nil), "is not a key file"},
		"a raw key":     {write(t, []byte(secret)), "is not a key file"},
		"a quoted key":  {write(t, []byte(`"`+secret+`"`)), "is not a key file"},
		"PEM":           {write(t, []byte("-----BEGIN EC PRIVATE KEY-----\n"+secret)), "is not a key file"},
		"other JSON":    {write(t, []byte(`{"privateKey": "`+secret+`"}`)), "has no address: make key files with lockstep key"},
		"short address": {write(t, []byte(`{"address": "abc"}`)), "has no address"},
		"oversized":     {write(t, append(keyFile(t, key, decoy), make([]byte, maxKeystoreFile)...)), "larger than 65536 bytes"},
	} {
		s, err := OpenKeystore(c.path, password(decoy))
		if err == nil || s != nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Base(c.path)) {
			t.Errorf("%s: %v, %v; want an error with %q and the path", name, s, err, c.want)
			continue
		}
		hidesSecrets(t, name, err.Error())
	}
}

func TestUnlockRefuses(t *testing.T) {
	good := string(keyFile(t, key, decoy))
	hexAddress := strings.ToLower(account.Hex()[2:])
	other := strings.Replace(good, hexAddress, "4e59b44847b379578588920ca78fbf26c0b4956c", 1)
	broken := errors.New("no such variable")
	for name, c := range map[string]struct {
		file     string
		password func() (string, error)
		want     string
	}{
		"wrong password":       {good, password("hunter2-hunter3"), "the password is wrong"},
		"no password":          {good, password(""), "the password is wrong"},
		"password unavailable": {good, func() (string, error) { return decoy, broken }, "password of keystore"},
		"another address":      {other, password(decoy), "says it is of 0x4e59b44847b379578588920cA78FbF26c0B4956C, its key is of " + account.Hex()},
		"another version":      {strings.Replace(good, `"version":3`, `"version":4`, 1), password(decoy), "keystore "},
		"no crypto":            {`{"address": "` + hexAddress + `", "version": 3}`, password(decoy), "keystore "},
	} {
		path := write(t, []byte(c.file))
		s, err := OpenKeystore(path, c.password)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, signErr := s.Sign(7, transfer(7))
		for what, err := range map[string]error{"unlock": s.Unlock(), "sign": signErr} {
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s, %s: %v; want an error with %q and the path", name, what, err, c.want)
				continue
			}
			hidesSecrets(t, name, err.Error())
			if name == "password unavailable" && !errors.Is(err, broken) {
				t.Errorf("%s: %v does not wrap %v", name, err, broken)
			}
		}
	}
}

// The password is asked for once, when it is needed: not when the file is opened, nor by each of many callers.
func TestPasswordIsAskedForOnce(t *testing.T) {
	var asked atomic.Int32
	s, err := OpenKeystore(write(t, keyFile(t, key, decoy)), func() (string, error) {
		asked.Add(1)
		return decoy, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("asked %d times on opening", n)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := s.Sign(7, transfer(7)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestSignIsForOneChain(t *testing.T) {
	s := FromKey(account, key)
	if err := s.Unlock(); err != nil || s.Address() != account {
		t.Fatalf("%s, %v", s.Address(), err)
	}
	signed, err := s.Sign(8, transfer(7))
	if err == nil || !strings.Contains(err.Error(), "sign with "+account.Hex()) {
		t.Errorf("a transaction for chain 7 signed for chain 8: %v, %v", signed, err)
	} else {
		hidesSecrets(t, "sign", err.Error())
	}
	legacy, err := s.Sign(8, types.NewTx(&types.LegacyTx{Gas: 21000, GasPrice: big.NewInt(1), To: &common.Address{1}}))
	if err != nil {
		t.Fatal(err)
	}
	if id := legacy.ChainId(); id.Int64() != 8 || !legacy.Protected() {
		t.Errorf("legacy transaction is for chain %d, protected %v", id, legacy.Protected())
	}
	largest, err := s.Sign(1<<63, types.NewTx(&types.DynamicFeeTx{ChainID: new(big.Int).SetUint64(1 << 63)}))
	if err != nil || largest.ChainId().Uint64() != 1<<63 {
		t.Errorf("%v, %v", largest, err)
	}
}

func TestFormattingASignerTellsNoSecret(t *testing.T) {
	s := open(t, keyFile(t, key, decoy), decoy)
	if err := s.Unlock(); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(s) //nolint:staticcheck // that nothing is exported is the point
	if err != nil {
		t.Fatal(err)
	}
	hidesSecrets(t, "JSON", string(text))
	for _, signer := range []*Signer{s, FromKey(account, key)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			hidesSecrets(t, verb, fmt.Sprintf(verb, signer))
			hidesSecrets(t, verb, fmt.Sprintf(verb, *signer))
		}
	}
}

// TestSignText compares with what a wallet does: EIP-191.
func TestSignText(t *testing.T) {
	s := open(t, keyFile(t, key, "right"), "right")
	for _, text := range []string{"", "Lockstep audit log", "two\nlines, ä"} {
		signature, err := s.SignText(text)
		if err != nil || len(signature) != 65 || signature[64] != 27 && signature[64] != 28 {
			t.Fatalf("%x, %v", signature, err)
		}
		signature[64] -= 27
		digest := crypto.Keccak256(fmt.Appendf(nil, "\x19Ethereum Signed Message:\n%d%s", len(text), text))
		public, err := crypto.SigToPub(digest, signature)
		if err != nil || crypto.PubkeyToAddress(*public) != account {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := open(t, keyFile(t, key, "right"), "wrong").SignText("text"); err == nil || !strings.Contains(err.Error(), "password is wrong") {
		t.Errorf("with a wrong password: %v", err)
	}
}

// TestSignTypedData signs the example of EIP-712, whose signature is known.
func TestSignTypedData(t *testing.T) {
	cow, err := crypto.ToECDSA(crypto.Keccak256([]byte("cow")))
	if err != nil {
		t.Fatal(err)
	}
	var mail apitypes.TypedData
	err = json.Unmarshal([]byte(`{
		"types": {
			"EIP712Domain": [{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],
			"Person": [{"name":"name","type":"string"},{"name":"wallet","type":"address"}],
			"Mail": [{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]
		},
		"primaryType": "Mail",
		"domain": {"name":"Ether Mail","version":"1","chainId":"1","verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},
		"message": {
			"from": {"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"}, "to": {"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},
			"contents": "Hello, Bob!"
		}
	}`), &mail)
	if err != nil {
		t.Fatal(err)
	}
	const want = "4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d07299936d304c153f6443dfa05f40ff007d72911b6f72307f996231605b915621c"
	s := open(t, keyFile(t, cow, "right"), "right")
	got, err := s.SignTypedData(mail)
	if err != nil || common.Bytes2Hex(got) != want {
		t.Errorf("%x, %v; want %s", got, err, want)
	}
	if got, err := open(t, keyFile(t, cow, "right"), "wrong").SignTypedData(mail); err == nil || got != nil || !strings.Contains(err.Error(), "password is wrong") {
		t.Errorf("%x, %v", got, err)
	}
	mail.PrimaryType = "Letter"
	if got, err := s.SignTypedData(mail); err == nil || got != nil || !strings.Contains(err.Error(), "typed data") {
		t.Errorf("%x, %v", got, err)
	}
}
