package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
)

// MaxHead bounds the file of a head, in bytes.
const MaxHead = 4096

// Head says where a log ended at a time, signed. Kept where nobody who can write the log can write, it tells later whether
// the log was cut or written anew.
type Head struct {
	Log       common.Hash    `json:"log"`
	Seq       uint64         `json:"seq"`
	Hash      common.Hash    `json:"hash"`
	Time      int64          `json:"time"`
	Signer    common.Address `json:"signer"`
	Signature hexutil.Bytes  `json:"signature"` // EIP-191 (personal_sign) of Text
}

// Text is what is signed. A wallet shows it as it is.
func (h Head) Text() string {
	return fmt.Sprintf("Lockstep audit log, version %d\nlog: %s\nentry: %d\nhash: %s\ntime: %d", Version, h.Log, h.Seq, h.Hash, h.Time)
}

// Encode returns the file of a head.
func (h Head) Encode() ([]byte, error) {
	data, err := json.MarshalIndent(h, "", "  ")
	return append(data, '\n'), err
}

// DecodeHead reads the file of a head. Whether its signature is right is not looked at.
func DecodeHead(data []byte) (Head, error) {
	var h Head
	if len(data) > MaxHead {
		return h, fmt.Errorf("it has more than %d bytes", MaxHead)
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return h, err
	}
	if h.Seq == 0 || len(h.Signature) == 0 {
		return h, errors.New("it has no seq or no signature")
	}
	return h, nil
}

// Recover returns the account that signed a head.
func (h Head) Recover() (common.Address, error) {
	if len(h.Signature) != crypto.SignatureLength {
		return common.Address{}, fmt.Errorf("a signature has %d bytes, this one %d", crypto.SignatureLength, len(h.Signature))
	}
	r, s, v := new(big.Int).SetBytes(h.Signature[:32]), new(big.Int).SetBytes(h.Signature[32:64]), h.Signature[64]
	if v != 27 && v != 28 || !crypto.ValidateSignatureValues(v-27, r, s, true) {
		return common.Address{}, errors.New("the values of the signature are out of range")
	}
	text := h.Text()
	digest := crypto.Keccak256(fmt.Appendf(nil, "\x19Ethereum Signed Message:\n%d%s", len(text), text))
	signature := append([]byte{}, h.Signature...)
	signature[64] -= 27
	key, err := crypto.SigToPub(digest, signature)
	if err != nil {
		return common.Address{}, err
	}
	return crypto.PubkeyToAddress(*key), nil
}
