package signer

import (
	"fmt"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
)

// SignText signs a text as wallets do: EIP-191, personal_sign. Such a signature is never one of a transaction.
func (s *Signer) SignText(text string) ([]byte, error) {
	key, err := s.unlock()
	if err != nil {
		return nil, err
	}
	signature, err := crypto.Sign(accounts.TextHash([]byte(text)), key)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.address, err)
	}
	signature[crypto.RecoveryIDOffset] += 27
	return signature, nil
}

// SignTypedData signs typed data as wallets do (EIP-712). Such a signature is never one of a transaction.
func (s *Signer) SignTypedData(data apitypes.TypedData) ([]byte, error) {
	key, err := s.unlock()
	if err != nil {
		return nil, err
	}
	hash, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		return nil, fmt.Errorf("typed data: %w", err)
	}
	signature, err := crypto.Sign(hash, key)
	if err != nil {
		return nil, fmt.Errorf("sign with %s: %w", s.address, err)
	}
	signature[crypto.RecoveryIDOffset] += 27
	return signature, nil
}
