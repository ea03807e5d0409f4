package signer

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/google/uuid"
)

// Encrypt returns a key file for a private key in hex, or for a new key if it is empty.
func Encrypt(key, password string) ([]byte, common.Address, error) {
	var private *ecdsa.PrivateKey
	var err error
	if key == "" {
		private, err = crypto.GenerateKey()
	} else {
		private, err = crypto.HexToECDSA(strings.TrimPrefix(key, "0x"))
		if err != nil {
			// the error of the library could hold a part of the key
			err = errors.New("it is not a private key: want 64 hex digits")
		}
	}
	if err != nil {
		return nil, common.Address{}, fmt.Errorf("make key file: %w", err)
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, common.Address{}, fmt.Errorf("make key file: %w", err)
	}
	address := crypto.PubkeyToAddress(private.PublicKey)
	file, err := keystore.EncryptKey(&keystore.Key{Id: id, Address: address, PrivateKey: private}, password,
		keystore.StandardScryptN, keystore.StandardScryptP)
	if err != nil {
		return nil, common.Address{}, fmt.Errorf("make key file: %w", err)
	}
	return file, address, nil
}
