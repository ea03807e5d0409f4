// Package signer signs transactions with a key that never leaves it.
package signer

import (
	"crypto/ecdsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"sync"

	"github.com/ethereum/go-ethereum/accounts/keystore"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
)

// maxKeystoreFile bounds a keystore file, in bytes.
const maxKeystoreFile = 64 << 10

// Signer is one account.
type Signer struct {
	address common.Address
	unlock  func() (*ecdsa.PrivateKey, error)
}

// FromKey returns a signer for a key in memory: for tests and the demo.
func FromKey(address common.Address, key *ecdsa.PrivateKey) *Signer {
	return &Signer{address, func() (*ecdsa.PrivateKey, error) { return key, nil }}
}

// OpenKeystore returns a signer for an encrypted key file (Web3 Secret Storage, version 3). The file is read now, so
// that its address is known; it is decrypted at the first signature with the password that password returns.
func OpenKeystore(path string, password func() (string, error)) (*Signer, error) {
	data, err := readLimited(path)
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	var file struct {
		Address string `json:"address"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("keystore %s is not a key file: %w", path, err)
	}
	if !common.IsHexAddress(file.Address) {
		return nil, fmt.Errorf("keystore %s has no address: make key files with lockstep key, or geth account", path)
	}
	address := common.HexToAddress(file.Address)
	return &Signer{address, sync.OnceValues(func() (*ecdsa.PrivateKey, error) {
		secret, err := password()
		if err != nil {
			return nil, fmt.Errorf("password of keystore %s: %w", path, err)
		}
		key, err := keystore.DecryptKey(data, secret)
		if errors.Is(err, keystore.ErrDecrypt) {
			return nil, fmt.Errorf("keystore %s: the password is wrong", path)
		}
		if err != nil {
			return nil, fmt.Errorf("keystore %s: %w", path, err)
		}
		if key.Address != address {
			return nil, fmt.Errorf("keystore %s says it is of %s, its key is of %s", path, address, key.Address)
		}
		return key.PrivateKey, nil
	})}, nil
}

// Address is the account.
func (s *Signer) Address() common.Address { return s.address }

// Unlock decrypts the key now, so that a wrong password is known before anything is sent.
func (s *Signer) Unlock() error {
	_, err := s.unlock()
	return err
}

// Sign signs a transaction for a chain.
func (s *Signer) Sign(chainID uint64, tx *types.Transaction) (*types.Transaction, error) {
	key, err := s.unlock()
	if err != nil {
		return nil, err
	}
	signed, err := types.SignTx(tx, types.LatestSignerForChainID(new(big.Int).SetUint64(chainID)), key)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.address, err)
	}
	return signed, nil
}

func readLimited(path string) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	data, err = io.ReadAll(io.LimitReader(f, maxKeystoreFile+1))
	if err == nil && len(data) > maxKeystoreFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxKeystoreFile)
	}
	return data, err
}
